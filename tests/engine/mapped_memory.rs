//! What `run` adds to a mapped model. A model of 4 GiB runs within 64 MiB of private memory, context and
//! activations included, because the weights are used where the file is mapped; a copy of so much as one
//! tensor would not fit. The limit is the kernel's, RLIMIT_DATA: it counts every private writable page
//! that is asked for, touched or not.

#![allow(clippy::unwrap_used)] // Helpers of tests may panic.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use nix::sys::resource::{Resource, setrlimit};

const LIMIT: u64 = 64 << 20;

/// A model of 4 GiB that takes no space: holes, but for a short prefix of each matrix. Its largest matrix
/// has 68 MiB. Not in memory as a temporary folder may be, where reading a hole fills it.
fn model() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let path = folder.path().join("4g.gguf");
    let shape =
        "--sparse --type q8_0 --layers 20 --embd 4096 --heads 32 --kv-heads 8 --ffn 16384 --vocab 2048";
    let made = Command::new(env!("CARGO_BIN_EXE_loadparity"))
        .args(["gguf", "make", "-o"])
        .arg(&path)
        .args(shape.split(' '))
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let size = std::fs::metadata(&path).unwrap().len();
    assert!(size > 4 << 30, "{size} bytes");
    (folder, path)
}

fn run(model: &Path, mode: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_loadparity"))
        .args(["run", "-p", "a b", "-n", "1", "-c", "64", "-t", "2", "-lm", mode, "-m"])
        .arg(model)
        .output()
        .unwrap()
}

#[test]
fn a_mapped_model_of_4_gib_runs_within_64_mib_of_private_memory() {
    let (_folder, model) = model();
    // The test runs in a process of its own; the children inherit the limit.
    setrlimit(Resource::RLIMIT_DATA, LIMIT, LIMIT).unwrap();
    let mapped = run(&model, "mmap");
    assert!(mapped.status.success(), "{}", String::from_utf8_lossy(&mapped.stderr));

    // The limit holds: a copy of the weights cannot be had, and that is said in one line.
    let read = run(&model, "none");
    let stderr = String::from_utf8_lossy(&read.stderr);
    assert_eq!(read.status.code(), Some(2), "{stderr}");
    assert!(stderr.contains("4g.gguf: allocating ") && stderr.contains("ENOMEM"), "{stderr}");
}
