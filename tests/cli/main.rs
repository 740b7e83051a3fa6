//! The commands, from outside.

mod action;
mod bench;
mod bits;
mod broken_loaders;
mod config;
mod dialect_files;
mod dialects;
mod docs;
mod doctor;
mod examples;
mod explain_rule;
mod explore;
mod generation_flags;
mod hostile;
mod html;
mod json;
mod judge;
mod merge;
mod migrate;
mod migrate_fuzz;
#[cfg(unix)]
mod odd_files;
mod recordings;
mod report_files;
mod run;
mod schemas;
mod screen;
#[path = "../support/mod.rs"]
mod support;
mod tokenizer;
mod usage_errors;
