//! Starting the command: fork, wait to be attached, filter, exec.
//!
//! The filter may only be installed when the tracer is attached: without one, a call that the
//! filter stops on fails with `ENOSYS`. So the child waits for a byte on a pipe.

use std::env;
use std::ffi::{CString, OsStr, OsString};
use std::io::{self, Read};
use std::mem::ManuallyDrop;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use libc::{c_char, c_int, pid_t};

use super::super::{Command, TraceError};
use super::{failed, filter, sys};

/// What the child writes on its status pipe: which step failed, and the error number.
const STEP_FILTER: u8 = b'F';
const STEP_CWD: u8 = b'D';
const STEP_EXEC: u8 = b'X';

/// Everything that the child needs, made before the fork: after it, the child of a process with
/// several threads may not allocate.
struct Plan {
    program: CString,
    argv: Vec<CString>,
    env: Vec<CString>,
    cwd: Option<CString>,
    filter: Option<Vec<libc::sock_filter>>,
    /// Standard input, output and error, where they are not inherited.
    stdio: Option<[OwnedFd; 3]>,
    mask: libc::sigset_t,
}

/// A child that waits to be released.
pub(super) struct Spawned {
    pub(super) pid: pid_t,
    go: OwnedFd,
    status: std::fs::File,
    /// The reading ends of standard output and error, if captured.
    pub(super) captured: Option<[std::fs::File; 2]>,
}

/// What became of the start.
#[derive(Debug, Default)]
pub(super) struct Report {
    /// Why the filter was refused.
    pub(super) filter: Option<i32>,
    /// The step after it that failed, and why.
    pub(super) failed: Option<(Failed, i32)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failed {
    Cwd,
    Exec,
}

fn c_string(what: impl Fn() -> String, bytes: &OsStr) -> Result<CString, TraceError> {
    CString::new(bytes.as_bytes()).map_err(|_| TraceError::ZeroByte { what: what() })
}

/// A pipe whose ends no exec inherits.
pub(super) fn pipe() -> io::Result<(OwnedFd, OwnedFd)> {
    let mut ends: [RawFd; 2] = [-1; 2];
    // SAFETY: the kernel writes two descriptors to an array of two.
    if unsafe { libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC) } != 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: both descriptors are new and nobody else's.
    Ok(unsafe { (OwnedFd::from_raw_fd(ends[0]), OwnedFd::from_raw_fd(ends[1])) })
}

/// The program's file: as given where there is a slash, else the first executable in `PATH`.
fn find_program(name: &OsStr, command: &Command) -> Result<PathBuf, TraceError> {
    let shown = || name.to_string_lossy().into_owned();
    let place = |path: &Path| command.cwd.as_ref().map_or(path.to_owned(), |cwd| cwd.join(path));
    let runnable = |path: &Path| {
        std::fs::metadata(place(path)).map(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
    };
    if name.as_bytes().contains(&b'/') {
        return Ok(PathBuf::from(name));
    }
    let set = command.env.iter().rev().find(|(key, _)| key == "PATH").map(|(_, value)| value.clone());
    let inherited = || (!command.env_remove.iter().any(|key| key == "PATH")).then(|| env::var_os("PATH"));
    let path = set.or_else(|| inherited().flatten()).unwrap_or_else(|| "/bin:/usr/bin".into());
    let mut there = false;
    for folder in env::split_paths(&path) {
        let candidate = folder.join(name);
        match runnable(&candidate) {
            Ok(true) => return Ok(candidate),
            Ok(false) => there = true,
            Err(_) => {}
        }
    }
    match there {
        true => Err(TraceError::NotExecutable { program: shown(), why: "permission denied".to_owned() }),
        false => Err(TraceError::NotFound { program: shown() }),
    }
}

/// `KEY=VALUE` of every variable that the child gets.
fn environment(command: &Command) -> Vec<OsString> {
    let is_set = |key: &OsStr| command.env.iter().any(|(known, _)| known == key);
    let removed = |key: &OsStr| command.env_remove.iter().any(|known| known == key);
    let inherited = env::vars_os().filter(|(key, _)| !is_set(key) && !removed(key));
    inherited
        .chain(command.env.iter().cloned())
        .map(|(mut pair, value)| {
            pair.push("=");
            pair.push(value);
            pair
        })
        .collect()
}

/// Forks a child that waits in front of its exec.
pub(super) fn spawn(
    command: &Command,
    with_filter: bool,
    capture: bool,
    mask: libc::sigset_t,
) -> Result<Spawned, TraceError> {
    let name = command.argv.first().ok_or(TraceError::NoCommand)?;
    let program = find_program(name, command)?;
    let mut captured = None;
    let mut stdio = None;
    if capture {
        let null = std::fs::File::open("/dev/null").map_err(|e| failed("opening /dev/null", &e))?;
        let (out, out_end) = pipe().map_err(|e| failed("pipe2", &e))?;
        let (err, err_end) = pipe().map_err(|e| failed("pipe2", &e))?;
        captured = Some([out.into(), err.into()]);
        stdio = Some([null.into(), out_end, err_end]);
    }
    let plan = Plan {
        program: c_string(|| "the program's path".to_owned(), program.as_os_str())?,
        argv: (0..)
            .zip(&command.argv)
            .map(|(n, word)| c_string(|| format!("argument {n}"), word))
            .collect::<Result<_, _>>()?,
        env: environment(command)
            .into_iter()
            .map(|pair| {
                let bytes = pair.into_vec();
                let key = String::from_utf8_lossy(bytes.split(|b| *b == b'=').next().unwrap_or_default());
                let what = format!("variable {key}");
                CString::new(bytes.clone()).map_err(|_| TraceError::ZeroByte { what })
            })
            .collect::<Result<_, _>>()?,
        cwd: command
            .cwd
            .as_ref()
            .map(|path| c_string(|| "the directory".to_owned(), path.as_os_str()))
            .transpose()?,
        filter: with_filter.then(filter::program),
        stdio,
        mask,
    };
    let (go_end, go) = pipe().map_err(|e| failed("pipe2", &e))?;
    let (status, status_end) = pipe().map_err(|e| failed("pipe2", &e))?;
    let argv: Vec<*const c_char> = pointers(&plan.argv);
    let env: Vec<*const c_char> = pointers(&plan.env);
    // The child must not see its own writing end of `go`, or it would never see it closed.
    let (go_raw, status_raw) = (go.as_raw_fd(), status_end.as_raw_fd());
    // SAFETY: the child calls nothing but async-signal-safe functions and never returns.
    match unsafe { libc::fork() } {
        -1 => Err(failed("fork", &io::Error::last_os_error())),
        0 => {
            // SAFETY: closing a descriptor of this process's own copy; `go` is never used again here.
            unsafe { libc::close(go_raw) };
            child(&plan, &argv, &env, go_end.as_raw_fd(), status_raw)
        }
        pid => Ok(Spawned { pid, go, status: status.into(), captured }),
    }
}

fn pointers(strings: &[CString]) -> Vec<*const c_char> {
    strings.iter().map(|s| s.as_ptr()).chain([std::ptr::null()]).collect()
}

/// What the child does after the fork.
fn child(plan: &Plan, argv: &[*const c_char], env: &[*const c_char], go: RawFd, status: RawFd) -> ! {
    let report = |step: u8| {
        let errno = io::Error::last_os_error().raw_os_error().unwrap_or(0).to_ne_bytes();
        let message = [step, errno[0], errno[1], errno[2], errno[3]];
        // SAFETY: five bytes are read from an array of five.
        unsafe { libc::write(status, message.as_ptr().cast(), message.len()) };
    };
    let mut byte = 0u8;
    // SAFETY: one byte is written to the address of one; the rest are calls without memory.
    unsafe {
        if libc::read(go, (&raw mut byte).cast(), 1) != 1 {
            libc::_exit(127);
        }
        // Rust's runtime ignores SIGPIPE; a command expects the default.
        libc::signal(libc::SIGPIPE, libc::SIG_DFL);
        libc::sigprocmask(libc::SIG_SETMASK, &raw const plan.mask, std::ptr::null_mut());
    }
    if let Some(stdio) = &plan.stdio {
        for (target, fd) in (0..).zip(stdio) {
            // SAFETY: dup2 touches no memory; its copy survives the exec.
            unsafe { libc::dup2(fd.as_raw_fd(), target) };
        }
    }
    if let Some(cwd) = &plan.cwd {
        // SAFETY: a C string is passed.
        if unsafe { libc::chdir(cwd.as_ptr()) } != 0 {
            report(STEP_CWD);
            // SAFETY: ends this process.
            unsafe { libc::_exit(127) };
        }
    }
    if let Some(program) = &plan.filter
        && !install(program)
    {
        report(STEP_FILTER);
    }
    // SAFETY: C strings and arrays of them that end with a null pointer are passed.
    unsafe {
        libc::execve(plan.program.as_ptr(), argv.as_ptr(), env.as_ptr());
        report(STEP_EXEC);
        libc::_exit(127)
    }
}

/// Installs the filter for this process and all that come of it.
fn install(program: &[libc::sock_filter]) -> bool {
    let Ok(len) = libc::c_ushort::try_from(program.len()) else { return false };
    let filter = libc::sock_fprog { len, filter: program.as_ptr().cast_mut() };
    // SAFETY: the kernel only reads the program, whose length is given with it.
    unsafe {
        libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
            && libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, 0, &raw const filter) == 0
    }
}

impl Spawned {
    /// Lets the child go on, now that it is attached.
    pub(super) fn release(&self) -> io::Result<()> {
        // SAFETY: one byte is read from the address of one.
        let written = unsafe { libc::write(self.go.as_raw_fd(), [1u8].as_ptr().cast(), 1) };
        if written == 1 { Ok(()) } else { Err(io::Error::last_os_error()) }
    }

    /// What the child reported; asked once it has executed or ended, so nothing is to be waited for.
    pub(super) fn report(&mut self) -> Report {
        let mut report = Report::default();
        let fd = self.status.as_raw_fd();
        // SAFETY: fcntl with these commands touches no memory.
        unsafe { libc::fcntl(fd, libc::F_SETFL, libc::O_NONBLOCK) };
        let mut message = [0u8; 5];
        while self.status.read_exact(&mut message).is_ok() {
            let errno = i32::from_ne_bytes([message[1], message[2], message[3], message[4]]);
            match message[0] {
                STEP_FILTER => report.filter = Some(errno),
                STEP_CWD => report.failed = Some((Failed::Cwd, errno)),
                _ => report.failed = Some((Failed::Exec, errno)),
            }
        }
        report
    }
}

/// Forks a child of this thread that runs `task` and ends. It holds no descriptor but `keep`, so
/// that no pipe stays open because of it, and dies with this thread.
///
/// `task` must be async-signal-safe.
pub(super) fn helper(keep: RawFd, task: impl FnOnce()) -> io::Result<pid_t> {
    // In the child nothing may be dropped: destructors are not async-signal-safe.
    let task = ManuallyDrop::new(task);
    // SAFETY: the child calls nothing but async-signal-safe functions and never returns.
    match unsafe { libc::fork() } {
        -1 => Err(io::Error::last_os_error()),
        0 => {
            // SAFETY: calls without memory; descriptors of this process alone are closed.
            unsafe {
                libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
                close_all_but(keep);
            }
            ManuallyDrop::into_inner(task)();
            // SAFETY: ends this process.
            unsafe { libc::_exit(0) }
        }
        pid => Ok(pid),
    }
}

/// # Safety
/// Only for a process that uses no other descriptor again.
unsafe fn close_all_but(keep: RawFd) {
    let range = |first: c_int, last: u32| {
        // SAFETY: close_range touches no memory; the caller allows it.
        unsafe { libc::syscall(libc::SYS_close_range, first, last, 0) == 0 }
    };
    let below = keep <= 0 || range(0, (keep - 1).cast_unsigned());
    if !(below && range(keep + 1, u32::MAX)) {
        // Linux before 5.9.
        for fd in (0..1024).filter(|fd| *fd != keep) {
            // SAFETY: as above.
            unsafe { libc::close(fd) };
        }
    }
}

/// Ends a child that never started.
pub(super) fn abandon(pid: pid_t) {
    sys::kill(pid, libc::SIGKILL);
    sys::reap(pid);
}

/// The message of an error number.
pub(super) fn message(errno: i32) -> &'static str {
    nix::errno::Errno::from_raw(errno).desc()
}
