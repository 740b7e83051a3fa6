//! Rule 4: mappings.

use loadparity::platform::{ErrorKind, MapRequest, Mapping};

use super::{Behaviour, Content, Site, Verdict, World, assert_refused, bytes_panic, read_vec};

pub(super) const BEHAVIOURS: &[Behaviour] = &[
    Behaviour { rule: 4, name: "map.limits_make_sense", check: limits },
    Behaviour { rule: 4, name: "map.shows_what_reads_bring", check: equals_reads },
    Behaviour { rule: 4, name: "map.reaches_past_4_gib", check: past_4_gib },
    Behaviour { rule: 4, name: "map.lies_at_a_page", check: address },
    Behaviour { rule: 4, name: "map.populated_shows_the_same", check: populate },
    Behaviour { rule: 4, name: "map.offset_off_the_granularity_is_refused", check: granularity },
    Behaviour { rule: 4, name: "map.past_the_end_is_refused", check: past_end },
    Behaviour { rule: 4, name: "map.of_nothing_is_refused", check: nothing },
    Behaviour { rule: 4, name: "map.bytes_past_its_end_panic", check: bytes_past_end },
];

fn map(site: &Site, offset: u64, len: u64) -> Box<dyn Mapping> {
    let request = MapRequest { offset, len, populate: false };
    site.open().map(request).unwrap_or_else(|errno| panic!("mapping {len} at {offset}: {errno}"))
}

fn limits(world: &dyn World) -> Verdict {
    let limits = world.site(&Content::pattern(1), None)?.platform.limits();
    assert!(limits.page_size.is_power_of_two() && limits.page_size >= 512, "{limits:?}");
    assert!(limits.allocation_granularity.is_power_of_two(), "{limits:?}");
    assert!(limits.allocation_granularity >= limits.page_size, "{limits:?}");
    Ok(())
}

fn equals_reads(world: &dyn World) -> Verdict {
    let content = Content::pattern(300_001);
    let site = world.site(&content, None)?;
    let grain = site.platform.limits().allocation_granularity;
    let file = site.open();
    for (offset, len) in [(0, 1), (0, 300_001), (grain, 300_001 - grain), (2 * grain, grain + 5)] {
        let mapping = map(&site, offset, len);
        assert_eq!(mapping.len() as u64, len);
        assert!(!mapping.is_empty());
        let bytes = mapping.bytes(0..len as usize);
        assert_eq!(bytes, content.at(offset, len as usize), "{len} at {offset}");
        assert_eq!(bytes, read_vec(&*file, offset, len as usize));
        assert_eq!(mapping.bytes(len as usize - 1..len as usize), &bytes[len as usize - 1..]);
    }
    Ok(())
}

fn past_4_gib(world: &dyn World) -> Verdict {
    let content = Content::pattern_at(6 << 30, 10_000);
    let site = world.site(&content, None)?;
    let mapping = map(&site, 6 << 30, 10_000);
    assert_eq!(mapping.bytes(0..10_000), content.at(6 << 30, 10_000));
    Ok(())
}

fn address(world: &dyn World) -> Verdict {
    let site = world.site(&Content::pattern(300_000), None)?;
    let limits = site.platform.limits();
    for offset in [0, limits.allocation_granularity] {
        let mapping = map(&site, offset, 100);
        assert!(mapping.address().is_multiple_of(limits.page_size), "{:#x}", mapping.address());
        assert_eq!(mapping.address(), mapping.bytes(0..1).as_ptr().addr() as u64);
    }
    Ok(())
}

fn populate(world: &dyn World) -> Verdict {
    let content = Content::pattern(100_000);
    let site = world.site(&content, None)?;
    let request = MapRequest { offset: 0, len: 100_000, populate: true };
    let mapping = site.open().map(request).expect("populate is a request, never a refusal");
    assert_eq!(mapping.bytes(0..100_000), content.at(0, 100_000));
    assert!(site.platform.map_flags(true).names.is_sorted());
    Ok(())
}

fn granularity(world: &dyn World) -> Verdict {
    let site = world.site(&Content::pattern(300_000), None)?;
    let limits = site.platform.limits();
    let file = site.open();
    let mut offsets = vec![1, limits.allocation_granularity / 2, limits.allocation_granularity + 1];
    if limits.page_size < limits.allocation_granularity {
        offsets.push(limits.page_size);
    }
    for offset in offsets {
        let request = MapRequest { offset, len: 100, populate: false };
        assert_refused(file.map(request), ErrorKind::Invalid);
    }
    Ok(())
}

fn past_end(world: &dyn World) -> Verdict {
    let site = world.site(&Content::pattern(100_000), None)?;
    let grain = site.platform.limits().allocation_granularity;
    let beyond = 100_000u64.next_multiple_of(grain);
    let overflowing = u64::MAX - grain + 1;
    let wanted = [(0, 100_001), (grain, 100_000), (beyond, 1), (1 << 40, 1), (overflowing, grain)];
    for (offset, len) in wanted {
        let request = MapRequest { offset, len, populate: false };
        assert_refused(site.open().map(request), ErrorKind::Invalid);
    }
    Ok(())
}

fn nothing(world: &dyn World) -> Verdict {
    for size in [0, 100_000] {
        let site = world.site(&Content::pattern(size), None)?;
        let request = MapRequest { offset: 0, len: 0, populate: false };
        assert_refused(site.open().map(request), ErrorKind::Invalid);
        let request = MapRequest { offset: 0, len: size + 1, populate: false };
        assert_refused(site.open().map(request), ErrorKind::Invalid);
    }
    Ok(())
}

fn bytes_past_end(world: &dyn World) -> Verdict {
    let site = world.site(&Content::pattern(10_000), None)?;
    let mapping = map(&site, 0, 5000);
    assert!(bytes_panic(&*mapping, 0..5001));
    assert!(bytes_panic(&*mapping, 5001..5002));
    assert!(!bytes_panic(&*mapping, 4999..5000));
    Ok(())
}
