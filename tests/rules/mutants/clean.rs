//! Loads that break no rule: of the reference engine on this machine and on a simulated one, and recordings of a
//! small loader in C and of llama.cpp's own program, all of one made model.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use loadparity::engine::Generation;
use loadparity::gguf::{Gguf, MakeSpec, make};
use loadparity::layout::FileLayout;
use loadparity::plan::{Dialect, LoadPlan, OnRefused, Spelling};
use loadparity::platform::{Platform, Sim, SimFile, SimProfile, native};
use loadparity::rules::{Capabilities, Capability, Evidence, Profile, TensorBytes, Weights};
use loadparity::subject::{Case, Depth, ReferenceEngine, Setting, Subject, Truth};
use loadparity::trace::{Op, TraceFile};

/// A load, and how it is judged.
pub struct Clean {
    pub name: String,
    pub plan: LoadPlan,
    pub profile: &'static Profile,
    pub evidence: Evidence,
}

impl Clean {
    /// The same with other operations: nothing else is known of a mutant.
    pub fn with(&self, ops: Vec<Op>) -> Evidence {
        let own = &self.evidence;
        let mut evidence = Evidence::new(ops, own.weights.clone(), own.page_size, own.capabilities.clone());
        evidence.tensors.clone_from(&own.tensors);
        evidence
    }
}

/// The model: `loadparity gguf make --layers 2 --embd 128 --heads 4 --kv-heads 2 --ffn 256 --vocab 512 --ctx 128`.
fn model() -> (Vec<u8>, Gguf) {
    let spec = MakeSpec {
        layers: 2,
        embd: 128,
        heads: 4,
        kv_heads: 2,
        ffn: 256,
        vocab: 512,
        ctx: 128,
        ..MakeSpec::default()
    };
    let mut bytes = Vec::new();
    let gguf = make(&spec, &mut bytes, &mut |_, _| {}).expect("a model");
    (bytes, gguf)
}

fn plans() -> Vec<LoadPlan> {
    let of = |lock| [LoadPlan::map(lock), LoadPlan::read(lock), LoadPlan::direct(lock, OnRefused::Read)];
    [of(false), of(true)].concat()
}

/// The reference engine under every plan.
fn reference(name: &str, platform: Arc<dyn Platform>, path: &Path, file: &Path) -> Vec<Clean> {
    let truth = Truth::of_file(file).expect("a model");
    let engine = ReferenceEngine::new(platform, path);
    let generation = Generation::default();
    let setting = Setting {
        dialect: Dialect::reference(),
        depth: Depth::Bytes,
        generation: &generation,
        truth: &truth,
        patience: None,
    };
    let one = |plan: LoadPlan| {
        let case = Case { spelling: Spelling::default(), plan: Some(plan) };
        let mut evidence = engine.observe(&case, &[], &setting).expect("a run");
        // The simulated file has another path and no identity.
        let weights = Weights::of(&path.to_string_lossy(), None, &truth.layouts[0]);
        let tensors = evidence.tensors.take();
        let (ops, page) = (evidence.ops, evidence.page_size);
        let mut evidence = Evidence::new(ops, weights, page, evidence.capabilities);
        evidence.tensors = tensors;
        Clean { name: format!("{name} {plan}"), plan, profile: &Profile::REFERENCE, evidence }
    };
    plans().into_iter().map(one).collect()
}

/// What the tracer sees of a command.
fn of_a_command() -> Capabilities {
    use Capability::{Addresses, Calls, Destinations, Layout, Memory, Notices, Processes};
    Capabilities::of([Calls, Addresses, Destinations, Processes, Layout, Memory, Notices])
}

/// A recording: `c` or `llama`.
fn recorded(program: &str, plan: LoadPlan, gguf: &Gguf) -> Clean {
    let name = format!("{program}-{}", plan.to_string().replace('+', "-"));
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("fixtures/rules/{name}.jsonl"));
    let file = File::open(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let trace = TraceFile::read(BufReader::new(file)).expect("a trace");
    let weights = Weights::of("small.gguf", None, &FileLayout::of_gguf(gguf));
    let mut evidence = Evidence::new(trace.ops, weights, trace.header.page_size, of_a_command());
    evidence.tensors = Some(TensorBytes::compared(String::new(), None, 0));
    Clean { name, plan, profile: &Profile::FOREIGN, evidence }
}

/// All of them.
pub fn loads() -> Vec<Clean> {
    let (bytes, gguf) = model();
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("small.gguf");
    std::fs::write(&file, &bytes).expect("a file");
    let content = SimFile::sparse(bytes.len() as u64).with_bytes(0, bytes);
    let sim = Sim::new(SimProfile::linux_4k()).with_file("small.gguf", content);
    let mut loads = reference("native", native(), &file, &file);
    loads.extend(reference("simulated", Arc::new(sim), Path::new("small.gguf"), &file));
    for program in ["c", "llama"] {
        loads.extend(plans().into_iter().map(|plan| recorded(program, plan, &gguf)));
    }
    loads
}
