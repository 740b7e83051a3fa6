//! The system that the tests run on as a world of the contract suite, with real files.
//!
//! What is not run is declared from what the system is: whether it tells direct reads from
//! buffered ones, and whether it lets anybody count what a process holds.

use std::fs::File;
use std::io::{Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use loadparity::platform::{self, Alignment, Platform};

use crate::suite::{Content, Held, NotRun, Site, World};

/// A lock limit belongs to the whole process, and privileged users have none: `lock_limit.rs` shows
/// what a limit does in a process of its own. Windows has no limit that stands: a lock raises it.
const LOCK_LIMIT: &[&str] = &[
    "lock.limit_is_reported",
    "lock.takes_every_page_that_is_touched",
    "lock.over_the_quota_takes_nothing",
    "lock.overlap_counts_once",
    "lock.unlock_frees_the_quota",
    "lock.does_not_nest",
    "lock.quota_is_shared_by_mappings_and_buffers",
    "lock.buffer_over_the_quota_takes_nothing",
    "lock.giving_back_frees_the_quota",
    "teardown.locks_end_with_their_region",
];

/// A file system that opens files for direct reads and then takes any request.
const UNENFORCED: &[&str] = &[
    "open.direct_is_never_quietly_buffered",
    "direct.unaligned_offset_is_refused",
    "direct.unaligned_length_is_refused",
    "direct.unaligned_address_is_refused",
];

/// A file system that opens no file for direct reads.
const NO_DIRECT: &[&str] = &[
    "open.direct_is_never_quietly_buffered",
    "direct.alignment_is_a_power_of_two",
    "direct.aligned_read_brings_the_content",
    "direct.read_reaches_past_4_gib",
    "direct.read_across_the_end_is_short",
    "direct.read_past_the_end_is_empty",
    "direct.unaligned_offset_is_refused",
    "direct.unaligned_length_is_refused",
    "direct.unaligned_address_is_refused",
];

/// Views are unmapped as a whole, files take no advice, and nobody lists what a process holds.
const WINDOWS: &[&str] = &[
    "unmap.gives_back_the_front",
    "unmap.gives_back_the_middle",
    "unmap.may_end_with_the_mapping",
    "advice.on_a_file_changes_no_byte",
    "teardown.leaves_nothing_held",
];

/// Wine takes locks and shows no page as locked.
const UNCONFIRMED_LOCKS: &[&str] =
    &["residency.shows_a_lock_and_its_end", "residency.shows_a_lock_of_a_buffer"];

/// The operating system itself.
pub(crate) struct NativeWorld {
    platform: Arc<dyn Platform>,
    name: String,
    wine: bool,
    not_run: Vec<&'static str>,
    /// Where its files lie, if not beside the build.
    base: Option<PathBuf>,
    /// Whether this process may be given a lock limit: it is an ordinary user's, and nothing else runs in it.
    bound: bool,
}

impl NativeWorld {
    pub(crate) fn new() -> Self {
        let platform = platform::native();
        let windows = platform.name() == "windows";
        let direct = direct_alignment(&*platform);
        // Windows refuses unaligned direct reads on every file system; Wine refuses none.
        let wine = windows && Path::new(r"C:\windows\system32\winecfg.exe").exists();
        let mut not_run = LOCK_LIMIT.to_vec();
        not_run.extend(if windows { WINDOWS } else { &[] });
        not_run.extend(if wine { UNCONFIRMED_LOCKS } else { &[] });
        not_run.extend(match direct {
            None => NO_DIRECT,
            Some(_) if wine => UNENFORCED,
            Some(alignment) if !windows && !alignment.enforced => UNENFORCED,
            Some(alignment) if alignment.memory == 1 => &["direct.unaligned_address_is_refused"],
            Some(_) => &[],
        });
        let order: Vec<_> = crate::suite::behaviours().map(|behaviour| behaviour.name).collect();
        not_run.sort_by_key(|name| order.iter().position(|known| known == name));
        let name = format!("{}{}", platform.name(), if wine { " (Wine)" } else { "" });
        Self { platform, name, wine, not_run, base: None, bound: false }
    }

    /// The system with files in one folder, for a process of its own whose lock limit is the test's.
    #[cfg(target_os = "linux")]
    pub(crate) fn bound_by_limits(folder: &Path) -> Self {
        let base = Some(folder.to_owned());
        Self {
            platform: platform::native(),
            name: "kernel".to_owned(),
            wine: false,
            not_run: Vec::new(),
            base,
            bound: true,
        }
    }
}

/// What the file system of the test's files wants of direct reads; `None` where it has none.
fn direct_alignment(platform: &dyn Platform) -> Option<Alignment> {
    let folder = folder();
    let path = folder.path().join("probe");
    std::fs::write(&path, [7; 10_000]).expect("a file can be written");
    platform.open(&path, true).and_then(|file| file.alignment()).ok()
}

/// A folder on a disk where there is one: the usual one of temporary files may be in memory.
fn folder() -> tempfile::TempDir {
    let beside_the_build = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let made =
        if beside_the_build.is_dir() { tempfile::tempdir_in(beside_the_build) } else { tempfile::tempdir() };
    made.expect("a temporary folder can be made")
}

fn lay_out(content: &Content, path: &Path) -> std::io::Result<()> {
    let mut file = File::create(path)?;
    if std::env::consts::OS == "windows" && content.size > 1 << 30 {
        // Elsewhere holes need no asking. Where this does not work the file is only slow to write.
        let _ = std::process::Command::new("fsutil").args(["sparse", "setflag"]).arg(path).output();
    }
    file.set_len(content.size)?;
    for (at, bytes) in &content.pieces {
        file.seek(SeekFrom::Start(*at))?;
        file.write_all(bytes)?;
    }
    // What has not reached the disk may be refused to a direct read.
    file.sync_all()
}

/// Lets this process lock so many bytes, or as many as it may.
#[cfg(target_os = "linux")]
fn set_lock_limit(bytes: Option<u64>) -> Result<(), NotRun> {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    let refused = |errno| NotRun(format!("the lock limit cannot be set: {errno}"));
    let (_, most) = getrlimit(Resource::RLIMIT_MEMLOCK).map_err(refused)?;
    setrlimit(Resource::RLIMIT_MEMLOCK, bytes.unwrap_or(most).min(most), most).map_err(refused)
}

#[cfg(not(target_os = "linux"))]
fn set_lock_limit(_: Option<u64>) -> Result<(), NotRun> {
    Err(NotRun("no process is bound by a lock limit here".to_owned()))
}

/// What Linux tells of this process, as far as it concerns the file at `path`.
fn held(path: &Path) -> Option<Held> {
    let descriptors = std::fs::read_dir("/proc/self/fd").ok()?;
    let open =
        descriptors.flatten().filter(|entry| std::fs::read_link(entry.path()).is_ok_and(|to| to == path));
    let maps = std::fs::read_to_string("/proc/self/maps").ok()?;
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let locked = status.lines().find_map(|line| line.strip_prefix("VmLck:"))?;
    let kib: u64 = locked.trim().strip_suffix(" kB")?.trim().parse().ok()?;
    Some(Held {
        open_files: open.count() as u64,
        mappings: maps.lines().filter(|line| line.ends_with(path.to_str().unwrap_or("?"))).count() as u64,
        locked_bytes: kib * 1024,
    })
}

impl World for NativeWorld {
    fn name(&self) -> &str {
        &self.name
    }

    fn not_run(&self) -> Vec<&'static str> {
        self.not_run.clone()
    }

    fn shows_locks(&self) -> bool {
        !self.wine
    }

    fn site(&self, content: &Content, lock_limit: Option<u64>) -> Result<Site, NotRun> {
        if self.bound {
            set_lock_limit(lock_limit)?;
        } else if lock_limit.is_some() {
            return Err(NotRun(
                "a lock limit belongs to the whole process or is raised by locking".to_owned(),
            ));
        }
        let folder = match &self.base {
            Some(base) => tempfile::tempdir_in(base).expect("a folder can be made there"),
            None => folder(),
        };
        let path: PathBuf = folder.path().join("model.gguf");
        lay_out(content, &path).expect("the file can be laid out");
        let counted = path.clone();
        Ok(Site {
            platform: self.platform.clone(),
            missing: folder.path().join("missing.gguf"),
            held: Box::new(move || if std::env::consts::OS == "linux" { held(&counted) } else { None }),
            path,
            keep: Box::new(folder),
        })
    }
}
