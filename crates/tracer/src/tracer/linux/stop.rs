//! Ending a trace from outside: on a signal, when the time is up, by a call.
//!
//! The tracer sleeps in `waitpid`, which only a child wakes. So it keeps a child of its own, the
//! sentinel, that ends when a byte arrives on a pipe. No signal handler is needed, and none of
//! the process is touched.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use libc::{c_int, pid_t};

use super::spawn::{helper, pipe};

/// How long processes have to end after a signal before they are killed.
const GRACE: Duration = Duration::from_millis(500);

/// What was asked for, the strongest so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Request {
    Nothing,
    /// Pass this signal on.
    Signal(c_int),
    /// Kill what is left.
    Kill,
}

/// A way to end a trace from outside: by [`Stop::trigger`], or by signals.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<State>);

#[derive(Debug, Default)]
struct State {
    /// The signal that asked first, 0 for none.
    signal: AtomicI32,
    asked_again: AtomicI32,
    bells: Mutex<Vec<Arc<Bell>>>,
    mask: Option<Mask>,
}

/// The signals that were blocked before [`Stop::on_signals`] blocked more.
#[derive(Clone, Copy)]
struct Mask(libc::sigset_t);

impl std::fmt::Debug for Mask {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Mask")
    }
}

impl Stop {
    /// A handle that only [`Stop::trigger`] triggers.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A handle that SIGINT, SIGTERM, SIGHUP and SIGQUIT trigger, those that are ignored excepted.
    ///
    /// They are blocked in the calling thread and in those it starts from now on, and received by a
    /// thread of their own: to be called by the main thread before it starts others.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn on_signals() -> std::io::Result<Self> {
        let (mut set, mut before) = (empty_set(), empty_set());
        for signal in [libc::SIGINT, libc::SIGTERM, libc::SIGHUP, libc::SIGQUIT] {
            if !is_ignored(signal) {
                // SAFETY: the set is initialised.
                unsafe { libc::sigaddset(&raw mut set, signal) };
            }
        }
        // SAFETY: both sets are initialised.
        unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, &raw const set, &raw mut before) };
        let stop = Self(Arc::new(State { mask: Some(Mask(before)), ..State::default() }));
        let receiver = stop.clone();
        std::thread::Builder::new().spawn(move || {
            loop {
                let mut signal = 0;
                // SAFETY: the set is initialised, and one int is written to the address of one.
                if unsafe { libc::sigwait(&raw const set, &raw mut signal) } == 0 {
                    receiver.trigger(signal);
                }
            }
        })?;
        Ok(stop)
    }

    /// Passes `signal` on to every process of the trace and kills what is left half a second later,
    /// or at once when this is called again.
    pub fn trigger(&self, signal: i32) {
        let first = self.0.signal.compare_exchange(0, signal, Ordering::SeqCst, Ordering::SeqCst).is_ok();
        if first {
            let later = self.clone();
            let waits = std::thread::Builder::new().spawn(move || {
                std::thread::sleep(GRACE);
                later.insist();
            });
            // Without a thread that waits there is no grace.
            if waits.is_err() {
                self.insist();
            }
            self.ring();
        } else {
            self.insist();
        }
    }

    fn insist(&self) {
        self.0.asked_again.store(1, Ordering::SeqCst);
        self.ring();
    }

    fn ring(&self) {
        for bell in self.0.bells.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            bell.ring();
        }
    }

    pub(super) fn request(&self) -> Request {
        match (self.signal(), self.0.asked_again.load(Ordering::SeqCst)) {
            (None, _) => Request::Nothing,
            (Some(signal), 0) => Request::Signal(signal),
            (Some(_), _) => Request::Kill,
        }
    }

    /// The signal that asked.
    pub(super) fn signal(&self) -> Option<c_int> {
        Some(self.0.signal.load(Ordering::SeqCst)).filter(|signal| *signal != 0)
    }

    /// Has this bell rung from now on, until it is taken back.
    pub(super) fn connect(&self, bell: &Arc<Bell>) {
        self.0.bells.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(bell));
        if self.request() != Request::Nothing {
            bell.ring();
        }
    }

    pub(super) fn disconnect(&self, bell: &Arc<Bell>) {
        let mut bells = self.0.bells.lock().unwrap_or_else(PoisonError::into_inner);
        bells.retain(|known| !Arc::ptr_eq(known, bell));
    }

    /// The signals that the command starts with blocked.
    pub(super) fn mask(stop: Option<&Self>) -> libc::sigset_t {
        match stop.and_then(|stop| stop.0.mask) {
            Some(Mask(before)) => before,
            None => {
                let mut now = empty_set();
                // SAFETY: a null set changes nothing; the present mask is written to a set.
                unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, std::ptr::null(), &raw mut now) };
                now
            }
        }
    }
}

fn empty_set() -> libc::sigset_t {
    let mut set = MaybeUninit::uninit();
    // SAFETY: sigemptyset initialises the whole set.
    unsafe {
        libc::sigemptyset(set.as_mut_ptr());
        set.assume_init()
    }
}

fn is_ignored(signal: c_int) -> bool {
    let mut action = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: a null new action changes nothing; the old one is written to a value of its type,
    // which is valid when zeroed.
    unsafe {
        libc::sigaction(signal, std::ptr::null(), action.as_mut_ptr());
        action.assume_init().sa_sigaction == libc::SIG_IGN
    }
}

/// What wakes the tracer: a pipe at which its sentinel waits.
#[derive(Debug)]
pub(super) struct Bell {
    listening: OwnedFd,
    ringing: OwnedFd,
    time_is_up: AtomicBool,
}

impl Bell {
    pub(super) fn new() -> io::Result<Self> {
        let (listening, ringing) = pipe()?;
        Ok(Self { listening, ringing, time_is_up: AtomicBool::new(false) })
    }

    /// Wakes one sentinel.
    fn ring(&self) {
        // SAFETY: one byte is read from an array of one.
        unsafe { libc::write(self.ringing.as_raw_fd(), [1u8].as_ptr().cast(), 1) };
    }

    pub(super) fn time_is_up(&self) {
        self.time_is_up.store(true, Ordering::SeqCst);
        self.ring();
    }

    pub(super) fn is_time_up(&self) -> bool {
        self.time_is_up.load(Ordering::SeqCst)
    }

    /// Starts a child that ends when the bell rings.
    pub(super) fn sentinel(&self) -> io::Result<pid_t> {
        let fd = self.listening.as_raw_fd();
        helper(fd, move || {
            let mut byte = 0u8;
            // SAFETY: one byte is written to the address of one.
            unsafe { libc::read(fd, (&raw mut byte).cast(), 1) };
        })
    }
}

/// Starts a child that ends after this many microseconds: how one thread is delayed while the
/// others go on.
pub(super) fn timer(micros: u64) -> io::Result<pid_t> {
    let seconds = i64::try_from(micros / 1_000_000).unwrap_or(i64::MAX);
    let nanos = i64::try_from(micros % 1_000_000 * 1000).unwrap_or(0);
    helper(-1, move || {
        let mut left = libc::timespec { tv_sec: seconds, tv_nsec: nanos };
        // SAFETY: a timespec is read and, when interrupted, rewritten with what is left.
        while unsafe { libc::nanosleep(&raw const left, &raw mut left) } != 0 {}
    })
}
