//! One hand-made document of each kind, with something of everything that a report has to show.

use crate::check::document::{
    Across, CaseResult, Cell, CheckDocument, CheckFinished, CheckStarted, Claim, CompareDocument,
    CompareFinished, CompareStarted, CompareTotals, Compared, Facts, Failure, FaultCase, FaultGroup,
    FaultOutcome, FaultTotals, FaultsBounds, FaultsDocument, FaultsFinished, FaultsKind, FaultsLeft,
    FaultsStarted, GroupResult, Header, Impact, JudgeDocument, LeftBecause, LevelResult, LevelState, Machine,
    MergeDocument, MergeFinished, MergeStarted, MergeTotals, MergeVerdict, ModelMerged, Normalisation,
    OldAndNew, Part, RowMerged, Totals, Verdict,
};
use crate::plan::{LoadPlan, OnRefused};
use crate::report::timeline::samples::timeline;
use crate::rules::{Capability, Finding, Level, NotObserved, Rule};

fn texts<const N: usize>(texts: [&str; N]) -> Vec<String> {
    texts.map(str::to_owned).to_vec()
}

fn header() -> Header {
    let (model, platform) = ("model.gguf".to_owned(), "linux".to_owned());
    Header { tool: "loadparity VERSION".to_owned(), model, platform, arch: "x86_64".to_owned() }
}

fn started() -> CheckStarted {
    CheckStarted {
        header: header(),
        subject: "llama-cli".to_owned(),
        model_hash: "00".repeat(32),
        dialect: "reference".to_owned(),
        page_size: 4096,
        level: Level::P4,
        generation: "8 tokens".to_owned(),
        planned_plans: 120,
        planned_loads: 4,
        part: None,
        known: Vec::new(),
    }
}

fn failure(rule: Rule, spelling: &str, plan: Option<&str>, message: &str) -> Failure {
    Failure {
        rule,
        spelling: spelling.to_owned(),
        plan: plan.map(str::to_owned),
        message: message.to_owned(),
        diff: None,
        reproduce: format!(
            "loadparity check -m model.gguf --only '{spelling}' -- llama-cli {{model}} {{flags}}"
        ),
        expected: None,
        across: None,
    }
}

fn unseen(rule: Rule, capability: Capability) -> NotObserved {
    NotObserved::new(rule, vec![capability], capability.absence())
}

fn group(name: &str, spellings: Vec<String>, verdict: Verdict) -> GroupResult {
    GroupResult {
        plan: LoadPlan::map(false),
        name: name.to_owned(),
        load_mode: Some(name.to_owned()),
        resolved: name.to_owned(),
        spellings,
        facts: Facts {
            opens: 1,
            maps: 1,
            mapped_bytes: 3 << 20,
            reads: 2,
            read_bytes: 8192,
            ..Facts::default()
        },
        path: "1a2b3c4d5e6f".to_owned(),
        steps: texts(["open", "map whole file"]),
        semantic: "a".repeat(64),
        semantic_steps: texts(["weights from a mapping"]),
        tensors: None,
        logits: None,
        text: Some("0123456789abcdef".repeat(4)),
        not_observed: vec![unseen(Rule::SameBytes, Capability::Memory)],
        notes: Vec::new(),
        timeline: None,
        verdict,
    }
}

fn case(spelling: &str, plan: &str, verdict: Verdict) -> CaseResult {
    CaseResult {
        spelling: spelling.to_owned(),
        plan: plan.to_owned(),
        resolved: plan.to_owned(),
        path: "1a2b3c4d5e6f".to_owned(),
        loaded: true,
        output_observed: true,
        findings: Vec::new(),
        not_observed: vec![unseen(Rule::SameBytes, Capability::Memory)],
        verdict,
    }
}

/// A check that was cut off, with a broken rule, a known one, and a plan that was not observed.
pub(in crate::report) fn check() -> CheckDocument {
    let read_spellings = texts(["--no-mmap", "-lm none", "LLAMA_ARG_NO_MMAP=1"]);
    let mut read = group("read", read_spellings, Verdict::Divergent);
    read.facts = Facts { opens: 2, reads: 12, read_bytes: 3 << 20, ..Facts::default() };
    let mut locked = group("map+lock", texts(["--mlock"]), Verdict::Expected);
    locked.facts =
        Facts { locked_bytes: 1 << 20, locks_refused: 1, fallbacks: texts(["lock"]), ..locked.facts };
    let mut direct = group("direct", texts(["-dio"]), Verdict::NotObserved);
    direct.resolved = "read".to_owned();
    direct.facts.direct_asked = 1;
    direct.text = None;
    direct.not_observed.push(unseen(Rule::SameOutput, Capability::Output));
    let note = "the file system has no direct I/O".to_owned();
    read.notes = vec![note.clone()];
    direct.notes = vec![note];
    direct.timeline = Some(timeline());

    let mut same_path =
        failure(Rule::SamePath, "-lm none", Some("read"), "it takes another path than `--no-mmap`");
    same_path.diff = Some("-read 4096\n+read 8192\n".to_owned());
    let again = failure(Rule::SamePath, "LLAMA_ARG_NO_MMAP=1", Some("read"), "it takes another path");
    let alias = failure(Rule::PlanAlias, "--no_mmap", None, "it resolves to map");
    let mut known =
        failure(Rule::TensorsLocked, "--mlock", Some("map+lock"), "2 MiB of tensors are not locked");
    known.expected = Some("the limit of this machine is 1 MiB".to_owned());

    let mut broken = case("-lm none", "read", Verdict::Divergent);
    broken.findings = vec![Finding::new(Rule::SamePath, same_path.message.clone())];
    let mut unobserved = case("-dio", "direct", Verdict::NotObserved);
    unobserved.output_observed = false;
    unobserved.not_observed.push(unseen(Rule::SameOutput, Capability::Output));
    CheckDocument {
        schema: CheckDocument::SCHEMA.to_owned(),
        started: CheckStarted { part: Some(Part { index: 1, of: 3 }), ..started() },
        rules: Vec::new(),
        levels: levels(),
        groups: vec![group("map", texts([""]), Verdict::Pass), read, locked, direct],
        cases: vec![
            case("", "map", Verdict::Pass),
            case("--no-mmap", "read", Verdict::Pass),
            broken,
            case("--mlock", "map+lock", Verdict::Expected),
            unobserved,
        ],
        failures: vec![alias, known, same_path, again],
        finished: CheckFinished {
            totals: Totals {
                planned: 120,
                resolved: 100,
                rejected: 20,
                loaded: 5,
                generated: 4,
                groups: 4,
                failures: 4,
                expected: 1,
                not_observed: 6,
                processes: 11,
            },
            normalisations: vec![Normalisation {
                rule: "repeat".to_owned(),
                explanation: "equal steps in a row are one".to_owned(),
                applied: 3,
            }],
            notes: texts(["each command was run twice"]),
            not_observed: Vec::new(),
            interrupted: true,
            verdict: Verdict::Divergent,
            sentence: "divergent: 3 rules are broken".to_owned(),
            exit_code: 1,
        },
    }
}

fn levels() -> Vec<LevelResult> {
    let level = |level, state, cases, reason: Option<Capability>| LevelResult {
        level,
        state,
        cases,
        reason: reason.map(|c| c.absence().to_owned()),
    };
    vec![
        level(Level::P1, LevelState::Observed, 5, None),
        level(Level::P2, LevelState::Observed, 5, None),
        level(Level::P3, LevelState::NotObserved, 0, Some(Capability::Memory)),
        level(Level::P4, LevelState::Partly, 4, Some(Capability::Output)),
    ]
}

/// A check of which everything is a pass.
pub(in crate::report) fn passed() -> CheckDocument {
    let mut document = check();
    document.groups.truncate(1);
    document.groups[0].not_observed.clear();
    document.cases.truncate(1);
    document.cases[0].not_observed.clear();
    document.failures.clear();
    document.started.part = None;
    for level in &mut document.levels {
        level.state = LevelState::Observed;
        level.reason = None;
    }
    let totals = Totals {
        loaded: 1,
        generated: 1,
        groups: 1,
        failures: 0,
        expected: 0,
        not_observed: 0,
        ..document.finished.totals
    };
    document.finished = CheckFinished {
        totals,
        notes: Vec::new(),
        not_observed: Vec::new(),
        interrupted: false,
        verdict: Verdict::Pass,
        sentence: "parity to P4".to_owned(),
        exit_code: 0,
        ..document.finished
    };
    document
}

/// A check that could not begin.
pub(in crate::report) fn blocked() -> CheckDocument {
    let mut document = passed();
    document.groups.clear();
    document.cases.clear();
    document.finished.totals = Totals { planned: 120, resolved: 120, ..Totals::default() };
    document.finished.verdict = Verdict::Blocked;
    document.finished.sentence = "blocked: the command loads no model".to_owned();
    document.finished.exit_code = 3;
    document
}

/// A comparison with a difference of each kind.
pub(in crate::report) fn compare() -> CompareDocument {
    let row = |spelling: &str, old: &str, new: &str, impact, what: &[&str], verdict| Compared {
        spelling: spelling.to_owned(),
        old: old.to_owned(),
        new: new.to_owned(),
        impact,
        what: what.iter().map(|what| (*what).to_owned()).collect(),
        diff: None,
        not_observed: Vec::new(),
        timelines: None,
        verdict,
    };
    let mut silent = row("-dio", "direct", "direct", Impact::Identical, &[], Verdict::NotObserved);
    silent.not_observed = vec![unseen(Rule::SameOutput, Capability::Output)];
    let mut lost =
        row("--mlock", "map+lock", "map", Impact::LostGuarantee, &["the lock is gone"], Verdict::Divergent);
    lost.diff = Some("-lock 3 MiB\n".to_owned());
    lost.timelines = Some(OldAndNew { old: timeline(), new: timeline() });
    let mut broken =
        failure(Rule::GuaranteeKept, "--mlock", Some("map+lock → map"), "lost guarantee: the lock is gone");
    broken.diff.clone_from(&lost.diff);
    let mut known = failure(Rule::PolicyKept, "--mmap", Some("map → read"), "policy change: it reads");
    known.expected = Some("the new default".to_owned());
    CompareDocument {
        schema: CompareDocument::SCHEMA.to_owned(),
        started: CompareStarted {
            header: header(),
            old: "old-cli".to_owned(),
            new: "new-cli".to_owned(),
            planned: 5,
        },
        rules: Vec::new(),
        spellings: vec![
            row("", "map", "map", Impact::Identical, &[], Verdict::Pass),
            row("--no-mmap", "read", "read", Impact::Benign, &["one more open"], Verdict::Pass),
            row("--mmap", "map", "read", Impact::PolicyChange, &["it reads"], Verdict::Expected),
            lost,
            silent,
        ],
        failures: vec![known, broken],
        finished: CompareFinished {
            totals: CompareTotals {
                identical: 2,
                benign: 1,
                policy_change: 1,
                lost_guarantee: 1,
                expected: 1,
                not_observed: 1,
                outputs_compared: 4,
                processes: 20,
                ..CompareTotals::default()
            },
            notes: texts(["text on standard error was not compared"]),
            not_observed: Vec::new(),
            interrupted: false,
            verdict: Verdict::Divergent,
            sentence: "divergent: 1 guarantee is lost".to_owned(),
            exit_code: 1,
        },
    }
}

/// Faults, of which one came to a silent wrong output.
pub(in crate::report) fn faults() -> FaultsDocument {
    let case = |faults: &[&str], outcome, message: &str, verdict| FaultCase {
        plan: "read".to_owned(),
        spelling: "--no-mmap".to_owned(),
        faults: faults.iter().map(|fault| (*fault).to_owned()).collect(),
        outcome,
        message: message.to_owned(),
        given_by: Vec::new(),
        verdict,
    };
    let short = "read:short=100";
    let mut wrong = failure(
        Rule::FaultOutput,
        "read:short=100 in --no-mmap",
        Some("read"),
        "it ends with exit code 0 and another text",
    );
    wrong.reproduce =
        format!("loadparity check --faults --only-fault '{short}' -- llama-cli {{model}} {{flags}}");
    FaultsDocument {
        schema: FaultsDocument::SCHEMA.to_owned(),
        started: FaultsStarted {
            check: started(),
            bounds: FaultsBounds { depth: Some(2), cases: Some(5), seconds: 300, claims_check: false },
        },
        rules: Vec::new(),
        groups: vec![FaultGroup {
            name: "read".to_owned(),
            spelling: "--no-mmap".to_owned(),
            effective: "read".to_owned(),
            outcomes: [("silent wrong output", 1), ("error", 1), ("same", 1), ("not-observed", 1)]
                .map(|(word, count)| (word.to_owned(), count))
                .into(),
            notes: texts(["1 schedule met no call"]),
            verdict: Verdict::Divergent,
        }],
        cases: vec![
            case(&[short], FaultOutcome::WrongOutput, "another text", Verdict::Divergent),
            case(&["open:error=EIO"], FaultOutcome::Error, "", Verdict::Pass),
            case(&["read:error=EINTR"], FaultOutcome::Same, "", Verdict::Pass),
            case(
                &["open:error=EIO", short],
                FaultOutcome::NotObserved,
                "no output was observed",
                Verdict::NotObserved,
            ),
        ],
        failures: vec![wrong],
        finished: FaultsFinished {
            totals: FaultTotals {
                planned: 5,
                met: 4,
                groups: 1,
                states: 3,
                sites: 2,
                first: 12,
                kinds: 2,
                kinds_met: 1,
                depth: 2,
                left: 7,
                failures: 1,
                expected: 0,
                not_observed: 1,
                processes: 9,
            },
            kinds: vec![
                FaultsKind { calls: "open.direct".to_owned(), fault: "EINVAL once".to_owned(), met: 4 },
                FaultsKind {
                    calls: "read.buffered".to_owned(),
                    fault: "EIO from then on".to_owned(),
                    met: 0,
                },
            ],
            left: vec![FaultsLeft {
                calls: "read.buffered".to_owned(),
                fault: "EIO from then on".to_owned(),
                schedules: 7,
                reason: LeftBecause::Bound,
            }],
            notes: Vec::new(),
            not_observed: Vec::new(),
            interrupted: true,
            verdict: Verdict::Divergent,
            sentence: "divergent: under 1 schedule the output is wrong".to_owned(),
            exit_code: 1,
        },
    }
}

/// A judgement with a broken rule, a false claim and a rule that the recording cannot decide.
pub(in crate::report) fn judge() -> JudgeDocument {
    JudgeDocument {
        schema: JudgeDocument::SCHEMA.to_owned(),
        dialect: "reference".to_owned(),
        spelling: "--mlock -dio".to_owned(),
        plan: Some(LoadPlan::direct(true, OnRefused::Read)),
        error: None,
        predicted: "direct+lock".to_owned(),
        expected: "read+lock".to_owned(),
        effective: "read".to_owned(),
        agrees: false,
        refused: texts(["direct"]),
        log_claims: Some(vec![
            Claim {
                line: "warning: direct I/O is not available".to_owned(),
                claims: "direct I/O was refused".to_owned(),
                holds: true,
                instead: String::new(),
            },
            Claim {
                line: "mlock: locked 3 MiB".to_owned(),
                claims: "memory is locked".to_owned(),
                holds: false,
                instead: "nothing is locked".to_owned(),
            },
        ]),
        findings: vec![Finding::new(Rule::TensorsLocked, "3 MiB of tensors are not locked")],
        not_observed: vec![unseen(Rule::SameBytes, Capability::Memory)],
        notes: texts(["the recording ends before the command does"]),
        timeline: Some(timeline()),
        verdict: Verdict::Divergent,
        sentence: "divergent: the dialect predicts read+lock, the recording shows read".to_owned(),
        exit_code: 1,
    }
}

/// Three machines, of which one differs and one has no result.
pub(in crate::report) fn merge() -> MergeDocument {
    let columns = texts(["linux", "windows", "macos"]);
    let cell = |machine: &str, verdict: MergeVerdict, notes: Vec<String>| Cell {
        machine: machine.to_owned(),
        verdict,
        resolved: verdict.0.map(|_| "map".to_owned()),
        semantic: verdict.0.map(|_| "ab".repeat(32)),
        notes,
    };
    let row = |plan: &str, windows: Verdict, notes: Vec<String>| RowMerged {
        model: "(embedded)".to_owned(),
        plan: plan.to_owned(),
        cells: vec![
            cell("linux", Verdict::Pass.into(), Vec::new()),
            cell("windows", windows.into(), notes),
            cell("macos", MergeVerdict::NOT_RUN, Vec::new()),
        ],
    };
    let across = Across {
        machine: "windows".to_owned(),
        model: "(embedded)".to_owned(),
        value: "cd".repeat(32),
        others: texts(["linux"]),
        expected: "ab".repeat(32),
    };
    let mut path = failure(Rule::SameSemanticPath, "--mmap", Some("map"), "it takes another semantic path");
    path.across = Some(across);
    let machine = |label: &str| Machine {
        label: label.to_owned(),
        source: format!("{label}.json"),
        platform: label.to_owned(),
        arch: "x86_64".to_owned(),
        page_size: 4096,
        level: Level::P4,
    };
    MergeDocument {
        schema: MergeDocument::SCHEMA.to_owned(),
        started: MergeStarted {
            tool: "loadparity VERSION".to_owned(),
            machines: vec![machine("linux"), machine("windows")],
            missing: texts(["macos"]),
            columns,
            models: texts(["(embedded)"]),
        },
        rules: Vec::new(),
        rows: vec![
            row("map", Verdict::Divergent, Vec::new()),
            row("direct", Verdict::Unsupported, texts(["the file system has no direct I/O"])),
        ],
        models: vec![ModelMerged {
            model: "(embedded)".to_owned(),
            tensors: Some("12".repeat(32)),
            logits: None,
            with_tensors: 2,
            with_logits: 2,
            machines: 2,
            short_of_hashes: false,
        }],
        failures: vec![path],
        finished: MergeFinished {
            totals: MergeTotals { machines: 2, missing: 1, plans: 2, not_run: 2, failures: 1 },
            notes: Vec::new(),
            verdict: Verdict::Divergent.into(),
            sentence: "divergent: windows differs".to_owned(),
            exit_code: 1,
        },
    }
}
