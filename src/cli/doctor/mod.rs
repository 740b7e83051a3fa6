//! `loadparity doctor`: what this machine can do for a load mode, found by trying.
//!
//! A file is opened, mapped, locked and read through the seam, as a loader does it; what a mode comes to is
//! decided from that alone. What the machine says of itself (memory, limits, tracing) stands beside it and is
//! left out where it says nothing.

mod host;
mod modes;
mod probe;
mod speed;

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::exit::Exit;
use super::explain::ExplainFormat;
use super::model::ModelFile;
use crate::platform::Platform;

use host::Host;
use modes::{Mode, Recommendation};
use probe::{DirectIo, Locking, MapProbe};
use speed::{Measured, Speeds};

/// Arguments of `doctor`.
#[derive(Clone, Debug, Args)]
pub struct DoctorArgs {
    /// The file to try, best the model itself: what counts is where it lies. Without it, the model inside the
    /// program in the temporary folder.
    #[arg(value_name = "PATH")]
    path: Option<PathBuf>,

    /// Measure nothing: the file's pages stay in the page cache, and nothing large is read or locked.
    #[arg(long)]
    no_measure: bool,

    /// How to print it.
    #[arg(long, value_enum, default_value_t = ExplainFormat::Terminal, conflicts_with = "json")]
    format: ExplainFormat,

    /// The same as `--format json`.
    #[arg(long)]
    json: bool,
}

/// What `doctor` found: what each load mode comes to on one machine and one file, and how fast it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct DoctorDocument {
    /// `loadparity.doctor/1`.
    schema: String,
    /// The version of the program.
    version: String,
    /// The file that was tried.
    path: String,
    /// Its size in bytes.
    size: u64,
    /// The name of the platform, such as `linux`.
    platform: String,
    /// Bytes in a page.
    page_size: u64,
    /// What the platform says of mapping files that lie there: the kind of the file system, or why not.
    file_system: String,
    /// Mapping.
    map: MapProbe,
    /// Direct I/O.
    direct: DirectIo,
    /// Locks.
    locking: Locking,
    /// How fast it was read, where that was measured.
    speeds: Option<Speeds>,
    /// What the machine says of itself.
    host: Host,
    /// What each mode comes to here.
    modes: Vec<Mode>,
    /// Which one to take.
    recommendation: Option<Recommendation>,
}

/// Looks at a file and prints what was found.
pub(super) fn run(args: &DoctorArgs, out: &mut dyn Write) -> Exit {
    let platform = crate::platform::native();
    let model = match ModelFile::open(args.path.as_deref(), &*platform) {
        Ok(model) => model,
        Err(exit) => return exit,
    };
    let document = match examine(&*platform, model.path(), Host::here(), !args.no_measure) {
        Ok(document) => document,
        Err(message) => return Exit::usage(message),
    };
    let format = if args.json { ExplainFormat::Json } else { args.format };
    let text = match format {
        ExplainFormat::Terminal => document.lines(),
        ExplainFormat::Json => match serde_json::to_string(&document) {
            Ok(text) => text + "\n",
            Err(error) => return Exit::internal(error),
        },
    };
    let code = if document.recommendation.is_some() { 0 } else { 3 };
    out.write_all(text.as_bytes()).map_or_else(Exit::unwritten, |()| Exit::Code(code))
}

/// Tries a file on a platform.
///
/// # Errors
/// Why it cannot be opened or is empty.
fn examine(
    platform: &dyn Platform,
    path: &Path,
    host: Host,
    measure: bool,
) -> Result<DoctorDocument, String> {
    let shown = path.display().to_string();
    let failed = |error| format!("{shown}: {error}");
    let file = platform.open(path, false).map_err(failed)?;
    let size = file.size().map_err(failed)?;
    if size == 0 {
        return Err(format!("{shown}: the file is empty; name a model, or any file where models lie"));
    }
    let hint = file.map_hint().map_err(failed)?;
    let map = MapProbe::of(&*file, size, hint.good);
    let direct = DirectIo::of(platform, path);
    let room = host.room();
    let locking = Locking::of(platform, &*file, size, measure.then_some(room).flatten());
    let measured = Measured { platform, path, file: &*file, size, room };
    let speeds = measure.then(|| Speeds::of(&measured, &direct, &locking));
    let modes = modes::of(size, &map, &hint.reason, &direct, &locking, room);
    let recommendation = Recommendation::of(&modes, speeds.as_ref(), size, room);
    Ok(DoctorDocument {
        schema: DoctorDocument::SCHEMA.to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        path: shown,
        size,
        platform: platform.name().to_owned(),
        page_size: platform.limits().page_size,
        file_system: hint.reason,
        map,
        direct,
        locking,
        speeds,
        host,
        modes,
        recommendation,
    })
}

impl DoctorDocument {
    /// What documents of this kind state as their `schema`.
    pub(super) const SCHEMA: &'static str = "loadparity.doctor/1";

    /// For a person.
    fn lines(&self) -> String {
        let mut lines = vec![
            format!("file           {} ({})", self.path, bytes(self.size)),
            format!("file system    {}", self.file_system),
            format!("mapping        {}", self.map),
            format!("direct I/O     {}", self.direct),
            format!("locking        {}", self.locking),
        ];
        lines.extend(self.host.lines(self.page_size));
        if let Some(speeds) = &self.speeds {
            lines.push(format!("speed          {speeds}"));
        }
        lines.push(String::new());
        for mode in &self.modes {
            let asked = format!("--load-mode {}", mode.load_mode);
            lines.push(format!(
                "{:<12} {asked:<24} {:<9} {}",
                mode.plan,
                mode.state.to_string(),
                mode.reason
            ));
        }
        lines.push(String::new());
        lines.push(match &self.recommendation {
            Some(Recommendation { plan, reason }) => format!("recommended: {plan}, because {reason}"),
            None => "no mode works here".to_owned(),
        });
        lines.iter().map(|line| format!("{}\n", line.trim_end())).collect()
    }
}

/// A size with a unit.
fn bytes(count: u64) -> String {
    let (mut value, mut unit) = (count as f64, "bytes");
    for next in ["KiB", "MiB", "GiB", "TiB"] {
        if value < 1024.0 {
            break;
        }
        (value, unit) = (value / 1024.0, next);
    }
    if unit == "bytes" { format!("{count} bytes") } else { format!("{value:.1} {unit}") }
}

#[cfg(test)]
mod tests;
