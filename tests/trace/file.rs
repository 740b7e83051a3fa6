//! The trace file keeps every operation exactly, agrees with its committed schema, and says what
//! is wrong with a file that it refuses.
#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use loadparity::trace::{CodePath, ReadError, SCHEMA_ID, TraceFile, schema_text};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::support::{any_trace, direct_refused, map_load, odd_load, samples, trace_file, written};

fn schema() -> jsonschema::Validator {
    let schema: Value = serde_json::from_str(schema_text()).unwrap();
    jsonschema::draft202012::meta::validate(&schema).unwrap();
    jsonschema::validator_for(&schema).unwrap()
}

fn lines(bytes: &[u8]) -> Vec<Value> {
    bytes
        .split(|b| *b == b'\n')
        .filter(|l| !l.is_empty())
        .map(|l| serde_json::from_slice(l).unwrap())
        .collect()
}

fn read(text: &str) -> Result<TraceFile, ReadError> {
    TraceFile::read(text.as_bytes())
}

/// The header line of a trace and one operation line after it.
fn with_header(op: &Value) -> String {
    let header = String::from_utf8(written(&trace_file(Vec::new()))).unwrap();
    format!("{header}{op}\n")
}

proptest! {
    #[test]
    fn reading_gives_back_what_was_written(
        mut trace in any_trace(), seed in any::<Option<u64>>(), model in any::<Option<String>>(),
    ) {
        (trace.header.seed, trace.header.model) = (seed, model);
        let bytes = written(&trace);
        let again = TraceFile::read(&bytes[..]).unwrap();
        prop_assert_eq!(&again, &trace);
        prop_assert_eq!(written(&again), bytes);
    }

    #[test]
    fn every_line_follows_the_schema(trace in any_trace()) {
        thread_local!(static SCHEMA: jsonschema::Validator = schema());
        for line in lines(&written(&trace)) {
            let problem = SCHEMA.with(|schema| schema.validate(&line).err().map(|e| e.to_string()));
            prop_assert_eq!(problem, None, "{}", line);
        }
    }
}

#[test]
fn the_lines_have_fields_in_a_fixed_order() {
    let text = String::from_utf8(written(&trace_file(direct_refused(1)))).unwrap();
    let line = |op: &str| text.lines().find(|l| l.contains(op)).unwrap().to_string();
    assert_eq!(
        text.lines().next().unwrap(),
        r#"{"schema":"loadparity.trace/2","os":"linux","arch":"x86_64","page_size":4096,"command":["loadparity","run","-m","a b.gguf"],"seed":42,"model":"a b.gguf","created_by":{"name":"loadparity","version":"0.1.0"}}"#
    );
    assert_eq!(
        line("O_DIRECT"),
        r#"{"seq":5,"phase":"load","pid":0,"thread":0,"op":"open","file":1,"path":"/models/a.gguf","direct":true,"identity":null,"flags":["O_CLOEXEC","O_DIRECT","O_RDONLY"],"flags_raw":524288,"result":0,"errno":null,"start_ns":5,"dur_ns":1005,"injected":false}"#
    );
    assert_eq!(
        line("ENAME"),
        r#"{"seq":8,"phase":"load","pid":0,"thread":0,"op":"read","file":1,"offset":1048576,"len":65536,"direct":true,"addr":"0x7f0000100000","result":null,"errno":{"name":"ENAME","code":22,"kind":"invalid"},"start_ns":8,"dur_ns":1008,"injected":false}"#
    );
}

#[test]
fn integers_change_form_at_two_to_the_53() {
    let mut ops = map_load(false);
    (ops[0].dur_ns, ops[1].dur_ns) = ((1 << 53) - 1, 1 << 53);
    let lines = lines(&written(&trace_file(ops)));
    assert_eq!(lines[1]["dur_ns"], json!(9_007_199_254_740_991_u64));
    assert_eq!(lines[2]["dur_ns"], json!("9007199254740992"));
    let mut op = lines[1].clone();
    for wrong in
        [json!("42"), json!(9_007_199_254_740_992_u64), json!("09007199254740993"), json!(-1), json!(1.5)]
    {
        op["dur_ns"] = wrong.clone();
        assert!(read(&with_header(&op)).is_err(), "{wrong}");
        assert!(!schema().is_valid(&op), "{wrong}");
    }
}

#[test]
fn reader_and_schema_refuse_every_broken_line() {
    let schema = schema();
    let mut checked = 0;
    for ops in samples().into_iter().map(|(_, ops)| ops).chain([odd_load()]) {
        for line in lines(&written(&trace_file(ops))).into_iter().skip(1) {
            let mut whole = line.clone();
            whole["seq"] = json!(0);
            assert!(read(&with_header(&whole)).is_ok(), "{whole}");
            let fields: Vec<String> = whole.as_object().unwrap().keys().cloned().collect();
            for field in fields {
                let mut without = whole.clone();
                without.as_object_mut().unwrap().remove(&field);
                let mut wrong = whole.clone();
                wrong[&field] = json!([[]]);
                for broken in [without, wrong] {
                    assert!(!schema.is_valid(&broken), "{field}: {broken}");
                    assert!(read(&with_header(&broken)).is_err(), "{field}: {broken}");
                    checked += 1;
                }
            }
            for inner in ["name", "code", "kind"].into_iter().filter(|_| whole["errno"].is_object()) {
                let mut broken = whole.clone();
                broken["errno"].as_object_mut().unwrap().remove(inner);
                assert!(!schema.is_valid(&broken), "{broken}");
                let told = read(&with_header(&broken)).unwrap_err().to_string();
                assert!(told.contains(&format!("\"errno.{inner}\"")), "{told}");
            }
            let mut more = whole.clone();
            more["clock"] = json!(1);
            assert!(!schema.is_valid(&more));
            assert!(read(&with_header(&more)).unwrap_err().to_string().contains("\"clock\""));
        }
    }
    assert!(checked > 1000, "{checked}");
}

#[test]
fn errors_name_line_field_and_expectation() {
    let trace = String::from_utf8(written(&trace_file(map_load(true)))).unwrap();
    let error = |from: &str, to: &str| {
        assert!(trace.contains(from), "{from}");
        read(&trace.replacen(from, to, 1)).unwrap_err().to_string()
    };
    assert_eq!(
        error(r#""op":"size""#, r#""op":"mumble""#),
        "line 3: field \"op\": expected one of open, set_direct, size, alignment, map_hint, read, write, resize, file_advise, \
         map, alloc, map_advise, lock, unlock, unmap, remap, close, notice, fork, exec, exit, native, found \"mumble\""
    );
    assert_eq!(
        error(r#""seq":2"#, r#""seq":3"#),
        "line 4: field \"seq\": expected 2 (positions count from 0 without gaps; a line may be missing), found 3"
    );
    assert_eq!(
        error(r#""addr":"0x7f0000000000""#, r#""addr":127"#),
        "line 4: field \"addr\": expected an address such as \"0x7f0000001000\", found 127"
    );
    assert_eq!(
        error(r#""phase":"probe""#, r#""phase":"fit""#),
        "line 6: field \"phase\": expected one of header, probe, load, run, teardown, found \"fit\""
    );
    assert!(error(SCHEMA_ID, "loadparity.trace/9").starts_with("line 1: field \"schema\": expected"));
    assert!(error(r#""version":"0.1.0""#, r#""versio":1"#).contains("\"created_by.version\""));
    assert!(read("").unwrap_err().to_string().contains("the trace is empty"));
    assert!(read("[]\n").unwrap_err().to_string().starts_with("line 1: not a JSON object"));
    let cut = read(&trace[..trace.len() - 20]).unwrap_err().to_string();
    assert!(cut.starts_with("line 17: not a JSON object (EOF while parsing"), "{cut}");
    assert!(!cut.contains("line 1 "), "{cut}");
    assert!(TraceFile::read(&[b'{', 0xff, b'}'][..]).is_err());
}

#[test]
fn a_trace_from_a_file_has_the_path_of_the_recorded_one() {
    for (name, ops) in samples() {
        let file = TraceFile::read(&written(&trace_file(ops.clone()))[..]).unwrap();
        assert_eq!(CodePath::from_ops(&file.ops), CodePath::from_ops(&ops), "{name}");
    }
}

#[test]
fn the_first_schema_is_still_read() {
    let text = include_str!("first-schema.jsonl");
    let first: Value =
        serde_json::from_str(include_str!("../../fixtures/schema/trace-1.json")).expect("the first schema");
    let first = jsonschema::validator_for(&first).unwrap();
    for line in lines(text.as_bytes()) {
        assert!(first.is_valid(&line), "{line}");
    }
    let trace = read(text).unwrap();
    assert_eq!(trace.ops.len(), text.lines().count() - 1);
    assert!(trace.ops.iter().all(|op| op.pid == 0 && op.start_ns == 0));
    assert_eq!((trace.observations.len(), &trace.end), (0, &None));
    // Written again it is of the newest schema, with the same operations.
    let again = TraceFile::read(&written(&trace)[..]).unwrap();
    assert_eq!(again, trace);
    let newer = text.replace("loadparity.trace/1", SCHEMA_ID);
    assert!(read(&newer).unwrap_err().to_string().contains("\"pid\""));
    let older = String::from_utf8(written(&trace_file(map_load(false)))).unwrap();
    let told = read(&older.replace(SCHEMA_ID, "loadparity.trace/1")).unwrap_err().to_string();
    assert!(told.contains("\"identity\"") || told.contains("\"pid\""), "{told}");
}

#[test]
fn a_broken_observation_or_end_is_refused() {
    let whole = String::from_utf8(written(&trace_file(map_load(false)))).unwrap();
    let last = whole.lines().count() - 1;
    let pages =
        format!(r#"{{"observation":"pages","after":{last},"pid":0,"pages":3,"resident":2,"locked":null}}"#);
    let end = r#"{"end":"signal","number":9,"unseen":["io-uring"]}"#;
    assert!(read(&format!("{whole}{pages}\n{end}\n")).is_ok());
    for (from, to) in [
        (&*format!("\"after\":{last}"), "\"after\":0"),
        ("\"resident\":2", "\"resident\":-2"),
        ("\"pages\",", "\"page\","),
        ("\"locked\":null", "\"lock\":null"),
        ("\"number\":9", "\"number\":null"),
        ("\"signal\"", "\"signals\""),
        ("[\"io-uring\"]", "\"io-uring\""),
        ("\"number\"", "\"more\":1,\"number\""),
    ] {
        let broken = format!("{pages}\n{end}\n").replacen(from, to, 1);
        assert!(read(&format!("{whole}{broken}")).is_err(), "{broken}");
    }
    assert!(read(&format!("{whole}{end}\n{pages}\n")).is_err(), "nothing stands behind the end");
}
