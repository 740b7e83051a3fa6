//! How this process ends when the system or a person ends it: nothing temporary stays behind, and a mapped file
//! that lost its end is told by name.
//!
//! Handlers call what POSIX lists as async-signal-safe and touch atomics alone.

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::mem::MaybeUninit;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr::null_mut;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, AtomicPtr, Ordering};

/// The signals by which a process is asked to end.
const ENDING: [c_int; 4] = [libc::SIGINT, libc::SIGTERM, libc::SIGHUP, libc::SIGQUIT];

/// The exit code of a program that aborted: an internal error.
const ABORTED: c_int = 70;

/// The exit code of a model that cannot be read.
const UNREADABLE: c_int = 2;

/// Temporary files at one time.
const MOST_FILES: usize = 32;

static INSTALLED: Once = Once::new();
static LISTENING: AtomicBool = AtomicBool::new(false);
static ASKED: AtomicBool = AtomicBool::new(false);
static FILES: [AtomicPtr<c_char>; MOST_FILES] = [const { AtomicPtr::new(null_mut()) }; MOST_FILES];

/// Takes over the signals that end a process, as far as they are not ignored; `SIGABRT`, which follows a refused
/// allocation and an overflowing stack; and `SIGBUS`.
pub(in crate::platform) fn install() {
    INSTALLED.call_once(|| {
        for signal in ENDING {
            let mut old = MaybeUninit::<libc::sigaction>::uninit();
            // SAFETY: with no new action, the old one is written to where there is room for it.
            let known = unsafe { libc::sigaction(signal, std::ptr::null(), old.as_mut_ptr()) } == 0;
            // SAFETY: it was written if the call says so.
            if known && unsafe { old.assume_init() }.sa_sigaction != libc::SIG_IGN {
                handle(signal, on_end as *const () as libc::sighandler_t, 0);
            }
        }
        handle(libc::SIGABRT, on_abort as *const () as libc::sighandler_t, 0);
        handle(libc::SIGBUS, on_bus_error as *const () as libc::sighandler_t, libc::SA_SIGINFO);
    });
}

fn handle(signal: c_int, handler: libc::sighandler_t, flags: c_int) {
    // SAFETY: all zeros is a valid action; the handler has the signature that the flags say, and does only what a
    // handler may.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = handler;
        action.sa_flags = libc::SA_RESTART | flags;
        libc::sigemptyset(&raw mut action.sa_mask);
        libc::sigaction(signal, &raw const action, null_mut());
    }
}

/// The flag that the first signal sets from now on instead of ending the process.
pub(in crate::platform) fn asked() -> &'static AtomicBool {
    install();
    LISTENING.store(true, Ordering::SeqCst);
    &ASKED
}

/// Lets a file be removed when a signal ends the process. Of more than there is room for at one time the last
/// are left to whoever cleans up later.
pub(in crate::platform) fn remove_later(path: &Path) {
    let Ok(path) = CString::new(path.as_os_str().as_bytes()) else { return };
    let path = path.into_raw();
    let free = |slot: &&AtomicPtr<c_char>| {
        slot.compare_exchange(null_mut(), path, Ordering::SeqCst, Ordering::SeqCst).is_ok()
    };
    if FILES.iter().find(free).is_none() {
        // SAFETY: it came from `into_raw` just now and nobody else has it.
        drop(unsafe { CString::from_raw(path) });
    }
}

/// Forgets a file that is gone.
pub(in crate::platform) fn forget(path: &Path) {
    for slot in &FILES {
        let known = slot.load(Ordering::SeqCst);
        // SAFETY: what a slot holds is a string that is never freed.
        let same =
            !known.is_null() && unsafe { CStr::from_ptr(known) }.to_bytes() == path.as_os_str().as_bytes();
        if same {
            // Its memory is left alone: a handler may be reading it.
            let _ = slot.compare_exchange(known, null_mut(), Ordering::SeqCst, Ordering::SeqCst);
        }
    }
}

/// Removes every temporary file.
fn remove_files() {
    for slot in &FILES {
        let path = slot.swap(null_mut(), Ordering::SeqCst);
        if !path.is_null() {
            // SAFETY: a string that is never freed; `unlink` may be called in a handler.
            unsafe { libc::unlink(path) };
        }
    }
}

extern "C" fn on_end(signal: c_int) {
    if LISTENING.load(Ordering::SeqCst) && !ASKED.swap(true, Ordering::SeqCst) {
        return;
    }
    remove_files();
    // SAFETY: both may be called in a handler. The signal is blocked until this returns and ends the process then,
    // so that whoever waits sees what ended it.
    unsafe {
        libc::signal(signal, libc::SIG_DFL);
        libc::raise(signal);
    }
}

extern "C" fn on_abort(_: c_int) {
    remove_files();
    say(b"loadparity: aborted: there is too little memory or too small a stack for this, or an error inside the program\n");
    // SAFETY: it may be called in a handler, and does not return.
    unsafe { libc::_exit(ABORTED) }
}

extern "C" fn on_bus_error(signal: c_int, info: *mut libc::siginfo_t, _: *mut c_void) {
    // SAFETY: the kernel hands over a valid description of the signal.
    let address = unsafe { (*info).si_addr() } as u64;
    let mut place = Place::default();
    if !find(address, &mut place) {
        // None of a file's: the fault comes again and ends the process as it would have.
        // SAFETY: it may be called in a handler.
        unsafe { libc::signal(signal, libc::SIG_DFL) };
        return;
    }
    remove_files();
    say(b"loadparity: ");
    say(&place.path[..place.path_length]);
    say(b": no byte at offset ");
    let mut digits = [0; 20];
    say(decimal(place.offset, &mut digits));
    say(b": the file was shortened while it was mapped, or its disk fails\n");
    // SAFETY: it may be called in a handler, and does not return.
    unsafe { libc::_exit(UNREADABLE) }
}

fn say(bytes: &[u8]) {
    // SAFETY: the bytes are there, and `write` may be called in a handler. A message that cannot be written is lost.
    let _ = unsafe { libc::write(libc::STDERR_FILENO, bytes.as_ptr().cast(), bytes.len()) };
}

fn decimal(mut number: u64, digits: &mut [u8; 20]) -> &[u8] {
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            return &digits[at..];
        }
    }
}

/// A byte of a mapped file.
struct Place {
    offset: u64,
    path: [u8; 1024],
    path_length: usize,
}

impl Default for Place {
    fn default() -> Self {
        Self { offset: 0, path: [0; 1024], path_length: 0 }
    }
}

/// Finds the file that is mapped at an address, as Linux lists it: `start-end perms offset device inode path`
/// (proc_pid_maps(5)). Elsewhere nothing is found.
fn find(address: u64, place: &mut Place) -> bool {
    // SAFETY: the path is a string; `open`, `read` and `close` may be called in a handler.
    let file = unsafe { libc::open(c"/proc/self/maps".as_ptr(), libc::O_RDONLY | libc::O_CLOEXEC) };
    if file < 0 {
        return false;
    }
    let (mut line, mut length, mut found) = ([0u8; 1280], 0, false);
    let mut piece = [0u8; 1024];
    'reading: loop {
        // SAFETY: the buffer has room for as many bytes as are asked for.
        let got = unsafe { libc::read(file, piece.as_mut_ptr().cast(), piece.len()) };
        let Ok(got @ 1..) = usize::try_from(got) else { break };
        for byte in &piece[..got] {
            if *byte != b'\n' {
                // A longer path is cut.
                if length < line.len() {
                    line[length] = *byte;
                    length += 1;
                }
                continue;
            }
            if holds(&line[..length], address, place) {
                found = true;
                break 'reading;
            }
            length = 0;
        }
    }
    // SAFETY: the descriptor is this function's own.
    unsafe { libc::close(file) };
    found
}

/// Whether a line of the list is of a file that is mapped at the address; then `place` says where in it.
fn holds(line: &[u8], address: u64, place: &mut Place) -> bool {
    let mut words = line.splitn(6, |byte| *byte == b' ');
    let (Some(range), Some(_), Some(offset)) = (words.next(), words.next(), words.next()) else {
        return false;
    };
    let Some(path) = words.nth(2) else { return false };
    let path = path.trim_ascii_start();
    let mut ends = range.splitn(2, |byte| *byte == b'-');
    let (Some(start), Some(end)) = (ends.next().and_then(hexadecimal), ends.next().and_then(hexadecimal))
    else {
        return false;
    };
    let Some(offset) = hexadecimal(offset) else { return false };
    if !(start..end).contains(&address) || !path.starts_with(b"/") {
        return false;
    }
    place.offset = address - start + offset;
    place.path_length = path.len().min(place.path.len());
    for (to, from) in place.path.iter_mut().zip(path) {
        // A name is foreign text.
        *to = if from.is_ascii_control() { b'?' } else { *from };
    }
    true
}

fn hexadecimal(digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(0u64, |number, digit| {
        let digit = (*digit as char).to_digit(16)?;
        number.checked_mul(16)?.checked_add(digit.into())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_list_gives_path_and_offset() {
        let mut place = Place::default();
        let line =
            b"7f0000001000-7f0000003000 r--s 00002000 fe:01 1234                       /models/a b\x1b.gguf";
        assert!(holds(line, 0x7f00_0000_2010, &mut place));
        assert_eq!((&place.path[..place.path_length], place.offset), (&b"/models/a b?.gguf"[..], 0x3010));
        assert!(!holds(line, 0x7f00_0000_3000, &mut place));
        assert!(!holds(b"7f0000001000-7f0000003000 rw-p 00000000 00:00 0", 0x7f00_0000_1000, &mut place));
        assert!(!holds(b"7f0000001000-7f0000003000 rw-p 0 00:00 0    [heap]", 0x7f00_0000_1000, &mut place));
        assert!(!holds(b"", 0, &mut place));
    }

    #[test]
    fn numbers_are_written_without_memory() {
        let mut digits = [0; 20];
        assert_eq!(decimal(0, &mut digits), b"0");
        assert_eq!(decimal(u64::MAX, &mut digits), b"18446744073709551615");
    }

    #[test]
    fn a_file_is_forgotten_once_it_is_gone() {
        let path = Path::new("/nonexistent/loadparity-test");
        let known = || FILES.iter().filter(|slot| !slot.load(Ordering::SeqCst).is_null()).count();
        let before = known();
        remove_later(path);
        assert_eq!(known(), before + 1);
        forget(path);
        assert_eq!(known(), before);
    }
}
