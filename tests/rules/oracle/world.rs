//! Files of 64 bytes, pages of 4, and loaders that do anything with them.

use loadparity::rules::{Tensor, WeightFile, Weights};
use loadparity::trace::{
    Call, Errno, ErrorKind, FileId, NativeFlags, Notice, NoticeCode, NoticeLevel, Op, Outcome, Phase,
    RegionId,
};
use proptest::prelude::*;

use super::naive::Byte;

pub const PAGE: u64 = 4;
pub const SIZE: u64 = 64;
/// Where each region lies; none is longer than the distance.
const DISTANCE: u64 = 1024;
const TENSORS: [std::ops::Range<u64>; 3] = [8..20, 24..50, 50..64];

/// A model of one file or two.
#[derive(Clone, Debug)]
pub struct World {
    pub files: usize,
}

impl World {
    pub fn file_of(path: &str) -> usize {
        usize::from(path == "b.gguf")
    }

    fn path(file: usize) -> &'static str {
        ["a.gguf", "b.gguf"][file]
    }

    pub fn tensor_bytes(&self) -> Vec<Byte> {
        let of = |file| TENSORS.into_iter().flatten().map(move |at| (file, at));
        (0..self.files).flat_map(of).collect()
    }

    pub fn weighs(&self, (file, at): Byte) -> bool {
        file < self.files && TENSORS.iter().any(|tensor| tensor.contains(&at))
    }

    pub fn weights(&self) -> Weights {
        let file = |index| {
            let tensors: Vec<Tensor> = (0..)
                .zip(TENSORS)
                .map(|(number, range): (u32, _)| Tensor { name: format!("t{number}"), range })
                .collect();
            let bytes = tensors.iter().map(|tensor| tensor.range.clone()).collect();
            let path = Self::path(index).to_owned();
            WeightFile { path, identity: None, size: SIZE, data_start: 8, tensors, bytes }
        };
        Weights { files: (0..self.files).map(file).collect(), tolerance: 0 }
    }
}

/// One thing that a loader does. Numbers choose among what there is.
#[derive(Clone, Debug)]
pub enum Step {
    Open {
        file: usize,
        direct: bool,
        refused: bool,
    },
    SetDirect {
        file: usize,
        refused: bool,
    },
    Map {
        file: usize,
        page: u64,
        pages: u64,
    },
    Alloc {
        len: u64,
    },
    /// To a place in a region, to memory of no region, or to nobody knows where.
    Read {
        file: usize,
        start: u64,
        len: u64,
        place: Place,
    },
    Lock {
        region: usize,
        offset: u64,
        len: u64,
        refused: bool,
    },
    Unlock {
        region: usize,
        offset: u64,
        len: u64,
    },
    Unmap {
        region: usize,
        page: u64,
        len: u64,
    },
    Remap {
        region: usize,
        len: u64,
    },
    Fork,
    Process(usize),
    Exit,
    Next,
    Warn(NoticeCode),
    Close {
        file: usize,
    },
    /// Maps a whole file.
    MapAll {
        file: usize,
    },
    /// Maps the front of a file, locks that or not, and lets it grow over the whole file.
    MapGrown {
        file: usize,
        locked: bool,
    },
    /// Allocates a region and reads all tensors of a file into it.
    ReadAll {
        file: usize,
        pieces: u64,
    },
    LockAll {
        pieces: u64,
        refused: bool,
    },
}

#[derive(Clone, Copy, Debug)]
pub enum Place {
    Region(usize, u64),
    Heap(u64),
    Unknown,
}

fn step() -> impl Strategy<Value = Step> {
    let (file, region) = (0usize..2, 0usize..6);
    let offset = || 0..SIZE;
    let len = || 0..=SIZE;
    let seldom = || prop::bool::weighted(0.15);
    let place = prop_oneof![
        6 => (0usize..6, 0..SIZE).prop_map(|(region, at)| Place::Region(region, at)),
        2 => (0..SIZE).prop_map(Place::Heap),
        1 => Just(Place::Unknown),
    ];
    let code = prop_oneof![Just(NoticeCode::LockRefused), Just(NoticeCode::DirectRefused)];
    prop_oneof![
        2 => (file.clone(), prop::bool::weighted(0.3), seldom())
            .prop_map(|(file, direct, refused)| Step::Open { file, direct, refused }),
        1 => (file.clone(), seldom()).prop_map(|(file, refused)| Step::SetDirect { file, refused }),
        3 => (file.clone(), 0..SIZE / PAGE, 1..=SIZE / PAGE)
            .prop_map(|(file, page, pages)| Step::Map { file, page, pages }),
        1 => (1..=SIZE).prop_map(|len| Step::Alloc { len }),
        4 => (file.clone(), offset(), len(), place)
            .prop_map(|(file, start, len, place)| Step::Read { file, start, len, place }),
        3 => (region.clone(), offset(), 1..=SIZE, seldom())
            .prop_map(|(region, offset, len, refused)| Step::Lock { region, offset, len, refused }),
        2 => (region.clone(), offset(), 1..=SIZE)
            .prop_map(|(region, offset, len)| Step::Unlock { region, offset, len }),
        2 => (region.clone(), 0..SIZE / PAGE, len())
            .prop_map(|(region, page, len)| Step::Unmap { region, page, len }),
        1 => (region, 1..=SIZE).prop_map(|(region, len)| Step::Remap { region, len }),
        1 => Just(Step::Fork),
        1 => (0usize..3).prop_map(Step::Process),
        1 => Just(Step::Exit),
        2 => Just(Step::Next),
        1 => code.prop_map(Step::Warn),
        1 => file.clone().prop_map(|file| Step::Close { file }),
        4 => file.clone().prop_map(|file| Step::MapAll { file }),
        2 => (file.clone(), any::<bool>()).prop_map(|(file, locked)| Step::MapGrown { file, locked }),
        4 => (file, 1u64..5).prop_map(|(file, pieces)| Step::ReadAll { file, pieces }),
        3 => (1u64..17, seldom()).prop_map(|(pieces, refused)| Step::LockAll { pieces, refused }),
    ]
}

/// Arbitrary loads.
pub fn steps() -> impl Strategy<Value = Vec<Step>> {
    proptest::collection::vec(step(), 1..14)
}

/// What stands while steps become operations.
struct Driver {
    ops: Vec<Op>,
    phase: Phase,
    pid: u32,
    alive: Vec<u32>,
    born: u32,
    /// File, id, whether its reads are direct; the last open of a file is used.
    open: Vec<(usize, FileId, bool)>,
    opens: u32,
    /// Of each process: region, address, length, whether it is of a file, whether it has a hole.
    regions: Vec<(u32, RegionId, u64, u64, bool, bool)>,
    made: u32,
    slots: u64,
}

/// The operations of these steps: what no kernel would grant is left out.
pub fn operations(world: &World, steps: &[Step]) -> Vec<Op> {
    let mut driver = Driver {
        ops: Vec::new(),
        phase: Phase::Load,
        pid: 0,
        alive: vec![0],
        born: 1,
        open: Vec::new(),
        opens: 0,
        regions: Vec::new(),
        made: 0,
        slots: 1,
    };
    for step in steps {
        driver.step(world, step);
    }
    driver.ops
}

impl Driver {
    fn push(&mut self, call: Call, result: Option<u64>) {
        let seq = self.ops.len() as u64;
        let outcome = match result {
            Some(result) => Outcome::Ok(result),
            None => Outcome::Err(Errno { kind: ErrorKind::Invalid, code: 22, name: "EINVAL".into() }),
        };
        let (phase, pid) = (self.phase, self.pid);
        self.ops.push(Op {
            seq,
            phase,
            pid,
            thread: 0,
            call,
            outcome,
            start_ns: seq,
            dur_ns: 1,
            injected: false,
        });
    }

    fn slot(&mut self) -> u64 {
        self.slots += 1;
        self.slots * DISTANCE
    }

    /// The open of a file, made if there is none.
    fn file(&mut self, file: usize) -> (FileId, bool) {
        if !self.open.iter().any(|(own, ..)| *own == file) {
            self.open_file(file, false, false);
        }
        let found = self.open.iter().rev().find(|(own, ..)| *own == file);
        found.map(|(_, id, direct)| (*id, *direct)).expect("it was opened")
    }

    fn open_file(&mut self, file: usize, direct: bool, refused: bool) {
        let id = FileId(self.opens);
        self.opens += 1;
        let path = World::path(file).to_owned();
        let flags = NativeFlags::default();
        self.push(Call::Open { file: id, path, direct, identity: None, flags }, (!refused).then_some(0));
        if !refused {
            self.open.push((file, id, direct));
        }
    }

    fn own(&self, number: usize) -> Option<usize> {
        let own: Vec<usize> =
            (0..self.regions.len()).filter(|index| self.regions[*index].0 == self.pid).collect();
        (!own.is_empty()).then(|| own[number % own.len()])
    }

    fn alloc(&mut self, len: u64) -> (RegionId, u64) {
        let (region, addr) = (RegionId(self.made), self.slot());
        self.made += 1;
        self.push(Call::Alloc { region, len, align: PAGE, addr }, Some(0));
        self.regions.push((self.pid, region, addr, len, false, false));
        (region, addr)
    }

    fn map(&mut self, file: usize, offset: u64, len: u64) {
        let (id, _) = self.file(file);
        let (region, addr) = (RegionId(self.made), self.slot());
        self.made += 1;
        let flags = NativeFlags::default();
        let call = Call::Map { file: id, region, offset, len, populate: false, addr, flags };
        self.push(call, Some(0));
        self.regions.push((self.pid, region, addr, len, true, false));
    }

    fn read(&mut self, file: usize, start: u64, len: u64, addr: u64) {
        let (id, direct) = self.file(file);
        let arrives = len.min(SIZE - start);
        self.push(Call::Read { file: id, offset: start, len, direct, addr }, Some(arrives));
    }

    fn step(&mut self, world: &World, step: &Step) {
        if !self.alive.contains(&self.pid) {
            let Some(pid) = self.alive.first() else { return };
            self.pid = *pid;
        }
        let within = |file: usize| file % world.files;
        match *step {
            Step::Open { file, direct, refused } => self.open_file(within(file), direct, refused),
            Step::SetDirect { file, refused } => {
                let (id, _) = self.file(within(file));
                self.push(Call::SetDirect { file: id, direct: true }, (!refused).then_some(0));
                if let Some(open) = self.open.iter_mut().find(|open| open.1 == id && !refused) {
                    open.2 = true;
                }
            }
            Step::Map { file, page, pages } => {
                let start = page * PAGE;
                self.map(within(file), start, (pages * PAGE).min(SIZE - start));
            }
            Step::Alloc { len } => drop(self.alloc(len)),
            Step::Read { file, start, len, place } => {
                let addr = match place {
                    Place::Unknown => 0,
                    Place::Heap(at) => (1 << 30) + at,
                    Place::Region(number, at) => {
                        let buffers: Vec<_> =
                            self.regions.iter().filter(|r| r.0 == self.pid && !r.4 && !r.5).collect();
                        let Some(region) = buffers.get(number % buffers.len().max(1)) else { return };
                        region.2 + at % region.3
                    }
                };
                let room = SIZE - start;
                self.read(within(file), start, len.min(room), addr);
            }
            Step::Lock { region, offset, len, refused } => {
                let Some(index) = self.own(region) else { return };
                let (_, region, _, size, ..) = self.regions[index];
                let offset = offset % size;
                let len = len.min(size - offset);
                self.push(Call::Lock { region, offset, len }, (!refused).then_some(0));
            }
            Step::Unlock { region, offset, len } => {
                let Some(index) = self.own(region) else { return };
                let (_, region, _, size, ..) = self.regions[index];
                let offset = offset % size;
                self.push(Call::Unlock { region, offset, len: len.min(size - offset) }, Some(0));
            }
            Step::Unmap { region, page, len } => {
                let Some(index) = self.own(region) else { return };
                let (_, region, _, size, ..) = self.regions[index];
                let offset = page * PAGE % size.next_multiple_of(PAGE);
                let len = len.min(size.saturating_sub(offset));
                self.push(Call::Unmap { region, offset, len }, Some(0));
                self.regions[index].5 = true;
            }
            // A region with a hole cannot be moved as a whole.
            Step::Remap { region, len } => {
                let Some(index) = self.own(region).filter(|index| !self.regions[*index].5) else { return };
                let addr = self.slot();
                let region = self.regions[index].1;
                self.push(Call::Remap { region, len, addr }, Some(0));
                (self.regions[index].2, self.regions[index].3) = (addr, len);
            }
            Step::Fork if self.born < 3 => {
                let child = self.born;
                self.born += 1;
                self.alive.push(child);
                self.push(Call::Fork { child }, Some(0));
                let copies: Vec<_> = self.regions.iter().filter(|r| r.0 == self.pid).copied().collect();
                self.regions
                    .extend(copies.into_iter().map(|copy| (child, copy.1, copy.2, copy.3, copy.4, copy.5)));
            }
            Step::Fork => {}
            Step::Process(number) => self.pid = self.alive[number % self.alive.len()],
            Step::Exit => {
                self.push(Call::Exit { code: 0 }, Some(0));
                let pid = self.pid;
                self.alive.retain(|other| *other != pid);
                self.regions.retain(|region| region.0 != pid);
            }
            Step::Next => {
                self.phase = match self.phase {
                    Phase::Load => Phase::Run,
                    _ => Phase::Teardown,
                }
            }
            Step::Warn(code) => {
                let level = NoticeLevel::Warning;
                self.push(Call::Notice(Notice { level, code, text: String::new() }), Some(0));
            }
            Step::Close { file } => {
                let file = within(file);
                if let Some(at) = self.open.iter().rposition(|(own, ..)| *own == file) {
                    let (_, id, _) = self.open.remove(at);
                    self.push(Call::Close { file: id }, Some(0));
                }
            }
            Step::MapAll { file } => self.map(within(file), 0, SIZE),
            Step::MapGrown { file, locked } => {
                self.map(within(file), 0, 2 * PAGE);
                if let Some(mapped) = self.regions.last().map(|region| region.1).filter(|_| locked) {
                    self.push(Call::Lock { region: mapped, offset: 0, len: 2 * PAGE }, Some(0));
                }
                let addr = self.slot();
                if let Some(region) = self.regions.last_mut() {
                    (region.2, region.3) = (addr, SIZE);
                    let region = region.1;
                    self.push(Call::Remap { region, len: SIZE, addr }, Some(0));
                }
            }
            Step::ReadAll { file, pieces } => {
                let (_, addr) = self.alloc(SIZE);
                let piece = (SIZE - 8).div_ceil(pieces);
                for number in 0..pieces {
                    let start = 8 + number * piece;
                    self.read(within(file), start, piece.min(SIZE.saturating_sub(start)), addr + start);
                }
            }
            Step::LockAll { pieces, refused } => {
                let own: Vec<_> = self.regions.iter().filter(|r| r.0 == self.pid).copied().collect();
                for (_, region, _, len, ..) in own {
                    let piece = len.div_ceil(pieces);
                    for number in 0..pieces {
                        let offset = number * piece;
                        // A lock of no bytes takes a page or none, as its address has it: no loader does that.
                        if offset >= len {
                            break;
                        }
                        let len = piece.min(len - offset);
                        self.push(Call::Lock { region, offset, len }, (!refused).then_some(0));
                    }
                }
            }
        }
    }
}
