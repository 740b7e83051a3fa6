//! Rows in llama-bench's formats. What loadparity adds, the times of loads, stands where readers of
//! the original look at nothing: behind the table, in a key of its own, in columns at the end, in
//! another SQL table.

use std::io::{self, Write};
use std::str::FromStr;

use serde_json::{Value, json};

use super::row::{Cell, FIELDS, FieldType, LoadMemory, LoadTimes, Row, Timing};
use super::spec::Spec;

/// An output format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// A table in Markdown.
    Markdown,
    /// Comma-separated values with a line of names.
    Csv,
    /// One array of objects.
    Json,
    /// One object a line.
    Jsonl,
    /// Statements for SQLite.
    Sql,
}

impl FromStr for Output {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Ok(match text {
            "md" => Self::Markdown,
            "csv" => Self::Csv,
            "json" => Self::Json,
            "jsonl" => Self::Jsonl,
            "sql" => Self::Sql,
            other => return Err(format!("unknown format `{other}`; known are csv, json, jsonl, md and sql")),
        })
    }
}

/// The batch sizes that the table leaves out, llama-bench's defaults.
pub(super) const DEFAULT_BATCHES: (usize, usize) = (2048, 512);
/// The load mode that the table leaves out.
const DEFAULT_MODE: &str = "mmap";

/// The columns that CSV has behind llama-bench's.
const LOAD_COLUMNS: [&str; 5] =
    ["load_effective", "load_cold_ns", "load_cold_stddev_ns", "load_warm_ns", "load_warm_stddev_ns"];

/// A column of the Markdown table: its heading, and its width; negative where it is flush left.
type Column = (&'static str, i32);

/// Writes rows in one format, as they come.
#[derive(Debug)]
pub struct Printer<W> {
    output: Output,
    out: W,
    columns: Vec<Column>,
    rows: usize,
    /// One line of the table of loads for each model and load mode, in order.
    loads: Vec<[String; 6]>,
    build: String,
}

impl<W: Write> Printer<W> {
    /// A printer for what `spec` asks for; nothing is written yet.
    pub fn new(output: Output, out: W, spec: &Spec, build: &str) -> Self {
        Self { output, out, columns: columns(spec), rows: 0, loads: Vec::new(), build: build.to_owned() }
    }

    /// Writes what stands before all rows.
    ///
    /// # Errors
    /// When the output cannot be written; so for all methods.
    pub fn begin(&mut self) -> io::Result<()> {
        match self.output {
            Output::Markdown => self.heading(),
            Output::Csv => {
                let names: Vec<&str> = FIELDS.iter().map(|(name, _)| *name).chain(LOAD_COLUMNS).collect();
                writeln!(self.out, "{}", names.join(","))
            }
            Output::Json => write!(self.out, "["),
            Output::Jsonl => Ok(()),
            Output::Sql => self.out.write_all(tables().as_bytes()),
        }
    }

    /// Writes a row.
    pub fn row(&mut self, row: &Row) -> io::Result<()> {
        self.rows += 1;
        match self.output {
            Output::Markdown => self.table_row(row)?,
            Output::Csv => {
                let cells = row.cells().map(|cell| quoted(&cell.to_string()));
                let load = load_cells(&row.load).map(|cell| quoted(&cell));
                writeln!(self.out, "{}", [&cells[..], &load[..]].concat().join(","))?;
            }
            Output::Json => {
                let comma = if self.rows > 1 { "," } else { "" };
                write!(self.out, "{comma}\n  {{\n    {}\n  }}", members(row).join(",\n    "))?;
            }
            Output::Jsonl => writeln!(self.out, "{{{}}}", members(row).join(", "))?,
            Output::Sql => self.insert(row)?,
        }
        self.out.flush()
    }

    /// Writes what stands behind all rows.
    pub fn end(&mut self) -> io::Result<()> {
        match self.output {
            Output::Markdown => self.footer(),
            Output::Json => writeln!(self.out, "\n]"),
            _ => Ok(()),
        }
    }

    fn heading(&mut self) -> io::Result<()> {
        write!(self.out, "|")?;
        for (name, width) in &self.columns {
            write!(self.out, " {} |", padded(name, *width))?;
        }
        write!(self.out, "\n|")?;
        for (_, width) in &self.columns {
            let dashes = "-".repeat(width.unsigned_abs() as usize - 1);
            write!(self.out, " {dashes}{} |", if *width > 0 { ':' } else { '-' })?;
        }
        writeln!(self.out)
    }

    fn table_row(&mut self, row: &Row) -> io::Result<()> {
        let cells = row.cells();
        let field = |wanted: &str| {
            FIELDS.iter().position(|(name, _)| *name == wanted).map(|at| cells[at].to_string())
        };
        write!(self.out, "|")?;
        for (name, width) in &self.columns {
            let value = match *name {
                "model" => row.model.description.clone(),
                "size" => bytes(row.model.size),
                "params" => parameters(row.model.parameters),
                "backend" => field("backends").unwrap_or_default(),
                "threads" => row.point.n_threads.to_string(),
                "lm" => row.load_mode.to_string(),
                "test" => row.test_name(),
                "t/s" => plus_minus(&cells),
                other => field(other).unwrap_or_default(),
            };
            write!(self.out, " {} |", padded(&value, *width))?;
        }
        let line = |kind: &str, times: Result<&Timing, String>| {
            let (time, rate) = match times {
                Ok(timing) => (milliseconds(timing), throughput(row.model.size, timing)),
                Err(why) => (why, "–".to_owned()),
            };
            let (mode, model) = (row.load_mode.to_string(), row.model.description.clone());
            [model, mode, row.load.effective.clone(), kind.to_owned(), time, rate]
        };
        for (kind, times) in [("cold", &row.load.cold), ("warm", &row.load.warm)] {
            let line = line(kind, times.as_ref().map_err(ToString::to_string));
            if !self.loads.contains(&line) {
                self.loads.push(line);
            }
        }
        writeln!(self.out)
    }

    fn footer(&mut self) -> io::Result<()> {
        if !self.loads.is_empty() {
            let names = ["model", "lm", "did", "load", "ms", "GiB/s"].map(str::to_owned);
            let width = |at: usize| {
                let longest = self.loads.iter().map(|line| line[at].chars().count()).max().unwrap_or(0);
                longest.max(names[at].len()) as i32 * if at < 4 { -1 } else { 1 }
            };
            let widths: [i32; 6] = std::array::from_fn(width);
            let line = |cells: &[String; 6]| {
                let cells: Vec<String> = cells.iter().zip(widths).map(|(c, w)| padded(c, w)).collect();
                format!("| {} |\n", cells.join(" | "))
            };
            let dashes = widths.map(|width| {
                let end = if width > 0 { ":" } else { "-" };
                format!("{}{end}", "-".repeat((width.unsigned_abs() as usize).saturating_sub(1)))
            });
            let table: String = [&names, &dashes].into_iter().chain(&self.loads).map(line).collect();
            write!(self.out, "\n{table}")?;
        }
        writeln!(self.out, "\nbuild: {} (0)", self.build)
    }

    fn insert(&mut self, row: &Row) -> io::Result<()> {
        let names = FIELDS.map(|(name, _)| name).join(", ");
        let cells = row.cells();
        let values: Vec<String> = cells.iter().map(|cell| literal(&cell.to_string())).collect();
        writeln!(self.out, "INSERT INTO llama_bench ({names}) VALUES ({});", values.join(", "))?;
        let line =
            load_cells(&row.load).map(|cell| if cell.is_empty() { "NULL".into() } else { literal(&cell) });
        let key = [0, 5].map(|at| literal(&cells[at].to_string())).join(", ");
        let (mode, time) = (literal(&row.load_mode), literal(&row.test_time));
        writeln!(
            self.out,
            "INSERT INTO loadparity_load (build_commit, model_filename, load_mode, test_time, {}) VALUES ({key}, {mode}, {time}, {});",
            LOAD_COLUMNS.join(", "),
            line.join(", ")
        )
    }
}

/// The columns of the Markdown table, in llama-bench's widths; a setting that is the default has none.
fn columns(spec: &Spec) -> Vec<Column> {
    let mut columns = vec![("model", -30), ("size", 10), ("params", 10), ("backend", -10), ("threads", 7)];
    if spec.batches != [DEFAULT_BATCHES.0] {
        columns.push(("n_batch", 7));
    }
    if spec.ubatches != [DEFAULT_BATCHES.1] {
        columns.push(("n_ubatch", 8));
    }
    if spec.loads.len() > 1 || spec.loads.iter().any(|load| super::measure::mode_name(load) != DEFAULT_MODE) {
        columns.push(("lm", 10));
    }
    columns.extend([("test", 15), ("t/s", 20)]);
    columns
}

fn padded(text: &str, width: i32) -> String {
    let wide = width.unsigned_abs() as usize;
    if width < 0 { format!("{text:<wide$}") } else { format!("{text:>wide$}") }
}

fn bytes(size: u64) -> String {
    let mebibytes = size as f64 / 1024.0 / 1024.0;
    if size < 1 << 30 { format!("{mebibytes:.2} MiB") } else { format!("{:.2} GiB", mebibytes / 1024.0) }
}

fn parameters(count: u64) -> String {
    let millions = count as f64 / 1e6;
    if count < 1_000_000_000 { format!("{millions:.2} M") } else { format!("{:.2} B", millions / 1e3) }
}

/// Mean and deviation of the rate, which are the last two fields.
fn plus_minus(cells: &[Cell; FIELDS.len()]) -> String {
    match &cells[FIELDS.len() - 2..] {
        [Cell::Real(mean), Cell::Real(deviation)] => format!("{mean:.2} ± {deviation:.2}"),
        _ => String::new(),
    }
}

fn milliseconds(timing: &Timing) -> String {
    format!("{:.2} ± {:.2}", timing.mean_ns() as f64 / 1e6, timing.deviation_ns() as f64 / 1e6)
}

fn throughput(size: u64, timing: &Timing) -> String {
    let gibibytes = size as f64 / (1u64 << 30) as f64;
    format!("{:.2}", gibibytes / (timing.mean_ns().max(1) as f64 / 1e9))
}

/// The values of [`LOAD_COLUMNS`]; one that was not measured is empty.
fn load_cells(load: &LoadTimes) -> [String; LOAD_COLUMNS.len()] {
    let of = |times: &Result<Timing, _>, value: fn(&Timing) -> u64| {
        times.as_ref().map(|timing| value(timing).to_string()).unwrap_or_default()
    };
    [
        load.effective.clone(),
        of(&load.cold, Timing::mean_ns),
        of(&load.cold, Timing::deviation_ns),
        of(&load.warm, Timing::mean_ns),
        of(&load.warm, Timing::deviation_ns),
    ]
}

/// The members of a row's JSON object.
fn members(row: &Row) -> Vec<String> {
    let member = |((name, _), cell): (&(&str, FieldType), Cell)| {
        let value = match cell {
            Cell::Text(text) => Value::String(text).to_string(),
            Cell::Boolean(on) => on.to_string(),
            other => other.to_string(),
        };
        format!("\"{name}\": {value}")
    };
    let mut members: Vec<String> = FIELDS.iter().zip(row.cells()).map(member).collect();
    let rates: Vec<String> = row.samples_ts().iter().map(|rate| format!("{rate:.6}")).collect();
    members.push(format!("\"samples_ns\": {}", json!(row.samples_ns)));
    members.push(format!("\"samples_ts\": [{}]", rates.join(",")));
    members.push(format!("\"load\": {}", load_object(&row.load)));
    members
}

fn load_object(load: &LoadTimes) -> Value {
    let times = |times: &Result<Timing, super::NotCold>| match times {
        Ok(timing) => json!({
            "avg_ns": timing.mean_ns(),
            "stddev_ns": timing.deviation_ns(),
            "samples_ns": timing.samples_ns,
        }),
        Err(why) => json!({ "not_measured": why.to_string() }),
    };
    let mut object =
        json!({ "effective": load.effective, "cold": times(&load.cold), "warm": times(&load.warm) });
    if let Some(LoadMemory { anonymous, file, lock_needed, lock_limit }) = load.memory {
        object["memory"] = json!({
            "anonymous": anonymous, "file": file, "lock_needed": lock_needed, "lock_limit": lock_limit,
        });
    }
    object
}

/// A field of CSV.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\"\""))
}

/// A literal of SQL.
fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

fn tables() -> String {
    let sql_type = |declared: FieldType| match declared {
        FieldType::Text => "TEXT",
        FieldType::Integer | FieldType::Boolean => "INTEGER",
        FieldType::Real => "REAL",
    };
    let columns = FIELDS.map(|(name, declared)| format!("  {name} {}", sql_type(declared))).join(",\n");
    let load = LOAD_COLUMNS
        .map(|name| format!("  {name} {}", if name == "load_effective" { "TEXT" } else { "INTEGER" }));
    format!(
        "CREATE TABLE IF NOT EXISTS llama_bench (\n{columns}\n);\n\
         CREATE TABLE IF NOT EXISTS loadparity_load (\n  build_commit TEXT,\n  model_filename TEXT,\n  \
         load_mode TEXT,\n  test_time TEXT,\n{}\n);\n\n",
        load.join(",\n")
    )
}

#[cfg(test)]
pub(super) mod tests {
    use std::sync::Arc;

    use super::super::NotCold;
    use super::super::model::ModelFacts;
    use super::super::spec::{Point, Test};
    use super::*;
    use crate::engine::CpuLevel;
    use crate::plan::LoadPlan;
    use crate::plan::bench::BenchEntry;

    /// A row whose names need quoting.
    pub(in super::super) fn row() -> Row {
        Row {
            build: "0.1.0".into(),
            cpu: "a 'CPU', \\fast".into(),
            model: Arc::new(ModelFacts {
                filename: "m\"o.gguf".to_owned(),
                description: "llama 1B Q8_0".to_owned(),
                size: 1 << 20,
                parameters: 2_000_000,
                files: Vec::new(),
            }),
            load_mode: "mmap".into(),
            load: Arc::new(LoadTimes {
                cold: Err(NotCold::Stayed { resident: 1, pages: 256 }),
                warm: Ok(Timing { samples_ns: vec![1_000_000, 3_000_000] }),
                effective: "map".to_owned(),
                memory: Some(LoadMemory { anonymous: 4096, file: 1 << 20, lock_needed: 0, lock_limit: None }),
            }),
            point: Point {
                n_batch: 2048,
                n_ubatch: 512,
                n_threads: 2,
                n_depth: 4,
                test: Test { n_prompt: 16, n_gen: 0 },
            },
            test_time: "2024-02-29T00:00:00Z".to_owned(),
            samples_ns: vec![2_000_000, 4_000_000],
        }
    }

    fn spec(loads: &[(&str, LoadPlan)], batches: &[usize]) -> Spec {
        let entry = |(label, plan): &(&str, LoadPlan)| BenchEntry { plan: *plan, label: (*label).to_owned() };
        Spec {
            loads: loads.iter().map(entry).collect(),
            tests: Vec::new(),
            batches: batches.to_vec(),
            ubatches: vec![512],
            threads: vec![2],
            depths: vec![0],
            repetitions: 2,
            load_repetitions: 2,
            warmup: false,
            cpu: CpuLevel::detect(),
        }
    }

    pub(in super::super) fn printed(output: Output, rows: &[Row]) -> String {
        let mut text = Vec::new();
        let mut printer =
            Printer::new(output, &mut text, &spec(&[("mmap", LoadPlan::map(false))], &[2048]), "0.1.0");
        printer.begin().expect("memory takes everything");
        rows.iter().for_each(|row| printer.row(row).expect("memory takes everything"));
        printer.end().expect("memory takes everything");
        String::from_utf8(text).expect("output is text")
    }

    #[test]
    fn a_setting_has_a_column_where_it_is_not_the_default() {
        let names = |spec: &Spec| -> Vec<&str> { columns(spec).iter().map(|(name, _)| *name).collect() };
        let plain = ["model", "size", "params", "backend", "threads", "test", "t/s"];
        assert_eq!(names(&spec(&[("mmap", LoadPlan::map(false))], &[2048])), plain);
        let twice = spec(&[("mmap", LoadPlan::map(false)), ("mmap", LoadPlan::map(false))], &[2048]);
        assert_eq!(names(&twice)[5], "lm");
        assert_eq!(names(&spec(&[("none", LoadPlan::read(false))], &[512]))[5..7], ["n_batch", "lm"]);
    }

    #[test]
    fn the_table_has_the_widths_of_the_original() {
        let text = printed(Output::Markdown, &[row(), row()]);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines[..3],
            [
                "| model                          |       size |     params | backend    | threads |            test |                  t/s |",
                "| ------------------------------ | ---------: | ---------: | ---------- | ------: | --------------: | -------------------: |",
                "| llama 1B Q8_0                  |   1.00 MiB |     2.00 M | CPU        |       2 |       pp16 @ d4 |    6000.00 ± 2828.43 |",
            ]
        );
        assert_eq!(lines.last(), Some(&"build: 0.1.0 (0)"));
        // The loads stand behind the tests, each once.
        let loads: Vec<&&str> = lines.iter().filter(|line| line.contains("| warm ")).collect();
        assert_eq!(loads.len(), 1, "{text}");
        assert!(loads[0].contains("| map | warm | ") && loads[0].contains(" 2.00 ± 1.41 | "), "{text}");
        assert!(text.contains("1 of 256 pages stayed in memory"), "{text}");
    }

    #[test]
    fn json_is_an_array_and_json_lines_are_objects() {
        for rows in 0..3 {
            let rows = vec![row(); rows];
            let all: Vec<Value> = serde_json::from_str(&printed(Output::Json, &rows)).expect("valid JSON");
            let lines = printed(Output::Jsonl, &rows);
            let each: Vec<Value> =
                lines.lines().map(|line| serde_json::from_str(line).expect("valid JSON")).collect();
            assert_eq!(all, each);
            assert_eq!(all.len(), rows.len());
        }
        let parsed: Vec<Value> = serde_json::from_str(&printed(Output::Json, &[row()])).expect("valid JSON");
        assert_eq!(parsed[0]["cpu_info"], "a 'CPU', \\fast");
        assert_eq!(parsed[0]["samples_ns"], json!([2_000_000, 4_000_000]));
        assert_eq!(parsed[0]["load"]["warm"]["avg_ns"], 2_000_000);
        let memory = json!({ "anonymous": 4096, "file": 1 << 20, "lock_needed": 0, "lock_limit": null });
        assert_eq!(parsed[0]["load"]["memory"], memory);
        assert!(parsed[0]["load"]["cold"]["not_measured"].as_str().is_some_and(|why| why.contains("stayed")));
        assert_eq!(parsed[0]["cpu_strict"], false);
    }

    #[test]
    fn csv_and_sql_quote_what_needs_it() {
        let csv = printed(Output::Csv, &[row()]);
        let lines: Vec<&str> = csv.lines().collect();
        assert_eq!(lines.len(), 2);
        assert!(lines[0].starts_with("build_commit,build_number,cpu_info,"));
        assert!(lines[1].contains("\"m\"\"o.gguf\""), "{csv}");
        assert!(lines[1].ends_with("\"map\",\"\",\"\",\"2000000\",\"1414214\""), "{csv}");
        let sql = printed(Output::Sql, &[row()]);
        assert!(sql.contains("'a ''CPU'', \\fast'"), "{sql}");
        assert!(sql.contains("VALUES ('0.1.0', 'm\"o.gguf', 'mmap', '2024-02-29T00:00:00Z', 'map', NULL, NULL, '2000000', '1414214');"), "{sql}");
    }
}
