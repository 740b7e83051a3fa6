//! **loadparity**: a platform-abstraction test and verification suite for model loaders.
//!
//! Data flows one way: argv → [`plan`] → [`platform`] operations → [`trace`] → code path →
//! verdict → report. The rooms, top to bottom; a room may use the rooms below it only:
//!
//! | room | what it is for |
//! | --- | --- |
//! | [`cli`] | what was typed: commands and exit codes |
//! | [`report`] | terminal and JSON output, consumers of one event stream |
//! | [`check`] | the campaign: cases × subjects → verdicts |
//! | [`mod@bench`] | load times, prompt and generation speed, in llama-bench's formats |
//! | [`subject`] | the thing under test behind one trait |
//! | [`engine`] | loader, weights, architectures, kernels, tokenizers, sampling |
//! | [`tracer`] | any program under observation: system calls → a trace (Linux) |
//! | [`migrate`] | files from one dialect to another: text in, text out |
//! | [`platform`] | the seam: every call a loader makes to the OS, with its decorators |
//! | [`import`] | evidence of others, read into traces: printed logs, strace |
//! | [`layout`] | which bytes of which files are weights, whatever the format |
//! | [`gguf`], [`plan`], [`trace`] | leaves: the file format, the flag dialects, the recorded operations |
//!
//! # As a library
//!
//! The program is the product; the library is for what a command line cannot do. Each row has an example that a test runs.
//!
//! | to | use | example |
//! | --- | --- | --- |
//! | put the recorder under a loader of your own | [`platform::Recorder`], [`platform::Recording`] | `record_own_loader` |
//! | hold what was recorded against the rules | [`rules::Evidence`], [`rules::judge`], [`rules::Profile`] | `record_own_loader` |
//! | trace any command (Linux), keep and read traces | [`tracer::run`], [`trace::TraceFile`] | `judge_command` |
//! | judge a recording by its flags, and write reports | [`check::judge`], [`report::render`] | `judge_command` |
//! | run the whole matrix on a subject, a simulated machine too | [`subject::Subject`], [`check::Matrix`], [`platform::Sim`] | `check_own_subject` |
//! | know what flags mean | [`plan::Dialect`], [`plan::Spelling`] | below |
//!
//! ```
//! use loadparity::plan::{Dialect, Spelling};
//!
//! let asked = Spelling::flags(vec!["--no-mmap".to_owned(), "--mlock".to_owned()]);
//! let plan = asked.resolve(Dialect::reference()).expect("flags of the dialect").plan;
//! assert_eq!(plan.to_string(), "read+lock");
//! ```
//!
//! What these items do is covered by [Semantic Versioning](https://semver.org/), as are the documents and exit codes of
//! `docs/json.md`. Everything else that is public is so for the program and its tests, and may change in any release.

pub mod bench;
pub mod check;
pub mod cli;
pub mod import;
pub mod report;
pub mod rules;
pub mod subject;

pub use loadparity_base::{gguf, layout, plan, platform, trace};
pub use loadparity_engine::engine;
pub use loadparity_migrate::migrate;
pub use loadparity_tracer::tracer;
