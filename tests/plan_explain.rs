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
    (code, serde_json::from_str(&out).unwrap())
}

#[test]
fn json_is_the_documented_object() {
    assert_eq!(
        json("-- --no-mmap --mlock"),
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
    assert!(out.contains("in the enum-v3 dialect: --load-mode mlock\n"), "{out}");
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
fn the_real_environment_is_not_read() {
    // Of one variable given twice the last value counts; a value may hold `=`.
    let (_, value) = json("--env LLAMA_ARG_MMAP=1 --env LLAMA_ARG_MMAP=0 --env OTHER=a=b");
    assert_eq!(value["load_mode"], "none");
    for bad in ["LLAMA_ARG_MMAP", "=1"] {
        assert!(Command::try_parse_from(["explain", "--env", bad]).is_err(), "{bad}");
    }
    assert!(Command::try_parse_from(["explain", "--dialect", "enum-v9"]).is_err());
}
