//! Models in several files: cut, loaded shard by shard in every mode, refused when something is
//! missing or foreign, and put together again.
#![allow(clippy::unwrap_used)] // Helpers of tests may panic.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use loadparity::engine::{self, Generation, LoadOptions, SamplerConfig};
use loadparity::gguf::{Arch, MakeSpec, MatrixType, make};
use loadparity::plan::{LoadPlan, OnRefused};
use loadparity::platform::{Platform, Recorder, Recording, native};
use loadparity::subject::{TensorHashes, Truth};
use loadparity::trace::{Call, Phase};

use crate::support;

/// A small model and its shards in a folder of their own.
struct Cut {
    folder: tempfile::TempDir,
    model: PathBuf,
}

impl Cut {
    fn new(name: &str, seed: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let model = folder.path().join("whole.gguf");
        let spec = MakeSpec {
            arch: Arch::Qwen3,
            layers: 2,
            heads: 4,
            kv_heads: 2,
            ffn: 512,
            vocab: 300,
            matrices: MatrixType::Q5_K,
            seed,
            ..MakeSpec::default()
        };
        let mut bytes = Vec::new();
        make(&spec, &mut bytes, &mut |_, _| ()).unwrap();
        std::fs::write(&model, bytes).unwrap();
        let mut command = support::loadparity();
        command.args(["gguf", "split", "--max-tensors", "9"]).arg(&model).arg(folder.path().join(name));
        command.assert().success();
        Self { folder, model }
    }

    fn shard(&self, name: &str, number: usize) -> PathBuf {
        self.folder.path().join(format!("{name}-{number:05}-of-00003.gguf"))
    }
}

/// Tensor hash, tokens and logits of a load, with the files that were opened and mapped in it.
fn bits(model: &Path, plan: LoadPlan) -> (String, Vec<u32>, String, usize, usize) {
    let recording = Recording::new();
    let platform: Arc<dyn Platform> = Arc::new(Recorder::new(native(), recording.clone()));
    let loaded = engine::load(&platform, model, plan, LoadOptions::default()).unwrap();
    let tensors = TensorHashes::of(&loaded.gguf, &*loaded.weights).combined();
    let wanted = Generation {
        prompt: "bana".into(),
        n_predict: 4,
        sampler: SamplerConfig { seed: 7, ..SamplerConfig::default() },
        ..Generation::default()
    };
    let out = engine::generate(&loaded.gguf, loaded.weights, &wanted, &mut |_| ()).unwrap();
    let ops = recording.ops();
    let opened = ops.iter().filter(|op| matches!(op.call, Call::Open { .. }) && op.phase == Phase::Header);
    let mapped = ops.iter().filter(|op| matches!(op.call, Call::Map { .. }));
    (tensors, out.tokens, out.logits_hash.to_hex().to_string(), opened.count(), mapped.count())
}

#[test]
fn shards_are_the_same_model_in_every_mode() {
    let cut = Cut::new("m", 1);
    let whole = bits(&cut.model, LoadPlan::map(false));
    let truth = Truth::of_file(&cut.shard("m", 1)).unwrap();
    assert_eq!(truth.tensors.combined(), whole.0);
    for plan in [
        LoadPlan::map(false),
        LoadPlan::map(true),
        LoadPlan::read(false),
        LoadPlan::read(true),
        LoadPlan::direct(false, OnRefused::Read),
        LoadPlan::AUTO,
    ] {
        let (tensors, tokens, logits, opened, mapped) = bits(&cut.shard("m", 1), plan);
        assert_eq!((&tensors, &tokens, &logits), (&whole.0, &whole.1, &whole.2), "{plan}");
        assert_eq!(opened, 3, "{plan}: each shard is opened");
        if plan == LoadPlan::map(false) {
            assert_eq!(mapped, 3, "each shard is mapped");
        }
    }
}

#[test]
fn merging_gives_the_file_back() {
    let cut = Cut::new("m", 1);
    let merged = cut.folder.path().join("merged.gguf");
    support::loadparity().args(["gguf", "merge"]).arg(cut.shard("m", 1)).arg(&merged).assert().success();
    assert_eq!(std::fs::read(&merged).unwrap(), std::fs::read(&cut.model).unwrap());
    let again = support::loadparity().args(["gguf", "merge"]).arg(cut.shard("m", 1)).arg(&merged).assert();
    again.code(2);
    let whole = support::loadparity().args(["gguf", "merge"]).arg(&merged).arg("x.gguf").assert();
    whole.code(2);
}

fn refusal(model: &Path) -> String {
    let platform = native();
    let loaded = engine::load(&platform, model, LoadPlan::map(false), LoadOptions::default());
    loaded.err().expect("a refusal").to_string()
}

#[test]
fn a_missing_foreign_or_repeated_shard_is_an_error() {
    let (cut, other) = (Cut::new("m", 1), Cut::new("m", 2));
    assert!(refusal(&cut.shard("m", 2)).contains("this is shard 2 of 3; give the first one"));

    let renamed = cut.folder.path().join("first.gguf");
    std::fs::copy(cut.shard("m", 1), &renamed).unwrap();
    assert!(refusal(&renamed).contains("its name does not end in -00001-of-00003.gguf"));

    // The second shard once more, in the place of the third.
    std::fs::copy(cut.shard("m", 2), cut.shard("m", 3)).unwrap();
    let repeated = refusal(&cut.shard("m", 1));
    assert!(
        repeated.contains("-00003-of-00003.gguf should be shard 3 of 3, but is shard 2 of 3"),
        "{repeated}"
    );

    // A whole model in the place of the third.
    std::fs::copy(&other.model, cut.shard("m", 3)).unwrap();
    assert!(refusal(&cut.shard("m", 1)).contains("no shard of a model"));

    std::fs::remove_file(cut.shard("m", 3)).unwrap();
    let missing = refusal(&cut.shard("m", 1));
    assert!(missing.contains("m-00003-of-00003.gguf") && missing.contains("cannot open"), "{missing}");
}
