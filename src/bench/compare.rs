//! Two result files → what became faster: the table of llama.cpp's `compare-llama-bench.py`, with the
//! load mode always in it.
//!
//! Results are joined by what was measured: model file, load mode, threads, test. A setting that takes
//! several values within a file tells its results apart and is joined too. One that is the same
//! throughout a file and another in the other one is no obstacle: it is pointed out, so that a build
//! can be compared with another program. Results that agree in everything are averaged.

use std::collections::BTreeSet;
use std::fmt::Write;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::read::Record;
use super::statistics::mean;

/// Settings that may tell results of a file apart, with their headings in the original's words.
const SETTINGS: [(&str, &str); 21] = [
    ("cpu_info", "CPU"),
    ("gpu_info", "GPU"),
    ("backends", "Backends"),
    ("n_gpu_layers", "GPU layers"),
    ("n_cpu_moe", "CPU MoE layers"),
    ("tensor_buft_overrides", "Tensor overrides"),
    ("n_batch", "Batch size"),
    ("n_ubatch", "Microbatch size"),
    ("embeddings", "Embeddings"),
    ("cpu_mask", "CPU mask"),
    ("cpu_strict", "CPU strict"),
    ("poll", "Poll"),
    ("type_k", "K type"),
    ("type_v", "V type"),
    ("no_kv_offload", "NKVO"),
    ("split_mode", "Split mode"),
    ("main_gpu", "Main GPU"),
    ("tensor_split", "Tensor split"),
    ("flash_attn", "FlashAttention"),
    ("lazy_mode", "Lazy mode"),
    ("build_commit", "Build"),
];

/// Old and new of one thing, with how many times as fast the new one is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Ratio {
    /// The model in llama.cpp's words.
    pub model: String,
    /// The load mode.
    pub load_mode: String,
    /// Threads; nothing for a load.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threads: Option<String>,
    /// The values of [`Comparison::shown`].
    pub settings: Vec<String>,
    /// `pp512`, `tg128@d64`, `cold load` …
    pub test: String,
    /// Tokens per second, or milliseconds of a load.
    pub old: f64,
    /// The same of the new file.
    pub new: f64,
    /// Above 1 where the new one is faster.
    pub speedup: f64,
}

/// A setting that is one thing throughout the old file and another throughout the new one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Difference {
    /// The field.
    pub field: String,
    /// Its value in the old file.
    pub old: String,
    /// Its value in the new file.
    pub new: String,
}

/// What became of old results in new ones.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Comparison {
    /// `loadparity.compare-bench/1`.
    pub schema: String,
    /// The name of the old side.
    pub old: String,
    /// The name of the new side.
    pub new: String,
    /// The settings that tell results apart, as headings.
    pub shown: Vec<String>,
    /// Every test that both sides have, in the old file's order.
    pub tests: Vec<Ratio>,
    /// Every kind of load that both sides measured.
    pub loads: Vec<Ratio>,
    /// Settings that are not the same on the two sides.
    pub differences: Vec<Difference>,
    /// Results of the old file without one of the new.
    pub only_old: usize,
    /// Results of the new file without one of the old.
    pub only_new: usize,
}

/// What joins results.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    file: String,
    load_mode: String,
    threads: String,
    n_prompt: String,
    n_gen: String,
    n_depth: String,
    settings: Vec<String>,
}

impl Key {
    fn of(record: &Record, shown: &[(&'static str, &'static str)]) -> Self {
        let field = |name: &str| record.field(name).to_owned();
        let path = record.field("model_filename");
        Self {
            file: path.rsplit(['/', '\\']).next().unwrap_or(path).to_owned(),
            load_mode: record.load_mode().to_owned(),
            threads: field("n_threads"),
            n_prompt: field("n_prompt"),
            n_gen: field("n_gen"),
            n_depth: Some(field("n_depth"))
                .filter(|depth| !depth.is_empty())
                .unwrap_or_else(|| "0".to_owned()),
            settings: shown.iter().map(|(name, _)| field(name)).collect(),
        }
    }

    /// The test in the original's words.
    fn test(&self) -> String {
        let (prompt, gen_, depth) = (&self.n_prompt, &self.n_gen, &self.n_depth);
        let test = match (prompt.as_str(), gen_.as_str()) {
            (_, "0") => format!("pp{prompt}"),
            ("0", _) => format!("tg{gen_}"),
            _ => format!("pp{prompt}+tg{gen_}"),
        };
        if depth == "0" { test } else { format!("{test}@d{depth}") }
    }
}

impl Comparison {
    /// The schema of the document.
    pub const SCHEMA: &'static str = "loadparity.compare-bench/1";

    /// Compares the results of two files, which are called by `names` where their builds do not tell
    /// them apart.
    pub fn of(old: &[Record], new: &[Record], names: [&str; 2]) -> Self {
        let sides = [old, new];
        let values = |side: &[Record], field: &str| -> BTreeSet<String> {
            side.iter().map(|record| record.field(field).to_owned()).collect()
        };
        let several = |field: &str| sides.iter().any(|side| values(side, field).len() > 1);
        let shown: Vec<_> = SETTINGS.iter().copied().filter(|(field, _)| several(field)).collect();
        let differences = SETTINGS.iter().filter(|(field, _)| *field != "build_commit" && !several(field));
        let differences = differences.filter_map(|(field, _)| {
            let [old, new] = sides.map(|side| values(side, field).into_iter().next().unwrap_or_default());
            // What one side does not speak of is no difference that anybody can see.
            (old != new && !old.is_empty() && !new.is_empty()).then(|| Difference {
                field: (*field).to_owned(),
                old,
                new,
            })
        });
        let [old_name, new_name] = names_of(sides, names);
        let joined = Joined { sides, shown: &shown };
        let (tests, only_old) = joined.tests();
        let known: BTreeSet<Key> = old.iter().map(|record| Key::of(record, &shown)).collect();
        let only_new: BTreeSet<Key> =
            new.iter().map(|record| Key::of(record, &shown)).filter(|key| !known.contains(key)).collect();
        Self {
            schema: Self::SCHEMA.to_owned(),
            old: old_name,
            new: new_name,
            tests,
            loads: joined.loads(),
            differences: differences.collect(),
            only_old,
            only_new: only_new.len(),
            shown: shown.iter().map(|(_, heading)| (*heading).to_owned()).collect(),
        }
    }

    /// The comparison in Markdown.
    pub fn markdown(&self) -> String {
        let mut text = String::new();
        let (old, new) = (&self.old, &self.new);
        let table = |unit: &str, lead: &[&str], shown: &[String], rows: &[Ratio]| {
            let lead = lead.iter().map(|name| (*name).to_owned());
            let names: Vec<String> = lead.chain(shown.iter().cloned()).collect();
            let units = [format!("{unit} {old}"), format!("{unit} {new}"), "Speedup".to_owned()];
            let mut lines = vec![[names.as_slice(), &["Test".to_owned()], &units].concat()];
            lines.extend(rows.iter().map(|row| {
                let head = [Some(row.model.clone()), Some(row.load_mode.clone()), row.threads.clone()];
                let numbers = [row.old, row.new, row.speedup].map(|number| format!("{number:.2}"));
                let head = head.into_iter().flatten().chain(row.settings.iter().cloned());
                head.chain([row.test.clone()]).chain(numbers).collect()
            }));
            pipes(&lines)
        };
        if !self.tests.is_empty() {
            text += &table("t/s", &["Model", "Load mode", "Threads"], &self.shown, &self.tests);
        }
        if !self.loads.is_empty() {
            text += "\n";
            text += &table("ms", &["Model", "Load mode"], &[], &self.loads);
        }
        for Difference { field, old, new } in &self.differences {
            let _ = write!(text, "\nnot the same: {field} was {old} and is {new}");
        }
        for (count, side) in [(self.only_old, old), (self.only_new, new)] {
            if count > 0 {
                let _ = write!(text, "\nwithout a partner: {count} of {side}");
            }
        }
        text.truncate(text.trim_end().len());
        text.push('\n');
        text
    }
}

/// What the sides are called: by their builds where each has one and they differ.
fn names_of(sides: [&[Record]; 2], names: [&str; 2]) -> [String; 2] {
    let builds = sides.map(|side| {
        let builds: BTreeSet<&str> = side.iter().map(|record| record.field("build_commit")).collect();
        if builds.len() == 1 { builds.into_iter().next().map(str::to_owned) } else { None }
    });
    match builds {
        [Some(old), Some(new)] if old != new => [old, new],
        _ => names.map(str::to_owned),
    }
}

/// Both sides and how their results are told apart.
struct Joined<'a> {
    sides: [&'a [Record]; 2],
    shown: &'a [(&'static str, &'static str)],
}

impl Joined<'_> {
    /// The tests that both sides have, and how many the old one has alone.
    fn tests(&self) -> (Vec<Ratio>, usize) {
        let mut seen = BTreeSet::new();
        let mut tests = Vec::new();
        let mut alone = 0;
        for record in self.sides[0] {
            let key = Key::of(record, self.shown);
            if !seen.insert(key.clone()) {
                continue;
            }
            let rates = self.sides.map(|side| {
                let same = side.iter().filter(|other| Key::of(other, self.shown) == key);
                same.filter_map(Record::rate).collect::<Vec<f64>>()
            });
            if rates[1].is_empty() {
                alone += 1;
                continue;
            }
            let [old, new] = rates.map(|rates| mean(&rates));
            tests.push(Ratio {
                model: record.field("model_type").to_owned(),
                threads: Some(key.threads.clone()),
                test: key.test(),
                settings: key.settings,
                load_mode: key.load_mode,
                old,
                new,
                speedup: new / old,
            });
        }
        (tests, alone)
    }

    /// The loads that both sides measured, by model file and load mode.
    fn loads(&self) -> Vec<Ratio> {
        let mut seen = BTreeSet::new();
        let mut loads = Vec::new();
        for record in self.sides[0] {
            let Key { file, load_mode, .. } = Key::of(record, &[]);
            if !seen.insert((file.clone(), load_mode.clone())) {
                continue;
            }
            let kinds: [(&str, LoadTime); 2] =
                [("cold load", |record| record.load_cold_ns), ("warm load", |record| record.load_warm_ns)];
            for (test, time) in kinds {
                let times = self.sides.map(|side| {
                    let same = side.iter().filter(|other| {
                        let key = Key::of(other, &[]);
                        key.file == file && key.load_mode == load_mode
                    });
                    same.filter_map(time).map(|ns| ns as f64 / 1e6).collect::<Vec<f64>>()
                });
                if times.iter().any(Vec::is_empty) {
                    continue;
                }
                let [old, new] = times.map(|times| mean(&times));
                loads.push(Ratio {
                    model: record.field("model_type").to_owned(),
                    load_mode: load_mode.clone(),
                    threads: None,
                    settings: Vec::new(),
                    test: test.to_owned(),
                    old,
                    new,
                    speedup: old / new,
                });
            }
        }
        loads
    }
}

/// A time of a load in nanoseconds, where it was taken.
type LoadTime = fn(&Record) -> Option<u64>;

/// Lines of cells as a table, the last three columns flush right.
fn pipes(lines: &[Vec<String>]) -> String {
    let columns = lines.first().map_or(0, Vec::len);
    let widths: Vec<usize> = (0..columns)
        .map(|at| lines.iter().map(|line| line[at].chars().count()).max().unwrap_or(0).max(3))
        .collect();
    let right = |at: usize| at + 3 >= columns;
    let mut text = String::new();
    for (number, line) in lines.iter().enumerate() {
        for (at, (cell, width)) in line.iter().zip(&widths).enumerate() {
            let _ =
                if right(at) { write!(text, "| {cell:>width$} ") } else { write!(text, "| {cell:<width$} ") };
        }
        text += "|\n";
        if number == 0 {
            for (at, width) in widths.iter().enumerate() {
                let dashes = "-".repeat(width + 1);
                let _ = if right(at) { write!(text, "|{dashes}:") } else { write!(text, "|:{dashes}") };
            }
            text += "|\n";
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(fields: &[(&str, &str)]) -> Record {
        let usual = [
            ("build_commit", "a"),
            ("model_filename", "/models/m.gguf"),
            ("model_type", "llama 1B Q8_0"),
            ("n_threads", "2"),
            ("n_prompt", "512"),
            ("n_gen", "0"),
            ("n_depth", "0"),
            ("load_mode", "mmap"),
            ("avg_ts", "10"),
            ("n_batch", "2048"),
        ];
        let all = usual.iter().chain(fields);
        Record {
            fields: all.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            ..Record::default()
        }
    }

    #[test]
    fn results_are_joined_by_what_was_measured() {
        let old =
            [record(&[]), record(&[("load_mode", "dio")]), record(&[("n_prompt", "0"), ("n_gen", "8")])];
        let new = [
            record(&[("avg_ts", "30"), ("model_filename", "C:\\m.gguf"), ("build_commit", "b")]),
            record(&[("avg_ts", "5"), ("load_mode", "dio"), ("build_commit", "b")]),
            record(&[("n_depth", "4"), ("build_commit", "b")]),
        ];
        let found = Comparison::of(&old, &new, ["old", "new"]);
        let told: Vec<_> =
            found.tests.iter().map(|r| (r.load_mode.as_str(), r.test.as_str(), r.speedup)).collect();
        assert_eq!(told, [("mmap", "pp512", 3.0), ("dio", "pp512", 0.5)]);
        assert_eq!((found.only_old, found.only_new), (1, 1));
        assert_eq!((found.old.as_str(), found.new.as_str()), ("a", "b"));
    }

    #[test]
    fn results_that_agree_in_everything_are_averaged() {
        let old = [record(&[]), record(&[("avg_ts", "30")])];
        let new = [record(&[("avg_ts", "40")])];
        let found = Comparison::of(&old, &new, ["old", "new"]);
        assert_eq!(found.tests.len(), 1);
        assert_eq!((found.tests[0].old, found.tests[0].new, found.tests[0].speedup), (20.0, 40.0, 2.0));
        // Both files are of the same build, so that their names tell them apart.
        assert_eq!((found.old.as_str(), found.new.as_str()), ("old", "new"));
    }

    #[test]
    fn a_setting_joins_where_it_varies_and_is_pointed_out_where_it_does_not() {
        let old = [record(&[]), record(&[("n_batch", "512"), ("avg_ts", "5")])];
        let varies = Comparison::of(&old, &old, ["old", "new"]);
        assert_eq!(varies.shown, ["Batch size"]);
        assert_eq!(varies.tests.len(), 2);
        assert!(varies.tests.iter().all(|row| row.speedup == 1.0));
        let new = [record(&[("n_batch", "512"), ("flash_attn", "1")])];
        let constant = Comparison::of(&old[..1], &new, ["old", "new"]);
        assert_eq!(constant.tests.len(), 1);
        let difference = Difference { field: "n_batch".into(), old: "2048".into(), new: "512".into() };
        assert_eq!(constant.differences, [difference]);
    }

    #[test]
    fn a_load_is_faster_when_it_takes_less_time() {
        let timed = |cold, warm| Record { load_cold_ns: cold, load_warm_ns: warm, ..record(&[]) };
        let old = [timed(Some(8_000_000), Some(2_000_000)), timed(Some(8_000_000), Some(2_000_000))];
        let found = Comparison::of(&old, &[timed(None, Some(1_000_000))], ["old", "new"]);
        assert_eq!(found.loads.len(), 1, "a cold load that one side did not measure is not compared");
        let load = &found.loads[0];
        assert_eq!((load.test.as_str(), load.old, load.new, load.speedup), ("warm load", 2.0, 1.0, 2.0));
    }

    #[test]
    fn the_table_always_has_the_load_mode() {
        let new = [record(&[("avg_ts", "12.5"), ("build_commit", "b"), ("n_batch", "1")])];
        assert_eq!(
            Comparison::of(&[record(&[])], &new, ["old", "new"]).markdown(),
            "| Model         | Load mode | Threads | Test  | t/s a | t/s b | Speedup |\n\
             |:--------------|:----------|:--------|:------|------:|------:|--------:|\n\
             | llama 1B Q8_0 | mmap      | 2       | pp512 | 10.00 | 12.50 |    1.25 |\n\n\
             not the same: n_batch was 2048 and is 1\n"
        );
    }
}
