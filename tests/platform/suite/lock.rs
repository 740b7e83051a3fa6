//! Rule 6: locks and their quota. Everything is seen through the quota itself: what one more lock
//! may still take tells how much the ones before it took.

use loadparity::platform::{Buffer, ErrorKind, Lockable, MapRequest, Mapping};

use super::{Behaviour, Content, NotRun, Site, Verdict, World, assert_refused, page_of, supported};

pub(super) const BEHAVIOURS: &[Behaviour] = &[
    Behaviour { rule: 6, name: "lock.limit_is_reported", check: reported },
    Behaviour { rule: 6, name: "lock.takes_every_page_that_is_touched", check: touched },
    Behaviour { rule: 6, name: "lock.over_the_quota_takes_nothing", check: all_or_nothing },
    Behaviour { rule: 6, name: "lock.overlap_counts_once", check: overlap },
    Behaviour { rule: 6, name: "lock.unlock_frees_the_quota", check: unlock },
    Behaviour { rule: 6, name: "lock.does_not_nest", check: nesting },
    Behaviour { rule: 6, name: "lock.quota_is_shared_by_mappings_and_buffers", check: shared },
    Behaviour { rule: 6, name: "lock.buffer_over_the_quota_takes_nothing", check: buffers },
    Behaviour { rule: 6, name: "lock.giving_back_frees_the_quota", check: giving_back },
    Behaviour { rule: 6, name: "lock.past_the_end_is_refused", check: past_end },
];

/// A mapping of six pages where `pages` may be locked.
struct Quota {
    site: Site,
    mapping: Box<dyn Mapping>,
    page: usize,
}

impl Quota {
    fn of(world: &dyn World, pages: u64) -> Result<Self, NotRun> {
        let page = page_of(world)?;
        let site = world.site(&Content::pattern(6 * page), Some(pages * page))?;
        let request = MapRequest { offset: 0, len: 6 * page, populate: false };
        let mapping = site.open().map(request).expect("a small mapping");
        Ok(Self { site, mapping, page: page as usize })
    }

    #[track_caller]
    fn lock(&self, first: usize, last: usize) {
        let result = self.mapping.lock(first * self.page..last * self.page);
        result.unwrap_or_else(|errno| panic!("locking pages {first}..{last}: {errno}"));
    }

    #[track_caller]
    fn lock_refused(&self, first: usize, last: usize) {
        let result = self.mapping.lock(first * self.page..last * self.page);
        assert_refused(result, ErrorKind::LockLimit);
    }

    fn buffer(&self, pages: usize) -> Box<dyn Buffer> {
        self.site.platform.alloc(pages * self.page, self.page).expect("a small buffer")
    }
}

fn reported(world: &dyn World) -> Verdict {
    let quota = Quota::of(world, 3)?;
    assert_eq!(quota.site.platform.limits().lockable, Lockable::Bytes(3 * quota.page as u64));
    assert!(!quota.site.platform.lock_advice().is_empty());
    Ok(())
}

fn touched(world: &dyn World) -> Verdict {
    let quota = Quota::of(world, 2)?;
    quota.mapping.lock(quota.page - 1..quota.page + 1).expect("two bytes on two pages");
    quota.lock_refused(2, 3);
    quota.lock(0, 2);
    Ok(())
}

fn all_or_nothing(world: &dyn World) -> Verdict {
    let quota = Quota::of(world, 3)?;
    quota.lock(0, 2);
    quota.lock_refused(2, 4);
    quota.lock_refused(1, 5);
    quota.lock(3, 4);
    quota.lock_refused(2, 3);
    Ok(())
}

fn overlap(world: &dyn World) -> Verdict {
    let quota = Quota::of(world, 3)?;
    quota.lock(0, 2);
    quota.lock(1, 3);
    quota.lock(0, 3);
    quota.lock_refused(3, 4);
    Ok(())
}

fn unlock(world: &dyn World) -> Verdict {
    let quota = Quota::of(world, 2)?;
    quota.lock(0, 2);
    quota.lock_refused(2, 3);
    quota.mapping.unlock(0..quota.page).expect("a locked page is unlocked");
    quota.lock(2, 3);
    quota.lock_refused(3, 4);
    let buffer = quota.buffer(2);
    quota.mapping.unlock(quota.page..3 * quota.page).expect("locked pages are unlocked");
    buffer.lock().expect("the quota is free");
    quota.lock_refused(0, 1);
    buffer.unlock().expect("a locked buffer is unlocked");
    quota.lock(0, 2);
    Ok(())
}

fn nesting(world: &dyn World) -> Verdict {
    let quota = Quota::of(world, 2)?;
    quota.lock(0, 2);
    quota.lock(0, 2);
    quota.mapping.unlock(0..2 * quota.page).expect("locked pages are unlocked");
    quota.lock(2, 4);
    Ok(())
}

fn shared(world: &dyn World) -> Verdict {
    let quota = Quota::of(world, 2)?;
    let (first, second) = (quota.buffer(1), quota.buffer(1));
    quota.lock(0, 1);
    first.lock().expect("one page is left");
    first.lock().expect("the same page again takes nothing");
    assert_refused(second.lock(), ErrorKind::LockLimit);
    quota.lock_refused(1, 2);
    Ok(())
}

fn buffers(world: &dyn World) -> Verdict {
    let quota = Quota::of(world, 2)?;
    assert_refused(quota.buffer(3).lock(), ErrorKind::LockLimit);
    let buffer = quota.buffer(2);
    buffer.lock().expect("the refused lock took nothing");
    Ok(())
}

fn giving_back(world: &dyn World) -> Verdict {
    let mut quota = Quota::of(world, 2)?;
    quota.lock(0, 2);
    let gone = quota.page..2 * quota.page;
    supported("giving part of a mapping back", quota.mapping.unmap(gone))?.expect("a page is given back");
    quota.lock(2, 3);
    quota.lock_refused(3, 4);
    Ok(())
}

fn past_end(world: &dyn World) -> Verdict {
    let page = page_of(world)? as usize;
    let site = world.site(&Content::pattern(6 * page as u64), None)?;
    let request = MapRequest { offset: 0, len: 2 * page as u64 + 5, populate: false };
    let mapping = site.open().map(request).expect("a small mapping");
    for range in [0..2 * page + 6, 3 * page..4 * page, 0..usize::MAX] {
        assert_refused(mapping.lock(range.clone()), ErrorKind::Invalid);
        assert_refused(mapping.unlock(range), ErrorKind::Invalid);
    }
    Ok(())
}
