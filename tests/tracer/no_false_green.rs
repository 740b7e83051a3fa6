//! Nothing that was not shown is a pass, and nothing that is right is a finding. Each test opens with the story
//! of somebody who would believe a wrong answer.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use std::fmt::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use rstest::rstest;
use serde_json::Value;

use crate::command_support::notes;
use crate::loader_support::{
    Model, Told, behind, command, loader, model, model_without_tensors, script, words,
};
use crate::support;

/// A fault that no load comes to.
const UNMET: [&str; 2] = ["--inject", "read:error=EIO:when=9999"];

/// A few spellings, for `compare`.
const FEW: [&str; 6] = ["--only", "", "--only", "--mlock", "--only", "--no-mmap"];

/// The exit code and all text of a command line of the program.
fn said(args: &[&str], more: &[String]) -> (i32, String) {
    let output = support::loadparity().args(args).args(more).output().unwrap();
    let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    (output.status.code().unwrap(), text)
}

/// Somebody writes the wrong program into a job, and it is green ever after, because a command that loads nothing
/// breaks no rule of loading.
#[rstest]
#[case::that_does_nothing(words(&["true", "{model}", "{flags}"]), "it opens no model")]
#[case::that_echoes_its_words(words(&["echo", "{model}", "{flags}"]), "it opens no model")]
#[case::that_fails(words(&["false", "{model}", "{flags}"]), "exit code 1")]
#[case::that_refuses_everything(script("echo 'error: no such flag' >&2; exit 2"), "error: no such flag")]
#[case::that_reads_the_head_alone(script(r#"head -c 65536 "$1" | cksum"#), "bytes 65536..")]
#[case::that_crashes(script("kill -SEGV $$"), "signal 11")]
fn a_command_is_blocked(#[case] command: Vec<String>, #[case] why: &str) {
    let model = model();
    let told = model.check(&["--quick"], &command);
    told.is_no_pass("blocked", why);
    assert!(
        told.sentence().contains("no spelling makes the subject load the weights of"),
        "{}",
        told.sentence()
    );
    let told = model.compare(&FEW, &command, &command);
    told.is_no_pass("blocked", why);
    assert!(told.sentence().contains("no spelling makes the old command load"), "{}", told.sentence());
    assert!(!told.sentence().contains("``") && !told.sentence().contains("identical"), "{}", told.sentence());
}

/// A wrong path in a job costs one load a plan, not a thousand; what was left out is counted.
#[test]
fn a_command_that_loads_nothing_is_tried_once_a_plan() {
    let (model, folder) = (model(), tempfile::tempdir().unwrap());
    let tried = folder.path().join("tried");
    let told = model.check(&[], &script(&format!("echo >>{}", tried.display())));
    told.is_no_pass("blocked", "it opens no model");
    let plans = told.document["groups"].as_array().unwrap().len();
    let starts = std::fs::read_to_string(&tried).unwrap().lines().count();
    assert!(starts < 4 * plans, "{starts} starts for {plans} plans");
    let notes = notes(&told.document);
    assert!(notes.contains("the first spelling of each plan loads nothing, so "), "{notes}");
}

/// A loader that loads under a single plan alone is no wrong path: every spelling is tried.
#[test]
fn a_command_that_loads_under_one_plan_is_tried_whole() {
    let loads = behind(r#"case "$*" in *--no-mmap*|*--no_mmap*) exec "$@";; esac"#, "honest");
    let told = model().check(&["--quick"], &loads);
    let notes = notes(&told.document);
    assert!(told.code != 0 && !notes.contains("not tried"), "{}: {notes}", told.code);
}

/// A comparison of a good build with one that loads nothing must not call the many spellings that both refuse a
/// success.
#[test]
fn a_new_command_that_loads_nothing_is_blocked_by_its_name() {
    let told = model().compare(&FEW, &command("honest"), &words(&["true", "{model}", "{flags}"]));
    assert_eq!(
        (told.code, &told.document["finished"]["verdict"]),
        (3, &Value::from("blocked")),
        "{}",
        told.text
    );
    assert!(told.sentence().contains("the new command") && told.sentence().contains("it opens no model"));
}

/// A loader that prints nothing gives equal outputs for right and wrong weights alike: that must not look like
/// level P4.
#[rstest]
#[case::that_writes_nothing(
    behind(r#""$@" >/dev/null"#, "honest"),
    "command writes nothing to standard output"
)]
#[case::that_writes_the_time(command("time_in_output"), "varies by itself")]
fn the_output_of_a_command_is_not_observed(#[case] command: Vec<String>, #[case] why: &str) {
    let model = model();
    let told = model.check(&["--quick"], &command);
    told.is_no_pass("not-observed", why);
    let header = told.text.lines().find(|line| line.starts_with("levels ")).unwrap();
    assert!(header.contains("P4 not observed") && header.contains(why), "{header}");
    let row = told.text.lines().find(|line| line.starts_with("│ map ")).unwrap();
    let cells: Vec<&str> = row.trim_matches(['│', ' ']).split_whitespace().collect();
    assert_eq!(&cells[cells.len() - 2..], ["–", "not-observed"], "no hash that nobody compared: {row}");
    assert!(told.text.contains("the output of 0 observed"), "{}", told.text);
    let level = told.document["levels"].as_array().unwrap().iter().find(|l| l["level"] == "P4").unwrap();
    assert_eq!((&level["state"], &level["cases"]), (&Value::from("not-observed"), &Value::from(0)));
    assert!(told.document["cases"].as_array().unwrap().iter().all(|case| case["output_observed"] == false));

    let level = |level: &'static str| ["--quick", "--level", level];
    model.check(&level("P2"), &command).is_pass();
    model.check(&level("P4"), &command).is_no_pass("not-observed", why);
    model.compare(&FEW, &command, &command).is_no_pass("not-observed", why);
    let calls = [&FEW[..], &["--level", "P2"]].concat();
    model.compare(&calls, &command, &command).is_pass();
}

/// Somebody mistypes the fault that a job injects, and the fallback that it is for is never tried again.
#[test]
fn a_fault_that_meets_no_call_is_no_pass() {
    let (model, honest) = (model(), command("honest"));
    let why = "the fault `read:error=EIO:when=9999` met no call";
    let check = |more: &[&str]| model.check(&[&["--quick"], &UNMET[..], more].concat(), &honest);
    let compare = |more: &[&str]| model.compare(&[&FEW[..], &UNMET, more].concat(), &honest, &honest);
    for run in [&check as &dyn Fn(&[&str]) -> Told, &compare] {
        let told = run(&[]);
        told.is_no_pass("not-observed", why);
        is_unmet(&told);
        let told = run(&["--allow-unmet"]);
        told.is_pass();
        is_unmet(&told);
    }
    let told =
        model.check(&["--faults", "--only", "--mmap", "--only-fault", "read:error=EIO:when=9999"], &honest);
    told.is_no_pass("not-observed", "no fault met a call");
    is_unmet(&told);
}

/// Asserts that the rule about faults is among what was not observed.
#[track_caller]
fn is_unmet(told: &Told) {
    let unseen = told.document["finished"]["not_observed"].as_array().unwrap();
    let rules: Vec<&Value> = unseen.iter().map(|missing| &missing["rule"]).collect();
    assert_eq!(rules, ["fault-met"], "{}", told.text);
    assert!(told.text.contains("fault-met (") && told.text.contains("met no call"), "{}", told.text);
}

/// The same of the reference engine itself.
#[test]
fn a_fault_that_meets_no_call_of_the_engine_is_no_pass() {
    let (model, line) = (model(), ["check", "--quick", "-n", "1"]);
    let told = model.asked(&[&line[..], &UNMET].concat(), &[]);
    told.is_no_pass("not-observed", "the fault `read:error=EIO:when=9999` met no call");
    is_unmet(&told);
    model.asked(&[&line[..], &UNMET, &["--allow-unmet"]].concat(), &[]).is_pass();
}

/// `trace` and `run` end as what they ran does; that the fault was none they say.
#[test]
fn trace_and_run_say_that_a_fault_met_no_call() {
    let model = model();
    let path = model.path.to_str().unwrap();
    let traced = |script: &str| {
        let line = [&["trace"][..], &UNMET[..], &["--", "sh", "-c", script]].concat();
        said(&line, &[])
    };
    for (script, code) in [("exit 0", 0), ("exit 7", 7)] {
        let (own, text) = traced(script);
        assert!(own == code && text.contains("`read:error=EIO:when=9999` met no call"), "{own} {text}");
    }
    let line = [&["run", "-m", path, "-p", "And", "-n", "1"][..], &UNMET[..]].concat();
    let (code, text) = said(&line, &[]);
    assert!(code == 0 && text.contains("`read:error=EIO:when=9999` met no call"), "{code} {text}");
}

/// A check that generates nothing shows the bytes of the weights and not what comes of them.
#[test]
fn the_engine_that_generates_nothing_has_no_p4() {
    let told = model().asked(&["check", "--quick", "-n", "0"], &[]);
    told.is_pass();
    assert_eq!(told.sentence(), "parity to P3; P4 not observed: nothing was generated");
    assert!(told.text.contains("the output of 0 observed"), "{}", told.text);
    let told = model().asked(&["check", "--quick", "-n", "0", "--level", "P4"], &[]);
    told.is_no_pass("not-observed", "nothing was generated");
}

/// A model without tensors can be loaded by anything, in any way, without a difference.
#[test]
fn a_model_without_tensors_shows_nothing() {
    let model = model_without_tensors();
    for loads in [command("honest"), words(&["echo", "{model}", "{flags}"])] {
        model.check(&["--quick"], &loads).is_no_pass("not-observed", "has no tensors");
        model.compare(&FEW, &loads, &loads).is_no_pass("not-observed", "has no tensors");
        model.check(&["--faults=single"], &loads).is_no_pass("not-observed", "has no tensors");
    }
    model.asked(&["check", "--quick", "--no-run"], &[]).is_no_pass("not-observed", "has no tensors");
}

/// What an administrator or the kernel kills has not crashed: a finding against the loader would be a lie, and
/// so would be a pass.
#[test]
fn a_command_that_is_killed_from_outside_is_blocked() {
    let model = model();
    let told_by = model.folder().join("pid");
    let waits = format!(
        r#"case "$*" in *--no_mmap*) echo $$ >'{0}.new'; mv '{0}.new' '{0}'; exec sleep 60;; esac; exec "$@""#,
        told_by.display()
    );
    let killer = std::thread::spawn(move || kill_each(&told_by));
    let told = model.check(&["--only", "--no_mmap", "--jobs", "1"], &behind(&waits, "honest"));
    killer.join().unwrap();
    told.is_no_pass("blocked", "`--no_mmap`: a process that is none of the command's killed it");
}

/// Kills the process whose number a file tells.
fn kill_each(told_by: &Path) {
    let patience = Instant::now() + Duration::from_secs(50);
    let pid = loop {
        match std::fs::read_to_string(told_by) {
            Ok(text) => break text.trim().parse::<i32>().unwrap(),
            Err(_) if Instant::now() > patience => panic!("it never came to that"),
            Err(_) => std::thread::sleep(Duration::from_millis(5)),
        }
    };
    // SAFETY: a signal to a process of this test.
    unsafe { libc::kill(pid, libc::SIGKILL) };
}

/// A crash on an option is another bug than a refusal, and is told to other people.
#[rstest]
#[case::by_a_signal("kill -SEGV $$")]
#[case::by_abort("kill -ABRT $$")]
#[case::as_a_shell_tells_it("exit 139")]
fn a_crash_is_no_refusal(#[case] ending: &str) {
    let crashes = behind(&format!(r#"case "$*" in *--no_mmap*) {ending};; esac; exec "$@""#), "honest");
    let told = model().check(&["--only", "--no_mmap"], &crashes);
    told.breaks(&["no-crash"]);
    assert!(!told.text.contains("refused it"), "{}", told.text);
    let told = model().compare(&["--only", "--no_mmap"], &command("honest"), &crashes);
    assert_eq!(told.code, 1, "{}", told.text);
    assert!(told.text.contains("crash (") && !told.text.contains("no longer taken"), "{}", told.text);
}

/// A loader that hangs with one option has a bug; one that always takes longer than its time was not tried.
#[test]
fn a_hang_of_one_spelling_is_found_and_a_hang_of_all_is_no_answer() {
    let hangs = behind(r#"case "$*" in *--no_mmap*) exec sleep 60;; esac; exec "$@""#, "honest");
    let told = model().check(&["--only", "--no_mmap", "--timeout", "4"], &hangs);
    told.breaks(&["ends-in-time"]);
    let told = model().check(&["--quick", "--timeout", "0.2"], &script("exec sleep 60"));
    told.is_no_pass("blocked", "did not end within 0.2 seconds");
}

/// The list of known divergences of a team, in a file; exit code, rules and document of a check with it.
fn expecting(known: &str, command: &[String]) -> Told {
    let model = model();
    let list = model.folder().join("known.json");
    std::fs::write(&list, format!(r#"{{"schema":"loadparity.expect/2","known":[{known}]}}"#)).unwrap();
    model.check(&["--quick", "--expect", list.to_str().unwrap()], command)
}

/// A list of known divergences covers what somebody has looked at, and nothing that merely looks like it.
#[test]
fn a_known_divergence_covers_what_it_names_and_no_more() {
    let half = command("lock_first_half");
    let known = r#"{"rule":"tensors-locked","spelling":"--mlock","reason":"known"}"#;
    let told = expecting(known, &half);
    told.is_pass();
    assert_eq!(told.document["finished"]["verdict"], "expected");
    // Another spelling is not covered, nor is a finding of the same rule that shows something else.
    let other = r#"{"rule":"tensors-locked","spelling":"--mmap","reason":"known"}"#;
    expecting(other, &half).breaks(&["known-divergence", "tensors-locked"]);
    let shows =
        r#"{"rule":"tensors-locked","spelling":"--mlock","shows":"0 bytes are locked*","reason":"known"}"#;
    expecting(shows, &half).breaks(&["known-divergence", "tensors-locked"]);
    let shows =
        r#"{"rule":"tensors-locked","spelling":"--mlock","shows":"*is not locked*","reason":"known"}"#;
    expecting(shows, &half).is_pass();
    // What a command that loads nothing breaks is on no list.
    let all = r#"{"rule":"plan-taken","pattern":"*","count":8,"reason":"known"}"#;
    let told = expecting(all, &words(&["echo", "{model}", "{flags}"]));
    let verdict = &told.document["finished"]["verdict"];
    assert_eq!((told.code, verdict), (3, &Value::from("blocked")), "{}", told.text);
    // What is mended has to go off the list.
    expecting(known, &command("honest")).breaks(&["known-divergence"]);
}

/// A pattern covers as many findings as were counted: a spelling that joins them is news.
#[test]
fn a_pattern_covers_the_findings_that_were_counted() {
    let says_more = behind(r#"case "$*" in *--mlock*) echo more;; esac; exec "$@""#, "honest");
    let of = |count: u64| {
        let known = format!(
            r#"{{"rule":"same-output","pattern":"*--mlock*","count":{count},"reason":"it says so"}}"#
        );
        expecting(&known, &says_more)
    };
    let all = model().check(&["--quick"], &says_more).failures().len() as u64;
    assert!(all > 2, "{all}");
    of(all).is_pass();
    let told = of(all - 1);
    told.breaks(&["same-output"]);
    assert_eq!(told.failures().len(), 1, "one more is not covered");
    of(all + 1).breaks(&["known-divergence"]);
}

/// The command without flags has a name in every sentence.
#[test]
fn a_comparison_names_the_command_without_flags() {
    let model = model();
    let list = model.folder().join("known.json");
    let known = r#"{"rule":"guarantee-kept","spelling":"","reason":"it has to write"}"#;
    std::fs::write(&list, format!(r#"{{"schema":"loadparity.expect/2","known":[{known}]}}"#)).unwrap();
    let args = ["--only", "", "--expect", list.to_str().unwrap()];
    let told = model.compare(&args, &command("honest"), &command("opened_for_writing"));
    told.is_pass();
    assert!(told.text.contains("(no flag): expected, because it has to write"), "{}", told.text);
    assert!(!told.text.contains("``"), "{}", told.text);
}

/// A strace of a bug report, with one line changed, judged in the words of the era it is of.
fn judged(change: impl Fn(&str) -> Vec<String>) -> (i32, String) {
    let log = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/straces/b/lm_mlock.strace");
    let folder = tempfile::tempdir().unwrap();
    let (text, trace) = (folder.path().join("log.strace"), folder.path().join("trace.jsonl"));
    let mut changed = String::new();
    for line in std::fs::read_to_string(log).unwrap().lines() {
        change(line).iter().for_each(|line| writeln!(changed, "{line}").unwrap());
    }
    std::fs::write(&text, changed).unwrap();
    let (text, trace) = (text.to_str().unwrap(), trace.to_str().unwrap());
    let direct = said(&["judge", "--dialect", "enum-v3", "--strace", text, "--", "-lm", "mlock"], &[]);
    let (code, told) = said(&["import", "-o", trace, text], &[]);
    assert_eq!(code, 0, "{told}");
    let imported = said(&["judge", "--dialect", "enum-v3", "--trace", trace, "--", "-lm", "mlock"], &[]);
    assert_eq!((direct.0, &direct.1), (imported.0, &imported.1));
    direct
}

fn unchanged(line: &str) -> Vec<String> {
    vec![line.to_owned()]
}

/// A lock that a loader takes in two pieces, or the weights that io_uring brings, are what they are in a printed
/// recording too.
#[test]
fn a_recording_is_judged_by_what_it_shows() {
    let (code, text) = judged(unchanged);
    assert_eq!(code, 0, "{text}");
    let is_lock = |line: &str| line.contains(" mlock(0x561665c8edc0, 6828032)");
    let (code, text) = judged(|line| match is_lock(line) {
        true => vec![
            "30961 mlock(0x561665c8edc0, 3414016)    = 0".to_owned(),
            "30961 mlock(0x561665fd0540, 3414016)    = 0".to_owned(),
        ],
        false => unchanged(line),
    });
    assert_eq!(code, 0, "two pieces are one lock: {text}");
    let (code, text) = judged(|line| match is_lock(line) {
        true => vec!["30961 mlock(0x561665c8edc0, 3414016)    = 0".to_owned()],
        false => unchanged(line),
    });
    assert!(code == 1 && text.contains("tensors-locked"), "half of it is not: {code} {text}");
    let (code, text) = judged(|line| match is_lock(line) {
        true => vec!["30961 io_uring_setup(8, {flags=0, sq_thread_cpu=0}) = 7".to_owned(), line.to_owned()],
        false => unchanged(line),
    });
    assert!(code == 3 && text.contains("io_uring was used"), "{code} {text}");
}

/// Exit code and document of a judgement of what a variant does with a flag.
fn judged_trace(model: &Model, variant: &str, flag: &str) -> (i32, Value) {
    let trace = model.folder().join("trace.jsonl");
    let (trace, path) = (trace.to_str().unwrap(), model.path.to_str().unwrap());
    let program = loader(variant);
    let (code, told) = said(&["trace", "-o", trace, "--", program.to_str().unwrap(), path, flag], &[]);
    assert_eq!(code, 0, "{told}");
    let line =
        ["judge", "--dialect", "booleans", "--trace", trace, "-m", path, "--format", "json", "--", flag];
    let output = support::loadparity().args(line).output().unwrap();
    (output.status.code().unwrap(), support::schemas::parsed(&output.stdout))
}

/// A recording in which nobody sees how the weights get to where they are used is no proof that they do.
#[test]
fn a_judgement_without_the_weights_is_no_pass() {
    let model = model();
    let (code, document) = judged_trace(&model, "honest", "--no-mmap");
    assert_eq!((code, &document["verdict"]), (0, &Value::from("pass")), "{document:#}");
    let (code, document) = judged_trace(&model, "through_a_pipe", "--no-mmap");
    assert_eq!((code, &document["verdict"]), (3, &Value::from("not-observed")), "{document:#}");
    let sentence = document["sentence"].as_str().unwrap();
    assert!(sentence.starts_with("not observed: weights-loaded: the weights were read by"), "{sentence}");

    let (code, document) = judged_trace(&model_without_tensors(), "honest", "--mmap");
    assert_eq!((code, &document["findings"]), (3, &Value::from(Vec::<Value>::new())), "{document:#}");
    let sentence = document["sentence"].as_str().unwrap();
    assert!(sentence.contains("the model has no tensors"), "{sentence}");
    let unseen = document["not_observed"].as_array().unwrap();
    let rules: Vec<&str> = unseen.iter().map(|missing| missing["rule"].as_str().unwrap()).collect();
    assert!(rules.contains(&"plan-taken") && rules.contains(&"weights-loaded"), "{rules:?}");
}

/// The line under a finding is what a person tries first: it has to show the same finding.
#[test]
fn every_line_of_a_report_shows_its_finding_again() {
    for (variant, breadth, least) in [("lock_by_child", &["--quick"][..], 4), ("env_beats_argv", &[], 5)] {
        // The model has to stay while the lines are tried.
        let model = model();
        let told = model.check(breadth, &command(variant));
        assert_eq!(told.code, 1, "{}", told.text);
        reproduces(&told, least);
    }
    let model = model();
    let told = model.compare(&FEW, &command("honest"), &command("tail_not_loaded"));
    told.breaks(&["data-kept"]);
    reproduces(&told, 1);
}

/// Runs each line, with the program under test in front of the path.
fn reproduces(told: &Told, least: usize) {
    let mut lines: Vec<(&str, Vec<&str>)> = Vec::new();
    for failure in told.failures() {
        let (line, rule) = (failure["reproduce"].as_str().unwrap(), failure["rule"].as_str().unwrap());
        match lines.iter_mut().find(|(known, _)| *known == line) {
            Some((_, rules)) => rules.push(rule),
            None => lines.push((line, vec![rule])),
        }
    }
    assert!(lines.len() >= least, "{lines:#?}");
    let folder = Path::new(env!("CARGO_BIN_EXE_loadparity")).parent().unwrap().display().to_string();
    let path = format!("{folder}:{}", std::env::var("PATH").unwrap());
    for (line, rules) in lines {
        let output = std::process::Command::new("sh").args(["-c", line]).env("PATH", &path).output().unwrap();
        let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert_eq!(output.status.code(), Some(1), "{line}: {text}");
        for rule in rules {
            assert!(text.lines().any(|l| l.starts_with(&format!("{rule}: "))), "{rule} of {line}: {text}");
        }
    }
}

/// `--only` runs the case and the one that represents its plan, and `--list` says which those are.
#[test]
fn one_case_is_run_with_its_representative() {
    let model = model();
    let told = model.check(&["--only", "--no_mmap"], &command("honest"));
    told.is_pass();
    let cases = told.document["cases"].as_array().unwrap();
    let spellings: Vec<&str> = cases.iter().map(|case| case["spelling"].as_str().unwrap()).collect();
    assert_eq!(spellings, ["--no-mmap", "--no_mmap"]);

    let loads = model.folder().join("loads");
    let counts = behind(&format!("echo load >>'{}'; exec \"$@\"", loads.display()), "honest");
    let path = model.path.to_str().unwrap();
    let line = ["check", "--dialect", "booleans", "-m", path, "--list"];
    let (code, whole) = said(&line, &[words(&["--"]), counts.clone()].concat());
    assert_eq!(code, 0, "{whole}");
    let (code, some) =
        said(&[&line[..], &["--only", "--no_mmap"]].concat(), &[words(&["--"]), counts].concat());
    assert_eq!(code, 0, "{some}");
    assert!(!loads.exists(), "a list runs nothing");
    assert!(whole.lines().count() > 100 && some.lines().count() == 2, "{some}");
    assert!(some.lines().all(|line| whole.contains(line)), "{some}");
}

#[test]
fn the_first_broken_rule_ends_it_where_that_is_asked() {
    let told = model().check(&["--fail-fast"], &command("opened_for_writing"));
    told.breaks(&["opened-read-only"]);
    let cases = told.document["cases"].as_array().unwrap().len();
    assert!(cases <= 2, "{cases} cases were run");
}

/// What says how much was done, and not what was found.
fn without_counts(mut document: Value) -> Value {
    document["finished"]["totals"]["processes"] = Value::Null;
    let notes = document["finished"]["notes"].as_array_mut().unwrap();
    notes.retain(|note| !note.as_str().unwrap().ends_with("processes were started"));
    // What the kernel says of a process's memory, and of the page cache, is another number each time.
    for group in document["groups"].as_array_mut().unwrap() {
        group["facts"]["memory"] = Value::Null;
    }
    document
}

/// Cases that run side by side are told like those that run one by one.
#[test]
fn jobs_change_no_document() {
    let model = model();
    for variant in ["lock_first_half", "idiom_threads"] {
        let one = model.check(&["--jobs", "1"], &command(variant));
        let two = model.check(&["--jobs", "2"], &command(variant));
        assert_eq!(without_counts(one.document), without_counts(two.document), "{variant}");
    }
}

/// A matrix that is divided between machines finds what one that is not divided finds, and a part that never came
/// is no pass.
#[test]
fn the_parts_of_a_campaign_are_the_whole() {
    let model = model();
    let asked = |variant: &str, part: &[&str]| {
        let told = model.check(part, &command(variant));
        let file = model
            .folder()
            .join(format!("{variant}-{}.json", part.last().unwrap_or(&"whole").replace('/', "-")));
        std::fs::write(&file, serde_json::to_vec(&told.document).unwrap()).unwrap();
        (file.to_str().unwrap().to_owned(), told)
    };
    let merged = |files: &[&str]| {
        let line = [&["merge", "--format", "json"][..], files].concat();
        let output = support::loadparity().args(line).output().unwrap();
        (output.status.code().unwrap(), support::schemas::parsed(&output.stdout))
    };
    let sorted = |told: &[&Told]| {
        let all = told.iter().flat_map(|told| told.document["cases"].as_array().unwrap().clone());
        let mut all: Vec<String> = all.map(|case| case.to_string()).collect();
        all.sort();
        all.dedup();
        all
    };
    for variant in ["lock_first_half", "honest"] {
        let (whole, all) = asked(variant, &[]);
        let (first, one) = asked(variant, &["--partition", "1/2"]);
        let (second, two) = asked(variant, &["--partition", "2/2"]);
        assert_eq!(sorted(&[&one, &two]), sorted(&[&all]));
        let (code, of_whole) = merged(&[&whole]);
        let (of_parts, parts) = merged(&[&first, &second]);
        assert_eq!((code, of_parts), (all.code, all.code));
        for key in ["rows", "models", "failures"] {
            assert_eq!(parts[key], of_whole[key], "{variant} {key}");
        }
        assert_eq!(parts["finished"], of_whole["finished"], "{variant}");
        let (code, alone) = merged(&[&first]);
        let missing = alone["started"]["missing"].to_string() + &alone["finished"]["notes"].to_string();
        assert!(missing.contains("part 2 of 2 is missing"), "{alone:#}");
        let sentence = alone["finished"]["sentence"].as_str().unwrap();
        assert!(code == 1 || sentence.contains("part 2 of 2 is missing"), "{sentence}");
        assert_eq!(code, if variant == "honest" { 3 } else { 1 }, "{alone:#}");
    }
}

/// A known divergence that was mended stays on the list for ever where each part of a campaign looks at its own
/// cases alone: what all parts together show is what counts.
#[test]
fn the_parts_of_a_campaign_meet_the_known_divergences_together() {
    let (model, half) = (model(), command("lock_first_half"));
    let all = model.check(&[], &half).failures().len() as u64;
    assert!(all > 4, "{all}");
    let list = model.folder().join("known.json");
    let merged = |count: u64| {
        let known = format!(r#"{{"rule":"tensors-locked","pattern":"*","count":{count},"reason":"known"}}"#);
        std::fs::write(&list, format!(r#"{{"schema":"loadparity.expect/2","known":[{known}]}}"#)).unwrap();
        let file = |part: &str| {
            let told = model.check(&["--expect", list.to_str().unwrap(), "--partition", part], &half);
            let file = model.folder().join(format!("{}.json", part.replace('/', "-")));
            std::fs::write(&file, serde_json::to_vec(&told.document).unwrap()).unwrap();
            assert_eq!(told.code, 0, "{}", told.text);
            file.to_str().unwrap().to_owned()
        };
        let files = ["1/2", "2/2"].map(file);
        said(&["merge", &files[0], &files[1]], &[])
    };
    let (code, text) = merged(all);
    assert_eq!(code, 0, "{text}");
    let (code, text) = merged(all + 1);
    assert!(code == 1 && text.contains("known-divergence"), "{code} {text}");
    let (code, text) = merged(all - 1);
    assert!(code == 1 && text.contains("tensors-locked"), "one more than is known: {code} {text}");
}

/// Where malloc puts a buffer depends on how much was allocated before it, so on the words of the command: a lock
/// of it is a page longer or shorter, and that is nothing.
#[test]
fn longer_words_are_no_other_path() {
    let longer = behind(r#"exec "$@" --mmap --no-mmap"#, "idiom_shifted_buffer");
    let only = ["--only", "--no-mmap", "--only", "--mlock --no-mmap"];
    model().compare(&only, &command("idiom_shifted_buffer"), &longer).is_pass();
}
