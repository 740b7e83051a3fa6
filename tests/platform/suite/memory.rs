//! Rules 7, 8 and 9: advice, buffers, teardown.

use loadparity::platform::{Advice, Errno, ErrorKind, MapRequest};

use super::{Behaviour, Content, NotRun, Verdict, World, assert_refused, page_of, read_vec, refusal};

pub(super) const BEHAVIOURS: &[Behaviour] = &[
    Behaviour { rule: 7, name: "advice.on_a_file_changes_no_byte", check: file_advice },
    Behaviour { rule: 7, name: "advice.on_a_mapping_changes_no_byte", check: map_advice },
    Behaviour { rule: 7, name: "advice.off_the_page_is_refused", check: unaligned_advice },
    Behaviour { rule: 8, name: "alloc.is_zeroed_every_time", check: zeroed },
    Behaviour { rule: 8, name: "alloc.is_aligned_as_asked", check: aligned },
    Behaviour { rule: 8, name: "alloc.buffers_do_not_overlap", check: distinct },
    Behaviour { rule: 8, name: "alloc.bad_alignment_is_refused", check: bad_alignment },
    Behaviour { rule: 8, name: "alloc.impossible_length_is_refused", check: impossible },
    Behaviour { rule: 9, name: "teardown.mapping_outlives_its_file", check: outlives },
    Behaviour { rule: 9, name: "teardown.locks_end_with_their_region", check: locks_end },
    Behaviour { rule: 9, name: "teardown.leaves_nothing_held", check: nothing_held },
];

const ALL: [Advice; 4] = [Advice::Sequential, Advice::Random, Advice::WillNeed, Advice::DontNeed];

/// Gives every kind of advice. Not run where none is taken; a refusal has to say that the OS has
/// no such advice.
fn advise(mut give: impl FnMut(Advice) -> Result<(), Errno>) -> Verdict {
    let refused: Vec<_> = ALL.into_iter().filter_map(|advice| give(advice).err()).collect();
    for errno in &refused {
        assert_eq!(errno.kind, ErrorKind::Unsupported, "{errno}");
    }
    match refused.first() {
        Some(errno) if refused.len() == ALL.len() => Err(NotRun(format!("no advice is taken: {errno}"))),
        _ => Ok(()),
    }
}

fn file_advice(world: &dyn World) -> Verdict {
    let content = Content::pattern(100_000);
    let site = world.site(&content, None)?;
    let file = site.open();
    let verdict = advise(|advice| file.advise(0, 0, advice));
    assert_eq!(read_vec(&*file, 0, 100_000), content.at(0, 100_000));
    verdict?;
    advise(|advice| file.advise(4096, 5000, advice))
}

fn map_advice(world: &dyn World) -> Verdict {
    let content = Content::pattern(300_000);
    let site = world.site(&content, None)?;
    let page = site.page();
    let request = MapRequest { offset: 0, len: 300_000, populate: false };
    let mapping = site.open().map(request).expect("a small mapping");
    let verdict = advise(|advice| mapping.advise(page..page + 100, advice));
    assert_eq!(mapping.bytes(0..300_000), content.at(0, 300_000));
    verdict
}

fn unaligned_advice(world: &dyn World) -> Verdict {
    let site = world.site(&Content::pattern(300_000), None)?;
    let page = site.page();
    let request = MapRequest { offset: 0, len: 300_000, populate: false };
    let mapping = site.open().map(request).expect("a small mapping");
    advise(|advice| mapping.advise(0..page, advice))?;
    assert_refused(mapping.advise(1..page, Advice::WillNeed), ErrorKind::Invalid);
    assert_refused(mapping.advise(0..300_001, Advice::WillNeed), ErrorKind::Invalid);
    Ok(())
}

fn zeroed(world: &dyn World) -> Verdict {
    let platform = world.site(&Content::pattern(1), None)?.platform;
    for len in [1, 100, 5000, 1 << 20] {
        // The second time round, an allocator has used memory to give.
        for _ in 0..2 {
            let mut buffer = platform.alloc(len, 64).expect("a small buffer");
            assert_eq!(buffer.bytes().len(), len);
            assert!(buffer.bytes().iter().all(|&byte| byte == 0));
            buffer.bytes_mut().fill(0xFF);
            assert!(buffer.bytes().iter().all(|&byte| byte == 0xFF));
        }
    }
    Ok(())
}

fn aligned(world: &dyn World) -> Verdict {
    let platform = world.site(&Content::pattern(1), None)?.platform;
    for align in (0..=21).map(|shift| 1usize << shift) {
        let buffers = [3, 5000].map(|len| platform.alloc(len, align).expect("a small buffer"));
        for buffer in &buffers {
            assert!(buffer.address().is_multiple_of(align as u64), "{:#x}", buffer.address());
            assert_eq!(buffer.address(), buffer.bytes().as_ptr().addr() as u64);
        }
    }
    Ok(())
}

fn distinct(world: &dyn World) -> Verdict {
    let platform = world.site(&Content::pattern(1), None)?.platform;
    let mut buffers: Vec<_> = (0..20).map(|_| platform.alloc(3000, 512).expect("a small buffer")).collect();
    for (number, buffer) in buffers.iter_mut().enumerate() {
        buffer.bytes_mut().fill(number as u8);
    }
    for (number, buffer) in buffers.iter().enumerate() {
        assert!(buffer.bytes().iter().all(|&byte| byte == number as u8));
    }
    Ok(())
}

fn bad_alignment(world: &dyn World) -> Verdict {
    let platform = world.site(&Content::pattern(1), None)?.platform;
    for align in [0, 3, 4097] {
        assert_refused(platform.alloc(100, align), ErrorKind::Invalid);
    }
    Ok(())
}

fn impossible(world: &dyn World) -> Verdict {
    let platform = world.site(&Content::pattern(1), None)?.platform;
    for len in [usize::MAX, isize::MAX as usize, isize::MAX as usize - 4095] {
        let errno = refusal(platform.alloc(len, 4096));
        assert!(matches!(errno.kind, ErrorKind::OutOfMemory | ErrorKind::Invalid), "{errno}");
    }
    Ok(())
}

fn outlives(world: &dyn World) -> Verdict {
    let content = Content::pattern(10_000);
    let site = world.site(&content, None)?;
    let file = site.open();
    let mapping = file.map(MapRequest { offset: 0, len: 10_000, populate: false }).expect("a mapping");
    drop(file);
    assert_eq!(mapping.bytes(0..10_000), content.at(0, 10_000));
    Ok(())
}

fn locks_end(world: &dyn World) -> Verdict {
    let page = page_of(world)?;
    let site = world.site(&Content::pattern(2 * page), Some(2 * page))?;
    let request = MapRequest { offset: 0, len: 2 * page, populate: false };
    for _ in 0..3 {
        let mapping = site.open().map(request).expect("a small mapping");
        mapping.lock(0..2 * page as usize).expect("nothing else is locked");
        drop(mapping);
        let buffer = site.platform.alloc(2 * page as usize, page as usize).expect("a small buffer");
        buffer.lock().expect("nothing else is locked");
    }
    Ok(())
}

fn nothing_held(world: &dyn World) -> Verdict {
    let page = page_of(world)?;
    let site = world.site(&Content::pattern(4 * page), None)?;
    let before = (site.held)().ok_or_else(|| NotRun("nobody counts what is held".to_owned()))?;
    let file = site.open();
    let opened = (site.held)();
    assert_eq!(opened.map(|held| held.open_files), Some(before.open_files + 1));
    let mapping = file.map(MapRequest { offset: 0, len: 4 * page, populate: false }).expect("a mapping");
    assert!((site.held)().is_some_and(|held| held.mappings > before.mappings));
    mapping.lock(1..2).expect("one page can be locked");
    assert_eq!((site.held)().map(|held| held.locked_bytes), Some(before.locked_bytes + page));
    let buffer = site.platform.alloc(page as usize, page as usize).expect("a small buffer");
    buffer.lock().expect("two pages can be locked");
    assert_eq!((site.held)().map(|held| held.locked_bytes), Some(before.locked_bytes + 2 * page));
    drop((buffer, file, mapping));
    assert_eq!((site.held)(), Some(before));
    Ok(())
}
