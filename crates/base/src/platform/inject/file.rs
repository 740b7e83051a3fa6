//! A file whose calls may go wrong.

use std::sync::{Arc, OnceLock};

use super::region::InjectedMapping;
use super::schedule::{Armed, Schedule, clear_mark};
use super::spec::{Corruption, Fault};
use crate::platform::{
    Advice, Alignment, File, FileIdentity, MapHint, MapRequest, Mapping, Residency, Result,
};

pub(super) struct InjectedFile {
    inner: Arc<dyn File>,
    schedule: Arc<Schedule>,
    direct: bool,
    /// Its number among the files that were opened, from 1.
    number: u32,
    grain: OnceLock<u64>,
}

impl InjectedFile {
    pub(super) fn new(inner: Arc<dyn File>, schedule: Arc<Schedule>, direct: bool, number: u32) -> Self {
        Self { inner, schedule, direct, number, grain: OnceLock::new() }
    }

    /// The unit at which a kernel stops short: the enforced alignment of a direct file, else a byte.
    fn grain(&self) -> u64 {
        let ask = || match self.inner.alignment() {
            Ok(alignment) if self.direct && alignment.enforced => alignment.offset.max(1),
            _ => 1,
        };
        *self.grain.get_or_init(ask)
    }

    /// How many of `len` bytes a read cut to `bytes` asks for.
    fn cut(&self, bytes: u64, len: usize) -> usize {
        let grain = self.grain();
        usize::try_from((bytes / grain * grain).max(grain)).map_or(len, |cut| cut.min(len))
    }
}

/// What lies beyond the cut is gone: overwritten, so that a loader that ignores the count cannot
/// get the right bytes by luck. Returns the new count.
fn truncate(armed: &Armed, size: u64, offset: u64, arrived: &mut [u8]) -> usize {
    let keep = usize::try_from(size.saturating_sub(offset)).map_or(arrived.len(), |n| n.min(arrived.len()));
    if keep < arrived.len() {
        arrived[keep..].fill(0);
        armed.fire();
    }
    keep
}

fn corrupt(armed: &Armed, corruption: Corruption, offset: u64, arrived: &mut [u8]) {
    let (at, mask) = match corruption {
        Corruption::Middle => (Some(arrived.len() / 2), 1),
        Corruption::At { offset: at, mask } => {
            (at.checked_sub(offset).and_then(|at| usize::try_from(at).ok()), mask)
        }
    };
    if let Some(byte) = at.and_then(|at| arrived.get_mut(at)) {
        *byte ^= mask;
        armed.fire();
    }
}

impl File for InjectedFile {
    fn size(&self) -> Result<u64> {
        self.schedule.size(self.number, || self.inner.size())
    }

    fn alignment(&self) -> Result<Alignment> {
        self.schedule.guard("alignment", Some(self.number), || self.inner.alignment())
    }

    fn map_hint(&self) -> Result<MapHint> {
        self.schedule.guard("maphint", Some(self.number), || self.inner.map_hint())
    }

    fn read_at(&self, offset: u64, dst: &mut [u8]) -> Result<usize> {
        clear_mark();
        let call = if self.direct { "read.direct" } else { "read.buffered" };
        let met = self.schedule.meet(call, Some(self.number), 0);
        met.iter().for_each(|armed| armed.wait());
        let mut want = dst.len();
        let mut cut_by = None;
        for armed in &met {
            match armed.spec.fault() {
                Fault::Error(_) => {
                    if let Some(errno) = armed.refusal(call) {
                        return Err(errno);
                    }
                }
                Fault::Eof => {
                    armed.fire();
                    return Ok(0);
                }
                Fault::Short(bytes) => {
                    let cut = self.cut(bytes, dst.len());
                    if cut < want {
                        (want, cut_by) = (cut, Some(armed));
                    }
                }
                Fault::Delay(_)
                | Fault::Reports(_)
                | Fault::Truncate(_)
                | Fault::Corrupt(_)
                | Fault::Replaced => {}
            }
        }
        // Asking for the grain above may have gone through another injector below.
        clear_mark();
        met.iter()
            .filter(|armed| matches!(armed.spec.fault(), Fault::Delay(_)))
            .for_each(|armed| armed.mark());
        let mut arrived = self.inner.read_at(offset, &mut dst[..want])?;
        // Where fewer bytes arrived than the cut allowed, the cut made no difference.
        if let Some(armed) = cut_by.filter(|_| arrived == want) {
            armed.fire();
        }
        for armed in &met {
            match armed.spec.fault() {
                Fault::Truncate(size) => arrived = truncate(armed, size, offset, &mut dst[..arrived]),
                Fault::Corrupt(corruption) => corrupt(armed, corruption, offset, &mut dst[..arrived]),
                Fault::Error(_)
                | Fault::Delay(_)
                | Fault::Reports(_)
                | Fault::Eof
                | Fault::Short(_)
                | Fault::Replaced => {}
            }
        }
        Ok(arrived)
    }

    fn advise(&self, offset: u64, len: u64, advice: Advice) -> Result<()> {
        self.schedule.guard("advise.file", Some(self.number), || self.inner.advise(offset, len, advice))
    }

    fn map(&self, request: MapRequest) -> Result<Box<dyn Mapping>> {
        let inner = self.schedule.guard("map", Some(self.number), || self.inner.map(request))?;
        Ok(Box::new(InjectedMapping::new(inner, Arc::clone(&self.schedule), self.number)))
    }

    fn identity(&self) -> Result<FileIdentity> {
        self.inner.identity()
    }

    fn cached(&self) -> Result<Residency> {
        self.inner.cached()
    }
}
