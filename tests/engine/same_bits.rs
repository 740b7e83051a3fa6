//! The same bytes and the same logits, whatever way the model came in and however it is computed:
//! every mode, every fallback, one to four threads, every vector level.

use std::path::Path;
use std::sync::Arc;

use loadparity::engine::{self, CpuLevel, Generation, LoadOptions, SamplerConfig};
use loadparity::gguf::{Arch, MakeSpec, MatrixType, make};
use loadparity::plan::{LoadPlan, OnRefused};
use loadparity::platform::{FaultSpec, Injector, Platform, native};
use loadparity::subject::TensorHashes;
use rstest::rstest;

use crate::support;

fn generation(threads: usize, cpu: CpuLevel) -> Generation {
    Generation {
        prompt: "And it came to pass".into(),
        n_predict: 6,
        n_ctx: None,
        sampler: SamplerConfig { seed: 7, ..SamplerConfig::default() },
        threads,
        cpu,
        ignore_eos: false,
        ..Generation::default()
    }
}

/// Loads as `plan` says under `faults` and generates; returns tensor hash, tokens and logits hash.
fn bits(model: &str, plan: LoadPlan, faults: &[&str], wanted: &Generation) -> (String, Vec<u32>, String) {
    bits_of(&support::fixture(model), plan, faults, wanted)
}

fn bits_of(model: &Path, plan: LoadPlan, faults: &[&str], wanted: &Generation) -> (String, Vec<u32>, String) {
    let mut platform: Arc<dyn Platform> = native();
    if !faults.is_empty() {
        let specs: Vec<FaultSpec> = faults.iter().map(|f| f.parse().expect("a fault")).collect();
        platform = Arc::new(Injector::new(platform, specs));
    }
    let loaded = engine::load(&platform, model, plan, LoadOptions::default())
        .unwrap_or_else(|error| panic!("{plan} with {faults:?}: {error}"));
    let tensors = TensorHashes::of(&loaded.gguf, &*loaded.weights).combined();
    let out = engine::generate(&loaded.gguf, loaded.weights, wanted, &mut |_| ()).expect("text");
    (tensors, out.tokens, out.logits_hash.to_hex().to_string())
}

#[test]
fn every_mode_and_every_fallback() {
    let wanted = generation(1, CpuLevel::detect());
    let first = bits("q8_0", LoadPlan::map(false), &[], &wanted);
    let direct = LoadPlan::direct(false, OnRefused::Read);
    let cases: &[(LoadPlan, &[&str])] = &[
        (LoadPlan::AUTO, &[]),
        (LoadPlan::map(true), &[]),
        (LoadPlan::read(false), &[]),
        (LoadPlan::read(true), &[]),
        (direct, &[]),
        (LoadPlan::direct(true, OnRefused::Read), &[]),
        (direct, &["open.direct:error=EINVAL"]),
        (LoadPlan::direct(false, OnRefused::Map), &["open.direct:error=EINVAL"]),
        (direct, &["alignment:error=EOPNOTSUPP"]),
        (direct, &["read.direct:error=EINVAL"]),
        (direct, &["read.direct:error=EFAULT:when=2"]),
        (direct, &["read.direct:short=4096:when=1"]),
        (direct, &["read.direct:short=5000:when=1..3"]),
        (direct, &["read.direct:short=100"]),
        (direct, &["read:error=EINTR:when=1+2"]),
        (LoadPlan::read(false), &["read.buffered:short=10007"]),
        (LoadPlan::read(false), &["read:error=EINTR:when=1+3"]),
        (LoadPlan::map(true), &["lock:error=ENOMEM:when=3+"]),
        (LoadPlan::read(true), &["lock:error=ENOMEM"]),
        (LoadPlan::map(false), &["advise:error=EINVAL"]),
        (LoadPlan::AUTO, &["map:error=ENODEV"]),
        (LoadPlan::map(false), &["unmap:error=EINVAL"]),
    ];
    for (plan, faults) in cases {
        assert_eq!(bits("q8_0", *plan, faults, &wanted), first, "{plan} with {faults:?}");
    }
}

#[test]
fn every_thread_count_and_vector_level() {
    for model in ["q4_k_m", "q4_0", "q8_0", "f16", "bf16"] {
        let first = bits(model, LoadPlan::map(false), &[], &generation(1, CpuLevel::Scalar));
        for level in CpuLevel::available() {
            for threads in 1..=4 {
                let same = bits(model, LoadPlan::map(false), &[], &generation(threads, level));
                assert_eq!(same, first, "{model}, {threads} threads, {level}");
            }
        }
    }
}

/// Models that nobody trained, of every type and architecture that can be made: they run, and the
/// same everywhere.
#[rstest]
fn every_made_type(#[values(Arch::Llama, Arch::Granite, Arch::Qwen2, Arch::Qwen3)] arch: Arch) {
    for (number, matrices) in MatrixType::ALL.into_iter().enumerate() {
        let spec = MakeSpec {
            arch,
            layers: 2,
            embd: 256,
            heads: 4,
            kv_heads: 2,
            ffn: 512,
            vocab: 300,
            matrices,
            tied: number % 2 == 1,
            ..MakeSpec::default()
        };
        let mut bytes = Vec::new();
        make(&spec, &mut bytes, &mut |_, _| ()).expect("a model");
        let file = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(file.path(), bytes).expect("a model file");

        let first = bits_of(file.path(), LoadPlan::map(false), &[], &generation(1, CpuLevel::Scalar));
        let direct = LoadPlan::direct(true, OnRefused::Read);
        for (plan, threads) in [(LoadPlan::read(false), 1), (direct, 3), (LoadPlan::map(true), 2)] {
            for level in CpuLevel::available() {
                let same = bits_of(file.path(), plan, &[], &generation(threads, level));
                assert_eq!(same, first, "{arch:?}, {matrices}, {plan}, {threads} threads, {level}");
            }
        }
    }
}

#[test]
fn the_bits_depend_on_what_they_should() {
    let first = bits("q8_0", LoadPlan::map(false), &[], &generation(1, CpuLevel::detect()));
    let other_model = bits("q4_0", LoadPlan::map(false), &[], &generation(1, CpuLevel::detect()));
    assert_ne!(first.0, other_model.0);
    assert_ne!(first.2, other_model.2);
    let mut other_prompt = generation(1, CpuLevel::detect());
    other_prompt.prompt = "And it came to be".into();
    let other_prompt = bits("q8_0", LoadPlan::map(false), &[], &other_prompt);
    assert_eq!(first.0, other_prompt.0);
    assert_ne!(first.2, other_prompt.2);
}

#[test]
fn a_failure_that_nothing_mends_is_an_error_and_not_a_model() {
    for (plan, fault, message) in [
        (LoadPlan::read(false), "read.buffered:error=EIO:when=2+", "EIO"),
        (LoadPlan::direct(false, OnRefused::Read), "read.direct:error=EIO", "EIO"),
        (LoadPlan::map(false), "map:error=ENOMEM", "--load-mode none"),
        (LoadPlan::read(false), "alloc:error=ENOMEM", "ENOMEM"),
        (LoadPlan::direct(false, OnRefused::Error), "open.direct:error=EINVAL", "direct"),
        (LoadPlan::read(false), "open:error=EACCES", "EACCES"),
    ] {
        let spec: FaultSpec = fault.parse().expect("a fault");
        let platform: Arc<dyn Platform> = Arc::new(Injector::new(native(), vec![spec]));
        let error = engine::load(&platform, &support::fixture("q4_0"), plan, LoadOptions::default())
            .err()
            .unwrap_or_else(|| panic!("{plan} with {fault} must fail"))
            .to_string();
        assert!(error.contains(message) && error.contains("fixture-llama-q4_0.gguf"), "{error}");
    }
}
