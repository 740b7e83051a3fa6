//! The tracer of Linux: `ptrace` and seccomp.
//!
//! | file | job |
//! | --- | --- |
//! | `released` | what is used after its lock was released |
//! | `spawn` | fork, wait to be attached, filter, exec |
//! | `filter`, `numbers` | which calls stop |
//! | `follow` | the event loop: threads, forks, execs, signals |
//! | `watch`, `entry`, `exit_files`, `exit_memory` | one call: what it is about, what came of it, decoded |
//! | `look` | which pages of a mapping were touched |
//! | `content`, `compare` | whether memory holds the bytes of the file |
//! | `search`, `anchors`, `copies` | where else it holds tensors |
//! | `smaps`, `kernel` | mappings as the kernel lists them; what it says of the memory of a process |
//! | `models` | which files are models |
//! | `faults` | which fault meets a call |
//! | `latency` | idle processors that answer at once |
//! | `oom` | whether the kernel killed the command for lack of memory |
//! | `stop` | ending a trace from outside |
//! | `sys`, `arch` | the tracer's own system calls; registers |
//!
//! What decoded calls come to is the business of [`crate::trace::linux`].
//!
//! Everything runs in a thread of its own: whoever attaches has to wait, and its children are then
//! its own alone.

mod anchors;
mod arch;
mod compare;
mod content;
mod copies;
mod entry;
mod exit_files;
mod exit_memory;
mod faults;
mod filter;
mod flags;
mod follow;
mod kernel;
mod latency;
mod look;
mod models;
mod numbers;
mod oom;
mod output;
mod private;
mod released;
mod search;
mod smaps;
mod spawn;
mod stop;
mod sys;
mod watch;

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;

pub use stop::Stop;

use super::phase::header_reads;
use super::{Command, Killer, Options, Status, TraceError, Traced, assign_phases};
use crate::trace::Header;
use crate::trace::linux::Finished;
use content::Contents;
use faults::Faults;
use follow::{Bell, Follower};
pub use kernel::own_memory;
use models::{Models, path_text};
use oom::OomCount;
use output::Output;
use private::PrivateFiles;
use spawn::{Failed, Report};
use watch::Watcher;

fn failed(what: &'static str, error: &io::Error) -> TraceError {
    TraceError::System { what, why: error.to_string() }
}

pub(super) fn run(command: &Command, options: &Options) -> Result<Traced, TraceError> {
    let mask = Stop::mask(options.stop.as_ref());
    thread::scope(|scope| {
        let started = thread::Builder::new().spawn_scoped(scope, || trace(command, options, mask));
        let tracer = started.map_err(|error| failed("starting the tracing thread", &error))?;
        tracer.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

fn trace(command: &Command, options: &Options, mask: libc::sigset_t) -> Result<Traced, TraceError> {
    let faults = Faults::new(&options.faults, !options.private.is_empty())?;
    let mut child = spawn::spawn(command, !options.every_syscall, options.capture, mask)?;
    if let Err(error) = sys::seize(child.pid) {
        spawn::abandon(child.pid);
        return Err(TraceError::NotPermitted { why: error.to_string() });
    }
    let captured = child.captured.take().map(|[out, err]| (Arc::new(Output::new(out)), err));
    let page = u64::try_from(page_size()).unwrap_or(4096);
    let oom = OomCount::of(child.pid);
    let contents = options.memory.then(|| Contents::new(page));
    let mut watcher =
        Watcher::new(Models::new(&options.models, &options.layouts), faults, contents, page, child.pid);
    watcher.output = captured.as_ref().map(|(out, _)| Arc::clone(out));
    watcher.private = PrivateFiles::new(&options.private);
    let mut follower = Follower::new(watcher, &mut child, options.every_syscall);
    let followed = thread::scope(|scope| {
        let readers = captured.map(|(out, err)| {
            let collecting = Arc::clone(&out);
            let reader = thread::Builder::new().spawn_scoped(scope, move || collecting.collect())?;
            let errors = thread::Builder::new().spawn_scoped(scope, || collect(err))?;
            Ok::<_, io::Error>((out, reader, errors))
        });
        let readers = readers.transpose().inspect_err(|_| follower.kill_all())?;
        let followed = attend(&mut follower, options);
        if followed.is_err() {
            // Whoever still runs would keep the pipes open; the command dies with its tracer.
            follower.kill_all();
        }
        let (out, err) = readers.map_or_else(Default::default, |(out, reader, errors)| {
            // A reader that panicked has taken what it took.
            let _ = reader.join();
            (out.take(), errors.join().unwrap_or_default())
        });
        followed.map(|timed_out| (timed_out, out, err))
    });
    let (timed_out, stdout, stderr) = followed.map_err(|error| failed("waiting for the command", &error))?;
    let killed_by = match follower.killer() {
        Some(_) if oom.has_risen() => {
            let (limit, peak) = oom.limit_and_peak();
            Some(Killer::OutOfMemory { limit, peak })
        }
        killer => killer,
    };
    let Follower { mut watcher, mode, report, status, passed_on, .. } = follower;
    not_started(command, &report)?;
    let status = match (passed_on, status) {
        _ if timed_out => Status::TimeLimit,
        (Some(signal), _) => Status::Stopped(signal),
        (None, Some(status)) => status,
        (None, None) => Status::Signal(libc::SIGKILL),
    };
    watcher.tell_output(stdout.len() as u64);
    watcher.tell_contents();
    let models = watcher.models.paths();
    let layouts = watcher.models.layouts();
    let Finished { mut ops, observations, .. } = watcher.machine.finish(|ops| header_reads(ops, &layouts));
    assign_phases(&mut ops, &layouts);
    Ok(Traced {
        header: header(command, page, (!models.is_empty()).then(|| watcher.models.text(0).to_owned())),
        fired: watcher.faults.fired(),
        dropped: watcher.dropped,
        blind_spots: watcher.blind_spots,
        ops,
        observations,
        killed_by: killed_by.filter(|_| matches!(status, Status::Signal(_))),
        status,
        stdout,
        stderr,
        mode,
        models,
        largest_other: watcher.models.largest_other(),
    })
}

/// Follows the command to its end, or to that of its time; tells whether it was the latter.
fn attend(follower: &mut Follower<'_>, options: &Options) -> io::Result<bool> {
    if options.time_limit.is_none() && options.stop.is_none() {
        return follower.run().map(|()| false);
    }
    let bell = Arc::new(Bell::new()?);
    let timed_out = AtomicBool::new(false);
    follower.heed(Arc::clone(&bell), options.stop.clone())?;
    if let Some(stop) = &options.stop {
        stop.connect(&bell);
    }
    let (done, dismissed) = mpsc::channel::<()>();
    let followed = thread::scope(|scope| {
        if let Some(limit) = options.time_limit {
            let (bell, timed_out) = (&bell, &timed_out);
            scope.spawn(move || {
                if dismissed.recv_timeout(limit) == Err(RecvTimeoutError::Timeout) {
                    timed_out.store(true, Ordering::SeqCst);
                    bell.time_is_up();
                }
            });
        }
        let followed = follower.run();
        drop(done);
        followed
    });
    if let Some(stop) = &options.stop {
        stop.disconnect(&bell);
    }
    followed.map(|()| timed_out.load(Ordering::SeqCst))
}

fn page_size() -> libc::c_long {
    // SAFETY: sysconf touches no memory of ours.
    unsafe { libc::sysconf(libc::_SC_PAGESIZE) }
}

/// All that comes out of a pipe.
fn collect(mut pipe: File) -> Vec<u8> {
    let mut bytes = Vec::new();
    // What arrived before an error is still what the command wrote.
    let _ = pipe.read_to_end(&mut bytes);
    bytes
}

/// What a child that never became the command reported.
fn not_started(command: &Command, report: &Report) -> Result<(), TraceError> {
    let Some((step, errno)) = report.failed else { return Ok(()) };
    let program = command.argv.first().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    let why = spawn::message(errno).to_owned();
    Err(match (step, errno) {
        (Failed::Exec, libc::ENOENT | libc::ENOTDIR) => TraceError::NotFound { program },
        (Failed::Exec, _) => TraceError::NotExecutable { program, why },
        (Failed::Cwd, _) => TraceError::System { what: "changing to the command's directory", why },
    })
}

fn header(command: &Command, page_size: u64, model: Option<String>) -> Header {
    Header {
        os: "linux".to_owned(),
        arch: std::env::consts::ARCH.to_owned(),
        page_size,
        command: command.argv.iter().map(|word| path_text(word.as_bytes())).collect(),
        seed: None,
        model,
        creator: env!("CARGO_PKG_NAME").to_owned(),
        creator_version: env!("CARGO_PKG_VERSION").to_owned(),
    }
}
