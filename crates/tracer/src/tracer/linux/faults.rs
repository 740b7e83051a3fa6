//! Counting calls and choosing faults, as the platform's injector does, at the system call.

use std::collections::BTreeMap;

use crate::platform::{Corruption, Fault, FaultSpec, OsFamily, refusal};
use crate::trace::Errno;
use crate::tracer::TraceError;

struct Armed {
    spec: FaultSpec,
    /// Calls met so far, by model; `None` is anonymous memory.
    calls: BTreeMap<Option<usize>, u64>,
    fired: u64,
}

#[derive(Default)]
pub(super) struct Faults(Vec<Armed>);

/// What is to happen to one call.
#[derive(Debug, Default)]
pub(super) struct Meeting {
    /// Microseconds to wait first.
    pub(super) delay: u64,
    pub(super) deed: Deed,
    /// Faults for the data that arrives, in the order of the schedule.
    pub(super) data: Vec<usize>,
}

#[derive(Debug, Default, PartialEq)]
pub(super) enum Deed {
    #[default]
    Nothing,
    /// The call is not made and fails.
    Refuse(Errno),
    /// The read is not made and returns 0.
    Eof,
    /// The read asks for this many bytes, because of a fault.
    Cut(u64, usize),
}

impl Faults {
    /// # Errors
    /// For an error that no Linux system call returns.
    /// And, without `private` copies of the model, for a fault that alters its file.
    pub(super) fn new(specs: &[FaultSpec], private: bool) -> Result<Self, TraceError> {
        if let Some(spec) = specs.iter().find(|spec| spec.alters_file() && !private) {
            let why =
                "it alters the model file, which `check … -- CMD` alone does, on a private copy".to_owned();
            return Err(TraceError::Fault { fault: spec.to_string(), why });
        }
        if let Some(spec) =
            specs.iter().find(|s| matches!(s.fault(), Fault::Error(e) if e.starts_with("ERROR_")))
        {
            let why = "it is an error of Windows, which no Linux system call returns".to_owned();
            return Err(TraceError::Fault { fault: spec.to_string(), why });
        }
        let arm = |spec: &FaultSpec| Armed { spec: *spec, calls: BTreeMap::new(), fired: 0 };
        Ok(Self(specs.iter().map(arm).collect()))
    }

    /// Whether a fault is for calls of this name.
    pub(super) fn wants(&self, call: &str) -> bool {
        self.0.iter().any(|armed| armed.spec.target().covers(call))
    }

    /// Counts a call for every fault that is for it, and tells what is to happen. `len` is how many
    /// bytes a read or a request for memory asks for, `grain` the unit in which a read may be cut short.
    pub(super) fn meet(&mut self, call: &str, model: Option<usize>, len: u64, grain: u64) -> Meeting {
        let mut meeting = Meeting::default();
        for (index, armed) in self.0.iter_mut().enumerate() {
            let file = model.and_then(|model| u32::try_from(model + 1).ok());
            if !armed.spec.concerns(call, file, len) {
                continue;
            }
            let count = armed.calls.entry(model).or_default();
            *count += 1;
            if !armed.spec.when().meets(*count) {
                continue;
            }
            let decided = matches!(meeting.deed, Deed::Refuse(_) | Deed::Eof);
            match armed.spec.fault() {
                Fault::Delay(micros) => {
                    meeting.delay = meeting.delay.saturating_add(micros);
                    armed.fired += 1;
                }
                Fault::Error(name) if !decided => {
                    if let Some(errno) = refusal(name, call, OsFamily::Linux) {
                        armed.fired += 1;
                        meeting.deed = Deed::Refuse(errno);
                    }
                }
                Fault::Eof if !decided => {
                    armed.fired += 1;
                    meeting.deed = Deed::Eof;
                }
                Fault::Short(bytes) if !decided => {
                    let cut = (bytes / grain * grain).max(grain);
                    let shortest = if let Deed::Cut(known, _) = meeting.deed { known } else { len };
                    if cut < shortest {
                        meeting.deed = Deed::Cut(cut, index);
                    }
                }
                Fault::Truncate(_) | Fault::Corrupt(_) | Fault::Reports(_) | Fault::Replaced => {
                    meeting.data.push(index);
                }
                Fault::Error(_) | Fault::Eof | Fault::Short(_) => {}
            }
        }
        meeting
    }

    /// Has a read from `position` ask for no byte behind the size that a file is cut to: where it ended stays the position
    /// of the descriptor, as behind a file that shrank. Of direct reads that is no length.
    pub(super) fn end_at_size(&self, meeting: &mut Meeting, position: u64, len: u64) {
        let Meeting { deed, data, .. } = meeting;
        data.retain(|index| {
            let Some(Fault::Truncate(size)) = self.fault(*index) else { return true };
            let shortest = match deed {
                Deed::Nothing => len,
                Deed::Cut(known, _) => *known,
                Deed::Refuse(_) | Deed::Eof => return true,
            };
            let keep = size.saturating_sub(position);
            if keep < shortest {
                *deed = Deed::Cut(keep, *index);
            }
            false
        });
    }

    pub(super) fn fire(&mut self, index: usize) {
        if let Some(armed) = self.0.get_mut(index) {
            armed.fired += 1;
        }
    }

    /// What goes wrong by a fault of the schedule.
    pub(super) fn fault(&self, index: usize) -> Option<Fault> {
        self.0.get(index).map(|armed| armed.spec.fault())
    }

    /// The size that is to be reported instead of the file's, and which fault asks for it.
    pub(super) fn reported(&self, met: &[usize]) -> Option<(usize, u64)> {
        met.iter().find_map(|index| match self.0.get(*index)?.spec.fault() {
            Fault::Reports(size) => Some((*index, size)),
            _ => None,
        })
    }

    /// Where the data of a read, `arrived` bytes at `offset` of the file, is to be altered.
    pub(super) fn alteration(&self, index: usize, offset: u64, arrived: u64) -> Option<Alteration> {
        match self.0.get(index)?.spec.fault() {
            Fault::Truncate(size) => {
                let keep = size.saturating_sub(offset);
                (keep < arrived).then_some(Alteration::Cut { keep })
            }
            Fault::Corrupt(Corruption::Middle) => {
                (arrived > 0).then_some(Alteration::Flip { at: arrived / 2, mask: 1 })
            }
            Fault::Corrupt(Corruption::At { offset: at, mask }) => {
                let at = at.checked_sub(offset).filter(|at| *at < arrived)?;
                Some(Alteration::Flip { at, mask })
            }
            _ => None,
        }
    }

    pub(super) fn fired(&self) -> Vec<u64> {
        self.0.iter().map(|armed| armed.fired).collect()
    }
}

/// A change to data that arrived; positions count from its first byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Alteration {
    /// What lies from here on never arrived.
    Cut { keep: u64 },
    /// Bits of one byte are flipped.
    Flip { at: u64, mask: u8 },
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(specs: &[&str]) -> Faults {
        let specs: Vec<FaultSpec> = specs.iter().map(|s| s.parse().unwrap()).collect();
        Faults::new(&specs, true).unwrap()
    }

    #[test]
    fn a_read_ends_where_the_file_is_cut_to() {
        let mut faults = faults(&["read:truncate=100"]);
        for (position, deed) in [(0, Deed::Cut(100, 0)), (60, Deed::Cut(40, 0)), (100, Deed::Cut(0, 0))] {
            let mut meeting = faults.meet("read.buffered", None, 150, 1);
            faults.end_at_size(&mut meeting, position, 150);
            assert_eq!((meeting.deed, meeting.data.len()), (deed, 0), "{position}");
        }
        let mut meeting = faults.meet("read.buffered", None, 30, 1);
        faults.end_at_size(&mut meeting, 10, 30);
        assert_eq!((meeting.deed, meeting.data.len()), (Deed::Nothing, 0));
    }

    #[test]
    fn each_model_counts_for_itself() {
        let mut faults = faults(&["read:error=EIO:when=2"]);
        assert_eq!(faults.meet("read.direct", Some(0), 10, 1).deed, Deed::Nothing);
        assert_eq!(faults.meet("read.direct", Some(1), 10, 1).deed, Deed::Nothing);
        assert!(matches!(faults.meet("read.buffered", Some(0), 10, 1).deed, Deed::Refuse(e) if e.code == 5));
        assert_eq!(faults.fired(), [1]);
    }

    #[test]
    fn a_fault_of_one_file_meets_no_other() {
        let mut faults = self::faults(&["open:error=ENOENT:file=2", "alloc:error=ENOMEM:file=1"]);
        assert_eq!(faults.meet("open.buffered", Some(0), 0, 1).deed, Deed::Nothing);
        assert!(matches!(faults.meet("open.direct", Some(1), 0, 1).deed, Deed::Refuse(e) if e.code == 2));
        assert_eq!(faults.meet("alloc", None, 0, 1).deed, Deed::Nothing);
        assert_eq!(faults.fired(), [1, 0]);
    }

    #[test]
    fn a_small_request_is_no_large_one() {
        let mut faults = self::faults(&["alloc:error=ENOMEM:when=2:least=4096"]);
        for (len, met) in [(4096, false), (4095, false), (8192, true), (8192, false)] {
            let deed = faults.meet("alloc", None, len, 1).deed;
            assert_eq!(matches!(deed, Deed::Refuse(_)), met, "{len}: {deed:?}");
        }
    }

    #[test]
    fn the_first_refusal_decides_and_the_shortest_cut_wins() {
        let mut both =
            faults(&["read:short=100", "read:short=50", "read:eof:when=2", "read:error=EIO:when=2"]);
        assert_eq!(both.meet("read.buffered", None, 80, 1).deed, Deed::Cut(50, 1));
        assert_eq!(both.meet("read.buffered", None, 80, 1).deed, Deed::Eof);
        assert_eq!(both.meet("read.buffered", None, 8192, 4096).deed, Deed::Cut(4096, 0));
        assert_eq!(both.fired(), [0, 0, 1, 0]);
        assert!(faults(&["lock:error=ENOMEM"]).meet("read.buffered", None, 8, 1).data.is_empty());
    }

    #[test]
    fn data_is_altered_where_it_arrived() {
        let faults = faults(&["read:truncate=1000", "read:corrupt", "read:corrupt=70^0x80"]);
        assert_eq!(faults.alteration(0, 900, 200), Some(Alteration::Cut { keep: 100 }));
        assert_eq!(faults.alteration(0, 900, 100), None);
        assert_eq!(faults.alteration(1, 0, 9), Some(Alteration::Flip { at: 4, mask: 1 }));
        assert_eq!(faults.alteration(1, 0, 0), None);
        assert_eq!(faults.alteration(2, 64, 7), Some(Alteration::Flip { at: 6, mask: 0x80 }));
        assert_eq!(faults.alteration(2, 64, 6), None);
    }

    #[test]
    fn the_first_size_of_the_list_is_reported() {
        let mut faults = faults(&["size:delay=1", "size:reports=70:when=2", "size:reports=7"]);
        assert_eq!(faults.meet("size", Some(0), 0, 1).data, [2]);
        let meeting = faults.meet("size", Some(0), 0, 1);
        assert_eq!(faults.reported(&meeting.data), Some((1, 70)));
        assert_eq!(faults.alteration(1, 0, 9), None);
    }

    #[test]
    fn a_file_that_is_not_private_is_not_altered() {
        for text in ["map:truncate=4096", "map:corrupt=9^0x01", "open:replaced:when=2"] {
            let spec: FaultSpec = text.parse().unwrap();
            assert!(matches!(Faults::new(&[spec], false), Err(TraceError::Fault { .. })), "{text}");
            assert!(Faults::new(&[spec], true).is_ok(), "{text}");
        }
        let cut_for_reads: FaultSpec = "read:truncate=4096".parse().unwrap();
        assert!(Faults::new(&[cut_for_reads], false).is_ok());
    }

    #[test]
    fn an_error_of_another_system_is_refused() {
        let spec: FaultSpec = "open:error=ERROR_INVALID_PARAMETER".parse().unwrap();
        assert!(matches!(Faults::new(&[spec], false), Err(TraceError::Fault { .. })));
    }
}
