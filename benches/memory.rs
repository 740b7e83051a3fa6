//! What looking into memory costs: warm loads of a 1 GiB model under the tracer, with and without the look, in turn.
//!
//! ```sh
//! cargo bench --bench memory            # makes a 1 GiB model in a temporary directory
//! cargo bench --bench memory -- FILE    # any model
//! ```
//!
//! The loader is this program itself, started anew: it reads the file into memory of its own, or reads
//! it and copies it once, so that a second GiB has to be searched. The difference of the medians is what the look
//! costs.

use std::ffi::OsString;
use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use loadparity::gguf::{MakeSpec, WriteSink, make};
use loadparity::tracer::{self, Command, Options};

const ROUNDS: usize = 7;

fn main() {
    let mut args = std::env::args().skip(1).filter(|arg| arg != "--bench");
    match args.next().as_deref() {
        // `cargo test --benches` passes --test and wants no measurement.
        Some("--test") => {}
        Some("--load") => load(&args.next().expect("a way"), Path::new(&args.next().expect("a file"))),
        given => measure(given),
    }
}

fn measure(given: Option<&str>) {
    let folder = tempfile::tempdir().expect("a temporary directory");
    let model = given.map_or_else(|| made(folder.path()), PathBuf::from);
    println!("model {}, {} bytes", model.display(), model.metadata().expect("a model").len());
    println!(
        "{:<16} {:>12} {:>12} {:>12} {:>12}",
        "loader", "calls alone", "memory too", "difference", "observations"
    );
    for way in ["read", "read-and-copy"] {
        let (mut plain, mut looked, mut seen) = (Vec::new(), Vec::new(), 0);
        traced(way, &model, false);
        for _ in 0..ROUNDS {
            plain.push(traced(way, &model, false).0);
            let (time, observations) = traced(way, &model, true);
            looked.push(time);
            seen = observations;
        }
        let (plain, looked) = (median(plain), median(looked));
        let cost = looked.saturating_sub(plain);
        println!("{way:<16} {plain:>12.2?} {looked:>12.2?} {cost:>12.2?} {seen:>12}");
    }
}

/// The time of a traced load, and how much was observed of its memory.
fn traced(way: &str, model: &Path, memory: bool) -> (Duration, usize) {
    let own = std::env::current_exe().expect("this program");
    let argv = [own.into(), OsString::from("--load"), way.into(), model.into()].to_vec();
    let command = Command { argv, ..Command::default() };
    let options = Options { memory, capture: true, models: vec![model.to_owned()], ..Options::default() };
    let started = Instant::now();
    let traced = tracer::run(&command, &options).expect("a trace");
    assert_eq!(traced.status, tracer::Status::Code(0), "{}", String::from_utf8_lossy(&traced.stderr));
    (started.elapsed(), traced.observations.len())
}

/// What the traced program does.
fn load(way: &str, model: &Path) {
    const PIECE: usize = 16 << 20;
    let mut file = File::open(model).expect("a model");
    let len = usize::try_from(file.metadata().expect("its size").len()).expect("a size");
    let mut bytes = vec![0u8; len];
    bytes.chunks_mut(PIECE).for_each(|piece| file.read_exact(piece).expect("all of it"));
    let copy = (way == "read-and-copy").then(|| bytes.clone());
    std::hint::black_box((&bytes, &copy));
    // As it ends, all of it is there.
    std::process::exit(0);
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

/// A model of about 1 GiB.
fn made(folder: &Path) -> PathBuf {
    let path = folder.join("one-gib.gguf");
    let mut file = std::io::BufWriter::new(File::create(&path).expect("a file"));
    let spec = MakeSpec { layers: 22, embd: 2048, heads: 32, kv_heads: 8, ffn: 5632, ..MakeSpec::default() };
    make(&spec, &mut WriteSink(&mut file), &mut |_, _| ()).expect("a model");
    file.flush().expect("a full file");
    path
}
