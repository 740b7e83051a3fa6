//! The sites of a run: its calls that a fault can meet, what each is an example of, and what lies ahead of one.

use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};

use super::kind::Kind;
use super::table::{Form, Lasts, Row, rows_of};
use super::unseen::Unseen;
use crate::rules::Evidence;
use crate::subject::{Fault, FaultSpec, Target, When};
use crate::trace::{Call, FileId, Op, Outcome, Phase, RegionId};

/// One call of a run that a fault can meet.
#[derive(Clone, Debug)]
pub(super) struct Site {
    /// Its full name in the injection grammar.
    pub(super) call: &'static str,
    /// Which call of that name on that file it is, from 1; of a command's requests for memory, which of those for half
    /// as much or more.
    pub(super) number: u64,
    /// Its file, from 1 in the order of first opens, where the run has several; of a command always, since a fault can
    /// make it take another file.
    pub(super) file: Option<u32>,
    /// Where it stands in the trace.
    pub(super) at: usize,
    /// Whether it brings weights in, or is asked for in the time of it.
    pub(super) loads: bool,
    pub(super) offset: u64,
    pub(super) len: u64,
    /// File, kind, phase, whether first, second, last or between, and size class.
    pub(super) class: u64,
}

/// A fault at a site.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    /// The fault.
    pub(super) spec: FaultSpec,
    /// What it is an example of.
    pub(super) kind: Kind,
    /// Which system gives it.
    pub(super) source: &'static str,
}

/// A hash of anything that is the same in every run of one build.
pub(super) fn hash(what: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    what.hash(&mut hasher);
    hasher.finish()
}

/// Files and regions of a trace, as far as they name its calls.
#[derive(Default)]
struct Known<'o> {
    paths: HashMap<FileId, &'o str>,
    order: Vec<&'o str>,
    /// The file of each region; `None` for memory of no file.
    regions: HashMap<RegionId, Option<FileId>>,
}

impl<'o> Known<'o> {
    fn learn(&mut self, op: &'o Op) {
        match &op.call {
            Call::Open { file, path, .. } => {
                self.paths.insert(*file, path);
                if !self.order.contains(&path.as_str()) {
                    self.order.push(path);
                }
            }
            Call::Map { region, file, .. } => {
                self.regions.insert(*region, Some(*file));
            }
            Call::Alloc { region, .. } => {
                self.regions.insert(*region, None);
            }
            _ => {}
        }
    }

    /// The number of a call's file, in the order of their first opens.
    fn file(&self, call: &Call) -> Option<usize> {
        let of_region = || call.region().and_then(|region| *self.regions.get(&region)?);
        let path = self.paths.get(&call.file().or_else(of_region)?)?;
        self.order.iter().position(|known| known == path)
    }

    fn name(&self, call: &Call) -> Option<&'static str> {
        let is_map = || call.region().and_then(|region| self.regions.get(&region).map(Option::is_some));
        Some(match call {
            Call::Open { direct: true, .. } => "open.direct",
            Call::Open { .. } => "open.buffered",
            Call::Size { .. } => "size",
            Call::Alignment { .. } => "alignment",
            Call::MapHint { .. } => "maphint",
            Call::Read { direct: true, .. } => "read.direct",
            Call::Read { .. } => "read.buffered",
            Call::Map { .. } => "map",
            Call::Alloc { .. } => "alloc",
            Call::FileAdvise { .. } => "advise.file",
            Call::MapAdvise { .. } => "advise.map",
            Call::Lock { .. } if is_map()? => "lock.map",
            Call::Lock { .. } => "lock.buffer",
            Call::Unlock { .. } if is_map()? => "unlock.map",
            Call::Unlock { .. } => "unlock.buffer",
            Call::Unmap { .. } if is_map()? => "unmap",
            _ => return None,
        })
    }
}

/// Where a call is, and how much it asks for.
fn extent(call: &Call) -> (u64, u64) {
    match call {
        Call::Read { offset, len, .. }
        | Call::Map { offset, len, .. }
        | Call::FileAdvise { offset, len, .. }
        | Call::MapAdvise { offset, len, .. }
        | Call::Lock { offset, len, .. }
        | Call::Unlock { offset, len, .. }
        | Call::Unmap { offset, len, .. } => (*offset, *len),
        Call::Alloc { len, .. } => (0, *len),
        _ => (0, 0),
    }
}

/// The alignment of a read's destination, as far as a kernel cares.
fn destination(call: &Call) -> u64 {
    match call {
        Call::Read { addr, .. } => 1 << addr.trailing_zeros().min(12),
        _ => 0,
    }
}

/// Every call of a trace that a fault can meet, in order. Those of a command that its trace has not are told by what
/// comes of them.
pub(super) fn sites(ops: &[Op], is_command: bool) -> Vec<Site> {
    let mut known = Known::default();
    let mut unseen = Unseen::default();
    let mut counts: BTreeMap<(Option<usize>, &'static str), u64> = BTreeMap::new();
    let mut seen: Vec<(Site, Option<usize>, u32)> = Vec::new();
    for (at, op) in ops.iter().enumerate() {
        known.learn(op);
        let mut push = |call: &'static str, file: Option<usize>, (offset, len): (u64, u64)| {
            let number = if is_command && call == "alloc" {
                let as_large = |site: &Site| site.call == call && site.len >= least(len);
                1 + seen.iter().filter(|(site, ..)| as_large(site)).count() as u64
            } else {
                1 + counts.get(&(file, call)).copied().unwrap_or_default()
            };
            counts.insert((file, call), number);
            let loads = op.phase == Phase::Load;
            let site = Site { call, number, file: None, at, loads, offset, len, class: 0 };
            seen.push((site, file, op.phase as u32));
        };
        if is_command {
            unseen.before(op).for_each(|(call, len)| push(call, None, (0, len)));
        }
        let Some(call) = known.name(&op.call) else { continue };
        let (offset, mut len) = extent(&op.call);
        if let (Call::Size { .. }, Outcome::Ok(size)) = (&op.call, &op.outcome) {
            len = *size;
        }
        push(call, known.file(&op.call), (offset, len));
    }
    let named = is_command || known.order.len() > 1;
    for (site, file, phase) in &mut seen {
        site.file = file.filter(|_| named).and_then(|at| u32::try_from(at + 1).ok());
        let last = counts.get(&(*file, site.call)).copied().unwrap_or_default();
        let place = match site.number {
            1 => 0,
            2 => 1,
            n if n == last => 3,
            _ => 2,
        };
        site.class = hash((*file, site.call, *phase, place, site.len.checked_ilog2().map(|log| log / 4)));
    }
    seen.into_iter().map(|(site, _, _)| site).collect()
}

/// A command's request for memory is met by its size, since which one is for weights shows only when they come: an
/// allocator that is refused a mapping asks for a larger heap, of which some is there.
fn least(len: u64) -> u64 {
    (len / 2).max(1)
}

/// To how many bytes every read is cut at least, where that lasts: a small read of network file systems.
const LEAST_FOR_EVER: u64 = 4096;

impl Site {
    /// Every fault of the table for this call, each for as long as its row says. Errors, cuts, ends and delays take
    /// turns, so that the first few are not all of one form.
    pub(super) fn candidates(&self, reference: bool) -> Vec<Candidate> {
        let mut forms: BTreeMap<Form, usize> = BTreeMap::new();
        let mut all: Vec<(usize, Candidate)> = Vec::new();
        for row in rows_of(self.call, reference) {
            for lasts in row.lasts {
                let Some(candidate) = self.candidate(row, *lasts, reference) else { continue };
                if !all.iter().any(|(_, other)| other.spec == candidate.spec) {
                    let turn = forms.entry(row.what.form()).or_default();
                    all.push((*turn, candidate));
                    *turn += 1;
                }
            }
        }
        all.sort_by_key(|(turn, _)| *turn);
        all.into_iter().map(|(_, candidate)| candidate).collect()
    }

    fn candidate(&self, row: &Row, lasts: Lasts, reference: bool) -> Option<Candidate> {
        let fault = row.what.fault(self.offset, self.len)?;
        // All reads cut to a few hundred bytes are no hang and yet take as long.
        if lasts == Lasts::Sticky && matches!(fault, Fault::Short(bytes) if bytes < LEAST_FOR_EVER) {
            return None;
        }
        let when = match lasts {
            Lasts::Once => When::nth(self.number),
            Lasts::Burst => When::new(self.number, Some(self.number.checked_add(2)?), 1)?,
            Lasts::Sticky => When::from(self.number),
        };
        let spec = FaultSpec::new(Target::named(self.call)?, fault, when).ok()?;
        let spec = match self.file {
            // What is short in all of the process is short for any file.
            Some(1) if lasts == Lasts::Sticky && row.is_of_the_process() => spec,
            Some(file) => spec.on_file(file),
            None if self.call == "alloc" && !reference => spec.of_at_least(least(self.len)),
            None => spec,
        };
        let further = self.file.is_some_and(|file| file > 1);
        let kind = Kind { call: self.call, further, fault: row.what.kind(), lasts };
        Some(Candidate { spec, kind, source: row.source })
    }
}

/// The place in a trace at which a fault first met a call: its site, or the last call that any fault changed where
/// threads made the calls in another order.
pub(super) fn met_at(sites: &[Site], ops: &[Op], spec: FaultSpec) -> Option<usize> {
    let covered =
        |site: &&Site| spec.concerns(site.call, site.file, site.len) && spec.when().meets(site.number);
    let own = match spec.target().name() {
        // Their numbers are inferred, and what was refused is in the trace.
        "alloc" | "thread" => None,
        _ => sites.iter().find(covered).map(|site| site.at),
    };
    own.or_else(|| ops.iter().rposition(|op| op.injected))
}

/// What a run is at one place: what lies ahead, the mode that it ended in, what it holds, and the kinds of fault
/// behind it, of which two of each count.
pub(super) fn state(evidence: &Evidence, at: Option<usize>, behind: &[Kind]) -> u64 {
    let mut known = Known::default();
    let mut hasher = DefaultHasher::new();
    let (mut files, mut regions, mut locks) = (0i64, 0i64, 0i64);
    for (index, op) in evidence.ops.iter().enumerate() {
        known.learn(op);
        if at.is_none_or(|at| index > at) {
            if let Some(name) = known.name(&op.call) {
                (name, known.file(&op.call), extent(&op.call), destination(&op.call)).hash(&mut hasher);
            }
            continue;
        }
        if matches!(op.outcome, Outcome::Err(_)) {
            continue;
        }
        match op.call {
            Call::Open { .. } => files += 1,
            Call::Close { .. } => files -= 1,
            Call::Map { .. } | Call::Alloc { .. } => regions += 1,
            Call::Unmap { .. } => regions -= 1,
            Call::Lock { .. } => locks += 1,
            Call::Unlock { .. } => locks -= 1,
            _ => {}
        }
    }
    let mut behind = behind.to_vec();
    behind.sort_unstable();
    let mut kinds: BTreeMap<Kind, u8> = BTreeMap::new();
    for kind in behind {
        let count = kinds.entry(kind).or_default();
        *count = (*count + 1).min(2);
    }
    (files, regions, locks, evidence.effective().to_string(), kinds).hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::NativeFlags;

    fn op(seq: u64, call: Call) -> Op {
        let (outcome, phase) = (Outcome::Ok(0), Phase::Load);
        Op { seq, phase, pid: 0, thread: 0, call, outcome, start_ns: 0, dur_ns: 0, injected: false }
    }

    fn trace(reads: u64) -> Vec<Op> {
        let flags = NativeFlags::default();
        let (file, path) = (FileId(0), "m".to_owned());
        let mut ops = vec![op(0, Call::Open { file, path, direct: false, identity: None, flags })];
        for n in 0..reads {
            let read = Call::Read { file, offset: n * 8192, len: 8192, direct: false, addr: 4096 };
            ops.push(op(n + 1, read));
        }
        ops
    }

    #[test]
    fn calls_between_the_ends_are_one_class() {
        let sites = sites(&trace(9), false);
        let numbers: Vec<_> = sites.iter().map(|site| (site.call, site.number)).collect();
        assert_eq!(numbers[..3], [("open.buffered", 1), ("read.buffered", 1), ("read.buffered", 2)]);
        let classes: std::collections::BTreeSet<u64> = sites[1..].iter().map(|site| site.class).collect();
        assert_eq!(classes.len(), 4);
    }

    #[test]
    fn candidates_are_those_of_the_table_each_once() {
        let read = &sites(&trace(2), false)[1];
        let shown: Vec<String> = read.candidates(false).iter().map(|c| c.spec.to_string()).collect();
        for expected in [
            "read.buffered:error=EIO:when=1",
            "read.buffered:error=EIO",
            "read.buffered:error=EINTR:when=1..3",
            "read.buffered:short=4096:when=1",
            "read.buffered:short=8191:when=1",
            "read.buffered:truncate=4096",
        ] {
            assert!(shown.iter().any(|s| s == expected), "{expected} is not in {shown:?}");
        }
        let mut once = shown.clone();
        once.sort();
        once.dedup();
        assert_eq!(once.len(), shown.len());
    }

    /// A fault on the second of two files is one of its own, and no fault on the first.
    #[test]
    fn each_file_of_a_model_has_sites_of_its_own() {
        let mut ops = trace(1);
        let second = FileId(1);
        let (flags, path) = (NativeFlags::default(), "n".to_owned());
        ops.push(op(
            2,
            Call::Open { file: second, path, direct: false, identity: None, flags: flags.clone() },
        ));
        let region = RegionId(0);
        let map =
            Call::Map { file: second, region, offset: 0, len: 8192, populate: false, addr: 4096, flags };
        ops.extend([op(3, map), op(4, Call::Lock { region, offset: 0, len: 8192 })]);
        let sites = sites(&ops, false);
        let seen: Vec<_> = sites.iter().map(|site| (site.call, site.file, site.number)).collect();
        assert_eq!(
            seen,
            [
                ("open.buffered", Some(1), 1),
                ("read.buffered", Some(1), 1),
                ("open.buffered", Some(2), 1),
                ("map", Some(2), 1),
                ("lock.map", Some(2), 1),
            ]
        );
        let specs = sites[2].candidates(false);
        assert!(specs.iter().any(|c| c.spec.to_string() == "open.buffered:error=ENOENT:when=1:file=2"));
        let spec: FaultSpec = "open:error=ENOENT:file=2".parse().unwrap();
        assert_eq!(met_at(&sites, &ops, spec), Some(2));
    }

    /// A fault may make a command take another file, which is none of the fault's, and memory is met by its size.
    #[test]
    fn the_faults_of_a_command_name_its_file_and_how_much_memory_it_asks_for() {
        let mut ops = trace(1);
        let region = RegionId(0);
        let alloc = |len| Call::Alloc { region, len, align: 4096, addr: 1 << 20 };
        ops.extend([op(2, alloc(3000)), op(3, alloc(8000))]);
        let sites = sites(&ops, true);
        let shown = |call: &str| -> Vec<String> {
            let of_call = sites.iter().filter(|site| site.call == call);
            of_call.flat_map(|site| site.candidates(false)).map(|c| c.spec.to_string()).collect()
        };
        let opens = shown("open.buffered");
        let of_file = |spec: &&String| spec.ends_with(":file=1");
        let for_all: Vec<_> = opens.iter().filter(|spec| !of_file(spec)).collect();
        assert_eq!(for_all, ["open.buffered:error=EMFILE"], "{opens:?}");
        // The read went to memory that no call made.
        assert_eq!(
            shown("alloc"),
            [
                "alloc:error=ENOMEM:when=1:least=4096",
                "alloc:error=ENOMEM:least=4096",
                "alloc:error=ENOMEM:when=2:least=1500",
                "alloc:error=ENOMEM:when=2+:least=1500",
                "alloc:error=ENOMEM:when=2:least=4000",
                "alloc:error=ENOMEM:when=2+:least=4000",
            ]
        );
    }

    #[test]
    fn a_fault_is_found_where_it_first_met_a_call() {
        let ops = trace(5);
        let spec: FaultSpec = "read:error=EIO:when=3+".parse().unwrap();
        assert_eq!(met_at(&sites(&ops, false), &ops, spec), Some(3));
        let nowhere: FaultSpec = "lock:error=ENOMEM".parse().unwrap();
        assert_eq!(met_at(&sites(&ops, false), &ops, nowhere), None);
    }
}
