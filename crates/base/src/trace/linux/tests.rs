//! Decoded calls in, operations out.

use super::{At, Decoded, Done, Machine, Mapping, Opened, Shares, Task};
use crate::trace::errors::of_linux;
use crate::trace::{Call, FileId, NativeFlags, Op, Outcome, RegionId};

const PAGE: u64 = 4096;
const BASE: u64 = 0x7f00_0000_0000;

struct World {
    machine: Machine,
}

fn at(value: u64) -> Done {
    Done { value, ..Done::default() }
}

fn refused(name: &str) -> Done {
    Done { error: Some(of_linux(name)), ..Done::default() }
}

fn flags<const N: usize>(names: [&'static str; N]) -> NativeFlags {
    NativeFlags::new(names, 0)
}

impl World {
    fn new() -> (Self, Task) {
        let mut machine = Machine::new(PAGE);
        let task = machine.process(10);
        (Self { machine }, task)
    }

    fn open<const N: usize>(&mut self, task: &Task, fd: i32, names: [&'static str; N]) {
        let file = self.machine.notes.next_file(true);
        let (path, flags) = ("/m/x.gguf".to_owned(), flags(names));
        let opened = Opened { file, model: 0, path, fd: Some(fd), position: 0, identity: None, flags };
        self.machine.apply(task, &at(0), Decoded::Open(opened));
    }

    fn map(&mut self, task: &Task, fd: i32, offset: u64, len: u64, addr: u64) {
        let file = task.files.borrow().get(fd).cloned();
        let flags = flags(["MAP_SHARED"]);
        let mapping = Mapping { file, anonymous: false, accessible: true, offset, len, flags };
        self.machine.apply(task, &at(addr), Decoded::Map(mapping));
    }

    fn buffer(&mut self, task: &Task, len: u64, addr: u64) {
        let flags = flags(["MAP_ANONYMOUS", "MAP_PRIVATE"]);
        let mapping = Mapping { file: None, anonymous: true, accessible: true, offset: 0, len, flags };
        self.machine.apply(task, &at(addr), Decoded::Map(mapping));
    }

    fn read(&mut self, task: &Task, fd: i32, len: u64, addr: u64) {
        let file = task.files.borrow().get(fd).cloned().unwrap();
        self.machine.apply(task, &at(len), Decoded::Read { file, at: At::Position, len, addr });
    }

    fn remap(&mut self, task: &Task, old: u64, old_len: u64, new_len: u64, done: &Done) {
        let taken = self.machine.take_memory(task, old, old_len.max(1));
        let flags = flags(["MREMAP_MAYMOVE"]);
        self.machine.apply(task, done, Decoded::Remap { old, old_len, new_len, flags, taken });
    }

    fn lock(&mut self, task: &Task, addr: u64, len: u64, done: &Done) {
        let lists = |_| None;
        self.machine.apply(task, done, Decoded::Lock { addr, len, on_fault: None, lists: &lists });
    }

    /// Process and call of every operation.
    fn calls(self) -> Vec<(u32, Call)> {
        self.ops().into_iter().map(|op| (op.pid, op.call)).collect()
    }

    fn ops(self) -> Vec<Op> {
        self.machine.finish(|ops| vec![false; ops.len()]).ops
    }
}

fn region(number: u32) -> RegionId {
    RegionId(number)
}

#[test]
fn all_of_a_region_moves_and_stays_one() {
    let (mut world, task) = World::new();
    world.open(&task, 3, ["O_RDONLY"]);
    world.buffer(&task, 4 * PAGE, BASE);
    world.remap(&task, BASE, 4 * PAGE, 8 * PAGE, &refused("ENOMEM"));
    world.remap(&task, BASE, 4 * PAGE, 8 * PAGE, &at(BASE + 0x10_0000));
    world.read(&task, 3, 100, BASE + 0x10_0000 + 7 * PAGE);
    let calls = world.calls();
    let remap = |addr| (0, Call::Remap { region: region(0), len: 8 * PAGE, addr });
    assert_eq!(calls[2..4], [remap(0), remap(BASE + 0x10_0000)]);
    assert!(matches!(calls[1].1, Call::Alloc { .. }), "the read went into it: {calls:?}");
}

#[test]
fn a_part_that_moves_is_a_region_of_its_own() {
    let (mut world, task) = World::new();
    world.open(&task, 3, ["O_RDONLY"]);
    world.map(&task, 3, 8 * PAGE, 8 * PAGE, BASE);
    let target = BASE + 0x10_0000;
    world.remap(&task, BASE + 2 * PAGE, 2 * PAGE, 3 * PAGE, &at(target));
    world.lock(&task, target, 3 * PAGE, &at(0));
    world.lock(&task, BASE, PAGE, &refused("EPERM"));
    let ops = world.ops();
    let calls: Vec<_> = ops[2..].iter().map(|op| op.call.clone()).collect();
    let moved = Call::Map {
        file: FileId(0),
        region: region(1),
        offset: 10 * PAGE,
        len: 3 * PAGE,
        populate: false,
        addr: target,
        flags: flags(["MAP_SHARED"]),
    };
    assert_eq!(
        calls,
        [
            Call::Unmap { region: region(0), offset: 2 * PAGE, len: 2 * PAGE },
            moved,
            Call::Lock { region: region(1), offset: 0, len: 3 * PAGE },
            Call::Lock { region: region(0), offset: 0, len: PAGE },
        ]
    );
    assert!(
        matches!(&ops[5].outcome, Outcome::Err(e) if e.kind == crate::trace::ErrorKind::LockLimit && e.code == 1)
    );
}

#[test]
fn an_old_length_of_zero_makes_a_second_image() {
    let (mut world, task) = World::new();
    world.open(&task, 3, ["O_RDONLY"]);
    world.map(&task, 3, 0, 8 * PAGE, BASE);
    let target = BASE + 0x10_0000;
    world.remap(&task, BASE, 0, 4 * PAGE, &at(target));
    world.lock(&task, BASE, 8 * PAGE, &at(0));
    world.lock(&task, target, 4 * PAGE, &at(0));
    let calls = world.calls();
    let lock = |number, len| (0, Call::Lock { region: region(number), offset: 0, len });
    assert!(matches!(calls[2].1, Call::Map { len, addr, .. } if len == 4 * PAGE && addr == target));
    assert_eq!(calls[3..], [lock(0, 8 * PAGE), lock(1, 4 * PAGE)]);
}

#[test]
fn memory_that_moves_in_parts_keeps_what_was_read_into_it() {
    let (mut world, task) = World::new();
    world.open(&task, 3, ["O_RDONLY"]);
    world.buffer(&task, 8 * PAGE, BASE);
    world.read(&task, 3, 100, BASE);
    let target = BASE + 0x10_0000;
    world.remap(&task, BASE, 4 * PAGE, 4 * PAGE, &at(target));
    let calls = world.calls();
    assert!(
        matches!(
            &calls[3..],
            [(0, Call::Unmap { .. }), (0, Call::Alloc { region: RegionId(1), addr, .. })] if *addr == target
        ),
        "{calls:?}"
    );
}

#[test]
fn direct_io_is_switched_by_the_flag_that_changes() {
    let (mut world, task) = World::new();
    world.open(&task, 3, ["O_RDONLY"]);
    let file = task.files.borrow().get(3).cloned().unwrap();
    let mut set = |done: &Done, names: &[&'static str]| {
        let flags = NativeFlags::new(names.iter().copied(), 0);
        world.machine.apply(&task, done, Decoded::SetFlags { file: file.clone(), flags });
    };
    set(&refused("EINVAL"), &["O_DIRECT"]);
    set(&at(0), &["O_DIRECT"]);
    set(&at(0), &["O_DIRECT", "O_NONBLOCK"]);
    set(&at(0), &[]);
    let ops = world.ops();
    let switch = |direct| Call::SetDirect { file: FileId(0), direct };
    assert_eq!(ops[1].call, switch(true));
    assert!(matches!(ops[1].outcome, Outcome::Err(_)));
    assert_eq!((&ops[2].call, &ops[4].call), (&switch(true), &switch(false)));
    assert!(matches!(&ops[3].call, Call::Native { name, .. } if name == "fcntl"));
}

#[test]
fn processes_without_operations_leave_none() {
    let (mut world, shell) = World::new();
    let loader = world.machine.fork(&shell, &at(0), 11, Shares::default());
    let loader = world.machine.exec(&loader, &at(0), 11);
    let idle = world.machine.fork(&shell, &at(0), 12, Shares::default());
    let idle = world.machine.exec(&idle, &at(0), 12);
    world.machine.exit(&idle, &at(0), 1);
    world.open(&loader, 3, ["O_CLOEXEC", "O_RDONLY"]);
    let helper = world.machine.fork(&loader, &at(0), 13, Shares::default());
    world.machine.exit(&helper, &at(0), 0);
    world.machine.exec(&loader, &at(0), 11);
    world.machine.exit(&loader, &at(0), -9);
    world.machine.exit(&shell, &at(0), 0);
    let calls = world.calls();
    assert!(matches!(calls[1], (1, Call::Open { .. })), "{calls:?}");
    assert_eq!(calls[0], (0, Call::Fork { child: 1 }), "{calls:?}");
    assert_eq!(
        calls[2..],
        [
            (1, Call::Exec),
            (1, Call::Close { file: FileId(0) }),
            (1, Call::Exit { code: -9 }),
            (0, Call::Exit { code: 0 })
        ],
        "the first exec took nothing away"
    );
}

#[test]
fn a_child_has_copies_of_mappings_and_threads_share_them() {
    let (mut world, parent) = World::new();
    world.open(&parent, 3, ["O_RDONLY"]);
    world.map(&parent, 3, 0, 4 * PAGE, BASE);
    let all = Shares { files: true, memory: true, process: true };
    let thread = world.machine.fork(&parent, &at(0), 11, all);
    let child = world.machine.fork(&thread, &at(0), 12, Shares::default());
    let taken = world.machine.take_memory(&child, BASE, 4 * PAGE);
    world.machine.apply(&child, &at(0), Decoded::Unmap(taken));
    world.lock(&thread, BASE, PAGE, &at(0));
    let ops = world.ops();
    let seen: Vec<_> = ops.iter().map(|op| (op.pid, op.thread)).collect();
    assert_eq!(seen, [(0, 0), (0, 0), (0, 1), (1, 2), (0, 1)]);
    assert_eq!(ops[2].call, Call::Fork { child: 1 });
    assert_eq!(ops[4].call, Call::Lock { region: region(0), offset: 0, len: PAGE });
}

#[test]
fn writes_move_the_position_and_files_that_are_no_models_are_left_out() {
    let (mut world, task) = World::new();
    world.open(&task, 3, ["O_RDWR"]);
    let other = world.machine.notes.next_file(false);
    let (path, flags) = ("/m/y".to_owned(), flags(["O_RDONLY"]));
    let opened = Opened { file: other, model: 1, path, fd: Some(4), position: 0, identity: None, flags };
    world.machine.apply(&task, &at(0), Decoded::Open(opened));
    world.map(&task, 4, 0, PAGE, BASE);
    world.lock(&task, BASE, PAGE, &at(0));
    let file = task.files.borrow().get(3).cloned().unwrap();
    for place in [At::Position, At::Offset(1000), At::Appended(500), At::Position] {
        let call = Decoded::Write { file: file.clone(), at: place, len: 100 };
        world.machine.apply(&task, &at(60), call);
    }
    let ops = world.ops();
    let writes: Vec<_> = ops[1..].iter().map(|op| (op.call.clone(), op.outcome.clone())).collect();
    let write = |offset| (Call::Write { file: FileId(0), offset, len: 100 }, Outcome::Ok(60));
    assert_eq!(writes, [0, 1000, 500, 560].map(write));
}
