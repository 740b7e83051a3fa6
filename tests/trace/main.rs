//! Traces: written, read, compared and summed up; recordings of other tools, imported and judged.

#[path = "../support/dialects.rs"]
mod dialects;
mod diff;
mod file;
mod import_pr20834;
mod import_strace;
mod path;
mod recording_formats;
mod recordings;
mod regressions;
#[path = "../support/schemas.rs"]
mod schemas;
mod summary;
mod support;
