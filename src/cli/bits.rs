//! `loadparity bits`: one hash of the logits, whatever the load mode, the vector level and the
//! number of threads.

use std::io::{self, Write};
use std::path::PathBuf;

use clap::Args;

use super::exit::Exit;
use super::model::ModelFile;
use super::report_file::{Outputs, Overwrite};
use crate::check::{Agreement, MachineBits, ModelBits};
use crate::engine::{Generation, SamplerConfig};
use crate::subject::LoadedBits;

/// Arguments of `bits`.
#[derive(Clone, Debug, Args)]
pub struct BitsArgs {
    /// The models; without one, the small one inside the program.
    #[arg(short, long, num_args = 1.., value_name = "FILE")]
    model: Vec<PathBuf>,

    /// The text to go on from.
    #[arg(short, long, default_value = "In", value_name = "TEXT")]
    prompt: String,

    /// Tokens to generate.
    #[arg(short = 'n', long, default_value_t = 2, value_name = "N")]
    n_predict: usize,

    /// Seed of the sampler.
    #[arg(short, long, default_value_t = 42, value_name = "SEED")]
    seed: u64,

    /// Numbers of threads to generate with.
    #[arg(short, long, value_delimiter = ',', default_value = "1,2,4", value_name = "N,…")]
    threads: Vec<usize>,

    /// How people call this machine, for a page about several.
    #[arg(long, value_name = "NAME")]
    name: Option<String>,

    /// Also write every value to this file.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,

    #[command(flatten)]
    overwrite: Overwrite,
}

/// Runs `bits`.
pub(super) fn run(args: &BitsArgs, out: &mut dyn Write) -> Exit {
    let platform = crate::platform::native();
    let wanted: Vec<Generation> = args.threads.iter().map(|threads| generation(args, *threads)).collect();
    let Some(first) = wanted.first() else { return Exit::usage("--threads names no number") };
    let name = args.name.clone();
    let name = name.unwrap_or_else(|| format!("{} {}", platform.name(), std::env::consts::ARCH));
    let file = match args.json.as_deref().map(|path| Outputs::new(&args.overwrite).file(path)).transpose() {
        Ok(file) => file,
        Err(exit) => return exit,
    };
    let mut bits = MachineBits::new(platform.name(), name, first);

    let given = args.model.iter().map(|path| Some(path.as_path()));
    let given: Vec<_> = if args.model.is_empty() { vec![None] } else { given.collect() };
    let mut codes = Vec::new();
    for path in given {
        let file = match ModelFile::open(path, &*platform) {
            Ok(file) => file,
            Err(exit) => return exit,
        };
        // A file that is no model is the user's mistake and no finding about the machine.
        if let Err(error) = crate::engine::open_header(&platform, file.path()) {
            return Exit::usage(error);
        }
        // A folder is another one on each machine.
        let name = match path.and_then(|path| path.file_name()) {
            Some(name) => name.to_string_lossy().into_owned(),
            None => file.name(),
        };
        bits.models
            .push(ModelBits::measure(name, |plan| LoadedBits::of(&platform, file.path(), plan, &wanted)));
        match bits.models.last().map(|model| tell(&bits, model, out)).transpose() {
            Ok(code) => codes.extend(code),
            Err(error) => return Exit::internal(error),
        }
    }
    if let Some(file) = file {
        let written = serde_json::to_vec_pretty(&bits).map_err(io::Error::from).and_then(|mut document| {
            document.push(b'\n');
            file.write(&document)
        });
        if let Err(error) = written {
            return file.unwritten(&error);
        }
    }
    // A difference is worse than a load that could not be tried, whatever their numbers.
    let worst = [1, 3, 4].into_iter().find(|code| codes.contains(code));
    Exit::Code(worst.unwrap_or(0))
}

fn generation(args: &BitsArgs, threads: usize) -> Generation {
    Generation {
        prompt: args.prompt.clone(),
        n_predict: args.n_predict,
        sampler: SamplerConfig { seed: args.seed, ..SamplerConfig::default() },
        threads,
        ..Generation::default()
    }
}

/// Says what came of one model; returns its exit code.
fn tell(bits: &MachineBits, model: &ModelBits, out: &mut dyn Write) -> io::Result<u8> {
    let agreement = Agreement::of(std::slice::from_ref(bits), &model.model);
    for mode in &model.modes {
        if let Err(reason) = &mode.load {
            writeln!(out, "{}, {}: not run: {reason}", model.model, mode.mode)?;
        }
    }
    let total: u64 = agreement.logits.values().sum();
    if agreement.exit_code() != 1 {
        let hash = Agreement::most(&agreement.logits).unwrap_or("none");
        writeln!(out, "{}: logits {hash} in all of {total} runs", model.model)?;
        return Ok(agreement.exit_code());
    }
    writeln!(out, "{}: DIFFERENT BITS", model.model)?;
    for mode in &model.modes {
        let Ok(loaded) = &mode.load else { continue };
        let differs = |what: &str, hash: &str, most: Option<&str>, out: &mut dyn Write| match most {
            Some(most) if most != hash => writeln!(out, "  {}, {what}: {hash}, not {most}", mode.mode),
            _ => Ok(()),
        };
        differs("tensors", &loaded.tensors, Agreement::most(&agreement.tensors), out)?;
        for run in &loaded.logits {
            let what = format!("{}, {} threads", run.level, run.threads);
            differs(&what, &run.hash, Agreement::most(&agreement.logits), out)?;
        }
    }
    Ok(1)
}
