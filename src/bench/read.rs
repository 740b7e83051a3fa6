//! Result files of llama-bench and of `bench`: JSON, JSON lines, CSV and SQL text → records.

use std::collections::BTreeMap;

use serde_json::Value;

/// One result as it stands in a file: fields by name, as text. `true` is `1`, so that a field reads
/// the same from every format.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Record {
    /// The fields that were there.
    pub fields: BTreeMap<String, String>,
    /// Mean time of a cold load in nanoseconds, where it was measured.
    pub load_cold_ns: Option<u64>,
    /// Mean time of a warm load in nanoseconds, where it was measured.
    pub load_warm_ns: Option<u64>,
}

impl Record {
    /// A field's text; empty where there is no such field.
    pub fn field(&self, name: &str) -> &str {
        self.fields.get(name).map_or("", String::as_str)
    }

    /// Tokens per second.
    pub fn rate(&self) -> Option<f64> {
        self.field("avg_ts").parse().ok()
    }

    /// The load mode. Results from before there were any have two switches, of which direct I/O wins.
    pub fn load_mode(&self) -> &str {
        match (self.fields.get("load_mode"), self.field("use_direct_io"), self.field("use_mmap")) {
            (Some(mode), _, _) => mode,
            (None, "1", _) => "dio",
            (None, _, "1") => "mmap",
            (None, _, "0") => "none",
            (None, _, _) => "",
        }
    }
}

/// Why a file is no result file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// It is in none of the formats.
    #[error("neither JSON, JSON lines, CSV with a `build_commit` column, nor SQL of llama-bench")]
    Format,
    /// JSON that is broken or holds something else.
    #[error("line {line}: {problem}")]
    Line {
        /// The line, from 1.
        line: usize,
        /// What is wrong.
        problem: String,
    },
    /// A result without a field that every result has.
    #[error("result {number} has no field `{field}`")]
    Missing {
        /// Its number, from 1.
        number: usize,
        /// The field.
        field: &'static str,
    },
    /// A rate that no measurement gives.
    #[error("result {number} has `avg_ts` {text}, which is no rate")]
    Rate {
        /// Its number, from 1.
        number: usize,
        /// What stands there.
        text: String,
    },
    /// There is no result.
    #[error("there is no result in it")]
    Empty,
}

/// What every result must have, whoever wrote it.
const NEEDED: [&str; 6] = ["model_filename", "n_threads", "n_prompt", "n_gen", "avg_ts", "build_commit"];

/// Reads a result file, whose format its text tells.
///
/// # Errors
/// When it is in no known format, or a result is incomplete.
pub fn read(text: &str) -> Result<Vec<Record>, ReadError> {
    let text = text.trim_start_matches('\u{feff}');
    let start = text.trim_start();
    let records = if start.starts_with('[') {
        let all: Vec<Value> = serde_json::from_str(text).map_err(|error| broken(error.line(), &error))?;
        all.into_iter().map(|value| object(value).ok_or(ReadError::Format)).collect::<Result<Vec<_>, _>>()?
    } else if start.starts_with('{') {
        lines_of_json(text)?
    } else if start
        .lines()
        .next()
        .is_some_and(|line| line.split(',').any(|name| name.trim_matches('"') == "build_commit"))
    {
        comma_separated(text)?
    } else if start.contains("llama_bench") {
        statements(text)?
    } else {
        return Err(if start.is_empty() { ReadError::Empty } else { ReadError::Format });
    };
    for (at, record) in records.iter().enumerate() {
        if let Some(&field) = NEEDED.iter().find(|field| !record.fields.contains_key(**field)) {
            return Err(ReadError::Missing { number: at + 1, field });
        }
        if !record.rate().is_some_and(|rate| rate.is_finite() && rate > 0.0) {
            let text = record.field("avg_ts").to_owned();
            return Err(ReadError::Rate { number: at + 1, text });
        }
    }
    if records.is_empty() { Err(ReadError::Empty) } else { Ok(records) }
}

fn broken(line: usize, problem: &dyn std::fmt::Display) -> ReadError {
    ReadError::Line { line, problem: problem.to_string() }
}

fn lines_of_json(text: &str) -> Result<Vec<Record>, ReadError> {
    let mut records = Vec::new();
    for (at, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let value = serde_json::from_str(line).map_err(|error| broken(at + 1, &error))?;
        records.push(object(value).ok_or_else(|| broken(at + 1, &"is no object"))?);
    }
    Ok(records)
}

fn object(value: Value) -> Option<Record> {
    let Value::Object(members) = value else { return None };
    let mut record = Record::default();
    let mean = |times: &Value| times["avg_ns"].as_u64();
    for (name, value) in members {
        let text = match value {
            Value::String(text) => text,
            Value::Bool(on) => u8::from(on).to_string(),
            Value::Number(number) => number.to_string(),
            Value::Object(_) if name == "load" => {
                (record.load_cold_ns, record.load_warm_ns) = (mean(&value["cold"]), mean(&value["warm"]));
                continue;
            }
            _ => continue,
        };
        record.fields.insert(name, text);
    }
    Some(record)
}

/// Takes the two means out of the fields that CSV has them in.
fn with_loads(mut fields: BTreeMap<String, String>) -> Record {
    let mut mean = |name: &str| fields.remove(name).and_then(|text| text.parse().ok());
    let (load_cold_ns, load_warm_ns) = (mean("load_cold_ns"), mean("load_warm_ns"));
    Record { fields, load_cold_ns, load_warm_ns }
}

fn comma_separated(text: &str) -> Result<Vec<Record>, ReadError> {
    let mut names: Option<Vec<String>> = None;
    let mut records = Vec::new();
    for (at, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let values = items(line, '"').ok_or_else(|| broken(at + 1, &"a quote is not closed"))?;
        let Some(names) = &names else {
            names = Some(values);
            continue;
        };
        if values.len() != names.len() {
            let problem = format!("{} values for {} columns", values.len(), names.len());
            return Err(broken(at + 1, &problem));
        }
        records.push(with_loads(names.iter().cloned().zip(values).collect()));
    }
    Ok(records)
}

/// Reads the `INSERT INTO llama_bench (NAMES) VALUES (VALUES);` lines; what else stands there is not
/// about results. The times of loads are in a table of their own that only SQL can join.
fn statements(text: &str) -> Result<Vec<Record>, ReadError> {
    let mut records = Vec::new();
    for (at, line) in text.lines().enumerate() {
        let Some(rest) = line.trim().strip_prefix("INSERT INTO llama_bench (") else { continue };
        let (names, rest) = rest.split_once(')').ok_or_else(|| broken(at + 1, &"the names do not end"))?;
        let values = rest.trim_start().strip_prefix("VALUES (").and_then(|rest| rest.strip_suffix(");"));
        let values = values.and_then(|values| items(values, '\''));
        let values = values.ok_or_else(|| broken(at + 1, &"is no list of values on one line"))?;
        let names: Vec<String> = names.split(',').map(|name| name.trim().to_owned()).collect();
        if values.len() != names.len() {
            return Err(broken(at + 1, &format!("{} values for {} columns", values.len(), names.len())));
        }
        records.push(with_loads(names.into_iter().zip(values).collect()));
    }
    Ok(records)
}

/// The items of a comma list, each bare or in quotes that are doubled inside; nothing if a quote is
/// not closed.
fn items(line: &str, quote: char) -> Option<Vec<String>> {
    let mut items = vec![String::new()];
    let mut inside = false;
    let mut characters = line.chars().peekable();
    while let Some(c) = characters.next() {
        let item = items.last_mut()?;
        match c {
            _ if c == quote && inside && characters.peek() == Some(&quote) => {
                characters.next();
                item.push(quote);
            }
            _ if c == quote => inside = !inside,
            ',' if !inside => items.push(String::new()),
            ' ' if !inside && item.is_empty() => {}
            _ => item.push(c),
        }
    }
    (!inside).then_some(items)
}

#[cfg(test)]
mod tests {
    use super::super::output::Output;
    use super::super::output::tests::{printed, row};
    use super::*;

    #[test]
    fn every_format_tells_the_same_results() {
        let mut slower = row();
        slower.samples_ns = vec![8_000_000];
        let rows = [row(), slower];
        let json = read(&printed(Output::Json, &rows)).expect("our own output");
        assert_eq!(json.len(), 2);
        assert_eq!(json[0].load_warm_ns, Some(2_000_000));
        assert_eq!(json[0].load_cold_ns, None);
        assert_eq!(json[0].fields["model_filename"], "m\"o.gguf");
        for output in [Output::Jsonl, Output::Csv, Output::Sql] {
            let other = read(&printed(output, &rows)).expect("our own output");
            for (json, other) in json.iter().zip(&other) {
                for (name, declared) in super::super::FIELDS {
                    let (json, other) = (&json.fields[name], &other.fields[name]);
                    // JSON leaves out zeros at the end.
                    let same = match declared {
                        super::super::FieldType::Real => json.parse::<f64>() == other.parse(),
                        _ => json == other,
                    };
                    assert!(same, "{output:?}: {name} is {other} and not {json}");
                }
                if output != Output::Sql {
                    assert_eq!(json.load_warm_ns, other.load_warm_ns, "{output:?}");
                }
            }
        }
    }

    #[test]
    fn what_is_no_result_file_says_why() {
        let incomplete = "{\"build_commit\": \"x\", \"model_filename\": \"m\"}\n";
        for (text, why) in [
            ("", "no result"),
            ("[]", "no result"),
            ("hello", "neither JSON"),
            ("[1]", "neither JSON"),
            ("[{\"a\": ", "line 1"),
            ("{}\n{", "line 2"),
            (incomplete, "result 1 has no field `n_threads`"),
            ("build_commit,n_gen\n\"a\"\n", "line 2: 1 values for 2 columns"),
            ("build_commit,n_gen\n\"a,1\n", "line 2: a quote is not closed"),
            (
                "build_commit,model_filename,n_threads,n_prompt,n_gen,avg_ts\na,b,1,1,0,0.0\n",
                "result 1 has `avg_ts` 0.0",
            ),
            ("INSERT INTO llama_bench (a) VALUES ('1', '2');", "line 1: 2 values for 1 columns"),
            ("INSERT INTO llama_bench (a) VALUES ('1'", "line 1: is no list"),
        ] {
            let error = read(text).expect_err(text).to_string();
            assert!(error.contains(why), "{text}: {error}");
        }
    }

    #[test]
    fn results_from_before_load_modes_have_one() {
        let record = |fields: &[(&str, &str)]| Record {
            fields: fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            ..Record::default()
        };
        for (fields, mode) in [
            (&[("use_mmap", "1"), ("use_direct_io", "0")][..], "mmap"),
            (&[("use_mmap", "1"), ("use_direct_io", "1")], "dio"),
            (&[("use_mmap", "0")], "none"),
            (&[("use_mmap", "0"), ("load_mode", "mlock")], "mlock"),
            (&[], ""),
        ] {
            assert_eq!(record(fields).load_mode(), mode);
        }
    }

    #[test]
    fn commas_and_quotes_inside_quotes_belong_to_the_item() {
        assert_eq!(items("\"a,\"\"b\"\"\",c, d", '"'), Some(vec!["a,\"b\"".into(), "c".into(), "d".into()]));
        assert_eq!(items("'it''s', ''", '\''), Some(vec!["it's".into(), String::new()]));
        assert_eq!(items("\"a", '"'), None);
    }
}
