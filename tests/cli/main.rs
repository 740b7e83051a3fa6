//! The commands, from outside.

mod bench;
mod bits;
mod broken_loaders;
mod config;
mod dialect_files;
mod dialects;
mod docs;
mod doctor;
mod explain_rule;
mod explore;
mod generation_flags;
mod hostile;
mod html;
mod judge;
mod merge;
mod migrate;
mod migrate_fuzz;
mod recordings;
mod report_files;
mod run;
mod schemas;
#[path = "../support/mod.rs"]
mod support;
mod tokenizer;
mod usage_errors;
