//! Loaders that do not do what they say: a wrapper between the honest loader and the recorder that
//! breaks exactly one thing. To the loader everything looks as asked for.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use loadparity::platform::{
    Advice, Alignment, Buffer, Errno, ErrorKind, File, Limits, LockAdvice, MapHint, MapRequest, Mapping,
    NativeFlags, Notice, Phase, Platform, Residency, Result,
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
    /// Every mapping is locked.
    LocksUnasked,
    /// A mapped file is read as well.
    ReadsUnderMapping,
    /// A direct open goes along with the buffered one.
    OpensDirectToo,
    /// A file is never closed.
    KeepsFileOpen,
    /// In every second load the file is opened once more.
    OpensAgainEverySecondTime,
    /// The last bytes of a read of the weights are zeros.
    ZeroesTheTail,
    /// Two halves of a read of the weights change places.
    SwapsHalves,
    /// What a read of the weights brought begins one byte late.
    ShiftsByOne,
    /// A read of the weights that fails counts as made.
    TakesErrorsForData,
    /// A read of the weights that is short counts as whole.
    TakesShortForWhole,
    /// An end of the file counts as data.
    TakesEndForData,
    /// What is missing after a short read is read from the start of the file.
    RestartsAtZero,
    /// After a short read all of it is read again.
    RereadsAfterShort,
    /// An interruption counts as the end of the file.
    TakesInterruptForEnd,
    /// An interruption counts as an error of the disk.
    TakesInterruptForError,
    /// After an interruption all that follows is read through the page cache.
    BufferedForEver,
    /// A refused direct open is made without the flag.
    HidesRefusedDirect,
    /// A refused mapping is filled by reads.
    HidesRefusedMapping,
    /// A refused lock counts as granted.
    HidesRefusedLock,
    /// After a refused lock the first page alone is locked.
    LocksOnePageInstead,
    /// A read that fails leaves its file open.
    LeaksOnError,
    /// A call that is refused ends in a panic.
    PanicsOnRefusal,
}

/// Wraps `inner` so that it breaks one thing.
pub fn wrap(inner: Arc<dyn Platform>, sabotage: Sabotage) -> Arc<dyn Platform> {
    static LOADS: AtomicU64 = AtomicU64::new(0);
    let shared = Arc::new(Shared {
        sabotage,
        loading: AtomicBool::new(false),
        done: AtomicBool::new(false),
        // Loads of other saboteurs, which may run beside it, do not count.
        second: sabotage == Sabotage::OpensAgainEverySecondTime
            && LOADS.fetch_add(1, Ordering::Relaxed) % 2 == 1,
    });
    Arc::new(Saboteur { inner, shared })
}

struct Shared {
    sabotage: Sabotage,
    /// The load phase is on; header reads are left alone.
    loading: AtomicBool,
    /// A sabotage that is done once has been done.
    done: AtomicBool,
    /// The load is the second, fourth … of this process.
    second: bool,
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
        let sabotage = self.shared.sabotage;
        let direct = direct && sabotage != Sabotage::DropsDirectFlag;
        if sabotage == Sabotage::OpensDirectToo && !direct {
            drop(self.inner.open(path, true));
        }
        if sabotage == Sabotage::OpensAgainEverySecondTime && self.shared.second {
            drop(self.inner.open(path, direct)?);
        }
        let inner = match self.inner.open(path, direct) {
            Err(errno) if sabotage == Sabotage::PanicsOnRefusal => panic!("{errno}"),
            Err(_) if sabotage == Sabotage::HidesRefusedDirect && direct => self.inner.open(path, false)?,
            opened => opened?,
        };
        if sabotage == Sabotage::KeepsFileOpen && self.shared.first_time() {
            std::mem::forget(inner.clone());
        }
        let (platform, shared) = (self.inner.clone(), self.shared.clone());
        Ok(Arc::new(BadFile { inner, path: path.to_owned(), platform, shared }))
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
    path: PathBuf,
    platform: Arc<dyn Platform>,
    shared: Arc<Shared>,
}

impl BadFile {
    /// A read of the weights that went wrong: what is made of it.
    fn failed(&self, errno: Errno, dst: &mut [u8]) -> Result<usize> {
        let interrupted = errno.kind == ErrorKind::Interrupted;
        match self.shared.sabotage {
            Sabotage::TakesErrorsForData if !interrupted => Ok(dst.len()),
            Sabotage::TakesInterruptForEnd if interrupted => Ok(0),
            Sabotage::TakesInterruptForError if interrupted => {
                Err(Errno { kind: ErrorKind::Io, code: 5, name: "EIO".into() })
            }
            Sabotage::BufferedForEver if interrupted => {
                self.shared.first_time();
                Err(errno)
            }
            Sabotage::LeaksOnError if self.shared.first_time() => {
                std::mem::forget(self.inner.clone());
                Err(errno)
            }
            Sabotage::PanicsOnRefusal => panic!("{errno}"),
            _ => Err(errno),
        }
    }

    /// A read of the weights that brought so many bytes: what is made of it.
    fn came(&self, arrived: usize, offset: u64, dst: &mut [u8]) -> Result<usize> {
        let short = arrived > 0 && arrived < dst.len() && offset + (arrived as u64) < self.inner.size()?;
        match self.shared.sabotage {
            Sabotage::TakesShortForWhole if short => return Ok(dst.len()),
            Sabotage::TakesEndForData if arrived == 0 => return Ok(dst.len()),
            Sabotage::RestartsAtZero if short => {
                let (from, rest) = (arrived / 4096 * 4096, dst.len());
                self.inner.read_at(0, &mut dst[from..rest])?;
                return Ok(rest);
            }
            Sabotage::RereadsAfterShort if short => return self.inner.read_at(offset, dst),
            Sabotage::ZeroesTheTail => dst[arrived - arrived.min(64)..arrived].fill(0),
            Sabotage::SwapsHalves => dst[..arrived].rotate_left(arrived / 2),
            Sabotage::ShiftsByOne => dst[..arrived].rotate_right(1),
            _ => {}
        }
        Ok(arrived)
    }
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
        if self.shared.is(Sabotage::BufferedForEver) && self.shared.done.load(Ordering::Relaxed) {
            return self.platform.open(&self.path, false)?.read_at(offset, dst);
        }
        let arrived = match self.inner.read_at(offset, dst) {
            Err(errno) if self.shared.loading.load(Ordering::Relaxed) => return self.failed(errno, dst),
            Ok(arrived) if self.shared.loading.load(Ordering::Relaxed) => self.came(arrived, offset, dst)?,
            read => read?,
        };
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
        let inner = match self.inner.map(request) {
            Err(errno) if self.shared.sabotage == Sabotage::PanicsOnRefusal => panic!("{errno}"),
            Err(_) if self.shared.sabotage == Sabotage::HidesRefusedMapping => {
                let page = self.platform.limits().page_size as usize;
                let mut buffer = self.platform.alloc(request.len as usize, page)?;
                let mut at = 0;
                while at < buffer.bytes().len() {
                    match self.inner.read_at(request.offset + at as u64, &mut buffer.bytes_mut()[at..])? {
                        0 => break,
                        arrived => at += arrived,
                    }
                }
                return Ok(Box::new(FakeMapping(buffer)));
            }
            mapped => mapped?,
        };
        if self.shared.is(Sabotage::LocksUnasked) {
            inner.lock(0..inner.len())?;
        }
        if self.shared.is(Sabotage::ReadsUnderMapping) {
            self.inner.read_at(request.offset, &mut vec![0; request.len as usize])?;
        }
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
            Sabotage::HidesRefusedLock => self.inner.lock(range).or(Ok(())),
            Sabotage::LocksOnePageInstead => self.inner.lock(range.clone()).or_else(|_| {
                let first = range.start / self.page * self.page;
                self.inner.lock(first..(first + self.page).min(self.inner.len()))
            }),
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
        match self.shared.sabotage {
            Sabotage::LosesLocks => Ok(()),
            Sabotage::HidesRefusedLock => self.inner.lock().or(Ok(())),
            _ => self.inner.lock(),
        }
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
