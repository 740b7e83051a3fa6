//! Faults on the bytes of the model's file itself, where no call can be made to fail: mapped bytes above all.
//!
//! The command runs on a private copy of the model that is cut short once it is mapped, that another file takes the
//! name of between two opens, or that has one byte changed from the start. What it must not do is end as if nothing
//! had happened where it claims a check of what it loads, crash without a word, or mix two files. Its calls are on
//! files of more than one layout then and its memory is held against none, so that what is judged is how it ends,
//! what it says and what it prints.
//!
//! Most loaders have no guard against any of it and claim none: SIGBUS ends them, and a second open by name may find
//! another file. That is said of them and is no broken rule; it is one where a check is claimed.

use super::explore::Step;
use super::kind::Kind;
use super::outcome::Came;
use super::run::Clean;
use super::schedule::Schedule;
use super::sites::Site;
use super::table::Lasts;
use crate::check::document::FaultOutcome;
use crate::check::said::says_more;
use crate::check::shows::NoOutput;
use crate::rules::{Applies, Ending, Evidence, Finding, Profile, Rule};
use crate::subject::{Alterable, Corruption, Fault, FaultSpec, Target, When};

/// What is done to the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    /// It is cut short once it is mapped.
    Shrunk,
    /// Another file has its name.
    Replaced,
    /// One byte of a tensor is another one.
    Byte,
}

/// One row: what is done at which call.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    call: &'static str,
    what: What,
    /// How a system comes to do that.
    source: &'static str,
}

const fn row(call: &'static str, what: What, source: &'static str) -> Row {
    Row { call, what, source }
}

/// Every row.
#[rustfmt::skip]
pub(super) const TABLE: &[Row] = &[
    row("map", What::Shrunk, "mmap(2), SIGBUS: a download or a copy that starts over truncates the file that is mapped"),
    row("open.buffered", What::Replaced, "rename(2): what updates a model writes beside it and renames; a second open finds the other file"),
    row("open.direct", What::Replaced, "rename(2): what updates a model writes beside it and renames; a second open finds the other file"),
    row("map", What::Byte, "a damaged download, a bad disk or memory: ext4 and xfs keep no checksum of data"),
    row("read.direct", What::Byte, "a damaged download, a bad disk or memory: ext4 and xfs keep no checksum of data"),
    row("read.buffered", What::Byte, "a damaged download, a bad disk or memory: ext4 and xfs keep no checksum of data"),
];

/// The grain of a cut, in bytes: a multiple of every page size, so that no page is cut within, whose rest would
/// read as zeros.
const GRAINS: [u64; 2] = [64 << 10, 4 << 10];

/// What can be altered under a subject.
#[derive(Clone, Debug)]
pub(super) struct Altering {
    /// What private copies can do; why not, where there can be none.
    pub(super) copies: Result<Alterable, String>,
    /// Whether the subject claims a check of what it loads: then one byte is changed too.
    pub(super) claims_check: bool,
}

impl Altering {
    /// The schedule with one such fault more at a call, for every row that the call has. `ahead` are the calls that
    /// lie ahead, `roles` the tensors of each file in the order of first opens.
    pub(super) fn steps(
        &self,
        behind: &Schedule,
        site: &Site,
        ahead: &[&Site],
        roles: &[Vec<std::ops::Range<u64>>],
    ) -> Vec<Step<Schedule>> {
        let file = site.file.and_then(|file| usize::try_from(file).ok()?.checked_sub(1)).unwrap_or(0);
        let tensors = roles.get(file).map_or(&[][..], Vec::as_slice);
        let rows = TABLE.iter().filter(|row| row.call == site.call);
        let specs = rows.flat_map(|row| {
            self.faults(row, site, ahead, tensors).into_iter().map(move |fault| (row, fault))
        });
        let step = |(row, fault): (&Row, Fault)| {
            let spec = FaultSpec::new(Target::named(site.call)?, fault, When::nth(site.number)).ok()?;
            // One file is altered once.
            let altered = |other: &FaultSpec| other.alters_file() && other.file() == site.file;
            if spec.alters_file() && behind.faults.iter().any(altered) {
                return None;
            }
            let further = site.file.is_some_and(|file| file > 1);
            let kind = Kind { call: site.call, further, fault: row.what.kind(), lasts: Lasts::Once };
            let mut what = behind.clone();
            what.faults.push(site.file.map_or(spec, |file| spec.on_file(file)));
            what.kinds.push(kind);
            what.sources.push(row.source);
            let depth = u32::try_from(what.faults.len()).unwrap_or(u32::MAX);
            Some(Step { depth, kind, lane: behind.root, class: site.class, what })
        };
        specs.filter_map(step).collect()
    }

    /// The faults of a row at one call.
    fn faults(
        &self,
        row: &Row,
        site: &Site,
        ahead: &[&Site],
        tensors: &[std::ops::Range<u64>],
    ) -> Vec<Fault> {
        let end = site.offset.saturating_add(site.len);
        let within = || tensors.iter().filter(|range| range.start < end && range.end > site.offset);
        match (row.what, &self.copies) {
            (What::Byte, copies) if self.claims_check => {
                // What the read of a header brings of the weights beside it is nobody's.
                let matters = if site.call == "map" { copies.is_ok() } else { site.loads };
                if !matters {
                    return Vec::new();
                }
                let there: Vec<_> =
                    within().map(|range| range.start.max(site.offset)..range.end.min(end)).collect();
                let between =
                    there.get(there.len() / 2).map(|range| range.start + (range.end - range.start) / 2);
                let mut bytes: Vec<u64> = between.into_iter().collect();
                // The first and the last stand where a check may begin too late or end too early. Reads have those
                // of their own.
                if let (Some(first), Some(last), "map") = (there.first(), there.last(), site.call) {
                    bytes.extend([first.start, last.end - 1]);
                }
                bytes.dedup();
                bytes.into_iter().map(|offset| Fault::Corrupt(Corruption::At { offset, mask: 1 })).collect()
            }
            (What::Shrunk, Ok(_)) if within().next().is_some() => {
                let half = site.offset + site.len / 2;
                let cuts = GRAINS.iter().map(|grain| half / grain * grain);
                cuts.filter(|cut| *cut > site.offset).take(1).map(Fault::Truncate).collect()
            }
            (What::Replaced, Ok(copies)) => {
                let file = site.file.map_or(0, |file| file.saturating_sub(1) as usize);
                let earlier = |other: &&&Site| {
                    other.at < site.at && other.file == site.file && other.call.starts_with("open")
                };
                let again = ahead.iter().any(|other| earlier(&other));
                let there = copies.replaceable.get(file).copied().unwrap_or(false);
                Some(Fault::Replaced).filter(|_| again && there).into_iter().collect()
            }
            _ => Vec::new(),
        }
    }

    /// What was not tried, and why, where a run gave occasion for it.
    pub(super) fn untried(&self, mapped: bool) -> Option<String> {
        let why = self.copies.as_ref().err().filter(|_| mapped)?;
        Some(format!("faults on mapped bytes were not tried: {why}"))
    }
}

impl What {
    fn kind(self) -> &'static str {
        match self {
            Self::Shrunk => "shrunk under a mapping",
            Self::Replaced => "replaced between two opens",
            Self::Byte => "a changed byte",
        }
    }
}

/// What is said of a program that claims no check, and that SIGBUS ends without a word.
const KILLED: &str = "a file that is cut short while it is mapped ends it by SIGBUS, without a word (--claims-check makes that a finding)";
/// Of one that puts the header of one file to the data of another.
const MIXED: &str = "a file that is replaced between two opens is taken for the first one: the header of one, the data of the other (--claims-check makes that a finding)";
/// Of one that takes a changed byte as it comes.
const TAKEN: &str = "a changed byte of the file is taken as it comes (--claims-check makes that a finding)";

/// What came of a run under a fault that altered the file, or that changed a byte of it for a subject that claims a
/// check; `None` where no fault did.
pub(super) fn came_of(
    clean: &Clean,
    run: &Evidence,
    faults: &[FaultSpec],
    profile: &Profile,
) -> Option<Came> {
    let changed = |spec: &&FaultSpec| matches!(spec.fault(), Fault::Corrupt(_));
    let byte = faults.iter().find(changed);
    let alters = faults.iter().any(FaultSpec::alters_file);
    let judged = alters || byte.is_some() && clean.claims_check;
    if !judged {
        return None;
    }
    let quiet = !says_more(&clean.said, run);
    let same = run.output == clean.run.output;
    let shows = clean.no_output.is_none() || !same && NoOutput::compares(clean.no_output.as_ref());
    let broken = |outcome, rule: Rule, message: String| {
        let mut came = Came::of(outcome, message.clone());
        if profile.applies(rule) == Applies::Yes {
            came.findings.push(Finding::new(rule, message));
        }
        came
    };
    let unguarded = |note| Came { note: Some(note), ..Came::of(FaultOutcome::Unguarded, String::new()) };
    let replaced = faults.iter().any(|spec| spec.fault() == Fault::Replaced);
    let ended = run.ending.message().to_owned();
    Some(match &run.ending {
        Ending::TimeLimit(_) => broken(FaultOutcome::Hang, Rule::FaultHang, ended),
        Ending::Killed(_) => Came::of(FaultOutcome::NotObserved, ended),
        Ending::Crashed(_) if !quiet => Came::of(FaultOutcome::Error, ended),
        Ending::Crashed(message) if by_sigbus(message) && byte.is_none() && !clean.claims_check => {
            unguarded(KILLED)
        }
        Ending::Crashed(_) => {
            let message = format!("it crashed without a word: {ended}");
            broken(FaultOutcome::Crash, Rule::FaultCrash, message)
        }
        Ending::Completed => match byte {
            Some(byte) if clean.claims_check && quiet => {
                let message = format!(
                    "it claims to check what it loads, and ended as if nothing had happened ({byte})"
                );
                broken(FaultOutcome::WrongOutput, Rule::FaultOutput, message)
            }
            _ if !shows => Came::of(FaultOutcome::NotObserved, clean.silence()),
            _ if same && quiet => Came::of(FaultOutcome::Same, ended),
            _ if same => Came::of(FaultOutcome::Fallback, ended),
            Some(_) if !clean.claims_check => unguarded(TAKEN),
            // Whatever it says, it claims no check: a line of a log may come in one run and not in another.
            _ if replaced && !clean.claims_check => unguarded(MIXED),
            _ => {
                let how = match replaced {
                    true => {
                        "its output is that of neither file: it took the header of one and the data of the other"
                    }
                    false => "its output is not the clean one",
                };
                let message = format!("it ended as if nothing had happened, and {how}");
                broken(FaultOutcome::WrongOutput, Rule::FaultOutput, message)
            }
        },
        Ending::Failed(_) if quiet => broken(FaultOutcome::SilentFailure, Rule::FaultReported, ended),
        _ => Came::of(FaultOutcome::Error, ended),
    })
}

/// Whether a crash is SIGBUS, of the program itself or of a child that a shell reports.
fn by_sigbus(message: &str) -> bool {
    /// Linux on x86 and Arm.
    const NUMBER: &str = "7";
    let of = |prefix: &str, number: &str| {
        let rest = message.strip_prefix(prefix).and_then(|rest| rest.strip_prefix(number));
        rest.is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_digit()))
    };
    of("signal ", NUMBER) || of("exit code ", "135")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::said::Said;
    use crate::plan::{Dialect, LoadPlan, Spelling};
    use crate::rules::{Capabilities, Output, Weights};
    use crate::subject::Case;

    fn site(call: &'static str, number: u64, at: usize, offset: u64, len: u64) -> Site {
        Site { call, number, file: None, at, loads: true, offset, len, class: 0 }
    }

    fn specs(altering: &Altering, site: &Site, ahead: &[&Site]) -> Vec<String> {
        let tensors = vec![[1000..2000, 2000..90_000, 100_000..200_000, 200_000..300_000].to_vec()];
        let steps = altering.steps(&Schedule::clean(0), site, ahead, &tensors);
        steps.iter().map(|step| step.what.faults[0].to_string()).collect()
    }

    fn altering(claims_check: bool) -> Altering {
        Altering { copies: Ok(Alterable { replaceable: vec![true] }), claims_check }
    }

    #[test]
    fn a_mapping_is_cut_between_its_pages_and_a_second_open_finds_another_file() {
        let open = site("open.buffered", 1, 0, 0, 0);
        let (again, direct) = (site("open.buffered", 2, 3, 0, 0), site("open.direct", 1, 5, 0, 0));
        let (map, small) = (site("map", 1, 1, 0, 300_000), site("map", 1, 1, 4096, 4096));
        let all = [&open, &map, &again, &direct];
        let may = altering(false);
        assert_eq!(specs(&may, &map, &all), ["map:truncate=131072:when=1"]);
        assert_eq!(specs(&may, &open, &all), [""; 0]);
        assert_eq!(specs(&may, &again, &all), ["open.buffered:replaced:when=2"]);
        assert_eq!(specs(&may, &direct, &all), ["open.direct:replaced:when=1"]);
        // Half of one page is no cut.
        assert_eq!(specs(&may, &small, &all), [""; 0]);
        let none = Altering { copies: Err("the disk is full".to_owned()), claims_check: true };
        assert_eq!(specs(&none, &map, &all), [""; 0]);
        assert_eq!(none.untried(true).unwrap(), "faults on mapped bytes were not tried: the disk is full");
        assert_eq!(none.untried(false), None);
    }

    #[test]
    fn a_byte_is_changed_where_a_check_is_claimed() {
        let (map, read) = (site("map", 1, 1, 0, 300_000), site("read.direct", 4, 1, 2000, 8000));
        let may = altering(true);
        let changed = [
            "map:corrupt=150000^0x01:when=1",
            "map:corrupt=1000^0x01:when=1",
            "map:corrupt=299999^0x01:when=1",
        ];
        assert_eq!(specs(&may, &map, &[])[1..], changed);
        assert_eq!(specs(&may, &read, &[]), ["read.direct:corrupt=6000^0x01:when=4"]);
        assert_eq!(specs(&altering(false), &read, &[]), [""; 0]);
        let of_the_header = Site { loads: false, ..read };
        assert_eq!(specs(&may, &of_the_header, &[]), [""; 0]);
    }

    #[test]
    fn every_row_is_of_a_call_and_names_its_source() {
        for row in TABLE {
            assert!(Target::named(row.call).is_some() && row.source.len() > 20, "{row:?}");
        }
    }

    fn clean(claims_check: bool) -> Clean {
        let case = Case::of(Spelling::default(), Dialect::default());
        let run = ran(Ending::Completed, "sum 1", "");
        let said = Said::in_any(std::slice::from_ref(&run));
        let plan = case.plan.unwrap_or(LoadPlan::map(false));
        Clean { plan, case, run, said, broken: Vec::new(), no_output: None, claims_check }
    }

    fn ran(ending: Ending, stdout: &str, stderr: &str) -> Evidence {
        let mut run = Evidence::new(Vec::new(), Weights::default(), 4096, Capabilities::of([]));
        run.ending = ending;
        run.output = Some(Output::text(stdout.as_bytes().to_vec()));
        run.stderr = stderr.as_bytes().to_vec();
        run
    }

    #[test]
    fn what_is_a_defect_depends_on_what_is_claimed() {
        let bus = || Ending::Crashed("signal 7, nothing on standard error".to_owned());
        let cases = [
            // fault, claims a check, ending, output, words, outcome, rule
            ("map:truncate=4096", false, bus(), "", "", FaultOutcome::Unguarded, None),
            ("map:truncate=4096", true, bus(), "", "", FaultOutcome::Crash, Some(Rule::FaultCrash)),
            ("map:truncate=4096", true, bus(), "", "the file shrank", FaultOutcome::Error, None),
            (
                "map:truncate=4096",
                false,
                Ending::Crashed("signal 11".to_owned()),
                "",
                "",
                FaultOutcome::Crash,
                Some(Rule::FaultCrash),
            ),
            ("map:truncate=4096", false, Ending::Completed, "sum 1", "", FaultOutcome::Same, None),
            (
                "map:truncate=4096",
                false,
                Ending::Completed,
                "sum 2",
                "",
                FaultOutcome::WrongOutput,
                Some(Rule::FaultOutput),
            ),
            (
                "map:truncate=4096",
                false,
                Ending::Failed("exit code 1".to_owned()),
                "",
                "",
                FaultOutcome::SilentFailure,
                Some(Rule::FaultReported),
            ),
            ("open:replaced:when=2", false, Ending::Completed, "sum 1", "", FaultOutcome::Same, None),
            ("open:replaced:when=2", false, Ending::Completed, "sum 2", "", FaultOutcome::Unguarded, None),
            (
                "open:replaced:when=2",
                true,
                Ending::Completed,
                "sum 2",
                "",
                FaultOutcome::WrongOutput,
                Some(Rule::FaultOutput),
            ),
            (
                "open:replaced:when=2",
                false,
                Ending::Failed("exit code 1".to_owned()),
                "",
                "it was replaced",
                FaultOutcome::Error,
                None,
            ),
            (
                "map:corrupt=9^0x01",
                true,
                Ending::Completed,
                "sum 1",
                "",
                FaultOutcome::WrongOutput,
                Some(Rule::FaultOutput),
            ),
            (
                "map:corrupt=9^0x01",
                true,
                Ending::Failed("exit code 1".to_owned()),
                "",
                "checksum wrong",
                FaultOutcome::Error,
                None,
            ),
            ("map:corrupt=9^0x01", false, Ending::Completed, "sum 2", "", FaultOutcome::Unguarded, None),
            (
                "read:corrupt=9^0x01",
                true,
                Ending::Completed,
                "sum 2",
                "",
                FaultOutcome::WrongOutput,
                Some(Rule::FaultOutput),
            ),
        ];
        for (fault, claims, ending, out, err, outcome, rule) in cases {
            let faults: [FaultSpec; 1] = [fault.parse().unwrap()];
            let run = ran(ending, out, err);
            let came = came_of(&clean(claims), &run, &faults, &Profile::FOREIGN).unwrap();
            let rules: Vec<Rule> = came.findings.iter().map(|finding| finding.rule).collect();
            assert_eq!(
                (came.outcome, rules),
                (outcome, rule.into_iter().collect()),
                "{fault} {claims} {out} {err}"
            );
        }
        let other: FaultSpec = "read:corrupt=9^0x01".parse().unwrap();
        assert!(
            came_of(&clean(false), &ran(Ending::Completed, "", ""), &[other], &Profile::FOREIGN).is_none()
        );
    }

    #[test]
    fn sigbus_is_told_from_other_ends() {
        for (message, is) in [
            ("signal 7: x", true),
            ("signal 7, nothing", true),
            ("exit code 135: Bus error", true),
            ("signal 70", false),
            ("signal 11", false),
            ("exit code 1350", false),
        ] {
            assert_eq!(by_sigbus(message), is, "{message}");
        }
    }
}
