//! Loads without end in one process: descriptors, mappings, locked and resident memory stay where they were.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use std::fs;
use std::path::PathBuf;
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

/// A small model, loaded in any mode.
struct Loads {
    platform: Arc<dyn Platform>,
    path: PathBuf,
    _folder: tempfile::TempDir,
}

impl Loads {
    fn new() -> Self {
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
        Self { platform: native(), path, _folder: folder }
    }

    fn load(&self, mode: &str) {
        let plan = resolve(Dialect::default(), &["--load-mode", mode], &[]).unwrap().plan;
        engine::load(&self.platform, &self.path, plan, LoadOptions::default())
            .unwrap_or_else(|e| panic!("{mode}: {e}"));
    }
}

/// What is held after many loads is what was held after the first of them, which fill pools and stacks.
fn leaves_nothing(first: impl FnOnce(), many: impl FnOnce()) {
    first();
    let before = held();
    many();
    let after = held();
    assert_eq!((after.0, after.2), (before.0, before.2), "descriptors and locked memory");
    assert!(after.1 <= before.1 + 8, "{} mappings, {} before", after.1, before.1);
    assert!(after.3 <= before.3 + (8 << 10), "{} KiB resident, {} before", after.3, before.3);
}

#[test]
fn a_thousand_loads_leave_nothing_behind() {
    let loads = Loads::new();
    let some = |count| MODES.iter().cycle().take(count).for_each(|mode| loads.load(mode));
    leaves_nothing(|| some(60), || some(1000));
}

#[test]
fn eight_loads_at_a_time_leave_nothing_behind() {
    let loads = Loads::new();
    let some = |count| {
        std::thread::scope(|scope| {
            for at in 0..8 {
                let modes = MODES.iter().cycle().skip(at).take(count);
                scope.spawn(|| modes.for_each(|mode| loads.load(mode)));
            }
        });
    };
    leaves_nothing(|| some(12), || some(125));
}
