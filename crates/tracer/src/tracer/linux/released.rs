//! Memory whose lock was released, and whether the command used it then: calls of a tracee come in, an observation
//! goes out when the memory goes.

use std::collections::BTreeMap;
use std::fs::File;
use std::ops::Range;
use std::os::fd::AsRawFd;

use super::content::{Contents, own_mapping};
use super::smaps::{self, Listed};
use super::watch::{Thread, Watcher};
use crate::trace::Seen;
use crate::trace::linux::Sight;

/// Memory of one process whose lock was released.
struct Piece {
    process: u32,
    range: Range<u64>,
    /// Bytes of it that were used after that; `None` until the referenced bits were cleared.
    used: Option<u64>,
    /// What shows which pages others used, where they are a file's.
    control: Option<Control>,
    /// The mapping holds weights alone.
    own: bool,
    /// It never was locked, and nothing is known of what it holds: how much the process had written by then, where
    /// that is known.
    elsewhere: Option<Option<u64>>,
}

/// A mapping of the tracer's own that nobody touches. A page of a file counts as referenced for every process that
/// maps it once anybody has read it; what is referenced here too proves nothing about the command.
struct Control {
    addr: u64,
    len: usize,
}

impl Control {
    fn of(file: &File, offset: u64, len: u64) -> Option<Self> {
        let (len, offset) = (usize::try_from(len).ok()?, i64::try_from(offset).ok()?);
        let flags = libc::MAP_SHARED | libc::MAP_POPULATE;
        // SAFETY: a new mapping at an address of the kernel's choice; its memory is never read.
        let addr = unsafe {
            libc::mmap(std::ptr::null_mut(), len, libc::PROT_READ, flags, file.as_raw_fd(), offset)
        };
        (addr != libc::MAP_FAILED).then_some(Self { addr: addr as u64, len })
    }

    fn range(&self) -> Range<u64> {
        self.addr..self.addr + self.len as u64
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        // SAFETY: the mapping is this value's own, and nothing points into it.
        unsafe { libc::munmap(self.addr as *mut libc::c_void, self.len) };
    }
}

/// Memory whose lock was released, and whether it was used then.
///
/// A loader may unlock right after it locked, long before it uses the weights, or at its end: the calls look the
/// same. The referenced bits tell: they are cleared when the lock is released (`/proc/PID/clear_refs`,
/// `proc_pid_clear_refs(5)`), and read (`smaps`) before the memory goes.
#[derive(Default)]
pub(super) struct Released {
    pieces: Vec<Piece>,
    /// What was used elsewhere, until it shows whether the process writes anything after that.
    suspects: Vec<Suspect>,
    /// How often watching was begun, by process.
    begun: BTreeMap<u32, u32>,
    /// The tracer read some of this memory itself, which sets the bits as the command's own use does.
    disturbed: bool,
}

/// Memory in which something unknown was used after the weights had gone.
struct Suspect {
    process: u32,
    range: Range<u64>,
    used: u64,
    /// How much the process had written when the weights went, where that is known.
    before: Option<u64>,
}

impl Released {
    /// All weights have come, once more it may be: what is used elsewhere was not made of those that went before.
    pub(super) fn come_again(&mut self, process: u32) {
        self.pieces.retain(|piece| piece.process != process || piece.elsewhere.is_none());
        self.suspects.retain(|suspect| suspect.process != process);
    }

    /// Whether a part of some addresses is watched.
    fn watches(&self, process: u32, range: &Range<u64>) -> bool {
        let here = |piece: &Piece| {
            piece.process == process && piece.used.is_some() && shared(&piece.range, range) > 0
        };
        self.pieces.iter().any(here)
    }

    /// What is locked again is not watched any more.
    pub(super) fn locked(&mut self, process: u32, range: &Range<u64>) {
        self.pieces.retain(|piece| piece.process != process || shared(&piece.range, range) == 0);
    }
}

/// How many addresses two ranges share.
fn shared(a: &Range<u64>, b: &Range<u64>) -> u64 {
    a.end.min(b.end).saturating_sub(a.start.max(b.start))
}

/// The referenced bits are cleared once for each of so many parts of the models: a loader that unlocks tensor by
/// tensor at its end does not wait for that each time.
const PARTS: u64 = 16;

/// So often they are cleared at once, however little it is.
const AT_ONCE: u32 = 8;

impl Watcher {
    /// A lock was released.
    pub(super) fn unlocked(&mut self, thread: &Thread, addresses: Range<u64>) {
        let process = thread.task.process;
        let known = thread.task.space.borrow().pieces(addresses);
        for (range, piece) in known {
            let control = self.machine.notes.image(piece.region).and_then(|image| {
                let file = self.models.file(*self.opened.get(&image.file)?)?;
                let offset = image.offset.saturating_add(range.start.wrapping_sub(piece.base));
                Control::of(file, offset, range.end - range.start)
            });
            if control.is_some() || !self.machine.notes.is_map(piece.region) {
                let space = thread.task.space.borrow();
                let own =
                    control.is_some() || own_mapping(&space, &self.machine.notes, range.start).is_some();
                self.released.pieces.push(Piece {
                    process,
                    range,
                    used: None,
                    control,
                    own,
                    elsewhere: None,
                });
            }
        }
        self.watch_released(thread);
    }

    /// Memory that is not locked holds what locked memory held that goes.
    pub(super) fn left_unlocked(&mut self, thread: &Thread, ranges: impl IntoIterator<Item = Range<u64>>) {
        let process = thread.task.process;
        let piece = |range| Piece { process, range, used: None, control: None, own: false, elsewhere: None };
        self.released.pieces.extend(ranges.into_iter().map(piece));
        self.watch_released(thread);
    }

    /// Memory that held weights goes, and they may be in these in another shape.
    pub(super) fn left_elsewhere(&mut self, thread: &Thread, ranges: impl IntoIterator<Item = Range<u64>>) {
        let process = thread.task.process;
        let before = written(thread);
        for range in ranges {
            let known = |piece: &Piece| piece.process == process && shared(&piece.range, &range) > 0;
            if !self.released.pieces.iter().any(known) {
                let piece =
                    Piece { process, range, used: None, control: None, own: false, elsewhere: Some(before) };
                self.released.pieces.push(piece);
            }
        }
        self.watch_released(thread);
    }

    /// Begins to watch what waits for it, once that is enough.
    fn watch_released(&mut self, thread: &Thread) {
        let process = thread.task.process;
        let waits = |piece: &&Piece| piece.process == process && piece.used.is_none();
        let waiting = self.released.pieces.iter().filter(waits);
        let waiting: u64 = waiting.map(|piece| piece.range.end - piece.range.start).sum();
        let begun = self.released.begun.entry(process).or_default();
        if waiting == 0 || *begun >= AT_ONCE && waiting < self.models.bytes() / PARTS {
            return;
        }
        *begun += 1;
        // What the bits say of those that were watched already would be lost.
        if !self.released.disturbed {
            self.count_used(thread);
        }
        if clear_bits(thread) {
            let own = self.released.pieces.iter_mut().filter(|piece| piece.process == process);
            own.for_each(|piece| piece.used = piece.used.or(Some(0)));
            self.released.disturbed = false;
        }
    }

    /// The tracer is about to read memory of the command: what the bits say of it is counted first.
    pub(super) fn about_to_read(&mut self, thread: &Thread, range: &Range<u64>) {
        if !self.released.disturbed && self.released.watches(thread.task.process, range) {
            self.count_used(thread);
            self.released.disturbed = true;
        }
    }

    /// The tracer has read memory: what is watched is watched anew, and not by the bits that it set itself.
    pub(super) fn has_read(&mut self, thread: &Thread) {
        if std::mem::take(&mut self.released.disturbed) && !clear_bits(thread) {
            let process = thread.task.process;
            self.released.pieces.retain(|piece| piece.process != process);
        }
    }

    /// Counts what was used so far: before the bits are cleared, and before memory is read, which sets them.
    pub(super) fn count_used(&mut self, thread: &Thread) {
        /// A page's own bit comes and goes while others read it; the bit in the page table stays.
        const TIMES: usize = 3;
        let process = thread.task.process;
        let watched = |piece: &&mut Piece| piece.process == process && piece.used.is_some();
        let mut watched: Vec<&mut Piece> = self.released.pieces.iter_mut().filter(watched).collect();
        if watched.is_empty() {
            return;
        }
        let Some(_alone) = alone() else { return };
        let within = |all: &[Listed], range: &Range<u64>| -> u64 {
            all.iter().map(|known| shared(&known.range, range).min(known.referenced)).sum()
        };
        let mut least: Vec<u64> = vec![u64::MAX; watched.len()];
        for _ in 0..TIMES {
            let (Some(before), Some(own), Some(after)) = (smaps::own(), smaps::of(thread.tid), smaps::own())
            else {
                return;
            };
            for (piece, least) in watched.iter().zip(&mut least) {
                let others = piece.control.as_ref().map_or(0, |control| {
                    within(&before, &control.range()).max(within(&after, &control.range()))
                });
                *least = (*least).min(within(&own, &piece.range).saturating_sub(others));
            }
            if least.iter().all(|used| *used == 0) {
                break;
            }
        }
        for (piece, used) in watched.iter_mut().zip(least) {
            piece.used = piece.used.map(|before| before.max(used));
        }
    }

    /// Tells what of a range was used since it was unlocked, before it goes.
    pub(super) fn used_since(&mut self, thread: &Thread, addresses: &Range<u64>) {
        let process = thread.task.process;
        let goes = |piece: &Piece| piece.process == process && shared(&piece.range, addresses) > 0;
        if self.released.pieces.iter().any(goes) {
            self.count_used(thread);
            let at_ns = self.now();
            let weights = self.contents.as_ref().map_or(0, Contents::weights);
            let elsewhere = |piece: &Piece| goes(piece) && piece.elsewhere.is_some();
            let has_all = self.released.pieces.iter().any(elsewhere) && self.has_all(thread);
            for Piece { range, used, own, elsewhere, .. } in
                self.released.pieces.extract_if(.., |piece| goes(piece))
            {
                let Some(used) = used else { continue };
                if let Some(before) = elsewhere {
                    if 2 * used >= weights && !has_all {
                        self.released.suspects.push(Suspect { process, range, used, before });
                    }
                    continue;
                }
                let (addr, len) = (range.start, range.end - range.start);
                let seen = Seen::UsedUnlocked { addr, len, used, own };
                self.machine.notes.saw(Sight { process, at_ns, seen });
            }
        }
        if addresses.end == u64::MAX {
            self.tell_suspects(thread);
        }
    }

    /// The process ends: what it used elsewhere counts if it has written anything after the weights went. A loader
    /// that had said all before that was at its end, and computed nothing more.
    fn tell_suspects(&mut self, thread: &Thread) {
        let process = thread.task.process;
        let (at_ns, now) = (self.now(), written(thread));
        for suspect in self.released.suspects.extract_if(.., |suspect| suspect.process == process) {
            if now.is_some() && now == suspect.before {
                continue;
            }
            if let Some(contents) = &mut self.contents {
                contents.lost_with_memory(process);
            }
            let Suspect { range, used, .. } = suspect;
            let seen = Seen::UsedElsewhere { addr: range.start, len: range.end - range.start, used };
            self.machine.notes.saw(Sight { process, at_ns, seen });
        }
    }
}

/// How many bytes the process has written so far, to whatever file (`wchar` of `/proc/PID/io`, `proc_pid_io(5)`).
fn written(thread: &Thread) -> Option<u64> {
    let text = std::fs::read_to_string(format!("/proc/{}/io", thread.tid)).ok()?;
    text.lines().find_map(|line| line.strip_prefix("wchar:")?.trim().parse().ok())
}

/// Clears the referenced bits of a process and of this program.
fn clear_bits(thread: &Thread) -> bool {
    let Some(_alone) = alone() else { return false };
    let clear = |id: &str| std::fs::write(format!("/proc/{id}/clear_refs"), "1").is_ok();
    clear("self") && clear(&thread.tid.to_string())
}

/// Keeps other traces of this program from clearing referenced bits, until it is dropped.
fn alone() -> Option<File> {
    let program = File::open("/proc/self/exe").ok()?;
    // SAFETY: a lock on an open descriptor touches no memory.
    let locked = unsafe { libc::flock(program.as_raw_fd(), libc::LOCK_EX) } == 0;
    locked.then_some(program)
}
