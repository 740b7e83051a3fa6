//! The recorder: a decorator that turns every call on the seam into an [`Op`].

use std::ops::Range;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::ThreadId;
use std::time::Instant;

use super::live::LiveRanges;
use super::{
    Advice, Alignment, Buffer, File, FileIdentity, Limits, LockAdvice, MapHint, MapRequest, Mapping,
    NativeFlags, Notice, Phase, Platform, Residency, Result,
};
use crate::trace::{Call, FileId, Op, Outcome, RegionId};

/// Where the operations of one load are collected, shared by a [`Recorder`] and everything that
/// was opened, mapped or allocated through it.
pub struct Recording {
    state: Mutex<State>,
    files: AtomicU32,
    regions: AtomicU32,
    /// When it began: starts of operations count from here.
    began: Instant,
}

impl Default for Recording {
    fn default() -> Self {
        Self {
            state: Mutex::default(),
            files: AtomicU32::default(),
            regions: AtomicU32::default(),
            began: Instant::now(),
        }
    }
}

struct State {
    ops: Vec<Op>,
    threads: Vec<ThreadId>,
    phase: Phase,
}

impl Default for State {
    fn default() -> Self {
        Self { ops: Vec::new(), threads: Vec::new(), phase: Phase::Header }
    }
}

impl Recording {
    /// A recording with no operations, in the header phase.
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// The operations so far, in the order in which they ended.
    pub fn ops(&self) -> Vec<Op> {
        self.state().ops.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A thread that panicked inside a call has pushed either a whole operation or none.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn next_file(&self) -> FileId {
        FileId(self.files.fetch_add(1, Ordering::Relaxed))
    }

    fn next_region(&self) -> RegionId {
        RegionId(self.regions.fetch_add(1, Ordering::Relaxed))
    }

    /// Makes the call and notes it: `describe` gives the arguments (some are known only
    /// afterwards), `value` the number that stands for a success.
    fn note<T>(
        &self,
        call: impl FnOnce() -> Result<T>,
        describe: impl FnOnce(&Result<T>) -> Call,
        value: impl FnOnce(&T) -> u64,
    ) -> Result<T> {
        let started = Instant::now();
        let start_ns = nanoseconds(started.duration_since(self.began));
        let result = call();
        let dur_ns = nanoseconds(started.elapsed());
        let injected = super::inject::take_injected();
        let described = describe(&result);
        let outcome = match &result {
            Ok(ok) => Outcome::Ok(value(ok)),
            Err(errno) => Outcome::Err(errno.clone()),
        };
        self.push(described, outcome, (start_ns, dur_ns), injected);
        result
    }

    fn push(&self, call: Call, outcome: Outcome, (start_ns, dur_ns): (u64, u64), injected: bool) {
        let me = std::thread::current().id();
        let mut state = self.state();
        let known = state.threads.iter().position(|t| *t == me);
        let thread = known.unwrap_or_else(|| {
            state.threads.push(me);
            state.threads.len() - 1
        });
        let op = Op {
            seq: state.ops.len() as u64,
            phase: state.phase,
            pid: 0,
            thread: u32::try_from(thread).unwrap_or(u32::MAX),
            call,
            outcome,
            start_ns,
            dur_ns,
            injected,
        };
        state.ops.push(op);
    }
}

fn nanoseconds(time: std::time::Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

fn no_value<T>(_: &T) -> u64 {
    0
}

/// Receives each notice as it is given.
type NoticeSink = Box<dyn Fn(&Notice) + Send + Sync>;

/// Wraps any platform and notes every call into a [`Recording`].
///
/// It stands at the top of the stack, above the injector, so that it sees what the loader saw;
/// results that the injector made up are marked.
pub struct Recorder {
    inner: Arc<dyn Platform>,
    recording: Arc<Recording>,
    on_notice: Option<NoticeSink>,
}

impl Recorder {
    /// Records what is called on `inner`.
    pub fn new(inner: Arc<dyn Platform>, recording: Arc<Recording>) -> Self {
        Self { inner, recording, on_notice: None }
    }

    /// Also hands each notice to `sink`, for people who wait in front of a terminal.
    pub fn on_notice(mut self, sink: impl Fn(&Notice) + Send + Sync + 'static) -> Self {
        self.on_notice = Some(Box::new(sink));
        self
    }
}

impl Platform for Recorder {
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
        let id = self.recording.next_file();
        let inner = self.recording.note(
            || self.inner.open(path, direct),
            |opened| Call::Open {
                file: id,
                path: path.to_string_lossy().into_owned(),
                direct,
                identity: opened.as_ref().ok().and_then(|file| file.identity().ok()),
                flags: self.inner.open_flags(direct),
            },
            no_value,
        )?;
        Ok(Arc::new(RecordedFile {
            inner: Some(inner),
            id,
            direct,
            page_size: usize::try_from(self.limits().page_size).unwrap_or(usize::MAX),
            map_flags: [self.inner.map_flags(false), self.inner.map_flags(true)],
            recording: self.recording.clone(),
        }))
    }

    fn open_flags(&self, direct: bool) -> NativeFlags {
        self.inner.open_flags(direct)
    }

    fn map_flags(&self, populate: bool) -> NativeFlags {
        self.inner.map_flags(populate)
    }

    fn alloc(&self, len: usize, align: usize) -> Result<Box<dyn Buffer>> {
        let region = self.recording.next_region();
        let inner = self.recording.note(
            || self.inner.alloc(len, align),
            |result| Call::Alloc {
                region,
                len: len as u64,
                align: align as u64,
                addr: result.as_ref().map_or(0, |b| b.address()),
            },
            no_value,
        )?;
        Ok(Box::new(RecordedBuffer { inner: Some(inner), region, recording: self.recording.clone() }))
    }

    fn enter_phase(&self, phase: Phase) {
        self.recording.state().phase = phase;
        self.inner.enter_phase(phase);
    }

    fn notice(&self, notice: Notice) {
        if let Some(sink) = &self.on_notice {
            sink(&notice);
        }
        let now = nanoseconds(self.recording.began.elapsed());
        self.recording.push(Call::Notice(notice.clone()), Outcome::Ok(0), (now, 0), false);
        self.inner.notice(notice);
    }
}

struct RecordedFile {
    // Always there until drop, which has to time the close.
    inner: Option<Arc<dyn File>>,
    id: FileId,
    direct: bool,
    page_size: usize,
    map_flags: [NativeFlags; 2],
    recording: Arc<Recording>,
}

impl RecordedFile {
    fn inner(&self) -> &dyn File {
        self.inner.as_deref().expect("a file keeps its inner file until it is dropped")
    }
}

impl File for RecordedFile {
    fn size(&self) -> Result<u64> {
        self.recording.note(|| self.inner().size(), |_| Call::Size { file: self.id }, |size| *size)
    }

    fn alignment(&self) -> Result<Alignment> {
        let none = Alignment { memory: 0, offset: 0, enforced: false };
        self.recording.note(
            || self.inner().alignment(),
            |result| {
                let Alignment { memory, offset, enforced } = *result.as_ref().unwrap_or(&none);
                Call::Alignment { file: self.id, memory, offset, enforced }
            },
            no_value,
        )
    }

    fn map_hint(&self) -> Result<MapHint> {
        self.recording.note(
            || self.inner().map_hint(),
            |result| {
                let (good, reason) =
                    result.as_ref().map_or((false, String::new()), |hint| (hint.good, hint.reason.clone()));
                Call::MapHint { file: self.id, good, reason }
            },
            no_value,
        )
    }

    fn read_at(&self, offset: u64, dst: &mut [u8]) -> Result<usize> {
        let (addr, len) = (dst.as_ptr() as u64, dst.len() as u64);
        self.recording.note(
            || self.inner().read_at(offset, dst),
            |_| Call::Read { file: self.id, offset, len, direct: self.direct, addr },
            |n| *n as u64,
        )
    }

    fn advise(&self, offset: u64, len: u64, advice: Advice) -> Result<()> {
        self.recording.note(
            || self.inner().advise(offset, len, advice),
            |_| Call::FileAdvise { file: self.id, offset, len, advice },
            no_value,
        )
    }

    fn identity(&self) -> Result<FileIdentity> {
        self.inner().identity()
    }

    fn cached(&self) -> Result<Residency> {
        self.inner().cached()
    }

    fn map(&self, request: MapRequest) -> Result<Box<dyn Mapping>> {
        let region = self.recording.next_region();
        let inner = self.recording.note(
            || self.inner().map(request),
            |result| Call::Map {
                file: self.id,
                region,
                offset: request.offset,
                len: request.len,
                populate: request.populate,
                addr: result.as_ref().map_or(0, |m| m.address()),
                flags: self.map_flags[usize::from(request.populate)].clone(),
            },
            no_value,
        )?;
        let live = LiveRanges::new(inner.len(), self.page_size);
        Ok(Box::new(RecordedMapping { inner: Some(inner), region, live, recording: self.recording.clone() }))
    }
}

impl Drop for RecordedFile {
    fn drop(&mut self) {
        let inner = self.inner.take();
        let _ = self.recording.note(
            || {
                drop(inner);
                Ok(())
            },
            |_| Call::Close { file: self.id },
            no_value,
        );
    }
}

struct RecordedMapping {
    inner: Option<Box<dyn Mapping>>,
    region: RegionId,
    live: LiveRanges,
    recording: Arc<Recording>,
}

impl RecordedMapping {
    fn inner(&self) -> &dyn Mapping {
        self.inner.as_deref().expect("a mapping keeps its inner mapping until it is dropped")
    }

    fn part(range: &Range<usize>) -> (u64, u64) {
        (range.start as u64, range.len() as u64)
    }
}

impl Mapping for RecordedMapping {
    fn len(&self) -> usize {
        self.inner().len()
    }

    fn address(&self) -> u64 {
        self.inner().address()
    }

    fn bytes(&self, range: Range<usize>) -> &[u8] {
        self.inner().bytes(range)
    }

    fn advise(&self, range: Range<usize>, advice: Advice) -> Result<()> {
        let (offset, len) = Self::part(&range);
        self.recording.note(
            || self.inner().advise(range, advice),
            |_| Call::MapAdvise { region: self.region, offset, len, advice },
            no_value,
        )
    }

    fn lock(&self, range: Range<usize>) -> Result<()> {
        let (offset, len) = Self::part(&range);
        self.recording.note(
            || self.inner().lock(range),
            |_| Call::Lock { region: self.region, offset, len },
            no_value,
        )
    }

    fn unlock(&self, range: Range<usize>) -> Result<()> {
        let (offset, len) = Self::part(&range);
        self.recording.note(
            || self.inner().unlock(range),
            |_| Call::Unlock { region: self.region, offset, len },
            no_value,
        )
    }

    fn unmap(&mut self, range: Range<usize>) -> Result<()> {
        let (offset, len) = Self::part(&range);
        let region = self.region;
        let Self { inner, live, recording, .. } = self;
        let inner = inner.as_mut().expect("a mapping keeps its inner mapping until it is dropped");
        let given = range.clone();
        let result = recording.note(|| inner.unmap(range), |_| Call::Unmap { region, offset, len }, no_value);
        if result.is_ok() {
            live.remove(&given);
        }
        result
    }

    fn residency(&self, range: Range<usize>) -> Result<Residency> {
        self.inner().residency(range)
    }
}

impl Drop for RecordedMapping {
    fn drop(&mut self) {
        let mut inner = self.inner.take();
        // One operation for each part that is still mapped; the first of them does the work.
        for range in self.live.iter() {
            let (offset, len) = Self::part(&range);
            let _ = self.recording.note(
                || {
                    drop(inner.take());
                    Ok(())
                },
                |_| Call::Unmap { region: self.region, offset, len },
                no_value,
            );
        }
    }
}

struct RecordedBuffer {
    inner: Option<Box<dyn Buffer>>,
    region: RegionId,
    recording: Arc<Recording>,
}

impl RecordedBuffer {
    fn inner(&self) -> &dyn Buffer {
        self.inner.as_deref().expect("a buffer keeps its inner buffer until it is dropped")
    }
}

impl Buffer for RecordedBuffer {
    fn address(&self) -> u64 {
        self.inner().address()
    }

    fn bytes(&self) -> &[u8] {
        self.inner().bytes()
    }

    fn bytes_mut(&mut self) -> &mut [u8] {
        self.inner.as_mut().expect("a buffer keeps its inner buffer until it is dropped").bytes_mut()
    }

    fn lock(&self) -> Result<()> {
        let len = self.bytes().len() as u64;
        self.recording.note(
            || self.inner().lock(),
            |_| Call::Lock { region: self.region, offset: 0, len },
            no_value,
        )
    }

    fn unlock(&self) -> Result<()> {
        let len = self.bytes().len() as u64;
        self.recording.note(
            || self.inner().unlock(),
            |_| Call::Unlock { region: self.region, offset: 0, len },
            no_value,
        )
    }

    fn residency(&self) -> Result<Residency> {
        self.inner().residency()
    }
}

impl Drop for RecordedBuffer {
    fn drop(&mut self) {
        let inner = self.inner.take();
        let len = inner.as_ref().map_or(0, |b| b.bytes().len() as u64);
        let _ = self.recording.note(
            || {
                drop(inner);
                Ok(())
            },
            |_| Call::Unmap { region: self.region, offset: 0, len },
            no_value,
        );
    }
}
