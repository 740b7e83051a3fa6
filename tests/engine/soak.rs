//! Loads without end in one process: descriptors, mappings, locked and resident memory stay where they were.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use std::fs;
use std::sync::Arc;

use loadparity::engine::{self, LoadOptions};
use loadparity::gguf::{MakeSpec, MatrixType, make};
use loadparity::plan::{Dialect, resolve};
use loadparity::platform::{Platform, native};

const MODES: [&str; 6] = ["mmap", "mlock", "none", "none+mlock", "dio", "dio+mlock"];

/// What the kernel says that this process holds: descriptors, mappings, and KiB locked and resident.
fn held() -> (usize, usize, u64, u64) {
    let lines = |path: &str| fs::read_to_string(path).unwrap();
    let status = lines("/proc/self/status");
    let kib = |name: &str| {
        let line = status.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap()
    };
    let descriptors = fs::read_dir("/proc/self/fd").unwrap().count();
    (descriptors, lines("/proc/self/maps").lines().count(), kib("VmLck:"), kib("VmRSS:"))
}

#[test]
fn a_thousand_loads_leave_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m.gguf");
    let spec = MakeSpec {
        layers: 1,
        embd: 32,
        heads: 2,
        kv_heads: 1,
        ffn: 64,
        vocab: 512,
        matrices: MatrixType::Q8_0,
        ..MakeSpec::default()
    };
    let mut bytes = Vec::new();
    make(&spec, &mut bytes, &mut |_, _| ()).unwrap();
    fs::write(&path, bytes).unwrap();
    let platform: Arc<dyn Platform> = native();
    let load = |mode: &str| {
        let plan = resolve(Dialect::default(), &["--load-mode", mode], &[]).unwrap().plan;
        engine::load(&platform, &path, plan, LoadOptions::default())
            .unwrap_or_else(|e| panic!("{mode}: {e}"));
    };
    // The first loads fill pools and stacks.
    MODES.iter().cycle().take(60).for_each(|mode| load(mode));
    let before = held();
    MODES.iter().cycle().take(1000).for_each(|mode| load(mode));
    let after = held();
    assert_eq!((after.0, after.2), (before.0, before.2), "descriptors and locked memory");
    assert!(after.1 <= before.1 + 8, "{} mappings, {} before", after.1, before.1);
    assert!(after.3 <= before.3 + (8 << 10), "{} KiB resident, {} before", after.3, before.3);
}
