//! `loadparity explain`: the JSON contract, the lines for a person, the exit code.

#![allow(clippy::unwrap_used, reason = "helpers of tests stop at the first surprise")]

use clap::Parser;
use loadparity::cli::explain::{ExplainArgs, run};
use serde_json::{Value, json};

#[derive(Parser)]
struct Command {
    #[command(flatten)]
    explain: ExplainArgs,
}

/// Exit code, output, error output.
fn explain(line: &str) -> (u8, String, String) {
    let args = Command::try_parse_from(std::iter::once("explain").chain(line.split_whitespace())).unwrap();
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let code = run(&args.explain, &mut out, &mut err).unwrap();
    (code, String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap())
}

fn json(line: &str) -> (u8, Value) {
    let (code, out, err) = explain(&format!("--format json {line}"));
    assert_eq!(err, "");
    assert!(out.ends_with("}\n") && out.matches('\n').count() == 1, "{out}");
    (code, crate::schemas::parsed(out.as_bytes()))
}

/// The keys of the published contract alone; others stand beside them.
fn published((code, mut value): (u8, Value)) -> (u8, Value) {
    let keys = ["dialect", "plan", "load_mode", "warnings", "error"];
    let object = value.as_object_mut().unwrap();
    object.retain(|key, _| keys.contains(&key.as_str()));
    assert_eq!(object.len(), keys.len());
    (code, value)
}

#[test]
fn json_is_the_documented_object() {
    assert_eq!(
        published(json("-- --no-mmap --mlock")),
        (
            0,
            json!({
                "dialect": "reference",
                "plan": {"source": "read", "lock": true, "on_refused": null},
                "load_mode": "none+mlock",
                "warnings": [
                    "--no-mmap is deprecated: use --load-mode none+mlock, the exact equivalent of the legacy switches given",
                    "--mlock is deprecated: use --load-mode none+mlock, the exact equivalent of the legacy switches given",
                ],
                "error": null,
            })
        )
    );
    let (code, value) = json("--dialect booleans -- -dio");
    assert_eq!(code, 0);
    assert_eq!(value["plan"], json!({"source": "direct", "lock": false, "on_refused": "map"}));
    assert_eq!(value["load_mode"], Value::Null);
    let (_, value) = json("-- -lm auto");
    assert_eq!(value["plan"], json!({"source": "auto", "lock": false, "on_refused": null}));
    let (_, value) = json("--dialect enum-v1 -- -lm dio");
    assert_eq!(value["plan"], json!({"source": "direct", "lock": false, "on_refused": "read"}));
}

#[test]
fn a_usage_error_is_exit_code_2_in_both_formats() {
    let (code, value) = json("-- -lm bogus");
    assert_eq!(code, 2);
    let error = value["error"].as_str().unwrap();
    assert!(error.contains("bogus") && error.contains("none+mlock"), "{error}");
    assert_eq!(
        (&value["plan"], &value["load_mode"], &value["warnings"]),
        (&Value::Null, &Value::Null, &json!([]))
    );

    for line in ["-- -lm bogus", "-- -lm", "--env LLAMA_ARG_MMAP=maybe", "-- model.gguf"] {
        let (code, out, err) = explain(line);
        assert_eq!((code, out.as_str()), (2, ""), "{line}");
        assert!(err.starts_with("error: ") && err.contains("accept"), "{line}: {err}");
    }
}

#[test]
fn the_lines_give_plan_load_mode_and_warnings() {
    let (code, out, err) = explain("--env LLAMA_ARG_MMAP=0 -- --mlock");
    assert_eq!((code, err.as_str()), (0, ""));
    for line in [
        "spelling   LLAMA_ARG_MMAP=0 --mlock\n",
        "plan       read+lock: buffered reads into memory, locked\n",
        "load mode  --load-mode none+mlock\n",
        "warning    --mlock is deprecated: use --load-mode none+mlock",
    ] {
        assert!(out.contains(line), "{line:?} in\n{out}");
    }
    let (_, out, _) = explain("--dialect booleans -- -dio");
    assert!(out.contains("no exact equivalent; the nearest is --load-mode dio,"), "{out}");
    assert!(out.contains("; map when refused"), "{out}");
    let (_, out, _) = explain("--dialect enum-v3 -- -lm mlock");
    assert!(out.contains("load mode  --load-mode none+mlock\n"), "{out}");
    assert!(out.contains("           a word of the reference dialect\n"), "{out}");
    assert!(out.contains("in the enum-v3 dialect: --load-mode mlock\n"), "{out}");
    let (_, out, _) = explain("--dialect enum-v3 --env LLAMA_ARG_NO_MMAP=1 -- --mmap");
    assert!(
        out.contains("(these are the words of enum-v3; LLAMA_ARG_MMAP is not set, its twin is)\n"),
        "{out}"
    );
    assert!(explain("").1.contains("spelling   (nothing)\n"));
}

#[test]
fn a_variable_the_dialect_leaves_unread_is_said() {
    let expected = "LLAMA_ARG_LOAD_MODE is set, but the booleans dialect does not read it";
    let (_, value) = json("--dialect booleans --env LLAMA_ARG_LOAD_MODE=none");
    assert_eq!(value["warnings"], json!([expected]));
    assert!(explain("--dialect booleans --env LLAMA_ARG_LOAD_MODE=none").1.contains(expected));
}

#[test]
fn a_loader_without_variables_is_said_to_read_none() {
    for dialect in ["llamafile", "ollama", "koboldcpp"] {
        let expected = format!("LLAMA_ARG_MLOCK is set, but the {dialect} dialect does not read it");
        let (_, value) = json(&format!("--dialect {dialect} --env LLAMA_ARG_MLOCK=1 --env OTHER=1"));
        assert_eq!(value["warnings"], json!([expected]));
    }
}

#[test]
fn a_mode_is_said_in_the_words_of_its_dialect() {
    let (_, out, _) = explain("--dialect ollama -- use_mmap=false");
    assert!(out.contains("in the ollama dialect: use_mmap false\n"), "{out}");
}

#[test]
fn a_mistyped_flag_of_a_whole_line_is_not_passed_over() {
    let (code, _, err) = explain("--dialect booleans -- llama-server -m a.gguf --mlok");
    assert!(code == 2 && err.contains("`--mlok` is no load flag and nearly `--mlock`"), "{code} {err}");
}

#[test]
fn a_whole_command_line_is_read() {
    let line = "--dialect booleans -- sudo docker run --rm -e LLAMA_ARG_MMAP=0 ghcr.io/ggml-org/llama.cpp:server-b8681 -m /m/a.gguf -fa on -p --no-mmap --mlock";
    let (code, out, err) = explain(line);
    assert_eq!((code, err.as_str()), (0, ""));
    assert!(
        out.contains("spelling   LLAMA_ARG_MMAP=0 --mlock\n") && out.contains("plan       read+lock"),
        "{out}"
    );
    let (_, _, err) = explain(&line.replace("booleans", "enum-v3"));
    assert!(err.starts_with("warning: b8681 is pinned here and speaks the booleans dialect"), "{err}");
    let (code, value) = json("--dialect enum-v4 -- ./llama-bench -m a.gguf -lm none,mmap -n 4");
    assert_eq!((code, value["queue"].as_array().map(Vec::len)), (0, Some(2)), "{value}");
    // What cannot be known is not taken for the default.
    let (code, _, err) = explain("--dialect booleans -- llama-server -m a.gguf -fa --mlock");
    assert!(code == 2 && err.contains("took no value in some builds"), "{err}");
    // A mistyped flag is no other option of a program that is not named.
    assert_eq!(explain("--dialect booleans -- --mlok").0, 2);
}

#[test]
fn the_real_environment_is_not_read() {
    // Of one variable given twice the last value counts; a value may hold `=`.
    let (_, value) = json("--env LLAMA_ARG_MMAP=1 --env LLAMA_ARG_MMAP=0 --env OTHER=a=b");
    assert_eq!(value["load_mode"], "none");
    for bad in ["LLAMA_ARG_MMAP", "=1"] {
        assert!(Command::try_parse_from(["explain", "--env", bad]).is_err(), "{bad}");
    }
    assert!(Command::try_parse_from(["explain", "--dialect", "enum-v9"]).is_err());
}

#[test]
fn what_is_overridden_is_said_even_where_the_era_is_silent() {
    let (code, out, _) = explain("--dialect enum-v2 -- --mlock --no-mmap");
    assert_eq!(code, 0);
    assert!(out.contains("overridden --mlock, by --no-mmap\n"), "{out}");
    assert!(out.contains("warning    --mlock is deprecated. use --load-mode mlock instead\n"), "{out}");
    let (_, value) = json("--dialect booleans --env LLAMA_ARG_MMAP=1 -- --no-mmap");
    assert_eq!(value["overridden"], json!([{"what": "LLAMA_ARG_MMAP=1", "by": "--no-mmap"}]));
    assert_eq!(value["spelling"], "LLAMA_ARG_MMAP=1 --no-mmap");
    let (_, value) = json("--dialect enum-v4 --env LLAMA_ARG_MLOCK=1 -- -lm none");
    assert_eq!(value["ignored_env"], json!(["LLAMA_ARG_MLOCK"]));
}

#[test]
fn every_other_dialect_has_its_equivalent_or_the_reason_why_not() {
    let (_, out, _) = explain("--dialect booleans -- --no-mmap --mlock");
    for line in [
        "  reference    --load-mode none+mlock\n",
        "  dio-default  --mlock --no-mmap --no-direct-io\n",
        "  enum-v1      none: the enum-v1 dialect has no spelling for read+lock\n",
        "  enum-v2      --load-mode mlock\n",
        "  enum-v4      --load-mode mlock\n",
    ] {
        assert!(out.contains(line), "{line:?} in\n{out}");
    }
    assert!(!out.contains("\n  booleans"), "{out}");

    let (_, value) = json("--dialect booleans -- -dio");
    let equivalents = value["equivalents"].as_object().unwrap();
    assert_eq!(equivalents.len(), 6);
    assert_eq!(equivalents["dio-default"]["unchanged"], true);
    let v4 = &equivalents["enum-v4"];
    assert_eq!(v4["spelling"], Value::Null);
    assert_eq!(v4["nearest"], json!({"line": "--load-mode dio", "argv": ["--load-mode", "dio"], "env": {}}));
    let reason = v4["reason"].as_str().unwrap();
    assert!(reason.starts_with("the enum-v4 dialect has no spelling for direct-else-map"), "{reason}");
    assert_eq!(json("-- --bogus").1["equivalents"], json!({}));
}

#[test]
fn an_upgrade_has_a_line_or_exit_code_1() {
    let (code, out, _) = explain("--dialect booleans --to enum-v4 -- --mlock");
    assert_eq!(code, 0);
    assert!(out.ends_with("to enum-v4 --load-mode mmap+mlock\n"), "{out}");
    assert!(!out.contains("the same in other dialects"), "{out}");

    let (code, out, err) = explain("--dialect booleans --to enum-v4 -- --mlock -dio");
    assert_eq!((code, err.as_str()), (1, ""));
    assert!(out.contains("to enum-v4 none: the enum-v4 dialect has no spelling for direct+lock"), "{out}");

    let (code, out, _) = explain("--dialect enum-v2 --to enum-v4 -- -lm mlock");
    assert!(code == 0 && out.ends_with("to enum-v4 -lm mlock (as it is)\n"), "{out}");

    let (code, value) = json("--dialect booleans --to enum-v4 --env LLAMA_ARG_MMAP=0");
    assert_eq!(code, 0);
    assert_eq!(value["to"]["dialect"], "enum-v4");
    assert_eq!(
        value["to"]["spelling"],
        json!({"line": "LLAMA_ARG_LOAD_MODE=none", "argv": [], "env": {"LLAMA_ARG_LOAD_MODE": "none"}})
    );
    assert_eq!(value["to"], value["equivalents"]["enum-v4"]);
    let (code, value) = json("--dialect enum-v3 --to booleans");
    assert_eq!((code, &value["to"]["spelling"]), (1, &Value::Null));
    assert_eq!(value["to"]["reason"], "the booleans dialect has no spelling for auto");
    // Without `--to` there is no such key, and a spelling that means nothing stays a usage error.
    assert!(json("").1.get("to").is_none());
    assert_eq!(json("--dialect booleans --to enum-v4 -- -lm none").0, 2);
}

#[test]
fn the_bench_grammar_has_a_queue() {
    let (code, value) = json("--tool bench --dialect booleans -- -mmp 0,1 -dio 1");
    assert_eq!(code, 0);
    let (_, keys) = published((0, value.clone()));
    assert_eq!(
        keys,
        json!({"dialect": "booleans", "plan": null, "load_mode": null, "warnings": [], "error": null})
    );
    let names: Vec<_> = value["queue"].as_array().unwrap().iter().map(|entry| &entry["plan_name"]).collect();
    assert_eq!(names, ["direct", "direct-else-map"]);
    assert_eq!(value["queue"][0]["label"], "mmap 0, dio 1");

    let (_, value) = json("--tool bench --dialect enum-v1 --env LLAMA_ARG_MMAP=0 -- -dio 0");
    assert_eq!(value["plan"], json!({"source": "read", "lock": false, "on_refused": null}));
    assert_eq!(value["load_mode"], "none");
    assert_eq!(
        value["warnings"],
        json!([
            "-dio and --direct-io are deprecated: use --load-mode dio instead",
            "LLAMA_ARG_MMAP is set, but llama-bench reads no environment"
        ])
    );
    let (code, out, err) = explain("--tool bench -- -mmp 1 -lm none");
    assert_eq!((code, err.as_str()), (0, ""));
    for line in [
        "spelling   llama-bench -mmp 1 -lm none\n",
        "load 1     mmap: map, map the file, not locked\n",
        "load 2     none: read, buffered reads into memory, not locked\n",
        "load mode  -lm mmap,none\n",
        "warning    -mmp is deprecated: use -lm mmap,none",
    ] {
        assert!(out.contains(line), "{line:?} in\n{out}");
    }
    let (code, out, err) = explain("--tool bench --dialect enum-v4 -- -mmp 1");
    assert_eq!((code, out.as_str()), (2, ""));
    assert!(err.contains("invalid argument '-mmp'"), "{err}");
    assert_eq!(json("--tool bench -- -lm bogus").0, 2);
    assert_eq!(explain("--tool bench --to enum-v4 -- -lm none").0, 2);
}
