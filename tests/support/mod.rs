//! What several test files share.

#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part of this")]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

pub mod saboteur;
pub mod whole_file;

use std::path::PathBuf;

/// A model of `fixtures/models` by its short name, such as `q4_k_m`.
pub fn fixture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("fixtures/models/fixture-llama-{name}.gguf"))
}

/// What llama.cpp makes of that model.
pub fn reference(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("fixtures/reference/fixture-llama-{name}.json"))
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
