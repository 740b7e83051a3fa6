//! Mappings and buffers: memory with page-wise locks and page-wise unmapping.

use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rangemap::RangeSet;

use super::SimFile;
use super::memory::Memory;
use super::process::Process;
use crate::platform::OsFamily;
use crate::platform::{Advice, Buffer, Errno, ErrorKind, MapRequest, Mapping, Residency, Result};

/// What both kinds of region share. Pages are numbered by address, as the kernel does.
struct Region {
    process: Arc<Process>,
    memory: Memory,
    pages: Mutex<Pages>,
}

#[derive(Default)]
struct Pages {
    locked: RangeSet<u64>,
    given_back: RangeSet<u64>,
}

fn count(pages: impl Iterator<Item = Range<u64>>) -> u64 {
    pages.map(|run| run.end - run.start).sum()
}

/// How many pages of `pages` are in `set`.
fn held(set: &RangeSet<u64>, pages: &Range<u64>) -> u64 {
    (pages.end - pages.start) - count(set.gaps(pages))
}

impl Region {
    fn new(process: &Arc<Process>, len: usize, align: usize) -> Result<Self> {
        let out_of_memory = || process.profile.os.errno(ErrorKind::OutOfMemory);
        let page = usize::try_from(process.profile.page_size).map_err(|_| out_of_memory())?;
        let memory = Memory::zeroed(len, align, page).ok_or_else(out_of_memory)?;
        Ok(Self { process: Arc::clone(process), memory, pages: Mutex::default() })
    }

    fn page_size(&self) -> u64 {
        self.process.profile.page_size
    }

    fn invalid(&self) -> Errno {
        self.process.profile.os.errno(ErrorKind::Invalid)
    }

    /// The pages that a range touches, the last one included. `None` for an empty range.
    fn pages_of(&self, range: &Range<usize>) -> Result<Option<Range<u64>>> {
        if range.start > range.end || range.end > self.memory.len() {
            return Err(self.invalid());
        }
        let address = self.memory.address();
        let first = (address + range.start as u64) / self.page_size();
        let last = (address + range.end as u64).div_ceil(self.page_size());
        Ok((!range.is_empty()).then_some(first..last))
    }

    /// As [`Region::pages_of`], for operations that the kernel refuses on given-back pages.
    fn live_pages_of(&self, range: &Range<usize>) -> Result<Option<Range<u64>>> {
        let pages = self.pages_of(range)?;
        let gone = pages.as_ref().is_some_and(|pages| self.pages().given_back.overlaps(pages));
        if gone { Err(self.invalid()) } else { Ok(pages) }
    }

    fn lock(&self, range: &Range<usize>) -> Result<()> {
        let Some(touched) = self.live_pages_of(range)? else { return Ok(()) };
        let mut pages = self.pages();
        let fresh = count(pages.locked.gaps(&touched));
        self.process.charge_lock(fresh * self.page_size())?;
        pages.locked.insert(touched);
        Ok(())
    }

    fn unlock(&self, range: &Range<usize>) -> Result<()> {
        let Some(touched) = self.live_pages_of(range)? else { return Ok(()) };
        let mut pages = self.pages();
        let freed = held(&pages.locked, &touched);
        // Unix does not mind unlocking what is not locked; Windows does, and unlocks nothing.
        if self.process.profile.os == OsFamily::Windows && freed < touched.end - touched.start {
            return Err(self.process.named("ERROR_NOT_LOCKED", ErrorKind::Other));
        }
        pages.locked.remove(touched);
        let freed = freed * self.page_size();
        self.process.count(|census| census.locked_bytes -= freed);
        Ok(())
    }

    /// Nothing is ever paged out of this machine.
    fn residency(&self, range: &Range<usize>) -> Result<Residency> {
        let Some(touched) = self.live_pages_of(range)? else { return Ok(Residency::default()) };
        let pages = touched.end - touched.start;
        Ok(Residency { pages, resident: pages, locked: Some(held(&self.pages().locked, &touched)) })
    }

    fn locked_bytes(&self) -> u64 {
        count(self.pages().locked.iter().cloned()) * self.page_size()
    }

    fn pages(&self) -> MutexGuard<'_, Pages> {
        // The sets are changed by single calls, so a panic elsewhere leaves them sound.
        self.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A mapping: a copy of the file's bytes taken when it was made.
pub(super) struct SimMapping {
    region: Region,
}

impl SimMapping {
    /// Maps a range of `file`. The request's offset has been checked.
    pub(super) fn new(process: &Arc<Process>, file: &SimFile, request: MapRequest) -> Result<Self> {
        let too_large = |_| process.profile.os.errno(ErrorKind::OutOfMemory);
        let len = usize::try_from(request.len).map_err(too_large)?;
        let align = usize::try_from(process.profile.allocation_granularity).map_err(too_large)?;
        let mut region = Region::new(process, len, align)?;
        file.overlay(request.offset, region.memory.bytes_mut());
        let mapping = Self { region };
        let mapped = mapping.mapped_bytes();
        process.count(|census| {
            census.mappings += 1;
            census.mapped_bytes += mapped;
        });
        Ok(mapping)
    }

    /// The bytes of the pages that are still mapped.
    fn mapped_bytes(&self) -> u64 {
        let page = self.region.page_size();
        let all = (self.region.memory.len() as u64).div_ceil(page) * page;
        all - count(self.region.pages().given_back.iter().cloned()) * page
    }
}

impl Mapping for SimMapping {
    fn len(&self) -> usize {
        self.region.memory.len()
    }

    fn address(&self) -> u64 {
        self.region.memory.address()
    }

    fn bytes(&self, range: Range<usize>) -> &[u8] {
        let len = self.len();
        let pages = self.region.live_pages_of(&range);
        assert!(pages.is_ok(), "bytes {range:?} of a mapping of {len}: past its end or released");
        &self.region.memory.bytes()[range]
    }

    fn advise(&self, range: Range<usize>, _: Advice) -> Result<()> {
        if !self.region.process.profile.map_advice {
            return self.region.process.refuse(ErrorKind::Unsupported);
        }
        if !(range.start as u64).is_multiple_of(self.region.page_size()) {
            return Err(self.region.invalid());
        }
        self.region.live_pages_of(&range).map(|_| ())
    }

    fn lock(&self, range: Range<usize>) -> Result<()> {
        self.region.lock(&range)
    }

    fn unlock(&self, range: Range<usize>) -> Result<()> {
        self.region.unlock(&range)
    }

    fn unmap(&mut self, range: Range<usize>) -> Result<()> {
        let page = self.region.page_size();
        let touched = self.region.pages_of(&range)?.ok_or_else(|| self.region.invalid())?;
        let whole = range == (0..self.len());
        let ends_well = range.end == self.len() || (range.end as u64).is_multiple_of(page);
        if !(range.start as u64).is_multiple_of(page) || !ends_well {
            return Err(self.region.invalid());
        }
        if !whole && !self.region.process.profile.partial_unmap {
            return self.region.process.refuse(ErrorKind::Unsupported);
        }
        let mut pages = self.region.pages();
        let unlocked = held(&pages.locked, &touched) * page;
        let unmapped = count(pages.given_back.gaps(&touched)) * page;
        pages.locked.remove(touched.clone());
        pages.given_back.insert(touched);
        self.region.process.count(|census| {
            census.locked_bytes -= unlocked;
            census.mapped_bytes -= unmapped;
        });
        Ok(())
    }

    fn residency(&self, range: Range<usize>) -> Result<Residency> {
        self.region.residency(&range)
    }
}

impl Drop for SimMapping {
    fn drop(&mut self) {
        let (mapped, locked) = (self.mapped_bytes(), self.region.locked_bytes());
        self.region.process.count(|census| {
            census.mappings -= 1;
            census.mapped_bytes -= mapped;
            census.locked_bytes -= locked;
        });
    }
}

/// Anonymous memory.
pub(super) struct SimBuffer {
    region: Region,
}

impl SimBuffer {
    pub(super) fn new(process: &Arc<Process>, len: usize, align: usize) -> Result<Self> {
        if len == 0 || !align.is_power_of_two() {
            return process.refuse(ErrorKind::Invalid);
        }
        let region = Region::new(process, len, align)?;
        process.count(|census| census.buffers += 1);
        Ok(Self { region })
    }
}

impl Buffer for SimBuffer {
    fn address(&self) -> u64 {
        self.region.memory.address()
    }

    fn bytes(&self) -> &[u8] {
        self.region.memory.bytes()
    }

    fn bytes_mut(&mut self) -> &mut [u8] {
        self.region.memory.bytes_mut()
    }

    fn lock(&self) -> Result<()> {
        self.region.lock(&(0..self.region.memory.len()))
    }

    fn unlock(&self) -> Result<()> {
        self.region.unlock(&(0..self.region.memory.len()))
    }

    fn residency(&self) -> Result<Residency> {
        self.region.residency(&(0..self.region.memory.len()))
    }
}

impl Drop for SimBuffer {
    fn drop(&mut self) {
        let locked = self.region.locked_bytes();
        self.region.process.count(|census| {
            census.buffers -= 1;
            census.locked_bytes -= locked;
        });
    }
}
