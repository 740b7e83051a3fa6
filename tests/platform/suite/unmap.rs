//! Rule 5: giving part of a mapping back.

use std::ops::Range;

use loadparity::platform::{ErrorKind, MapRequest, Mapping};

use super::{
    Behaviour, Content, NotRun, Site, Verdict, World, assert_refused, bytes_panic, page_of, supported,
};

pub(super) const BEHAVIOURS: &[Behaviour] = &[
    Behaviour { rule: 5, name: "unmap.gives_back_the_front", check: front },
    Behaviour { rule: 5, name: "unmap.gives_back_the_middle", check: middle },
    Behaviour { rule: 5, name: "unmap.may_end_with_the_mapping", check: tail },
    Behaviour { rule: 5, name: "unmap.off_the_page_is_refused", check: unaligned },
    Behaviour { rule: 5, name: "unmap.past_the_end_is_refused", check: past_end },
];

/// A mapping of five pages and a bit.
fn mapping(world: &dyn World) -> Result<(Site, Content, Box<dyn Mapping>, usize), NotRun> {
    let page = page_of(world)?;
    let content = Content::pattern(5 * page + 100);
    let site = world.site(&content, None)?;
    let request = MapRequest { offset: 0, len: 5 * page + 100, populate: false };
    let mapping = site.open().map(request).expect("a small mapping");
    Ok((site, content, mapping, page as usize))
}

/// Gives `gone` back; `kept` has to show the file as before, and nothing of `gone` may be shown.
fn give_back(world: &dyn World, gone: impl Fn(usize) -> Range<usize>, kept: &[Range<usize>]) -> Verdict {
    let (_site, content, mut mapping, page) = mapping(world)?;
    let gone = gone(page);
    let refused = supported("giving part of a mapping back", mapping.unmap(gone.clone()));
    if refused.is_err() {
        assert_eq!(mapping.bytes(gone.clone()), content.at(gone.start as u64, gone.len()));
    }
    refused?.expect("whole pages are given back");
    for pages in kept {
        let range = pages.start * page..(pages.end * page).min(mapping.len());
        assert_eq!(mapping.bytes(range.clone()), content.at(range.start as u64, range.len()));
        let across = range.start.min(gone.start)..range.end.max(gone.end);
        assert!(bytes_panic(&*mapping, across));
    }
    assert!(bytes_panic(&*mapping, gone.clone()));
    assert!(bytes_panic(&*mapping, gone.start..gone.start + 1));
    assert!(bytes_panic(&*mapping, gone.end - 1..gone.end));
    assert!(mapping.lock(gone).is_err(), "what was given back cannot be locked");
    assert_eq!(mapping.len(), 5 * page + 100, "the length includes what was given back");
    Ok(())
}

fn front(world: &dyn World) -> Verdict {
    give_back(world, |page| 0..2 * page, std::slice::from_ref(&(2..6)))
}

fn middle(world: &dyn World) -> Verdict {
    give_back(world, |page| 2 * page..3 * page, &[0..2, 3..6])
}

fn tail(world: &dyn World) -> Verdict {
    give_back(world, |page| 4 * page..5 * page + 100, std::slice::from_ref(&(0..4)))
}

fn unaligned(world: &dyn World) -> Verdict {
    let (_site, content, mut mapping, page) = mapping(world)?;
    for range in [1..page, page / 2..2 * page, 0..page + 1, page..5 * page + 99] {
        let result = supported("giving part of a mapping back", mapping.unmap(range))?;
        assert_refused(result, ErrorKind::Invalid);
    }
    assert_eq!(mapping.bytes(0..5 * page + 100), content.at(0, 5 * page + 100), "nothing is gone");
    Ok(())
}

fn past_end(world: &dyn World) -> Verdict {
    let (_site, content, mut mapping, page) = mapping(world)?;
    for range in [4 * page..6 * page, 6 * page..7 * page, 0..7 * page] {
        let result = supported("giving part of a mapping back", mapping.unmap(range))?;
        assert_refused(result, ErrorKind::Invalid);
    }
    assert_eq!(mapping.bytes(0..5 * page + 100), content.at(0, 5 * page + 100), "nothing is gone");
    Ok(())
}
