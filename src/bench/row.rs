//! One result: the fields of llama-bench, in its order and of its types.
//!
//! Source: the field list of llama-bench since `--load-mode` (pull request 20834), which
//! `compare-llama-bench.py` of the same time reads. What loadparity has no notion of (devices, a mask
//! of processors, how long to poll) has llama-bench's default, so that rows of both can be joined.

use std::sync::Arc;

use super::cache::NotCold;
use super::model::ModelFacts;
use super::spec::Point;
use super::statistics::{deviation, deviation_ns, mean, mean_ns, rates};

/// The type of a field, as it is declared in SQL and written in JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldType {
    /// `TEXT`, a string.
    Text,
    /// `INTEGER`, a number.
    Integer,
    /// `INTEGER`, `true` or `false`.
    Boolean,
    /// `REAL`, a number.
    Real,
}

use FieldType::{Boolean, Integer, Real, Text};

/// Every field with its type, in order.
pub const FIELDS: [(&str, FieldType); 40] = [
    ("build_commit", Text),
    ("build_number", Integer),
    ("cpu_info", Text),
    ("gpu_info", Text),
    ("backends", Text),
    ("model_filename", Text),
    ("model_type", Text),
    ("model_size", Integer),
    ("model_n_params", Integer),
    ("n_batch", Integer),
    ("n_ubatch", Integer),
    ("n_threads", Integer),
    ("cpu_mask", Text),
    ("cpu_strict", Boolean),
    ("poll", Integer),
    ("type_k", Text),
    ("type_v", Text),
    ("n_gpu_layers", Integer),
    ("n_cpu_moe", Integer),
    ("split_mode", Text),
    ("main_gpu", Integer),
    ("no_kv_offload", Boolean),
    ("flash_attn", Integer),
    ("devices", Text),
    ("tensor_split", Text),
    ("tensor_buft_overrides", Text),
    ("load_mode", Text),
    ("embeddings", Boolean),
    ("no_op_offload", Integer),
    ("no_host", Boolean),
    ("fit_target", Integer),
    ("fit_min_ctx", Integer),
    ("n_prompt", Integer),
    ("n_gen", Integer),
    ("n_depth", Integer),
    ("test_time", Text),
    ("avg_ns", Integer),
    ("stddev_ns", Integer),
    ("avg_ts", Real),
    ("stddev_ts", Real),
];

/// The times of one kind of load.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timing {
    /// Each load, in nanoseconds. Never empty.
    pub samples_ns: Vec<u64>,
}

impl Timing {
    /// The mean in nanoseconds.
    pub fn mean_ns(&self) -> u64 {
        mean_ns(&self.samples_ns)
    }

    /// The standard deviation in nanoseconds.
    pub fn deviation_ns(&self) -> u64 {
        deviation_ns(&self.samples_ns)
    }
}

/// How long a model took to load in one mode.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadTimes {
    /// With none of its pages in memory, or why that was not measured.
    pub cold: Result<Timing, NotCold>,
    /// With its files in the page cache, or why that was not measured.
    pub warm: Result<Timing, NotCold>,
    /// What the load did, by its operations: `map`, `read+lock` ….
    pub effective: String,
    /// What the process has more when a warm load is over than it had before; `None` where the system does not say.
    pub memory: Option<LoadMemory>,
}

/// The memory of one load, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoadMemory {
    /// Anonymous memory that is resident.
    pub anonymous: u64,
    /// Pages of files that are resident in the process.
    pub file: u64,
    /// The `RLIMIT_MEMLOCK` that the load needs: locked address space.
    pub lock_needed: u64,
    /// The limit that it has; `None` where there is none.
    pub lock_limit: Option<u64>,
}

/// One result.
#[derive(Clone, Debug)]
pub struct Row {
    /// What the measured build is called.
    pub build: Arc<str>,
    /// The processor.
    pub cpu: Arc<str>,
    /// The model.
    pub model: Arc<ModelFacts>,
    /// The load mode that was asked for.
    pub load_mode: Arc<str>,
    /// How long its loads took.
    pub load: Arc<LoadTimes>,
    /// What was measured.
    pub point: Point,
    /// When, by RFC 3339.
    pub test_time: String,
    /// Each repetition in nanoseconds.
    pub samples_ns: Vec<u64>,
}

/// The value of a field.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum Cell {
    Text(String),
    Integer(i128),
    Boolean(bool),
    Real(f64),
}

impl Row {
    /// Tokens per second of each repetition, those of the prompt and of the generation together.
    pub fn samples_ts(&self) -> Vec<f64> {
        rates(&self.samples_ns, self.point.test.n_prompt + self.point.test.n_gen)
    }

    /// The values of [`FIELDS`], in their order.
    pub fn cells(&self) -> [Cell; FIELDS.len()] {
        let (point, test) = (&self.point, &self.point.test);
        let text = |text: &str| Cell::Text(text.to_owned());
        let count = |n: usize| Cell::Integer(n as i128);
        let rates = self.samples_ts();
        [
            text(&self.build),
            Cell::Integer(0),
            text(&self.cpu),
            text(""),
            text("CPU"),
            text(&self.model.filename),
            text(&self.model.description),
            Cell::Integer(self.model.size.into()),
            Cell::Integer(self.model.parameters.into()),
            count(point.n_batch),
            count(point.n_ubatch),
            count(point.n_threads),
            text("0x0"),
            Cell::Boolean(false),
            Cell::Integer(50),
            text("f16"),
            text("f16"),
            Cell::Integer(-1),
            Cell::Integer(0),
            text("layer"),
            Cell::Integer(0),
            Cell::Boolean(false),
            Cell::Integer(-1),
            text("auto"),
            text("0.00"),
            text("none"),
            text(&self.load_mode),
            Cell::Boolean(false),
            Cell::Integer(0),
            Cell::Boolean(false),
            Cell::Integer(0),
            Cell::Integer(0),
            count(test.n_prompt),
            count(test.n_gen),
            count(point.n_depth),
            text(&self.test_time),
            Cell::Integer(mean_ns(&self.samples_ns).into()),
            Cell::Integer(deviation_ns(&self.samples_ns).into()),
            Cell::Real(mean(&rates)),
            Cell::Real(deviation(&rates)),
        ]
    }

    /// The test with its depth: `pp512`, `tg128 @ d64`.
    pub fn test_name(&self) -> String {
        match self.point.n_depth {
            0 => self.point.test.to_string(),
            depth => format!("{} @ d{depth}", self.point.test),
        }
    }
}

impl std::fmt::Display for Cell {
    /// As in CSV and SQL: a boolean is `0` or `1`, a real has six digits.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Integer(number) => write!(f, "{number}"),
            Self::Boolean(on) => write!(f, "{}", u8::from(*on)),
            Self::Real(number) => write!(f, "{number:.6}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::output::tests::row;
    use super::*;

    #[test]
    fn every_value_has_its_fields_type() {
        let row = row();
        for ((name, declared), cell) in FIELDS.iter().zip(row.cells()) {
            let found = match cell {
                Cell::Text(_) => Text,
                Cell::Integer(_) => Integer,
                Cell::Boolean(_) => Boolean,
                Cell::Real(_) => Real,
            };
            assert_eq!(found, *declared, "{name}");
        }
    }

    #[test]
    fn values_stand_under_their_names() {
        let row = row();
        let cells = row.cells();
        let value = |wanted: &str| {
            let at = FIELDS.iter().position(|(name, _)| *name == wanted);
            cells[at.unwrap_or_else(|| panic!("no field {wanted}"))].to_string()
        };
        for (name, expected) in [
            ("build_commit", "0.1.0"),
            ("model_filename", "m\"o.gguf"),
            ("model_size", "1048576"),
            ("model_n_params", "2000000"),
            ("n_batch", "2048"),
            ("n_ubatch", "512"),
            ("n_threads", "2"),
            ("load_mode", "mmap"),
            ("n_prompt", "16"),
            ("n_gen", "0"),
            ("n_depth", "4"),
            ("avg_ns", "3000000"),
            ("stddev_ns", "1414214"),
        ] {
            assert_eq!(value(name), expected, "{name}");
        }
        // 16 tokens in 2 ms and in 4 ms.
        assert_eq!(value("avg_ts"), "6000.000000");
        assert_eq!(row.test_name(), "pp16 @ d4");
    }
}
