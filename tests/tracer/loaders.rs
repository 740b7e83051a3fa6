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
    late_refusal_unreported short_and_constant retry_forever interrupted_ends_it silent_output time_in_output
    head_only last_tensor_skipped locks_first_shard decoy_mapping made_writable unlocks_at_once loads_in_parent
    resized_by_path direct_decoy direct_decoy_kept uses_io_uring flips_a_byte overwrites_later lock_lost_in_copy
    lock_left_on_zeros lock_left_on_a_copy lock_lost_in_transform lock_lost_in_fork lock_lost_in_heap
    lock_on_fault wrong_in_copy wrong_in_second_copy mapped_over
    wrong_when_mapped_over page_given_back read_beside_mapping copied_where_header_was locked_after_output
    wrong_in_heap reads_ahead_of_direct zeroed_and_constant locks_the_future unlocks_a_little
    read_again_unlocked direct_never_aligned cached_before_direct idiom_last_words idiom_mremap idiom_header_mapped idiom_header_mapped_whole idiom_setfl idiom_threads
    idiom_stdio idiom_two_opens idiom_unrelated_lock idiom_huge_page_buffer idiom_forked_worker
    idiom_shifted_buffer idiom_late_log idiom_lock_all idiom_in_place_transform idiom_bounce_buffer
    idiom_frees_before_exit idiom_staged_lock idiom_copy_beside restarts_at_zero direct_tail_zeroed
    interrupted_is_the_end says_and_goes_on buffered_for_ever half_locked_after_again map_refused_unreported
    map_unchecked swallowed_in_thread leaks_on_retry wrong_shard fails_mute fallback_reads_once
    mute_behind_a_warning variable_falls_back_otherwise used_one_byte_late takes_less_memory takes_less_heap falls_to_other_model direct_rounds_up
    lost_with_thread idiom_backoff idiom_map_fallback
    idiom_own_handles idiom_quiet_advice idiom_always_warns idiom_halves_chunks idiom_reopens idiom_reads_again
    idiom_all_or_no_lock idiom_direct_bounce idiom_direct_whole idiom_empty_lock idiom_aborts idiom_relock idiom_mremap_locked idiom_windows idiom_repacked idiom_staged_in_heap
    idiom_header_locked idiom_checks
}

#[test]
fn every_row_of_the_table_has_a_test() {
    let rows: Vec<&str> = table().iter().map(|row| row.name).collect();
    assert_eq!(rows, TESTED);
}

/// Exit code and rules are those of the table, and what is no pass is said to be none.
fn row_holds(name: &str) {
    let row = table().into_iter().find(|row| row.name == name).unwrap();
    // An idiom is honest in every spelling; of the defects, one needs more than one spelling of each plan. What
    // only faults show is the honest loader without one.
    let whole =
        !row.shown_by.starts_with("check --faults") && (row.kind != "defect" || name == "env_beats_argv");
    let breadth: &[&str] = if whole { &[] } else { &["--quick"] };
    let told = model().check(breadth, &command(name));
    assert_eq!((told.code, told.rules().join(" ")), (row.code, row.rules.to_owned()), "{}", told.text);
    // What is right is never called broken.
    assert!(row.kind == "defect" || matches!(told.code, 0 | 3), "{}", told.text);
    match name {
        "flips_a_byte" | "wrong_in_heap" => is_wrong(&told, ""),
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
            // The buffer of the header has the first of them, and keeps them as they are.
            assert!(told.sentence().contains(" bytes verified"), "{}", told.sentence());
        }
        "idiom_bounce_buffer" | "idiom_threads" | "idiom_stdio" | "honest" => {
            assert_eq!(told.sentence(), "parity to P4");
        }
        "copied_where_header_was"
        | "lock_left_on_zeros"
        | "lock_left_on_a_copy"
        | "lock_lost_in_heap"
        | "idiom_copy_beside" => {
            told.is_no_pass("not-observed", "is not locked; which one is used was not seen");
        }
        "cached_before_direct" => {
            told.is_no_pass("not-observed", "through the page cache as well as directly");
        }
        "lock_lost_in_transform" => {
            told.is_no_pass("not-observed", "were used when the locked memory had gone");
        }
        "lock_lost_in_fork" => told.is_no_pass("not-observed", "or released its locks, before one"),
        // Which rule says so depends on what the other half of the pages shows.
        "lock_on_fault" => {
            told.is_no_pass("not-observed", "were mapped, and no page of them was ever touched")
        }
        "wrong_in_copy" => is_wrong(&told, "it was right when it was loaded"),
        "wrong_in_second_copy" => {
            told.is_no_pass("not-observed", "in a second copy; which one is used was not seen");
        }
        "locks_the_future" | "unlocks_a_little" | "read_again_unlocked" => {
            let says = |m: &&str| m.ends_with(" bytes were used after their lock was released");
            let messages = told.messages("tensors-locked");
            assert!(!messages.is_empty() && messages.iter().all(says), "{}", told.text);
        }
        "zeroed_and_constant" | "short_and_constant" | "wrong_shard" => {
            told.is_no_pass("not-observed", "on a copy of the model in which every tensor is another one")
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

/// What was asked for, what the calls did and what the kernel says stand side by side, and agree.
#[test]
fn the_kernel_confirms_the_locks_of_an_honest_loader() {
    let told =
        model().check(&["--jobs", "1", "--only", "--mlock", "--only", "--no-mmap"], &command("honest"));
    told.is_pass();
    let groups = told.document["groups"].as_array().unwrap();
    let memory = |name: &str| &groups.iter().find(|group| group["name"] == name).unwrap()["facts"]["memory"];
    let number = |name: &str, field: &str| memory(name)[field].as_u64().unwrap();
    let locked = number("map+lock", "locked_traced");
    assert!(locked > 200_000 && number("map+lock", "locked_proven") >= locked, "{}", memory("map+lock"));
    assert!(number("map+lock", "lock_needed") >= locked && memory("map+lock")["lock_asked"] == true);
    assert_eq!((number("read", "locked_traced"), number("read", "locked_proven")), (0, 0));
    let weights = number("read", "weights");
    assert!(number("read", "resident") >= weights && number("read", "anonymous") >= weights);
    // Nothing ran beside it, so the page cache is its own.
    assert!(memory("read")["cached"][1].as_u64().unwrap() > 300_000, "{}", memory("read"));
    assert!(told.text.contains("proven"), "{}", told.text);
}

/// Nobody looks, and that is said.
#[test]
fn without_a_look_at_memory_p3_is_not_observed() {
    let told = model().check(&["--quick", "--no-memory"], &command("honest"));
    told.is_pass();
    assert!(told.sentence().contains("P3 not observed: the memory of the command was not looked at"));
    // Its output is a constant, so that without memory nothing shows the byte.
    let told = model().check(&["--quick", "--no-memory"], &command("flips_a_byte"));
    told.is_no_pass("not-observed", "neither tensor bytes nor outputs were compared");
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
#[case("short_read_ends_it", "--no-mmap", "fault-output")]
#[case("refusal_unreported", "-dio", "fault-reported")]
#[case("retry_forever", "--no-mmap", "fault-hang")]
#[case("interrupted_ends_it", "--no-mmap", "transient-survived")]
#[case("restarts_at_zero", "--no-mmap", "fault-output")]
#[case("direct_tail_zeroed", "-dio", "fault-output")]
#[case("interrupted_is_the_end", "--no-mmap", "fault-output")]
#[case("says_and_goes_on", "--no-mmap", "fault-output")]
#[case("used_one_byte_late", "--no-mmap", "fault-output")]
#[case("buffered_for_ever", "-dio", "direct-held")]
#[case("half_locked_after_again", "--mlock", "fault-reported")]
#[case("map_refused_unreported", "", "fault-reported")]
#[case("map_unchecked", "", "fault-crash")]
#[case("swallowed_in_thread", "--no-mmap", "fault-output")]
#[case("leaks_on_retry", "--no-mmap", "resources-released")]
#[case("fails_mute", "--no-mmap", "fault-reported")]
#[case("mute_behind_a_warning", "-dio", "fault-reported")]
#[case("takes_less_memory", "--no-mmap", "fault-output")]
#[case("takes_less_heap", "--no-mmap", "fault-output")]
#[case("falls_to_other_model", "--no-mmap", "fault-output")]
#[case("direct_rounds_up", "-dio", "fault-output")]
#[case("lost_with_thread", "--no-mmap", "fault-output")]
fn a_defect_that_shows_under_faults_is_found(#[case] name: &str, #[case] only: &str, #[case] rule: &str) {
    let only = format!("--only={only}");
    let told = model().check(&["--faults=single", &only], &command(name));
    assert!(told.code == 1 && told.rules().contains(&rule), "{}", told.text);
    let line = told.document["failures"][0]["reproduce"].as_str().unwrap();
    assert!(line.contains(" --only-fault "), "{line}");
}

/// A fault can meet one shard of several alone, and a shard that never came is missed.
#[rstest]
fn a_shard_in_place_of_another_is_found(#[values("", "--no-mmap")] only: &str) {
    let only = format!("--only={only}");
    let told = shards().check(&["--faults=single", &only], &command("wrong_shard"));
    told.breaks(&["fault-output"]);
    let line = told.document["failures"][0]["reproduce"].as_str().unwrap();
    assert!(line.contains(" --only-fault open.buffered:error=ENOENT:when=1:file="), "{line}");
}

/// What a fallback does wrong under a second fault, no single fault shows.
#[test]
fn a_pair_finds_what_single_faults_do_not() {
    let loader = command("fallback_reads_once");
    model().check(&["--faults=single", "--only=-dio"], &loader).is_pass();
    let told = model().check(&["--faults=pairs", "--only=-dio", "--fail-fast", "--cases=400"], &loader);
    told.breaks(&["fault-output"]);
    let spelling = told.document["failures"][0]["spelling"].as_str().unwrap();
    assert!(
        spelling.starts_with("read.direct:error=") && spelling.contains(" and read.buffered:short="),
        "{spelling}"
    );
}

/// Two spellings of one plan that fall back to two ways are no parity; each by itself is right.
#[test]
fn spellings_that_part_under_a_fault_are_found() {
    let both = ["--faults=single", "--only=-dio", "--only=LLAMA_ARG_DIO=1"];
    let told = model().check(&both, &command("variable_falls_back_otherwise"));
    // It says that it maps, and reads.
    told.breaks(&["plan-taken", "same-path", "tensors-mapped"]);
    let says = |m: &&str| m.contains("which asks for the same, to broken rule (read)");
    assert!(told.messages("same-path").iter().any(says), "{}", told.text);
    let failures = told.document["failures"].as_array().unwrap();
    let parting = failures.iter().find(|failure| failure["rule"] == "same-path").unwrap();
    let line = parting["reproduce"].as_str().unwrap();
    assert!(line.contains(" --only -dio --only LLAMA_ARG_DIO=1 --only-fault "), "{line}");
    model().check(&both, &command("honest")).is_pass();
}

/// What is broken without a fault is a finding of a campaign with faults too.
#[test]
fn what_is_broken_without_a_fault_is_no_pass_under_faults() {
    let few = ["--faults=single", "--only=--mlock", "--cases=5"];
    let told = model().check(&few, &command("lock_first_half"));
    told.breaks(&["tensors-locked"]);
    assert!(told.messages("tensors-locked")[0].starts_with("without a fault: "), "{}", told.text);
    let line = told.document["failures"][0]["reproduce"].as_str().unwrap();
    assert!(!line.contains("--faults") && line.contains(" --only "), "{line}");
}

/// What is refused without a word is no *unsupported* plan: that standard error is empty, or says what it always
/// says, decides it.
#[rstest]
#[case::mute("refusal_unreported", "-dio", "open.direct:error=EINVAL", "fallback-reported")]
#[case::always_the_same("mute_behind_a_warning", "-dio", "open.direct:error=EINVAL", "fallback-reported")]
#[case::a_lock("half_locked_after_again", "--mlock", "lock:error=EAGAIN", "tensors-locked")]
fn a_refusal_without_a_word_is_found_by_an_injected_fault(
    #[case] name: &str,
    #[case] only: &str,
    #[case] fault: &str,
    #[case] rule: &str,
) {
    let line = ["--quick", "--only", only, "--inject", fault];
    model().check(&line, &command(name)).breaks(&[rule]);
    let told = model().check(&line, &command("idiom_always_warns"));
    assert_eq!(told.rules(), Vec::<&str>::new(), "{}", told.text);
    let line = ["--only", only, "--inject", fault];
    model().compare(&line, &command("honest"), &command(name)).breaks(&["guarantee-kept"]);
    model().compare(&line, &command("honest"), &command("idiom_always_warns")).is_pass();
}

/// However few the bytes are that came another way than was asked for.
#[test]
fn a_late_refusal_without_a_word_is_found() {
    let told = model().check(&["--faults=single", "--only=-dio"], &command("late_refusal_unreported"));
    // A read that ends within its first block counts as a refusal to this loader, and it says nothing then either.
    told.breaks(&["direct-held", "fault-reported"]);
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
#[rstest]
fn no_idiom_is_flagged_under_faults(#[values(0, 1, 2, 3, 4, 5)] part: usize) {
    let rows = table();
    let honest: Vec<_> =
        rows.iter().filter(|row| row.kind != "defect" && row.shown_by.contains("--faults")).collect();
    assert!(honest.len() >= 20);
    for row in honest.into_iter().skip(part).step_by(6) {
        // Two plans that need a fallback and one that does not.
        let few =
            ["--faults", "--cases", "130", "--only", "--mlock", "--only", "-dio", "--only", "--no-mmap"];
        let told = model().check(&few, &command(row.name));
        assert_eq!((told.code, told.rules()), (0, vec![]), "{}: {}", row.name, told.text);
    }
}
