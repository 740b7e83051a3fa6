//! What recording costs: warm loads of a 1 GiB model with and without the recorder, in turn.
//!
//! ```sh
//! cargo bench --bench recorder            # makes a 1 GiB model in a temporary directory
//! cargo bench --bench recorder -- FILE    # any model, such as a larger one
//! ```
//!
//! Prints for each load mode the median time of both, the ratio of the medians, how many
//! operations were recorded, and the share of the load that so many operations cost by themselves:
//! their number times the cost of noting one, over the plain time. The two are run in turn, so that
//! a machine whose speed drifts slows both; on a busy machine the ratio is noise and the share is
//! not.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use loadparity::engine::{self, LoadOptions};
use loadparity::gguf::{MakeSpec, WriteSink, make};
use loadparity::plan::{LoadPlan, OnRefused};
use loadparity::platform::{Platform, Recorder, Recording, Sim, SimFile, SimProfile, native};

const ROUNDS: usize = 15;

fn main() {
    // `cargo test --benches` passes --test and wants no measurement.
    let mut args = std::env::args().skip(1).filter(|arg| arg != "--bench");
    let given = args.next();
    if given.as_deref() == Some("--test") {
        return;
    }
    let folder = tempfile::tempdir().expect("a temporary directory");
    let model = given.map_or_else(|| made(folder.path()), PathBuf::from);
    println!("model {}, {} bytes", model.display(), model.metadata().expect("a model").len());
    let each = cost_of_noting();
    println!("noting one operation: {each:.2?}");
    println!("{:<12} {:>12} {:>12} {:>9} {:>8} {:>9}", "mode", "plain", "recorded", "ratio", "ops", "share");
    let direct = LoadPlan::direct(false, OnRefused::Read);
    for (mode, plan) in [("none", LoadPlan::read(false)), ("mmap", LoadPlan::map(false)), ("dio", direct)] {
        let (mut plain, mut recorded, mut ops) = (Vec::new(), Vec::new(), 0);
        load(&native(), &model, plan);
        for _ in 0..ROUNDS {
            plain.push(load(&native(), &model, plan));
            let recording = Recording::new();
            let recorder: Arc<dyn Platform> = Arc::new(Recorder::new(native(), recording.clone()));
            recorded.push(load(&recorder, &model, plan));
            ops = recording.ops().len();
        }
        let (plain, recorded) = (median(plain), median(recorded));
        let ratio = recorded.as_secs_f64() / plain.as_secs_f64();
        let share = each.as_secs_f64() * ops as f64 / plain.as_secs_f64() * 100.0;
        println!("{mode:<12} {plain:>12.2?} {recorded:>12.2?} {ratio:>9.4} {ops:>8} {share:>8.4}%");
    }
}

/// Loads and drops the model; the time of both.
fn load(platform: &Arc<dyn Platform>, model: &Path, plan: LoadPlan) -> Duration {
    let started = Instant::now();
    let loaded = engine::load(platform, model, plan, LoadOptions::default()).expect("the model loads");
    drop(loaded);
    started.elapsed()
}

/// What noting one operation costs: a call that does next to nothing, with and without.
fn cost_of_noting() -> Duration {
    const CALLS: u32 = 200_000;
    let sim = Sim::new(SimProfile::linux_4k()).with_file("model", SimFile::sparse(1 << 20));
    let time = |platform: &dyn Platform| {
        let file = platform.open(Path::new("model"), false).expect("a simulated file");
        let started = Instant::now();
        for _ in 0..CALLS {
            std::hint::black_box(file.size()).expect("a size");
        }
        started.elapsed() / CALLS
    };
    let plain = median((0..5).map(|_| time(&sim)).collect());
    let recorded = |_| time(&Recorder::new(Arc::new(sim.clone()), Recording::new()));
    median((0..5).map(recorded).collect()).saturating_sub(plain)
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

/// A model of about 1 GiB.
fn made(folder: &Path) -> PathBuf {
    let path = folder.join("one-gib.gguf");
    let mut file = std::io::BufWriter::new(std::fs::File::create(&path).expect("a file"));
    let spec = MakeSpec { layers: 22, embd: 2048, heads: 32, kv_heads: 8, ffn: 5632, ..MakeSpec::default() };
    make(&spec, &mut WriteSink(&mut file), &mut |_, _| ()).expect("a model");
    file.flush().expect("a full file");
    path
}
