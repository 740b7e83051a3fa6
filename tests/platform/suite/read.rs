//! Rules 2 and 3: reads, and the alignment of direct reads.

use std::sync::Arc;

use loadparity::platform::{Alignment, Buffer, ErrorKind, File};

use super::{Behaviour, Content, NotRun, Site, Verdict, World, assert_refused, read_on, read_vec};

pub(super) const BEHAVIOURS: &[Behaviour] = &[
    Behaviour { rule: 2, name: "read.brings_the_content", check: content },
    Behaviour { rule: 2, name: "read.is_short_at_the_end", check: short_at_end },
    Behaviour { rule: 2, name: "read.is_empty_at_and_past_the_end", check: past_end },
    Behaviour { rule: 2, name: "read.of_nothing_brings_nothing", check: nothing },
    Behaviour { rule: 2, name: "read.reaches_past_4_gib", check: past_4_gib },
    Behaviour { rule: 2, name: "read.is_positioned_from_any_thread", check: threads },
    Behaviour { rule: 3, name: "direct.alignment_is_a_power_of_two", check: powers },
    Behaviour { rule: 3, name: "direct.aligned_read_brings_the_content", check: direct_content },
    Behaviour { rule: 3, name: "direct.read_reaches_past_4_gib", check: direct_past_4_gib },
    Behaviour { rule: 3, name: "direct.read_across_the_end_is_short", check: direct_tail },
    Behaviour { rule: 3, name: "direct.read_past_the_end_is_empty", check: direct_past_end },
    Behaviour { rule: 3, name: "direct.unaligned_offset_is_refused", check: unaligned_offset },
    Behaviour { rule: 3, name: "direct.unaligned_length_is_refused", check: unaligned_length },
    Behaviour { rule: 3, name: "direct.unaligned_address_is_refused", check: unaligned_address },
];

fn content(world: &dyn World) -> Verdict {
    let content = Content::pattern(100_003);
    let site = world.site(&content, None)?;
    let file = site.open();
    for (offset, len) in [(0, 1), (0, 100_003), (4095, 2), (65_535, 10_000), (100_002, 1)] {
        assert_eq!(read_vec(&*file, offset, len), content.at(offset, len), "{len} at {offset}");
    }
    Ok(())
}

fn short_at_end(world: &dyn World) -> Verdict {
    let content = Content::pattern(5000);
    let site = world.site(&content, None)?;
    let mut dst = [0xEE; 200];
    assert_eq!(site.open().read_at(4900, &mut dst), Ok(100));
    assert_eq!(dst[..100], content.at(4900, 100));
    Ok(())
}

fn past_end(world: &dyn World) -> Verdict {
    let site = world.site(&Content::pattern(5000), None)?;
    let file = site.open();
    for offset in [5000, 5001, 1 << 33, i64::MAX as u64 - 100] {
        assert_eq!(file.read_at(offset, &mut [0; 10]), Ok(0), "at {offset}");
    }
    Ok(())
}

fn nothing(world: &dyn World) -> Verdict {
    let site = world.site(&Content::pattern(5000), None)?;
    assert_eq!(site.open().read_at(10, &mut []), Ok(0));
    Ok(())
}

fn past_4_gib(world: &dyn World) -> Verdict {
    for start in [(1u64 << 31) - 5, (1 << 32) - 5, 6 << 30] {
        let content = Content::pattern_at(start, 1000);
        let site = world.site(&content, None)?;
        let file = site.open();
        assert_eq!(read_vec(&*file, start - 10, 500), content.at(start - 10, 500), "at {start}");
        assert_eq!(read_vec(&*file, start + 990, 500), content.at(start + 990, 500), "at {start}");
    }
    Ok(())
}

fn threads(world: &dyn World) -> Verdict {
    let content = Content::pattern(64 * 1024);
    let site = world.site(&content, None)?;
    let file = site.open();
    std::thread::scope(|scope| {
        for thread in 0..4u64 {
            let (file, content) = (&file, &content);
            scope.spawn(move || {
                for round in 0..16 {
                    let offset = (thread * 16 + round) * 1024;
                    assert_eq!(read_vec(&**file, offset, 1024), content.at(offset, 1024));
                }
            });
        }
    });
    Ok(())
}

/// A directly opened file, its alignment, and a buffer of `grains` units that suits it.
struct Direct {
    file: Arc<dyn File>,
    alignment: Alignment,
    grain: usize,
    buffer: Box<dyn Buffer>,
}

fn direct(site: &Site, grains: usize) -> Result<Direct, NotRun> {
    let file = site.open_direct()?;
    let alignment = file.alignment().expect("a direct file has an alignment");
    // Where anything goes, a unit of one byte would test little.
    let grain = alignment.offset.max(512) as usize;
    let align = alignment.memory.max(2) as usize;
    let buffer = site.platform.alloc(grain * grains, align).expect("a small buffer");
    Ok(Direct { file, alignment, grain, buffer })
}

fn enforced(site: &Site, grains: usize) -> Result<Direct, NotRun> {
    let direct = direct(site, grains)?;
    if !direct.alignment.enforced {
        return Err(NotRun("the platform takes any alignment".to_owned()));
    }
    Ok(direct)
}

fn powers(world: &dyn World) -> Verdict {
    let site = world.site(&Content::pattern(100_000), None)?;
    let alignment = direct(&site, 1)?.alignment;
    assert!(alignment.memory.is_power_of_two() && alignment.offset.is_power_of_two(), "{alignment:?}");
    Ok(())
}

fn direct_content(world: &dyn World) -> Verdict {
    let content = Content::pattern(300_000);
    let site = world.site(&content, None)?;
    let mut direct = direct(&site, 3)?;
    for grains in [0, 1, 7] {
        let offset = (grains * direct.grain) as u64;
        let len = read_on(&*direct.file, offset, direct.buffer.bytes_mut());
        assert_eq!(len, 3 * direct.grain);
        assert_eq!(direct.buffer.bytes(), content.at(offset, len), "at {offset}");
    }
    Ok(())
}

fn direct_past_4_gib(world: &dyn World) -> Verdict {
    let content = Content::pattern_at(6 << 30, 200_000);
    let site = world.site(&content, None)?;
    let mut direct = direct(&site, 2)?;
    let offset = (6 << 30) + direct.grain as u64;
    assert_eq!(read_on(&*direct.file, offset, direct.buffer.bytes_mut()), 2 * direct.grain);
    assert_eq!(direct.buffer.bytes(), content.at(offset, 2 * direct.grain));
    Ok(())
}

fn direct_tail(world: &dyn World) -> Verdict {
    // No alignment divides this size, so the last unit is never whole.
    let content = Content::pattern(300_001);
    let site = world.site(&content, None)?;
    let mut direct = direct(&site, 2)?;
    let offset = 300_001 / direct.grain as u64 * direct.grain as u64;
    let left = (300_001 - offset) as usize;
    assert_eq!(direct.file.read_at(offset, direct.buffer.bytes_mut()), Ok(left));
    assert_eq!(direct.buffer.bytes()[..left], content.at(offset, left));
    Ok(())
}

fn direct_past_end(world: &dyn World) -> Verdict {
    let site = world.site(&Content::pattern(300_001), None)?;
    let mut direct = direct(&site, 2)?;
    for offset in [(300_001usize.next_multiple_of(direct.grain)) as u64, 1 << 33] {
        assert_eq!(direct.file.read_at(offset, direct.buffer.bytes_mut()), Ok(0), "at {offset}");
    }
    Ok(())
}

fn unaligned_offset(world: &dyn World) -> Verdict {
    let site = world.site(&Content::pattern(300_000), None)?;
    let mut direct = enforced(&site, 2)?;
    for offset in [1, direct.alignment.offset / 2, direct.alignment.offset + 1] {
        let result = direct.file.read_at(offset, direct.buffer.bytes_mut());
        assert_refused(result, ErrorKind::Invalid);
    }
    Ok(())
}

fn unaligned_length(world: &dyn World) -> Verdict {
    let site = world.site(&Content::pattern(300_000), None)?;
    let mut direct = enforced(&site, 2)?;
    let grain = direct.alignment.offset as usize;
    for len in [1, grain / 2, grain + 1] {
        let result = direct.file.read_at(0, &mut direct.buffer.bytes_mut()[..len]);
        assert_refused(result, ErrorKind::Invalid);
    }
    Ok(())
}

fn unaligned_address(world: &dyn World) -> Verdict {
    let site = world.site(&Content::pattern(300_000), None)?;
    let direct = enforced(&site, 2)?;
    if direct.alignment.memory == 1 {
        return Err(NotRun("the platform takes any address".to_owned()));
    }
    // Linux 6.18 looks at the address only where it splits a request: one within a page is served.
    let len = site.page().next_multiple_of(direct.grain);
    let memory = direct.alignment.memory as usize;
    let mut buffer = site.platform.alloc(len + memory, memory).expect("a small buffer");
    for shift in [1, memory / 2] {
        let dst = &mut buffer.bytes_mut()[shift..shift + len];
        assert_refused(direct.file.read_at(0, dst), ErrorKind::Invalid);
    }
    Ok(())
}
