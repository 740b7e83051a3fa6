//! Real loaders in C, each with one planted defect or one idiom: what calls, output and exit status show of a
//! defect is found and named, and no idiom is taken for one.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use rstest::rstest;

use crate::loader_support::{Model, Told, command, model, script, shards, shards_behind_an_empty_one, table};
use crate::support;

/// One test a row, so that they run side by side and each fails by its own name.
macro_rules! rows {
    ($($row:ident)*) => {
        const TESTED: &[&str] = &[$(stringify!($row)),*];
        mod row {
            $(#[test] fn $row() { super::row_holds(stringify!($row)); })*
        }
    };
}

rows! {
    honest lock_first_half lock_wrong_place lock_by_child env_beats_argv other_model tail_not_loaded
    opened_for_writing mapped_writable through_a_pipe short_read_ends_it refusal_unreported
    late_refusal_unreported short_and_constant retry_forever
    interrupted_ends_it
    silent_output time_in_output head_only last_tensor_skipped locks_first_shard decoy_mapping made_writable
    unlocks_at_once loads_in_parent resized_by_path direct_decoy
    direct_decoy_kept uses_io_uring flips_a_byte overwrites_later
    lock_lost_in_copy
    idiom_mremap idiom_header_mapped idiom_setfl idiom_threads idiom_stdio idiom_two_opens
    idiom_unrelated_lock idiom_huge_page_buffer idiom_forked_worker idiom_shifted_buffer idiom_late_log idiom_lock_all
    idiom_in_place_transform idiom_bounce_buffer idiom_frees_before_exit
    idiom_staged_lock idiom_copy_beside
}

#[test]
fn every_row_of_the_table_has_a_test() {
    let rows: Vec<&str> = table().iter().map(|row| row.name).collect();
    assert_eq!(rows, TESTED);
}

/// Exit code and rules are those of the table, and what is no pass is said to be none.
fn row_holds(name: &str) {
    let row = table().into_iter().find(|row| row.name == name).unwrap();
    let told = model().check(&[], &command(name));
    assert_eq!((told.code, told.rules().join(" ")), (row.code, row.rules.to_owned()), "{}", told.text);
    // What is right is never called broken.
    assert!(row.kind == "defect" || matches!(told.code, 0 | 3), "{}", told.text);
    match name {
        "flips_a_byte" => is_wrong(&told, ""),
        "overwrites_later" => is_wrong(&told, "it was right when it was loaded"),
        "lock_lost_in_copy" => {
            let says = |m: &&str| m.ends_with("were used in a copy that is not locked");
            let messages = told.messages("tensors-locked");
            assert!(!messages.is_empty() && messages.iter().all(says), "{}", told.text);
        }
        // Tensors of a few hundred bytes are too short to be told from chance.
        "idiom_staged_lock" => {
            let reason = "where it was copied to is not known";
            assert!(told.sentence().contains(reason), "{}", told.sentence());
        }
        "idiom_in_place_transform" => {
            assert!(told.sentence().contains("P3 observed in part: "), "{}", told.sentence());
        }
        "idiom_bounce_buffer" | "idiom_threads" | "idiom_stdio" | "honest" => {
            assert_eq!(told.sentence(), "parity to P4");
        }
        "other_model" => told.is_no_pass("blocked", "bytes of "),
        "head_only" => told.is_no_pass("blocked", "never come"),
        "time_in_output" => {
            told.is_no_pass("not-observed", "varies by itself (2 different outputs in 2 runs)")
        }
        "decoy_mapping" => told.is_no_pass("not-observed", "no page of them was ever touched"),
        "loads_in_parent" => told.is_no_pass("not-observed", "a copy of its memory and none of its locks"),
        "through_a_pipe" => told.is_no_pass("not-observed", "a process that ended before another one"),
        "uses_io_uring" => told.is_no_pass("not-observed", "io_uring"),
        _ => {}
    }
    if name == "other_model" {
        assert!(told.sentence().contains("model.gguf.other"), "{}", told.sentence());
    }
}

/// Every finding names a tensor with a byte of the file, what it is there and what it is in memory.
fn is_wrong(told: &Told, why: &str) {
    let messages = told.messages("same-bytes");
    let says = |m: &&str| m.contains(": byte ") && m.contains(", memory holds 0x") && m.ends_with(why);
    assert!(!messages.is_empty() && messages.iter().all(says), "{}", told.text);
}

/// Nobody looks, and that is said.
#[test]
fn without_a_look_at_memory_p3_is_not_observed() {
    let told = model().check(&["--quick", "--no-memory"], &command("flips_a_byte"));
    told.is_pass();
    assert!(told.sentence().contains("P3 not observed: the memory of the command was not looked at"));
}

/// A faulted run that prints what the clean one does may still hold something else.
#[test]
fn a_wrong_byte_shows_under_a_fault_and_between_two_builds() {
    let flips = command("flips_a_byte");
    let line = ["--quick", "--only", "--no-mmap", "--inject", "read.buffered:error=EINTR:when=3"];
    model().check(&line, &flips).breaks(&["same-bytes"]);
    let told = model().compare(&["--only", "--no-mmap"], &command("honest"), &flips);
    assert!(told.messages("data-kept").iter().any(|m| m.contains(", memory holds 0x")), "{}", told.text);
}

/// The weights come by a process that ends: that they reach the one that prints is not seen, in `check` as in
/// `compare`, and that it is new is a difference.
#[test]
fn weights_through_a_pipe_are_a_change_of_policy() {
    let few = ["--only", "--no-mmap", "--only", "--no-mmap --mlock", "--only", "--mmap"];
    let told = model().compare(&few, &command("honest"), &command("through_a_pipe"));
    told.breaks(&["guarantee-kept", "policy-kept"]);
    let says = |message: &&str| message.contains("a process that ended before another one");
    assert!(told.messages("policy-kept").iter().all(says), "{}", told.text);
}

#[test]
fn two_runs_of_a_loader_that_forks_are_identical() {
    let forks = command("idiom_forked_worker");
    let told = model().compare(&[], &forks, &forks);
    told.is_pass();
    let totals = &told.document["finished"]["totals"];
    assert_eq!(totals["identical"], told.document["started"]["planned"], "{totals}");
}

/// Their calls differ from those of the honest loader; what they guarantee does not.
#[rstest]
fn another_idiom_is_no_lost_guarantee(
    #[values("idiom_mremap", "idiom_two_opens", "idiom_late_log", "idiom_stdio")] idiom: &str,
) {
    let few = ["--only", "", "--only", "--no-mmap", "--only", "--mlock --no-mmap", "--only", "-dio"];
    model().compare(&few, &command("honest"), &command(idiom)).is_pass();
}

#[rstest]
#[case::of_like_size(shards(), &[])]
#[case::behind_an_empty_one(shards_behind_an_empty_one(), &["--quick"])]
fn an_honest_loader_of_shards_passes(#[case] model: Model, #[case] breadth: &[&str]) {
    let told = model.check(breadth, &command("honest"));
    told.is_pass();
    let groups = told.document["groups"].as_array().unwrap();
    let locked = groups.iter().find(|group| group["name"] == "map+lock").unwrap();
    // All shards are locked, in whole pages.
    assert!(locked["facts"]["locked_bytes"].as_u64().unwrap() > 302_208, "{locked}");
}

#[test]
fn a_loader_that_reads_the_head_of_each_shard_alone_is_blocked() {
    let told = shards().check(&["--quick"], &command("head_only"));
    told.is_no_pass("blocked", "in part-00001-of-00003.gguf: bytes 65536..");
}

#[test]
fn a_tensor_that_is_left_out_is_named_with_its_shard() {
    let told = shards().check(&["--quick"], &command("last_tensor_skipped"));
    told.breaks(&["same-output", "tensors-read"]);
    let named = |message: &&str| message.starts_with("output.weight in part-00003-of-00003.gguf: bytes ");
    assert!(told.messages("tensors-read").iter().all(named), "{}", told.text);
    let told =
        shards().compare(&["--only", "--no-mmap"], &command("honest"), &command("last_tensor_skipped"));
    told.breaks(&["data-kept"]);
    assert!(told.text.contains("output.weight in part-00003-of-00003.gguf"), "{}", told.text);
}

#[test]
fn a_lock_of_the_first_shard_alone_is_found() {
    let told = shards().check(&["--quick"], &command("locks_first_shard"));
    told.breaks(&["tensors-locked"]);
    let named = |message: &&str| message.contains("in part-00002-of-00003.gguf: the memory that holds");
    assert!(told.messages("tensors-locked").iter().all(named), "{}", told.text);
}

#[test]
fn the_engine_itself_passes_with_shards() {
    for model in [shards(), shards_behind_an_empty_one()] {
        let mut line = support::loadparity();
        line.args(["check", "--quick", "-n", "1", "-m"]).arg(&model.path).assert().code(0);
    }
}

#[test]
fn a_recording_of_shards_is_judged_with_the_model() {
    let model = shards();
    let trace = model.folder().join("trace.jsonl");
    let judged = |variant: &str, flags: &[&str]| {
        let mut line = support::loadparity();
        line.args(["trace", "-o"]).arg(&trace).arg("--").arg(&command(variant)[0]).arg(&model.path);
        line.args(flags).assert().success();
        let mut line = support::loadparity();
        line.args(["judge", "--dialect", "booleans", "--trace"]).arg(&trace).arg("-m").arg(&model.path);
        let output = line.arg("--").args(flags).output().unwrap();
        (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap())
    };
    for flags in [&[][..], &["--mlock"], &["--no-mmap"], &["--no-mmap", "--mlock"], &["-dio"]] {
        let (code, text) = judged("honest", flags);
        assert_eq!(code, 0, "{flags:?}: {text}");
    }
    let (code, text) = judged("last_tensor_skipped", &["--no-mmap"]);
    assert!(code == 1 && text.contains("output.weight in part-00003-of-00003.gguf"), "{code} {text}");
    let (code, text) = judged("locks_first_shard", &["--mlock"]);
    assert!(code == 1 && text.contains("tensors-locked"), "{code} {text}");
}

/// The summary of a trace counts all shards.
#[test]
fn a_trace_of_shards_has_them_all() {
    let model = shards();
    let mut line = support::loadparity();
    let output = line.args(["trace", "--"]).arg(&command("honest")[0]).arg(&model.path).output().unwrap();
    let told = String::from_utf8(output.stderr).unwrap();
    for number in 1..=3 {
        assert!(told.contains(&format!("part-0000{number}-of-00003.gguf")), "{told}");
    }
    // A shell that loads nothing opens none of them.
    let told = model.check(&["--quick"], &script("exit 0"));
    told.is_no_pass("blocked", "it opens no model");
}

/// What shows only under faults is found by exploration, without a word of what to look for.
#[rstest]
#[case("short_read_ends_it", "fault-output")]
#[case("refusal_unreported", "fault-reported")]
#[case("retry_forever", "fault-hang")]
#[case("interrupted_ends_it", "transient-survived")]
fn a_defect_that_shows_under_faults_is_found(#[case] name: &str, #[case] rule: &str) {
    let told = model().check(&["--faults=single"], &command(name));
    told.breaks(&[rule]);
    let line = told.document["failures"][0]["reproduce"].as_str().unwrap();
    assert!(line.contains(" --only-fault "), "{line}");
}

/// However few the bytes are that came another way than was asked for.
#[test]
fn a_late_refusal_without_a_word_is_found() {
    let told = model().check(&["--faults=single", "--only=-dio"], &command("late_refusal_unreported"));
    told.breaks(&["fault-reported"]);
    let few = |m: &&str| m.contains("came through the page cache, and it said nothing");
    assert!(told.messages("fault-reported").iter().any(few), "{}", told.text);
}

/// Bytes that a fault keeps away are missed in memory where the output cannot show it.
#[test]
fn a_constant_output_hides_no_lost_tensor() {
    let told = model().check(&["--faults=single", "--only=--no-mmap"], &command("short_and_constant"));
    told.breaks(&["fault-output"]);
    let lost = |m: &&str| m.contains("its bytes come without the fault, and do not all come with it");
    assert!(told.messages("fault-output").iter().any(lost), "{}", told.text);
}

/// Every row that the table says has to pass under faults.
#[test]
fn no_idiom_is_flagged_under_faults() {
    let rows = table();
    let honest: Vec<_> =
        rows.iter().filter(|row| row.kind != "defect" && row.shown_by.contains("--faults")).collect();
    assert!(honest.len() >= 10);
    for row in honest {
        // Two plans that need a fallback and one that does not.
        let few =
            ["--faults", "--cases", "130", "--only", "--mlock", "--only", "-dio", "--only", "--no-mmap"];
        let told = model().check(&few, &command(row.name));
        assert_eq!((told.code, told.rules()), (0, vec![]), "{}: {}", row.name, told.text);
    }
}
