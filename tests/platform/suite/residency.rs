//! Rule 10: what the kernel says about pages.

use loadparity::platform::{Buffer, MapRequest, Mapping, Residency};

use super::{Behaviour, Content, NotRun, Site, Verdict, World, page_of, supported};

pub(super) const BEHAVIOURS: &[Behaviour] = &[
    Behaviour { rule: 10, name: "residency.counts_every_page_that_is_touched", check: touched },
    Behaviour { rule: 10, name: "residency.shows_a_lock_and_its_end", check: mapping_locks },
    Behaviour { rule: 10, name: "residency.shows_a_lock_of_a_buffer", check: buffer_locks },
    Behaviour { rule: 10, name: "residency.is_refused_of_what_was_given_back", check: given_back },
];

/// A mapping of four pages.
fn mapping(world: &dyn World) -> Result<(Site, Box<dyn Mapping>, usize), NotRun> {
    let page = page_of(world)?;
    let site = world.site(&Content::pattern(4 * page), None)?;
    let mapping = site.open().map(MapRequest { offset: 0, len: 4 * page, populate: false });
    Ok((site, mapping.expect("a small mapping"), page as usize))
}

/// All of `pages` in memory, and locked or not where the system tells.
#[track_caller]
fn assert_locked(seen: Residency, pages: u64, locked: bool) {
    assert_eq!(seen.pages, pages, "{seen:?}");
    assert!(!locked || seen.resident == pages, "a locked page is in memory: {seen:?}");
    assert!(seen.resident <= pages, "{seen:?}");
    let expected = if locked { pages } else { 0 };
    assert!(seen.locked.is_none_or(|told| told == expected), "{expected} pages are locked: {seen:?}");
}

/// A stand-in for a system may grant locks and show none.
fn shown(world: &dyn World) -> Verdict {
    let reason = "locks are granted, and no page is shown as locked";
    if world.shows_locks() { Ok(()) } else { Err(NotRun(reason.to_owned())) }
}

fn touched(world: &dyn World) -> Verdict {
    let (_site, mapping, page) = mapping(world)?;
    let pages = |range| mapping.residency(range).map(|seen| seen.pages);
    supported("asking about pages", pages(0..page))?.expect("a live page");
    assert_eq!(pages(0..4 * page), Ok(4));
    assert_eq!(pages(page - 1..page + 1), Ok(2));
    assert_eq!(pages(page..page + 1), Ok(1));
    assert_eq!(pages(page..page), Ok(0));
    assert!(pages(3 * page..4 * page + 1).is_err(), "past the end");
    Ok(())
}

fn mapping_locks(world: &dyn World) -> Verdict {
    let (_site, mapping, page) = mapping(world)?;
    let (inside, outside) = (page..3 * page, 3 * page..4 * page);
    supported("asking about pages", mapping.residency(inside.clone()))?.expect("live pages");
    mapping.lock(inside.clone()).expect("two pages can be locked");
    shown(world)?;
    assert_locked(mapping.residency(inside.clone()).expect("live pages"), 2, true);
    assert_locked(mapping.residency(outside).expect("a live page"), 1, false);
    mapping.unlock(inside.clone()).expect("locked pages are unlocked");
    assert_locked(mapping.residency(inside).expect("live pages"), 2, false);
    Ok(())
}

fn buffer_locks(world: &dyn World) -> Verdict {
    let (site, _mapping, page) = mapping(world)?;
    let mut buffer: Box<dyn Buffer> = site.platform.alloc(2 * page, page).expect("a small buffer");
    let before = supported("asking about pages", buffer.residency())?.expect("live pages");
    assert_locked(before, 2, false);
    buffer.lock().expect("two pages can be locked");
    shown(world)?;
    buffer.bytes_mut().fill(1);
    assert_locked(buffer.residency().expect("live pages"), 2, true);
    buffer.unlock().expect("locked pages are unlocked");
    assert_locked(buffer.residency().expect("live pages"), 2, false);
    Ok(())
}

fn given_back(world: &dyn World) -> Verdict {
    let (_site, mut mapping, page) = mapping(world)?;
    supported("asking about pages", mapping.residency(0..page))?.expect("a live page");
    mapping.unmap(0..4 * page).expect("the whole mapping is given back");
    assert!(mapping.residency(0..page).is_err());
    Ok(())
}
