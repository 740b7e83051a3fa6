//! What several test files share.

#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part of this")]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

pub mod dialects;
pub mod saboteur;
pub mod schemas;
pub mod whole_file;

use std::path::PathBuf;

/// A model of `fixtures/models` by its short name: `qwen2-bf16`, or `q4_k_m` for a llama.
pub fn fixture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join(format!("fixtures/models/fixture-{}.gguf", full_name(name)))
}

/// What llama.cpp makes of that model.
pub fn reference(name: &str) -> PathBuf {
    let name = full_name(name);
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("fixtures/reference/fixture-{name}.json"))
}

fn full_name(name: &str) -> String {
    if name.contains('-') { name.to_owned() } else { format!("llama-{name}") }
}

/// Models with what llama.cpp makes of them, beyond the fixtures: the pairs `NAME.gguf` and
/// `NAME.json` of the folder that `LOADPARITY_REFERENCE_SET` names, which may be none.
pub fn reference_set() -> Vec<(PathBuf, PathBuf)> {
    let Some(folder) = std::env::var_os("LOADPARITY_REFERENCE_SET") else { return Vec::new() };
    let mut models: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    models
        .retain(|path| path.extension().is_some_and(|e| e == "gguf") && path.with_extension("json").exists());
    models.sort();
    models
        .into_iter()
        .map(|path| (path.with_extension("json"), path))
        .map(|(json, gguf)| (gguf, json))
        .collect()
}

/// The program under test.
pub fn loadparity() -> assert_cmd::Command {
    let mut command = assert_cmd::Command::new(env!("CARGO_BIN_EXE_loadparity"));
    for name in ["LOAD_MODE", "MMAP", "NO_MMAP", "MLOCK", "DIO", "NO_DIO"] {
        command.env_remove(format!("LLAMA_ARG_{name}"));
    }
    command.env("NO_COLOR", "1");
    command
}
