//! The event loop: threads come and go, fork, execute, receive signals and stop on calls.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use libc::{c_int, pid_t};

use super::latency::Latency;
use super::spawn::{Report, Spawned};
pub(super) use super::stop::Bell;
use super::stop::{self, Request, Stop};
use super::sys::{self, Change, SyscallStop};
use super::watch::{Next, Pending, Thread, Watcher};
use crate::platform::os_errno;
use crate::trace::linux::Shares;
use crate::tracer::{Killer, Mode, Status};

/// The longest time between two calls of one burst.
const BURST: Duration = Duration::from_millis(2);

/// The longest time between two calls of threads that wait for a disk.
const DISK_BURST: Duration = Duration::from_millis(20);

/// Everything that runs under the tracer.
pub(super) struct Follower<'a> {
    pub(super) watcher: Watcher,
    root: pid_t,
    child: &'a mut Spawned,
    threads: BTreeMap<pid_t, Thread>,
    /// New threads that stopped before their parent told of them.
    early: Vec<pid_t>,
    /// Told of by their parent, not stopped yet.
    expected: BTreeMap<pid_t, Thread>,
    /// Threads that wait for a timer, by the timer.
    delayed: BTreeMap<pid_t, pid_t>,
    /// The processors that are left to this one.
    processors: Processors,
    latency: Latency,
    every_syscall: bool,
    pub(super) mode: Mode,
    pub(super) report: Report,
    started: bool,
    bell: Option<(Arc<Bell>, Option<Stop>)>,
    sentinel: Option<pid_t>,
    /// The signal that was passed on because somebody asked for the end.
    pub(super) passed_on: Option<c_int>,
    killing: bool,
    /// Every thread that was ever followed.
    tree: BTreeSet<pid_t>,
    /// The signal that the command's own process received last, and who sent it if nobody of its own.
    signalled: Option<(c_int, Option<Killer>)>,
    pub(super) status: Option<Status>,
}

/// A follower's part of the processors: of several that go side by side each has its own tree to leave them to.
struct Processors(usize);

static FOLLOWERS: AtomicUsize = AtomicUsize::new(0);

impl Processors {
    fn new() -> Self {
        FOLLOWERS.fetch_add(1, Ordering::Relaxed);
        Self(std::thread::available_parallelism().map_or(1, std::num::NonZero::get))
    }

    fn left(&self) -> usize {
        self.0 / FOLLOWERS.load(Ordering::Relaxed).max(1)
    }
}

impl Drop for Processors {
    fn drop(&mut self) {
        FOLLOWERS.fetch_sub(1, Ordering::Relaxed);
    }
}

impl<'a> Follower<'a> {
    /// Follows `child`, which is attached and has not been released.
    pub(super) fn new(watcher: Watcher, child: &'a mut Spawned, every_syscall: bool) -> Self {
        let root = child.pid;
        let mut follower = Self {
            watcher,
            root,
            child,
            threads: BTreeMap::new(),
            early: Vec::new(),
            expected: BTreeMap::new(),
            delayed: BTreeMap::new(),
            processors: Processors::new(),
            latency: Latency::new(),
            every_syscall: false,
            mode: if every_syscall { Mode::EverySyscall(None) } else { Mode::Filter },
            report: Report::default(),
            started: false,
            bell: None,
            sentinel: None,
            passed_on: None,
            killing: false,
            tree: BTreeSet::from([root]),
            signalled: None,
            status: None,
        };
        let thread = follower.fresh(root);
        follower.threads.insert(root, thread);
        follower
    }

    /// Lets `bell`, and `stop` by way of it, end the trace.
    pub(super) fn heed(&mut self, bell: Arc<Bell>, stop: Option<Stop>) -> io::Result<()> {
        self.sentinel = Some(bell.sentinel()?);
        self.bell = Some((bell, stop));
        Ok(())
    }

    fn fresh(&mut self, tid: pid_t) -> Thread {
        self.tree.insert(tid);
        let task = self.watcher.machine.process(u64::from(tid.cast_unsigned()));
        Thread { tid, leader: tid, task, pending: None, clone_flags: 0 }
    }

    /// Follows until nothing is left to follow.
    pub(super) fn run(&mut self) -> io::Result<()> {
        self.child.release()?;
        while !(self.threads.is_empty() && self.early.is_empty() && self.expected.is_empty()) {
            let Some((pid, change)) = sys::wait(self.awake(), &mut self.latency)? else { break };
            if self.sentinel == Some(pid) {
                self.rung();
            } else if let Some(tid) = self.delayed.remove(&pid) {
                self.resume(tid, 0);
            } else {
                self.changed(pid, change);
            }
        }
        for helper in self.delayed.keys().chain(&self.sentinel) {
            sys::kill(*helper, libc::SIGKILL);
            sys::reap(*helper);
        }
        Ok(())
    }

    /// How long to stay awake for the next stop: calls of a loader come in bursts, and on a processor that
    /// has gone to sleep each of them would wait for it to wake. Where the threads that are followed can
    /// fill all processors, none is taken from them, and what is to last is not waited for awake: two
    /// processors may share what a copy of megabytes needs. Threads that wait for a disk need none.
    fn awake(&self) -> Duration {
        let waiting = |thread: &Thread| thread.pending.as_ref().is_some_and(Pending::is_direct);
        let lasts = |thread: &Thread| !waiting(thread) && thread.pending.as_ref().is_some_and(Pending::lasts);
        let busy = self.threads.values().filter(|thread| !waiting(thread)).count();
        let fills = busy + self.early.len() + self.expected.len() >= self.processors.left();
        if fills || !self.started || self.threads.values().any(lasts) {
            Duration::ZERO
        } else if self.threads.values().any(waiting) {
            DISK_BURST
        } else {
            BURST
        }
    }

    /// Somebody asks for the end.
    fn rung(&mut self) {
        self.sentinel = None;
        let Some((bell, stop)) = &self.bell else { return };
        let request = stop.as_ref().map_or(Request::Nothing, Stop::request);
        let request = if bell.is_time_up() { Request::Kill } else { request };
        let again = (request != Request::Kill).then(|| bell.sentinel().ok()).flatten();
        let signal = stop.as_ref().and_then(Stop::signal);
        match request {
            Request::Nothing => {}
            Request::Signal(_) if self.passed_on.is_some() => {}
            Request::Signal(signal) => self.kill_each(signal),
            Request::Kill => self.kill_all(),
        }
        self.passed_on = self.passed_on.or(signal);
        self.sentinel = again;
    }

    /// Ends everything that is followed, now and later.
    pub(super) fn kill_all(&mut self) {
        self.killing = true;
        self.kill_each(libc::SIGKILL);
    }

    /// A signal to a thread is one to its process; where it waits already it is not added.
    fn kill_each(&self, signal: c_int) {
        for tid in self.threads.keys().chain(&self.early).chain(self.expected.keys()) {
            sys::kill(*tid, signal);
        }
    }

    fn changed(&mut self, tid: pid_t, change: Change) {
        match change {
            Change::Exited(code) => self.ended(tid, Status::Code(code)),
            Change::Killed(signal) => self.ended(tid, Status::Signal(signal)),
            Change::Event(sys::EVENT_STOP, signal) => self.stopped(tid, signal),
            Change::Event(event, _) => self.event(tid, event),
            Change::Syscall => self.syscall(tid),
            Change::Signal(signal) => {
                self.signalled(tid, signal);
                self.resume(tid, signal);
            }
        }
    }

    /// A signal is about to be delivered.
    fn signalled(&mut self, tid: pid_t, signal: c_int) {
        if self.threads.get(&tid).is_none_or(|thread| thread.leader != self.root) {
            return;
        }
        let sender = match sys::sender(tid) {
            // Somebody in a namespace around this one has no number here.
            Some(0) => Some(Killer::Outside(None)),
            Some(pid) if !self.tree.contains(&pid) => Some(Killer::Outside(Some(pid))),
            _ => None,
        };
        self.signalled = Some((signal, sender));
    }

    /// Who outside the command killed its process, as far as its signals show. SIGKILL comes unseen: there
    /// it is whoever is left.
    pub(super) fn killer(&self) -> Option<Killer> {
        match (self.status, &self.signalled) {
            (Some(Status::Signal(libc::SIGKILL)), _) => {
                (!self.watcher.killed_itself).then_some(Killer::Outside(None))
            }
            (Some(Status::Signal(signal)), Some((seen, sender))) if *seen == signal => *sender,
            _ => None,
        }
    }

    fn ended(&mut self, tid: pid_t, status: Status) {
        let thread = self.threads.remove(&tid).or(self.expected.remove(&tid));
        if let Some(thread) = thread.filter(|thread| thread.leader == tid) {
            let code = match status {
                Status::Code(code) => code,
                Status::Signal(signal) => -signal,
                _ => 0,
            };
            let done = self.watcher.event();
            self.watcher.searches.parted(thread.task.process);
            self.watcher.machine.exit(&thread.task, &done, code);
        }
        self.early.retain(|known| *known != tid);
        self.adopt_orphans();
        if tid == self.root {
            self.status = Some(status);
            if !self.started {
                self.report = self.child.report();
            }
        }
    }

    /// A thread may die before it could tell of a child that has stopped already.
    fn adopt_orphans(&mut self) {
        let known = |id: pid_t| self.threads.contains_key(&id);
        let orphaned = |tid: &pid_t| {
            let status = fs::read_to_string(format!("/proc/{tid}/status")).unwrap_or_default();
            let id =
                |name: &str| status.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok());
            let (parent, leader) = (id("PPid:").unwrap_or(0), id("Tgid:").unwrap_or(*tid));
            !(known(parent) || leader != *tid && known(leader))
        };
        let orphans: Vec<pid_t> = self.early.iter().copied().filter(orphaned).collect();
        for tid in orphans {
            self.early.retain(|early| *early != tid);
            let thread = self.fresh(tid);
            self.threads.insert(tid, thread);
            self.resume(tid, 0);
        }
    }

    /// The first stop of a new thread, or a group-stop.
    fn stopped(&mut self, tid: pid_t, signal: c_int) {
        if let Some(thread) = self.expected.remove(&tid) {
            self.threads.insert(tid, thread);
        } else if !self.threads.contains_key(&tid) {
            self.early.push(tid);
            if self.killing {
                sys::kill(tid, libc::SIGKILL);
            }
            return;
        }
        match signal {
            libc::SIGSTOP | libc::SIGTSTP | libc::SIGTTIN | libc::SIGTTOU => {
                // A thread that is gone by now needs nothing.
                let _ = sys::listen(tid);
            }
            _ => self.resume(tid, 0),
        }
    }

    fn event(&mut self, tid: pid_t, event: c_int) {
        match event {
            sys::EVENT_SECCOMP => return self.syscall(tid),
            sys::EVENT_FORK | sys::EVENT_VFORK | sys::EVENT_CLONE => self.forked(tid),
            sys::EVENT_EXEC => self.executed(tid),
            _ => {}
        }
        self.resume(tid, 0);
    }

    fn forked(&mut self, tid: pid_t) {
        let Ok(child) = sys::event_message(tid) else { return };
        let Some(parent) = self.threads.get(&tid) else { return };
        self.tree.insert(child);
        let shares = |flag: c_int| parent.clone_flags & flag as u64 != 0;
        let process = shares(libc::CLONE_THREAD);
        let shares = Shares { files: shares(libc::CLONE_FILES), memory: shares(libc::CLONE_VM), process };
        let (done, number) = (self.watcher.event(), u64::from(child.cast_unsigned()));
        let task = self.watcher.machine.fork(&parent.task, &done, number, shares);
        if !process && !shares.memory {
            self.watcher.searches.forked(task.process, parent.task.process);
        }
        let leader = if process { parent.leader } else { child };
        let thread = Thread { tid: child, leader, task, pending: None, clone_flags: 0 };
        if let Some(at) = self.early.iter().position(|early| *early == child) {
            self.early.remove(at);
            self.threads.insert(child, thread);
            self.resume(child, 0);
        } else {
            self.expected.insert(child, thread);
        }
    }

    /// A process has become another program: other memory, fewer descriptors, one thread.
    fn executed(&mut self, tid: pid_t) {
        let former = sys::event_message(tid).unwrap_or(tid);
        let Some(mut thread) = self.threads.remove(&former) else { return };
        if former != tid {
            self.threads.remove(&tid);
        }
        let done = self.watcher.event();
        self.watcher.searches.parted(thread.task.process);
        let task = self.watcher.machine.exec(&thread.task, &done, u64::from(tid.cast_unsigned()));
        thread = Thread { tid, leader: tid, task, pending: None, clone_flags: 0 };
        if tid == self.root && !self.started {
            self.started = true;
            self.report = self.child.report();
            if let Some(errno) = self.report.filter {
                self.mode = Mode::EverySyscall(Some(os_errno(errno, false)));
            }
            self.every_syscall = self.mode != Mode::Filter;
            self.inherit(&thread);
        }
        self.threads.insert(tid, thread);
    }

    /// Finds the models that the command was started with open.
    fn inherit(&mut self, thread: &Thread) {
        let Ok(entries) = fs::read_dir(format!("/proc/{}/fd", thread.tid)) else { return };
        for entry in entries.flatten() {
            let Some(fd) = entry.file_name().to_str().and_then(|name| name.parse::<i32>().ok()) else {
                continue;
            };
            self.watcher.adopt(thread, fd, "inherited");
        }
    }

    /// A stop before or after a call.
    fn syscall(&mut self, tid: pid_t) {
        let Some(thread) = self.threads.get_mut(&tid) else { return };
        let next = match sys::syscall_stop(tid) {
            Ok(SyscallStop::Entry { nr, args, native }) if self.started => {
                self.watcher.entry(thread, nr, args, native)
            }
            Ok(SyscallStop::Exit { result }) => {
                self.watcher.exit(thread, result);
                Next::Go
            }
            _ => Next::Go,
        };
        if let Next::Later(micros) = next
            && let Ok(timer) = stop::timer(micros)
        {
            self.delayed.insert(timer, tid);
            return;
        }
        self.resume(tid, 0);
    }

    fn resume(&mut self, tid: pid_t, signal: c_int) {
        let in_call = self.threads.get(&tid).is_some_and(|thread| thread.pending.is_some());
        // A thread that is gone by now needs nothing; its end is reported.
        let _ = sys::resume(tid, in_call || self.every_syscall, signal);
    }
}
