//! The loader: a [`LoadPlan`] becomes operations on the platform seam.
//!
//! ```text
//! header   open buffered, read metadata and tensor table
//! probe    auto → mapping hint; direct → second open, alignment
//! load     map    advise, map the file, will-need, give back what no tensor uses, lock growing
//!          read   buffers, lock them, positioned reads into them
//!          direct buffers, lock them, aligned reads into them; refused → what is missing, buffered
//!          on demand  beside all of these: map the file, give back what the plan's exceptions do not use
//! teardown unlock, unmap (when the last user of the weights drops them)
//! ```
//!
//! A model of several shards is loaded from the first: each file goes through these steps on its own,
//! phase by phase.
//!
//! A tensor is used where it lies: in the mapping, or in the buffer that the read went to.
//! Everything that did not happen as asked is a notice on the seam, so that it is recorded.

mod direct;
mod error;
mod lock;
mod map;
mod read;
mod spans;
mod weights;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

pub use error::LoadError;
use weights::Part;
pub use weights::Weights;

use crate::gguf::split::{self, Joined};
use crate::gguf::{ByteSource, Gguf};
use crate::plan::{Exceptions, LoadPlan, OnRefused, Source, Treatment};
use crate::platform::{Errno, File, Notice, Phase, Platform};
use crate::trace::{NoticeCode, NoticeLevel};

/// Receives bytes brought in so far and bytes wanted in all.
pub type ProgressSink<'a> = &'a (dyn Fn(u64, u64) + Sync);

/// How to load, beside the plan.
#[derive(Clone, Copy)]
pub struct LoadOptions<'a> {
    /// How many reads may be in flight at once; at least 1.
    pub readers: usize,
    /// Told after every piece that arrives.
    pub progress: Option<ProgressSink<'a>>,
}

impl Default for LoadOptions<'_> {
    fn default() -> Self {
        Self { readers: 4, progress: None }
    }
}

/// A model that is ready for use.
pub struct Loaded {
    /// Metadata and tensor table.
    pub gguf: Arc<Gguf>,
    /// The tensors' bytes.
    pub weights: Arc<Weights>,
    /// The plan after `auto` was decided.
    pub resolved: LoadPlan,
}

/// What the parts of one load share.
struct Job<'a> {
    platform: &'a Arc<dyn Platform>,
    path: &'a Path,
    file: Arc<dyn File>,
    gguf: Arc<Gguf>,
    options: LoadOptions<'a>,
    /// Bytes brought in so far, of all files.
    done: &'a AtomicU64,
    /// Bytes wanted, of all files.
    wanted: u64,
    /// Of each tensor whether it comes on demand, whatever the plan says of the others.
    lazy: Vec<bool>,
}

impl Job<'_> {
    /// Whether the tensor at this place of the table comes on demand.
    fn is_lazy(&self, index: usize) -> bool {
        self.lazy.get(index).copied().unwrap_or(false)
    }

    fn has_lazy(&self) -> bool {
        self.lazy.contains(&true)
    }

    /// Makes the tensors that these exceptions have come on demand those that do.
    fn except(&mut self, exceptions: Exceptions) {
        let tensors = self.gguf.tensors.iter();
        let lazy = tensors.map(|tensor| {
            let found = exceptions.find(&tensor.name, tensor.size);
            tensor.size > 0 && found.is_some_and(|exception| exception.treatment == Treatment::Lazy)
        });
        self.lazy = lazy.collect();
    }

    fn advance(&self, bytes: u64) {
        let done = self.done.fetch_add(bytes, Ordering::Relaxed) + bytes;
        if let Some(progress) = self.options.progress {
            progress(done.min(self.wanted), self.wanted);
        }
    }

    fn notice(&self, level: NoticeLevel, code: NoticeCode, text: String) {
        self.platform.notice(Notice { level, code, text });
    }

    /// Notes that advice was refused, which costs speed and nothing else.
    fn advice_refused(&self, what: &str, errno: &Errno) {
        let text =
            format!("{}: {what} was refused: {errno}; loading goes on without it", self.path.display());
        self.notice(NoticeLevel::Info, NoticeCode::AdviceRefused, text);
    }
}

/// Loads the model at `path` as `plan` says.
///
/// # Errors
/// When the file cannot be opened, is not a well-formed GGUF file, ends early, or the platform
/// refuses something that the plan has no fallback for.
pub fn load(
    platform: &Arc<dyn Platform>,
    path: &Path,
    plan: LoadPlan,
    options: LoadOptions<'_>,
) -> Result<Loaded, LoadError> {
    let (paths, files, headers) = open_headers(platform, path)?;
    let Joined { whole, files: headers } = split::join(headers)
        .map_err(|source| LoadError::Split { path: path.to_owned(), source: Box::new(source) })?;
    let wanted = whole.tensors.iter().map(|t| t.size).fold(0, u64::saturating_add);
    let done = AtomicU64::new(0);
    let opened = files.into_iter().zip(headers);
    let job = |(path, (file, gguf))| Job {
        platform,
        path,
        file,
        gguf,
        options,
        done: &done,
        wanted,
        lazy: Vec::new(),
    };
    let mut jobs: Vec<Job<'_>> = paths.iter().map(PathBuf::as_path).zip(opened).map(job).collect();

    platform.enter_phase(Phase::Probe);
    let mut resolved = plan;
    let mut direct = Vec::with_capacity(jobs.len());
    for job in &jobs {
        direct.push(match plan.source {
            // What suits one file suits the others, which lie beside it.
            Source::Auto if resolved.source != Source::Auto => None,
            Source::Auto => {
                resolved = resolve_auto(job, plan)?;
                None
            }
            Source::Direct => direct::open(job, plan)?,
            Source::Map | Source::Read => None,
        });
    }

    resolved.exceptions = resolve_exceptions(&jobs, resolved.exceptions)?;
    jobs.iter_mut().for_each(|job| job.except(resolved.exceptions));

    platform.enter_phase(Phase::Load);
    let parts = jobs.iter().zip(&direct);
    let parts = parts.map(|(job, direct)| load_file(job, plan, resolved, direct.as_ref()));
    let weights = Weights::new(platform.clone(), parts.collect::<Result<_, _>>()?);
    Ok(Loaded { gguf: whole, weights: Arc::new(weights), resolved })
}

/// Brings one file's tensors in.
fn load_file(
    job: &Job<'_>,
    plan: LoadPlan,
    resolved: LoadPlan,
    direct: Option<&direct::DirectFile>,
) -> Result<Part, LoadError> {
    match resolved.source {
        Source::Map => match map::load(job, plan.lock) {
            Err(LoadError::Map { errno, .. }) if plan.source == Source::Auto => {
                let path = job.path.display();
                let text = format!("{path}: auto resolved to none after all: mapping failed: {errno}");
                job.notice(NoticeLevel::Warning, NoticeCode::AutoResolved, text);
                beside_on_demand(job, |job| read::load(job, plan.lock))
            }
            other => other,
        },
        Source::Direct => match direct {
            Some(direct) => beside_on_demand(job, |job| direct::load(job, plan, direct)),
            None if plan.on_refused == Some(OnRefused::Map) => map::load(job, plan.lock),
            None => beside_on_demand(job, |job| read::load(job, plan.lock)),
        },
        Source::Read | Source::Auto => beside_on_demand(job, |job| read::load(job, plan.lock)),
    }
}

/// Reads tensors, those that come on demand aside: they are mapped, and first, since what cannot be mapped need not be
/// read.
fn beside_on_demand(
    job: &Job<'_>,
    read: impl FnOnce(&Job<'_>) -> Result<Part, LoadError>,
) -> Result<Part, LoadError> {
    if !job.has_lazy() {
        return read(job);
    }
    let mapping = map::on_demand(job)?;
    Ok(read(job)?.on_demand(job, mapping))
}

/// A model's files: their paths, open, and their headers.
type Opened = (Vec<PathBuf>, Vec<Arc<dyn File>>, Vec<Gguf>);

/// Opens a model's file, or all of its shards if it is the first of several.
fn open_headers(platform: &Arc<dyn Platform>, path: &Path) -> Result<Opened, LoadError> {
    let (file, gguf) = open_header(platform, path)?;
    let wrong = |source| LoadError::Split { path: path.to_owned(), source: Box::new(source) };
    let paths = match split::shard(&gguf).map_err(wrong)? {
        Some(shard) => split::paths(path, shard).map_err(wrong)?,
        None => vec![path.to_owned()],
    };
    let (mut files, mut headers) = (vec![file], vec![gguf]);
    for path in &paths[1..] {
        let (file, gguf) = open_header(platform, path)?;
        files.push(file);
        headers.push(gguf);
    }
    Ok((paths, files, headers))
}

/// Opens the model at `path` and reads its header, as the first step of every load does.
///
/// # Errors
/// When the file cannot be opened or read, or is not a well-formed GGUF file.
pub fn open_header(platform: &Arc<dyn Platform>, path: &Path) -> Result<(Arc<dyn File>, Gguf), LoadError> {
    platform.enter_phase(Phase::Header);
    let file = platform.open(path, false).map_err(|errno| LoadError::Open {
        path: path.to_owned(),
        direct: false,
        errno,
    })?;
    let size = file.size().map_err(|errno| LoadError::Read { path: path.to_owned(), offset: 0, errno })?;
    let source = HeaderSource { file: &*file, size };
    let gguf = crate::gguf::read(&source)
        .map_err(|source| LoadError::Gguf { path: path.to_owned(), source: Box::new(source) })?;
    Ok((file, gguf))
}

/// Lets the GGUF reader read through the seam.
struct HeaderSource<'a> {
    file: &'a dyn File,
    size: u64,
}

impl ByteSource for HeaderSource<'_> {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_exact_at(&self, offset: u64, dst: &mut [u8]) -> std::io::Result<()> {
        read::fill(self.file, offset, dst).map_err(|stop| match stop {
            read::Stop::Refused { at, errno } => {
                std::io::Error::other(format!("reading at offset {at} failed: {errno}"))
            }
            read::Stop::EndOfFile { at } => std::io::Error::new(
                std::io::ErrorKind::UnexpectedEof,
                format!("the file ended at offset {at}, although its size is {} bytes", self.size),
            ),
        })
    }
}

/// Decides the exceptions that are left to the loader: they stand where the platform and the file system map well.
fn resolve_exceptions(jobs: &[Job<'_>], exceptions: Exceptions) -> Result<Exceptions, LoadError> {
    let tensors = jobs.iter().flat_map(|job| &job.gguf.tensors);
    let about = exceptions.about(tensors.map(|tensor| (tensor.name.as_str(), tensor.size)));
    let Some(job) = jobs.first().filter(|_| about.list().iter().any(|exception| exception.optional)) else {
        return Ok(about);
    };
    let (good, reason) = match job.file.map_hint() {
        Ok(hint) => (hint.good, hint.reason),
        Err(errno) => (false, format!("the file system cannot be identified: {errno}")),
    };
    let word = if good { "on" } else { "off" };
    let text = format!("{}: lazy mode resolved to {word} ({reason})", job.path.display());
    job.notice(NoticeLevel::Info, NoticeCode::AutoResolved, text);
    let stands = about.list().iter().filter(|exception| good || !exception.optional);
    Ok(Exceptions::of(stands.copied().collect()))
}

/// Decides `auto`: the mapping where the platform and the file system map well, else reads.
fn resolve_auto(job: &Job<'_>, plan: LoadPlan) -> Result<LoadPlan, LoadError> {
    let (source, word, reason) = match job.file.map_hint() {
        Ok(hint) if hint.good => (Source::Map, "mmap", hint.reason),
        Ok(hint) => (Source::Read, "none", hint.reason),
        Err(errno) => (Source::Read, "none", format!("the file system cannot be identified: {errno}")),
    };
    let text = format!("{}: auto resolved to {word} ({reason})", job.path.display());
    job.notice(NoticeLevel::Info, NoticeCode::AutoResolved, text);
    Ok(LoadPlan { source, ..plan })
}
