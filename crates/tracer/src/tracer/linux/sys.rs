//! The system calls of the tracer itself, each as a safe function.
//!
//! Numbers and layouts: `ptrace(2)`, `linux/ptrace.h`, `linux/elf.h`. They are written out here
//! because C libraries differ in which of them they name.

use std::fs::File;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, RawFd};
use std::time::{Duration, Instant};

use libc::{c_int, c_long, pid_t};

use super::latency::Latency;

const PTRACE_CONT: c_long = 7;
const PTRACE_SYSCALL: c_long = 24;
const PTRACE_GETEVENTMSG: c_long = 0x4201;
const PTRACE_GETREGSET: c_long = 0x4204;
const PTRACE_SETREGSET: c_long = 0x4205;
const PTRACE_SEIZE: c_long = 0x4206;
const PTRACE_LISTEN: c_long = 0x4208;
const PTRACE_GET_SYSCALL_INFO: c_long = 0x420e;

const NT_PRSTATUS: usize = 1;

pub(super) const EVENT_FORK: c_int = 1;
pub(super) const EVENT_VFORK: c_int = 2;
pub(super) const EVENT_CLONE: c_int = 3;
pub(super) const EVENT_EXEC: c_int = 4;
pub(super) const EVENT_SECCOMP: c_int = 7;
pub(super) const EVENT_STOP: c_int = 128;

/// `TRACESYSGOOD`, the four kinds of children and execs, `TRACESECCOMP`, `EXITKILL`.
const OPTIONS: c_long = 1 | 1 << 1 | 1 << 2 | 1 << 3 | 1 << 4 | 1 << 7 | 1 << 20;

/// The general registers of the architecture.
pub(super) type Registers = libc::user_regs_struct;

fn check(result: c_long) -> io::Result<c_long> {
    if result == -1 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

/// `ptrace` with numbers for arguments: requests that touch no memory of this process.
fn plain(request: c_long, pid: pid_t, addr: c_long, data: c_long) -> io::Result<()> {
    // SAFETY: none of the requests passed here reads or writes memory of the caller.
    check(unsafe { libc::syscall(libc::SYS_ptrace, request, pid, addr, data) }).map(drop)
}

/// Attaches to a process without stopping it; it dies with this thread.
pub(super) fn seize(pid: pid_t) -> io::Result<()> {
    plain(PTRACE_SEIZE, pid, 0, OPTIONS)
}

/// Lets a stopped thread go on, with a signal if not 0, to its next system call if `to_syscall`.
pub(super) fn resume(pid: pid_t, to_syscall: bool, signal: c_int) -> io::Result<()> {
    plain(if to_syscall { PTRACE_SYSCALL } else { PTRACE_CONT }, pid, 0, c_long::from(signal))
}

/// Leaves a thread in its group-stop, but hears of what ends it.
pub(super) fn listen(pid: pid_t) -> io::Result<()> {
    plain(PTRACE_LISTEN, pid, 0, 0)
}

/// The new thread of a fork event, the former id of an exec event.
pub(super) fn event_message(pid: pid_t) -> io::Result<pid_t> {
    let mut message: libc::c_ulong = 0;
    // SAFETY: the kernel writes one unsigned long to the address of one.
    check(unsafe { libc::syscall(libc::SYS_ptrace, PTRACE_GETEVENTMSG, pid, 0, &raw mut message) })?;
    Ok(message as pid_t)
}

/// The process that sent the signal which a thread has stopped for; `None` where the kernel did.
pub(super) fn sender(pid: pid_t) -> Option<pid_t> {
    const PTRACE_GETSIGINFO: c_long = 0x4202;
    let mut info = MaybeUninit::<libc::siginfo_t>::zeroed();
    // SAFETY: the kernel writes one siginfo to the address of one.
    check(unsafe { libc::syscall(libc::SYS_ptrace, PTRACE_GETSIGINFO, pid, 0, info.as_mut_ptr()) }).ok()?;
    // SAFETY: it was all zeros before, and any bits are valid in this struct of integers.
    let info = unsafe { info.assume_init() };
    // SAFETY: signals of these codes carry the number of their sender.
    matches!(info.si_code, libc::SI_USER | libc::SI_TKILL | libc::SI_QUEUE).then(|| unsafe { info.si_pid() })
}

/// What a thread stopped for.
#[derive(Clone, Copy, Debug)]
pub(super) enum SyscallStop {
    /// Before a call.
    Entry { nr: i64, args: [u64; 6], native: bool },
    /// After a call, with its result; negative values from -4095 on are errors.
    Exit { result: i64 },
    /// Something else.
    Other,
}

/// Which call a thread has stopped at.
pub(super) fn syscall_stop(pid: pid_t) -> io::Result<SyscallStop> {
    // struct ptrace_syscall_info: op (u8), arch (u32 at 4), ip, sp, then a union: number and six
    // arguments at entry, result at exit.
    let mut info = [0u64; 11];
    let size = size_of_val(&info);
    // SAFETY: the kernel writes at most `size` bytes to an array of that size.
    check(unsafe { libc::syscall(libc::SYS_ptrace, PTRACE_GET_SYSCALL_INFO, pid, size, info.as_mut_ptr()) })?;
    let head = info[0].to_ne_bytes();
    let arch = u32::from_ne_bytes([head[4], head[5], head[6], head[7]]);
    Ok(match head[0] {
        1 | 3 => SyscallStop::Entry {
            nr: info[3].cast_signed(),
            args: [info[4], info[5], info[6], info[7], info[8], info[9]],
            native: arch == super::arch::AUDIT_ARCH,
        },
        2 => SyscallStop::Exit { result: info[3].cast_signed() },
        _ => SyscallStop::Other,
    })
}

/// Reads a set of registers into `value`, whose type fits it.
fn get_regset<T>(pid: pid_t, set: usize, value: &mut MaybeUninit<T>) -> io::Result<()> {
    let mut iov = libc::iovec { iov_base: value.as_mut_ptr().cast(), iov_len: size_of::<T>() };
    // SAFETY: the kernel writes at most `iov_len` bytes to a value of that size.
    check(unsafe { libc::syscall(libc::SYS_ptrace, PTRACE_GETREGSET, pid, set, &raw mut iov) })?;
    if iov.iov_len < size_of::<T>() { Err(io::Error::from_raw_os_error(libc::EIO)) } else { Ok(()) }
}

/// Writes a set of registers.
pub(super) fn set_regset<T>(pid: pid_t, set: usize, value: &T) -> io::Result<()> {
    let mut iov = libc::iovec { iov_base: (&raw const *value).cast_mut().cast(), iov_len: size_of::<T>() };
    // SAFETY: the kernel only reads `iov_len` bytes of a value of that size.
    check(unsafe { libc::syscall(libc::SYS_ptrace, PTRACE_SETREGSET, pid, set, &raw mut iov) }).map(drop)
}

/// The general registers of a stopped thread.
pub(super) fn registers(pid: pid_t) -> io::Result<Registers> {
    let mut value = MaybeUninit::uninit();
    get_regset(pid, NT_PRSTATUS, &mut value)?;
    // SAFETY: get_regset succeeds only when the kernel has written the whole value, and any bits
    // are valid in this struct of integers.
    Ok(unsafe { value.assume_init() })
}

/// Sets the general registers of a stopped thread.
pub(super) fn set_registers(pid: pid_t, value: &Registers) -> io::Result<()> {
    set_regset(pid, NT_PRSTATUS, value)
}

/// Reads memory of another process; returns how many bytes there were up to the first hole.
pub(super) fn read_memory(pid: pid_t, addr: u64, dst: &mut [u8]) -> io::Result<usize> {
    let local = libc::iovec { iov_base: dst.as_mut_ptr().cast(), iov_len: dst.len() };
    let remote = libc::iovec { iov_base: addr as *mut libc::c_void, iov_len: dst.len() };
    // SAFETY: the kernel writes at most `dst.len()` bytes to `dst`; the remote address is not
    // touched in this process.
    let n = unsafe { libc::process_vm_readv(pid, &raw const local, 1, &raw const remote, 1, 0) };
    usize::try_from(n).map_err(|_| io::Error::last_os_error())
}

/// Which pages of a file are in the page cache, from the page that starts at `start` on; `None` where the kernel
/// does not say.
pub(super) fn resident(file: &File, start: u64, len: u64, page: u64) -> Option<Vec<bool>> {
    let (len, start) = (usize::try_from(len).ok().filter(|len| *len > 0)?, i64::try_from(start).ok()?);
    let mut pages = vec![0u8; len.div_ceil(usize::try_from(page).ok()?)];
    // SAFETY: a new mapping at an address of the kernel's choice; it is never touched, only asked about, with room
    // for a byte a page, and unmapped again.
    unsafe {
        let (protection, flags) = (libc::PROT_READ, libc::MAP_SHARED);
        let mapping = libc::mmap(std::ptr::null_mut(), len, protection, flags, file.as_raw_fd(), start);
        if mapping == libc::MAP_FAILED {
            return None;
        }
        let failed = libc::mincore(mapping, len, pages.as_mut_ptr()) != 0;
        libc::munmap(mapping, len);
        (!failed).then(|| pages.into_iter().map(|page| page & 1 != 0).collect())
    }
}

/// Lets a range of a file go from the page cache.
pub(super) fn drop_cache(file: &File, start: u64, len: u64) {
    let (start, len) = (start.cast_signed(), len.cast_signed());
    // SAFETY: advice on an open descriptor touches no memory.
    unsafe { libc::posix_fadvise(file.as_raw_fd(), start, len, libc::POSIX_FADV_DONTNEED) };
}

/// Writes memory of another process, all of it or an error.
pub(super) fn write_memory(pid: pid_t, addr: u64, src: &[u8]) -> io::Result<()> {
    let local = libc::iovec { iov_base: src.as_ptr().cast_mut().cast(), iov_len: src.len() };
    let remote = libc::iovec { iov_base: addr as *mut libc::c_void, iov_len: src.len() };
    // SAFETY: the kernel only reads `src`; the remote address is not touched in this process.
    let n = unsafe { libc::process_vm_writev(pid, &raw const local, 1, &raw const remote, 1, 0) };
    if usize::try_from(n) == Ok(src.len()) { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Waits until a descriptor has something to read, or never will; whether it could be waited for.
pub(super) fn wait_readable(fd: RawFd) -> bool {
    let mut asked = libc::pollfd { fd, events: libc::POLLIN, revents: 0 };
    loop {
        // SAFETY: the kernel reads and writes one structure at the address of one.
        let n = unsafe { libc::poll(&raw mut asked, 1, -1) };
        if n >= 0 {
            return true;
        }
        if io::Error::last_os_error().kind() != io::ErrorKind::Interrupted {
            return false;
        }
    }
}

/// How many bytes a pipe holds.
pub(super) fn readable(fd: RawFd) -> u64 {
    let mut held: c_int = 0;
    // SAFETY: the kernel writes one int to the address of one.
    let failed = unsafe { libc::ioctl(fd, libc::FIONREAD, &raw mut held) } != 0;
    if failed { 0 } else { u64::try_from(held).unwrap_or(0) }
}

/// One change of state of a child or tracee of this thread.
#[derive(Clone, Copy, Debug)]
pub(super) enum Change {
    Exited(c_int),
    Killed(c_int),
    /// Stopped on a system call.
    Syscall,
    /// Stopped by a ptrace event, with the signal that it carries.
    Event(c_int, c_int),
    /// Stopped before a signal is delivered.
    Signal(c_int),
}

/// Waits for the next change of a child or tracee of the calling thread; `None` where none is left.
/// Asks again and again for as long as `awake`, then sleeps.
pub(super) fn wait(awake: Duration, latency: &mut Latency) -> io::Result<Option<(pid_t, Change)>> {
    let mut status = 0;
    let mut until = Some(Instant::now() + awake).filter(|_| !awake.is_zero());
    loop {
        latency.keep_low(until.is_some());
        let dozing = if until.is_some() { libc::WNOHANG } else { 0 };
        // SAFETY: the kernel writes one int to the address of one.
        let pid = unsafe { libc::waitpid(-1, &raw mut status, libc::__WALL | libc::__WNOTHREAD | dozing) };
        if pid > 0 {
            return Ok(Some((pid, change(status))));
        }
        if pid == 0 {
            until = until.filter(|until| Instant::now() < *until);
            std::thread::yield_now();
            continue;
        }
        match io::Error::last_os_error() {
            error if error.raw_os_error() == Some(libc::EINTR) => {}
            error if error.raw_os_error() == Some(libc::ECHILD) => return Ok(None),
            error => return Err(error),
        }
    }
}

fn change(status: c_int) -> Change {
    if libc::WIFEXITED(status) {
        return Change::Exited(libc::WEXITSTATUS(status));
    }
    if libc::WIFSIGNALED(status) {
        return Change::Killed(libc::WTERMSIG(status));
    }
    let (signal, event) = (libc::WSTOPSIG(status), status >> 16);
    if event != 0 {
        Change::Event(event, signal)
    } else if signal == libc::SIGTRAP | 0x80 {
        Change::Syscall
    } else {
        Change::Signal(signal)
    }
}

/// Waits for one child to end; its status is of no interest.
pub(super) fn reap(pid: pid_t) {
    loop {
        // SAFETY: a null status pointer is allowed.
        let result = unsafe { libc::waitpid(pid, std::ptr::null_mut(), libc::__WALL) };
        let interrupted = result == -1 && io::Error::last_os_error().raw_os_error() == Some(libc::EINTR);
        if !interrupted {
            return;
        }
    }
}

/// Sends a signal; a process that is gone needs none.
pub(super) fn kill(pid: pid_t, signal: c_int) {
    // SAFETY: no memory is involved.
    unsafe { libc::kill(pid, signal) };
}
