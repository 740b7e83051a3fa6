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
