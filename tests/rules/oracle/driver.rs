//! Steps become operations.

use loadparity::trace::{
    Call, Errno, ErrorKind, FileId, NativeFlags, Notice, NoticeLevel, Op, Outcome, Phase, RegionId,
};

use super::world::{PAGE, Place, SIZE, Step, World};

/// Where each region lies; none is longer than the distance.
const DISTANCE: u64 = 1024;

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
