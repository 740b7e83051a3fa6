//! Memory of a tracee beside the file that it was read from.
//!
//! The file is read through the page cache. What that brings in and was not there before is let go again, so
//! that a later read of the command, or of the next command, finds the cache as it would have been: `mincore`
//! says which pages are there, `POSIX_FADV_DONTNEED` drops the others. Where the kernel does not say (a file of
//! somebody else, `mincore(2)`) all of them count as there, and stay.

use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt;

use libc::pid_t;

use super::sys;
use crate::trace::Difference;

/// Bytes that are told right or wrong together.
pub(super) const BLOCK: usize = 64;

/// The longest run of wrong bytes that is a slip. What reuses memory or transforms it changes more: an allocator's
/// words have eight bytes.
pub(super) const SLIP: usize = 4;

/// Bytes that are compared at a time.
const CHUNK: usize = 1 << 20;

/// Room for both sides.
pub(super) struct Buffers {
    file: Vec<u8>,
    memory: Vec<u8>,
    again: Vec<u8>,
    page: u64,
}

impl Buffers {
    pub(super) fn new(page: u64) -> Self {
        Self { file: Vec::new(), memory: Vec::new(), again: Vec::new(), page }
    }

    /// Compares a range of addresses of a tracee with the file from `offset` on, and tells stretches that are the
    /// same and stretches whose every block differs; of a block alone that differs in a run of at most [`SLIP`] bytes,
    /// that run. What cannot be read on either side is not told.
    ///
    /// Other threads run: what differs is read once more, and only what differs then too is believed.
    pub(super) fn compare(
        &mut self,
        tid: pid_t,
        file: &File,
        addresses: Range<u64>,
        offset: u64,
        tell: &mut dyn FnMut(Range<u64>, Option<Difference>),
    ) {
        let mut at = addresses.start;
        while at < addresses.end {
            let want = usize::try_from(addresses.end - at).unwrap_or(CHUNK).min(CHUNK);
            let place = offset + (at - addresses.start);
            // Most commands have small tensors, and zeroed memory costs more than the comparison.
            for buffer in [&mut self.file, &mut self.memory] {
                buffer.resize(want.max(buffer.len()), 0);
            }
            let read = sys::read_memory(tid, at, &mut self.memory[..want]).unwrap_or(0);
            let held = read_quietly(file, place, &mut self.file[..read], self.page);
            let (known, memory) = (&self.file[..held], &self.memory[..held]);
            if known == memory {
                tell(at..at + held as u64, None);
            } else {
                self.again.resize(held.max(self.again.len()), 0);
                if sys::read_memory(tid, at, &mut self.again[..held]).is_ok_and(|n| n == held) {
                    for (range, difference) in stretches(known, memory, &self.again[..held]) {
                        let difference = difference.map(|d| Difference { offset: place + d.offset, ..d });
                        tell(at + range.start as u64..at + range.end as u64, difference);
                    }
                }
            }
            if held < read {
                return;
            }
            at += read as u64;
            if read < want {
                // The rest of this page is a hole.
                at = (at + 1).next_multiple_of(self.page);
            }
        }
    }
}

/// A stretch of a comparison, with its first difference.
type Stretch = (Range<usize>, Option<Difference>);

/// The stretches of blocks that are the same and of blocks that differ in both readings of memory, with the first
/// difference of each, counted from the start. Blocks of one repeated byte behind a difference belong to it: that
/// zeros are zeros after any transformation shows nothing.
fn stretches(file: &[u8], memory: &[u8], again: &[u8]) -> Vec<Stretch> {
    let mut found: Vec<Stretch> = Vec::new();
    let blocks = file.chunks(BLOCK).zip(memory.chunks(BLOCK)).zip(again.chunks(BLOCK));
    for (number, ((file, memory), again)) in blocks.enumerate() {
        let start = number * BLOCK;
        let differs = file != memory && file != again;
        match found.last_mut() {
            Some((range, known)) if known.is_some() == differs || known.is_some() && is_uniform(file) => {
                range.end = start + file.len();
            }
            _ => {
                let at = file.iter().zip(memory).position(|(a, b)| a != b).filter(|_| differs);
                let first = at.map(|at| {
                    let offset = (start + at) as u64;
                    Difference { offset, file: file[at], memory: memory[at] }
                });
                found.push((start..start + file.len(), first));
            }
        }
    }
    narrowed(found, file, memory)
}

/// The same stretches, with the blocks that hold a slip cut down to it.
fn narrowed(stretches: Vec<Stretch>, file: &[u8], memory: &[u8]) -> Vec<Stretch> {
    let mut out: Vec<Stretch> = Vec::new();
    let same = |out: &mut Vec<Stretch>, range: Range<usize>| match out.last_mut() {
        Some((last, None)) => last.end = range.end,
        _ if range.is_empty() => {}
        _ => out.push((range, None)),
    };
    for (range, difference) in stretches {
        match slip(file, memory, &range).filter(|_| difference.is_some()) {
            Some(run) => {
                same(&mut out, range.start..run.start);
                out.push((run.clone(), difference));
                same(&mut out, run.end..range.end);
            }
            None if difference.is_none() => same(&mut out, range),
            None => out.push((range, difference)),
        }
    }
    out
}

/// The bytes of a block that differ, if they are a slip. Beside zeros of the file a short run may be the low bytes of
/// an allocator's word.
fn slip(file: &[u8], memory: &[u8], block: &Range<usize>) -> Option<Range<usize>> {
    if block.len() > BLOCK {
        return None;
    }
    let mut differing = block.clone().filter(|at| file[*at] != memory[*at]);
    let first = differing.next()?;
    let run = first..differing.next_back().unwrap_or(first) + 1;
    let word = first - first % 8..(run.end.next_multiple_of(8)).min(file.len());
    let zeros = file[word].iter().all(|byte| *byte == 0);
    (run.len() <= SLIP && !zeros).then_some(run)
}

fn is_uniform(block: &[u8]) -> bool {
    block.iter().all(|byte| *byte == block[0])
}

/// Reads a file and leaves the page cache as it was; how many bytes there were.
pub(super) fn read_quietly(file: &File, offset: u64, into: &mut [u8], page: u64) -> usize {
    let start = offset - offset % page;
    let resident = sys::resident(file, start, offset - start + into.len() as u64, page);
    let mut held = 0;
    while held < into.len() {
        match file.read_at(&mut into[held..], offset + held as u64) {
            Ok(0) | Err(_) => break,
            Ok(n) => held += n,
        }
    }
    let mut at = start;
    for run in resident.unwrap_or_default().chunk_by(|a, b| a == b) {
        let len = run.len() as u64 * page;
        if !run[0] {
            sys::drop_cache(file, at, len);
        }
        at += len;
    }
    held
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A stretch, with the place of its first difference and the bytes there.
    type Told = (Range<usize>, Option<(u64, u8, u8)>);

    fn told(file: &[u8], memory: &[u8], again: &[u8]) -> Vec<Told> {
        let told = stretches(file, memory, again).into_iter();
        told.map(|(range, d)| (range, d.map(|d| (d.offset, d.file, d.memory)))).collect()
    }

    fn file() -> Vec<u8> {
        (0..BLOCK * 4).map(|at| (at % 251) as u8).collect()
    }

    #[test]
    fn one_byte_in_a_block_is_told_alone() {
        let (file, mut memory) = (file(), file());
        memory[70] ^= 1;
        let expected = [(0..70, None), (70..71, Some((70, 70, 71))), (71..256, None)];
        assert_eq!(told(&file, &memory, &memory), expected);
    }

    #[test]
    fn bytes_apart_make_their_block_differ() {
        let (file, mut memory) = (file(), file());
        (memory[70], memory[80]) = (1, 1);
        let expected = [(0..64, None), (64..128, Some((70, 70, 1))), (128..256, None)];
        assert_eq!(told(&file, &memory, &memory), expected);
    }

    #[test]
    fn a_low_byte_over_zeros_may_be_the_word_of_an_allocator() {
        let mut file = file();
        file[64..128].fill(0);
        let mut memory = file.clone();
        memory[72] = 0x21;
        let expected = [(0..64, None), (64..128, Some((72, 0, 0x21))), (128..256, None)];
        assert_eq!(told(&file, &memory, &memory), expected);
    }

    #[test]
    fn what_is_right_at_the_second_reading_is_no_difference() {
        let (file, mut memory) = (file(), file());
        memory[70] ^= 1;
        let mut again = file.clone();
        again[200] ^= 1;
        assert_eq!(told(&file, &memory, &again), [(0..256, None)]);
    }

    #[test]
    fn zeros_behind_a_difference_show_nothing() {
        let mut file = file();
        file[64..192].fill(0);
        let mut memory = file.clone();
        memory[3] ^= 0xff;
        assert_eq!(told(&file, &memory, &memory), [(0..192, Some((3, 3, 0xfc))), (192..256, None)]);
    }

    #[test]
    fn memory_is_compared_with_the_file_at_its_place() {
        let page = 4096;
        let (before, kept) = (vec![9u8; 1000], vec![1u8; CHUNK + 5000]);
        let mut file = tempfile::tempfile().unwrap();
        std::io::Write::write_all(&mut file, &[before, kept.clone()].concat()).unwrap();
        let mut memory = kept;
        memory[CHUNK + 77] = 2;
        let start = memory.as_ptr() as u64;
        let mut wrong = Vec::new();
        let mut tell = |range: Range<u64>, difference: Option<Difference>| {
            wrong.extend(difference.map(|d| (range.start - start, d)));
        };
        let own = std::process::id().cast_signed();
        Buffers::new(page).compare(own, &file, start..start + memory.len() as u64, 1000, &mut tell);
        let offset = 1000 + CHUNK as u64 + 77;
        assert_eq!(wrong, [(CHUNK as u64 + 64, Difference { offset, file: 1, memory: 2 })]);
    }
}
