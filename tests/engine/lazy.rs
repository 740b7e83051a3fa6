//! Lazy modes of the reference engine: the same bits whatever comes on demand, on every simulated system, under faults
//! too; and every rule holds for the tensors under the plan and for its exceptions.

use std::path::Path;
use std::sync::Arc;

use loadparity::engine::{self, LoadOptions, TensorBytes};
use loadparity::gguf::{self, MakeSpec, MatrixType, make};
use loadparity::layout::FileLayout;
use loadparity::plan::{Exception, Exceptions, LoadPlan, OnRefused, Treatment};
use loadparity::platform::{FaultSpec, Injector, Platform, Recorder, Recording, Sim, SimFile, SimSystem};
use loadparity::rules::{Capabilities, Capability, Evidence, Profile, TensorBytes as Seen, Weights, judge};

fn model() -> Vec<u8> {
    // Embeddings of 40 KiB, which no block or page holds, beside tensors of a few hundred bytes.
    let (heads, kv_heads, matrices) = (2, 1, MatrixType::Q8_0);
    let small = MakeSpec {
        layers: 1,
        embd: 32,
        heads,
        kv_heads,
        ffn: 64,
        vocab: 1200,
        matrices,
        ..MakeSpec::default()
    };
    let mut bytes = Vec::new();
    make(&small, &mut bytes, &mut |_, _| ()).expect("a small model");
    bytes
}

fn exceptions(tensors: &'static str, larger_than: u64, optional: bool) -> Exceptions {
    Exceptions::of(vec![Exception { tensors, larger_than, treatment: Treatment::Lazy, optional }])
}

fn plans() -> Vec<LoadPlan> {
    let of = |lock| {
        [
            LoadPlan { lock, ..LoadPlan::AUTO },
            LoadPlan::map(lock),
            LoadPlan::read(lock),
            LoadPlan::direct(lock, OnRefused::Read),
            LoadPlan::direct(lock, OnRefused::Map),
        ]
    };
    [of(false), of(true)].concat()
}

struct Run {
    evidence: Evidence,
    result: Result<(), String>,
}

/// Loads on a simulated system and drops what was loaded; the bytes are right where it succeeds.
fn load(bytes: &[u8], layout: &FileLayout, plan: LoadPlan, system: &SimSystem, faults: &[&str]) -> Run {
    let path = Path::new("m.gguf");
    let sim = Sim::new(system.profile.clone()).with_file(path, SimFile::new(bytes.to_vec()));
    let recording = Recording::new();
    let faults: Vec<FaultSpec> = faults.iter().map(|fault| fault.parse().expect("a fault")).collect();
    let faulty = Injector::new(Arc::new(sim.clone()), faults);
    let platform: Arc<dyn Platform> = Arc::new(Recorder::new(Arc::new(faulty), recording.clone()));
    let loaded = engine::load(&platform, path, plan, LoadOptions { readers: 1, progress: None });
    let result = loaded.map_err(|error| error.to_string()).map(|loaded| {
        for (index, tensor) in loaded.gguf.tensors.iter().enumerate() {
            let range = loaded.gguf.file_range(tensor);
            let right = &bytes[range.start as usize..range.end as usize];
            assert!(loaded.weights.tensor_bytes(index) == right, "{plan}: {}: wrong bytes", tensor.name);
        }
    });
    let page_size = platform.limits().page_size;
    drop(platform);
    assert_eq!(sim.census(), Default::default(), "{plan}: something is still held");
    use Capability::{Addresses, Calls, Destinations, Kernel, Layout, Memory, Notices, Processes};
    let sees =
        [Calls, Addresses, Destinations, Processes, Layout, Memory, Notices, Capability::Output, Kernel];
    let weights = Weights::of("m.gguf", None, layout);
    let mut evidence = Evidence::new(recording.ops(), weights, page_size, Capabilities::of(sees));
    evidence.tensors = Some(Seen::compared(String::new(), None, evidence.weights.len()));
    if let Err(error) = &result {
        evidence.ending = loadparity::rules::Ending::Failed(error.clone());
    }
    Run { evidence, result }
}

fn layout_of(bytes: &[u8]) -> FileLayout {
    FileLayout::of_gguf(&gguf::read(&bytes).expect("a well-formed model"))
}

#[test]
fn every_plan_with_every_kind_of_exception_keeps_every_rule_on_every_system() {
    let bytes = model();
    let layout = layout_of(&bytes);
    let largest = layout.tensors.iter().map(|t| t.range.end - t.range.start).max().expect("tensors");
    let kinds = [
        exceptions("token_embd.weight", 0, false),
        exceptions("*", largest / 2, false),
        exceptions("blk.*.attn_norm.weight", 0, false),
        exceptions("*norm*", 0, true),
        exceptions("*", 0, false),
        exceptions("no.such.tensor", 0, false),
    ];
    for system in SimSystem::all() {
        for plan in plans() {
            for kind in kinds {
                let plan = plan.except(kind);
                let run = load(&bytes, &layout, plan, &system, &[]);
                let shown = format!("{plan} on {}", system.profile.name);
                let Ok(()) = run.result else {
                    // A system without mappings fails as a mapping plan does there.
                    let mapped = load(&bytes, &layout, LoadPlan::map(false), &system, &[]);
                    assert!(mapped.result.is_err(), "{shown}: {:?}", run.result);
                    continue;
                };
                let judgement = judge(plan, &run.evidence, &Profile::REFERENCE);
                assert_eq!(judgement.findings, [], "{shown}");
                assert_eq!(judgement.not_observed, [], "{shown}");
            }
        }
    }
}

#[test]
fn a_fault_ends_in_the_same_bytes_or_in_a_message() {
    let bytes = model();
    let layout = layout_of(&bytes);
    let system = SimSystem::all().into_iter().next().expect("a system");
    let embeddings = exceptions("token_embd.weight", 0, false);
    for plan in plans() {
        let plan = plan.except(embeddings);
        for fault in [
            "map:error=ENOMEM",
            "advise:error=EINVAL",
            "lock:error=ENOMEM",
            "lock:error=ENOMEM:when=2+",
            "unmap:error=EINVAL",
            "open.direct:error=EINVAL",
            "read.direct:error=EINVAL",
            "read.direct:short=4096:when=1",
            "read.buffered:short=1001",
            "read:error=EINTR:when=1+2",
            "alloc:error=ENOMEM",
        ] {
            let run = load(&bytes, &layout, plan, &system, &[fault]);
            match run.result {
                Ok(()) => {
                    let judgement = judge(plan, &run.evidence, &Profile::REFERENCE);
                    // A mapping that cannot be given back in part stays, and is released as a whole.
                    assert_eq!(judgement.findings, [], "{plan} with {fault}");
                }
                Err(error) => assert!(error.contains("m.gguf"), "{plan} with {fault}: {error}"),
            }
        }
        let refused = load(&bytes, &layout, plan, &system, &["map:error=ENOMEM"]);
        let error = refused.result.expect_err("what comes on demand has to be mapped");
        assert!(error.contains("map"), "{plan}: {error}");
    }
}

#[test]
fn what_comes_on_demand_is_neither_read_nor_locked_nor_brought_in() {
    let bytes = model();
    let layout = layout_of(&bytes);
    let system = SimSystem::all().into_iter().next().expect("a system");
    let run = load(
        &bytes,
        &layout,
        LoadPlan::map(true).except(exceptions("token_embd.weight", 0, false)),
        &system,
        &[],
    );
    let tensor = layout.tensors.iter().find(|t| t.name == "token_embd.weight").expect("embeddings");
    let ahead = run.evidence.fold.prefetched.values().flat_map(|set| set.iter().cloned().collect::<Vec<_>>());
    let page = run.evidence.page_size;
    for range in ahead {
        let both = range.start.max(tensor.range.start)..range.end.min(tensor.range.end);
        assert!(both.end.saturating_sub(both.start) < page, "{range:?} of {:?}", tensor.range);
    }
    assert!(run.evidence.fold.mappings.iter().all(|mapping| mapping.refused.is_none()));
}
