//! Loaders that do not do what they say: a wrapper between the honest loader and the recorder that
//! breaks exactly one thing. To the loader everything looks as asked for.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use loadparity::platform::{
    Advice, Alignment, Buffer, File, Limits, LockAdvice, MapHint, MapRequest, Mapping, NativeFlags, Notice,
    Phase, Platform, Residency, Result,
};
use loadparity::trace::NoticeLevel;

/// The one thing that is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sabotage {
    /// Reads are answered from a mapping.
    MapsInsteadOfReading,
    /// A mapping is filled by reads.
    ReadsInsteadOfMapping,
    /// Locks are claimed and not made.
    LosesLocks,
    /// Every lock ends one page early.
    LocksOnePageShort,
    /// Direct opens are made without the flag.
    DropsDirectFlag,
    /// Warnings are swallowed.
    SwallowsWarnings,
    /// One bit of one tensor byte is flipped after it was read.
    FlipsOneBit,
    /// One read more, past the end of the file.
    ReadsPastTheEnd,
    /// The first piece of the weights is read twice.
    ReadsTwice,
    /// Locks are granted, and the system shows no page as locked.
    ShowsNoLock,
}

/// Wraps `inner` so that it breaks one thing.
pub fn wrap(inner: Arc<dyn Platform>, sabotage: Sabotage) -> Arc<dyn Platform> {
    let shared = Arc::new(Shared { sabotage, loading: AtomicBool::new(false), done: AtomicBool::new(false) });
    Arc::new(Saboteur { inner, shared })
}

struct Shared {
    sabotage: Sabotage,
    /// The load phase is on; header reads are left alone.
    loading: AtomicBool,
    /// A sabotage that is done once has been done.
    done: AtomicBool,
}

impl Shared {
    fn is(&self, sabotage: Sabotage) -> bool {
        self.sabotage == sabotage && self.loading.load(Ordering::Relaxed)
    }

    fn seen(&self, seen: Result<Residency>) -> Result<Residency> {
        let hidden = self.sabotage == Sabotage::ShowsNoLock;
        seen.map(|seen| if hidden { Residency { locked: Some(0), ..seen } } else { seen })
    }

    fn first_time(&self) -> bool {
        !self.done.swap(true, Ordering::Relaxed)
    }
}

struct Saboteur {
    inner: Arc<dyn Platform>,
    shared: Arc<Shared>,
}

impl Platform for Saboteur {
    fn name(&self) -> &'static str {
        self.inner.name()
    }
    fn limits(&self) -> Limits {
        self.inner.limits()
    }
    fn lock_advice(&self) -> LockAdvice {
        self.inner.lock_advice()
    }
    fn open(&self, path: &Path, direct: bool) -> Result<Arc<dyn File>> {
        let direct = direct && self.shared.sabotage != Sabotage::DropsDirectFlag;
        let inner = self.inner.open(path, direct)?;
        Ok(Arc::new(BadFile { inner, platform: self.inner.clone(), shared: self.shared.clone() }))
    }
    fn open_flags(&self, direct: bool) -> NativeFlags {
        self.inner.open_flags(direct)
    }
    fn map_flags(&self, populate: bool) -> NativeFlags {
        self.inner.map_flags(populate)
    }
    fn alloc(&self, len: usize, align: usize) -> Result<Box<dyn Buffer>> {
        let inner = self.inner.alloc(len, align)?;
        Ok(Box::new(BadBuffer { inner, shared: self.shared.clone() }))
    }
    fn enter_phase(&self, phase: Phase) {
        self.shared.loading.store(phase == Phase::Load, Ordering::Relaxed);
        self.inner.enter_phase(phase);
    }
    fn notice(&self, notice: Notice) {
        if self.shared.sabotage != Sabotage::SwallowsWarnings || notice.level != NoticeLevel::Warning {
            self.inner.notice(notice);
        }
    }
}

struct BadFile {
    inner: Arc<dyn File>,
    platform: Arc<dyn Platform>,
    shared: Arc<Shared>,
}

impl File for BadFile {
    fn size(&self) -> Result<u64> {
        self.inner.size()
    }
    fn alignment(&self) -> Result<Alignment> {
        self.inner.alignment()
    }
    fn map_hint(&self) -> Result<MapHint> {
        self.inner.map_hint()
    }
    fn read_at(&self, offset: u64, dst: &mut [u8]) -> Result<usize> {
        if self.shared.is(Sabotage::MapsInsteadOfReading) {
            let size = self.inner.size()?;
            let mapping = self.inner.map(MapRequest { offset: 0, len: size, populate: false })?;
            let end = (offset + dst.len() as u64).min(size) as usize;
            let bytes = mapping.bytes(offset as usize..end);
            dst[..bytes.len()].copy_from_slice(bytes);
            return Ok(bytes.len());
        }
        let arrived = self.inner.read_at(offset, dst)?;
        if self.shared.is(Sabotage::FlipsOneBit) && self.shared.first_time() {
            dst[arrived / 2] ^= 1;
        }
        if self.shared.is(Sabotage::ReadsPastTheEnd) && self.shared.first_time() {
            let size = self.inner.size()?;
            self.inner.read_at(size, &mut [0; 16])?;
        }
        if self.shared.is(Sabotage::ReadsTwice) && self.shared.first_time() {
            return self.inner.read_at(offset, dst);
        }
        Ok(arrived)
    }
    fn advise(&self, offset: u64, len: u64, advice: Advice) -> Result<()> {
        self.inner.advise(offset, len, advice)
    }
    fn map(&self, request: MapRequest) -> Result<Box<dyn Mapping>> {
        if self.shared.is(Sabotage::ReadsInsteadOfMapping) {
            let page = self.platform.limits().page_size as usize;
            let mut buffer = self.platform.alloc(request.len as usize, page)?;
            let arrived = self.inner.read_at(request.offset, buffer.bytes_mut())?;
            assert_eq!(arrived as u64, request.len, "the fixture comes in one read");
            return Ok(Box::new(FakeMapping(buffer)));
        }
        let inner = self.inner.map(request)?;
        let page = self.platform.limits().page_size as usize;
        Ok(Box::new(BadMapping { inner, page, shared: self.shared.clone() }))
    }
}

struct BadMapping {
    inner: Box<dyn Mapping>,
    page: usize,
    shared: Arc<Shared>,
}

impl Mapping for BadMapping {
    fn len(&self) -> usize {
        self.inner.len()
    }
    fn address(&self) -> u64 {
        self.inner.address()
    }
    fn bytes(&self, range: Range<usize>) -> &[u8] {
        self.inner.bytes(range)
    }
    fn advise(&self, range: Range<usize>, advice: Advice) -> Result<()> {
        self.inner.advise(range, advice)
    }
    fn lock(&self, range: Range<usize>) -> Result<()> {
        match self.shared.sabotage {
            Sabotage::LosesLocks => Ok(()),
            Sabotage::LocksOnePageShort => {
                let end = range.end.next_multiple_of(self.page) - self.page;
                if end > range.start { self.inner.lock(range.start..end) } else { Ok(()) }
            }
            _ => self.inner.lock(range),
        }
    }
    fn unlock(&self, range: Range<usize>) -> Result<()> {
        self.inner.unlock(range)
    }
    fn unmap(&mut self, range: Range<usize>) -> Result<()> {
        self.inner.unmap(range)
    }
    fn residency(&self, range: Range<usize>) -> Result<Residency> {
        self.shared.seen(self.inner.residency(range))
    }
}

struct BadBuffer {
    inner: Box<dyn Buffer>,
    shared: Arc<Shared>,
}

impl Buffer for BadBuffer {
    fn address(&self) -> u64 {
        self.inner.address()
    }
    fn bytes(&self) -> &[u8] {
        self.inner.bytes()
    }
    fn bytes_mut(&mut self) -> &mut [u8] {
        self.inner.bytes_mut()
    }
    fn lock(&self) -> Result<()> {
        if self.shared.sabotage == Sabotage::LosesLocks { Ok(()) } else { self.inner.lock() }
    }
    fn unlock(&self) -> Result<()> {
        self.inner.unlock()
    }
    fn residency(&self) -> Result<Residency> {
        self.shared.seen(self.inner.residency())
    }
}

/// A buffer that passes for a mapping.
struct FakeMapping(Box<dyn Buffer>);

impl Mapping for FakeMapping {
    fn len(&self) -> usize {
        self.0.bytes().len()
    }
    fn address(&self) -> u64 {
        self.0.address()
    }
    fn bytes(&self, range: Range<usize>) -> &[u8] {
        &self.0.bytes()[range]
    }
    fn advise(&self, _: Range<usize>, _: Advice) -> Result<()> {
        Ok(())
    }
    fn lock(&self, _: Range<usize>) -> Result<()> {
        self.0.lock()
    }
    fn unlock(&self, _: Range<usize>) -> Result<()> {
        self.0.unlock()
    }
    fn unmap(&mut self, _: Range<usize>) -> Result<()> {
        Ok(())
    }
}
