//! Loading by mapping the file.

use std::ops::Range;

use super::lock::Locker;
use super::spans::{ceil, floor, spans};
use super::{Job, LoadError, Part};
use crate::platform::{Advice, ErrorKind, MapRequest, Mapping};

/// Maps the file, gives back what no tensor uses, and locks the rest if asked. Tensors that come on demand are
/// neither brought in nor locked.
pub(super) fn load(job: &Job<'_>, lock: bool) -> Result<Part, LoadError> {
    if let Err(errno) = job.file.advise(0, 0, Advice::Sequential) {
        ignore_unsupported(job, "advice to read the file sequentially", &errno);
    }
    let len = job.gguf.file_size;
    let on_demand = job.has_lazy();
    // Where every tensor is wanted, the whole file is brought in by the call itself.
    let request = MapRequest { offset: 0, len, populate: !on_demand };
    let mut mapping =
        job.file.map(request).map_err(|errno| LoadError::Map { path: job.path.to_owned(), len, errno })?;
    let page_size = job.platform.limits().page_size;
    let map_len = mapping.len() as u64;
    let wanted = match on_demand {
        false => std::iter::once(0..mapping.len()).collect(),
        true => used_pages(job, page_size, map_len, |index| !job.is_lazy(index)),
    };
    for range in wanted.iter().cloned() {
        if let Err(errno) = mapping.advise(range, Advice::WillNeed) {
            ignore_unsupported(job, "advice that the mapping will be needed", &errno);
        }
    }
    advise_lazy(job, &*mapping, page_size);
    let used = used_pages(job, page_size, map_len, |_| true);
    trim(&mut *mapping, &used);
    let locked = if lock {
        let kept = used_pages(job, page_size, map_len, |index| !job.is_lazy(index));
        lock_growing(job, &*mapping, &kept, page_size)
    } else {
        Vec::new()
    };
    job.advance(job.gguf.tensors.iter().map(|tensor| tensor.size).sum());
    Ok(Part::mapped(job, mapping, locked))
}

/// Maps the file for the tensors that come on demand, and gives back all that they do not use.
pub(super) fn on_demand(job: &Job<'_>) -> Result<Box<dyn Mapping>, LoadError> {
    let len = job.gguf.file_size;
    let request = MapRequest { offset: 0, len, populate: false };
    let refused = |errno| LoadError::MapOnDemand { path: job.path.to_owned(), len, errno };
    let mut mapping = job.file.map(request).map_err(refused)?;
    let page_size = job.platform.limits().page_size;
    advise_lazy(job, &*mapping, page_size);
    let used = used_pages(job, page_size, mapping.len() as u64, |index| job.is_lazy(index));
    trim(&mut *mapping, &used);
    let lazy = job.gguf.tensors.iter().enumerate().filter(|(index, _)| job.is_lazy(*index));
    job.advance(lazy.map(|(_, tensor)| tensor.size).sum());
    Ok(mapping)
}

/// Says of whole pages of tensors that come on demand that they are used here and there: what is read ahead of them
/// is of no use.
fn advise_lazy(job: &Job<'_>, mapping: &dyn Mapping, page_size: u64) {
    for (_, tensor) in job.gguf.tensors.iter().enumerate().filter(|(index, _)| job.is_lazy(*index)) {
        let bytes = job.gguf.file_range(tensor);
        let pages = ceil(bytes.start, page_size)..floor(bytes.end, page_size);
        if pages.start < pages.end
            // They lie within the mapping, whose length is a usize.
            && let Err(errno) = mapping.advise(pages.start as usize..pages.end as usize, Advice::Random)
        {
            ignore_unsupported(job, "advice that the mapping is used here and there", &errno);
        }
    }
}

fn ignore_unsupported(job: &Job<'_>, what: &str, errno: &crate::platform::Errno) {
    // A platform without such a call is no news to anybody; a refusal is.
    if errno.kind != ErrorKind::Unsupported {
        job.advice_refused(what, errno);
    }
}

/// The page ranges of the mapping that the wanted tensors touch, front to back and disjoint.
fn used_pages(
    job: &Job<'_>,
    page_size: u64,
    map_len: u64,
    wanted: impl Fn(usize) -> bool,
) -> Vec<Range<usize>> {
    let mut used: Vec<Range<u64>> = Vec::new();
    for span in spans(&job.gguf, 1, wanted) {
        let pages = floor(span.start, page_size)..ceil(span.end, page_size).min(map_len);
        match used.last_mut() {
            Some(last) if pages.start <= last.end => last.end = pages.end,
            _ => used.push(pages),
        }
    }
    // All of them lie within the mapping, whose length is a usize.
    used.into_iter().map(|r| r.start as usize..r.end as usize).collect()
}

/// Gives back everything between and around the used ranges.
fn trim(mapping: &mut dyn Mapping, used: &[Range<usize>]) {
    if used.is_empty() {
        return;
    }
    let mut at = 0;
    let end = mapping.len();
    for keep in used.iter().cloned().chain(std::iter::once(end..end)) {
        if at < keep.start {
            // Where the OS cannot unmap a part, the pages stay: they cost address space only.
            let _ = mapping.unmap(at..keep.start);
        }
        at = keep.end;
    }
}

/// Locks from tensor to tensor, so that a full quota leaves the earlier ones locked. Returns the
/// ranges that are locked.
fn lock_growing(
    job: &Job<'_>,
    mapping: &dyn Mapping,
    used: &[Range<usize>],
    page_size: u64,
) -> Vec<Range<usize>> {
    let kept = job.gguf.tensors.iter().enumerate().filter(|(index, _)| !job.is_lazy(*index));
    let mut ends: Vec<u64> = kept.map(|(_, t)| job.gguf.file_range(t).end).collect();
    ends.sort_unstable();
    let mut locker = Locker::new(job);
    let mut locked = Vec::new();
    for range in used {
        let mut upto = range.start;
        for end in &ends {
            let next = (ceil(*end, page_size) as usize).min(range.end);
            if next > upto && *end > range.start as u64 && *end <= range.end as u64 {
                let grown = upto..next;
                if !locker.lock(grown.len() as u64, || mapping.lock(grown)) {
                    break;
                }
                upto = next;
            }
        }
        if upto > range.start {
            locked.push(range.start..upto);
        }
    }
    locked
}
