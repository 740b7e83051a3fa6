//! Measures how long a model takes to load in each mode, and how fast it then reads a prompt and
//! generates: llama-bench's tests, columns and output formats over the reference engine.
//!
//! | part | job |
//! | --- | --- |
//! | `spec` | what to measure, in llama-bench's order |
//! | `measure` | a [`Spec`] → rows, one model at a time |
//! | `cache` | the page cache made cold or warm for one model, and asked whether it is |
//! | `model` | how llama-bench describes a model |
//! | `row` | one result and its fields; the only list of field names |
//! | `statistics` | mean and standard deviation as llama-bench has them |
//! | `output` | rows → Markdown, CSV, JSON, JSON lines, SQL |
//! | `read` | result files → records; llama-bench's too |
//! | `compare` | two result files → a table of speed-ups |
//!
//! Times of a machine are no promise and nothing else depends on them. What is promised is that a
//! figure is of what its row says: a load is called cold only if the kernel said that no page of the
//! model was in memory before it.
//!
//! Called by `cli`; calls `engine`, `platform`, `gguf`, `plan` and `trace`.

mod cache;
mod compare;
mod measure;
mod model;
mod output;
mod read;
mod row;
mod spec;
mod statistics;

pub use cache::NotCold;
pub use compare::{Comparison, Difference, Ratio};
pub use measure::{BenchError, Event, measure};
pub use model::ModelFacts;
pub use output::{Output, Printer};
pub use read::{ReadError, Record, read};
pub use row::{Cell, FIELDS, FieldType, LoadMemory, LoadTimes, Row, Timing};
pub use spec::{NumberList, Point, Spec, Test};
