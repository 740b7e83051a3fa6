//! One change of one operation.

use std::borrow::Cow;

use loadparity::trace::{Call, Errno, ErrorKind, FileId, NativeFlags, Op, Outcome, RegionId};

/// A kind of change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    Dropped,
    Doubled,
    /// By a page.
    Shortened,
    /// Done on a file that is no model.
    OtherFile,
    /// Done on memory that holds nothing.
    OtherRegion,
    /// Done by a child.
    OtherProcess,
    /// Direct I/O on or off.
    Direct,
    /// A writable open, or a mapping that is shared and writable.
    Writable,
    /// A mapping that is private and writable.
    Private,
    Refused,
}

impl Change {
    pub const ALL: [Self; 10] = [
        Self::Dropped,
        Self::Doubled,
        Self::Shortened,
        Self::OtherFile,
        Self::OtherRegion,
        Self::OtherProcess,
        Self::Direct,
        Self::Writable,
        Self::Private,
        Self::Refused,
    ];
}

const STRANGER: FileId = FileId(900);
const AGAIN: u32 = 901;
const ELSEWHERE: RegionId = RegionId(900);

/// What kind of call it is.
pub fn name(call: &Call) -> &'static str {
    match call {
        Call::Open { .. } => "open",
        Call::SetDirect { .. } => "set-direct",
        Call::Size { .. } => "size",
        Call::Alignment { .. } => "alignment",
        Call::MapHint { .. } => "map-hint",
        Call::Read { .. } => "read",
        Call::Write { .. } => "write",
        Call::Resize { .. } => "resize",
        Call::FileAdvise { .. } => "file-advise",
        Call::Map { .. } => "map",
        Call::Alloc { .. } => "alloc",
        Call::MapAdvise { .. } => "map-advise",
        Call::Lock { .. } => "lock",
        Call::Unlock { .. } => "unlock",
        Call::Unmap { .. } => "unmap",
        Call::Remap { .. } => "remap",
        Call::Close { .. } => "close",
        Call::Fork { .. } => "fork",
        Call::Exec => "exec",
        Call::Exit { .. } => "exit",
        Call::Notice(_) => "notice",
        Call::Native { .. } => "native",
    }
}

fn like(op: &Op, call: Call) -> Op {
    Op { call, outcome: Outcome::Ok(0), ..op.clone() }
}

/// The trace with the operation at `at` changed; `None` where that kind of change is none of that operation.
pub fn changed(ops: &[Op], at: usize, change: Change, page: u64) -> Option<Vec<Op>> {
    let op = &ops[at];
    let instead: Vec<Op> = match change {
        Change::Dropped => Vec::new(),
        Change::Doubled => vec![op.clone(), again(op)],
        Change::Shortened => vec![shortened(op, page)?],
        Change::OtherFile => other_file(op)?,
        Change::OtherRegion => other_region(op)?,
        Change::OtherProcess => {
            // A process that opens for itself has a file of its own, and what it makes is its own.
            if matches!(op.call, Call::Fork { .. } | Call::Exec | Call::Exit { .. } | Call::Notice(_)) {
                return None;
            }
            let child = ops.iter().map(|op| op.pid).max().unwrap_or(0) + 1;
            vec![like(op, Call::Fork { child }), Op { pid: child, ..op.clone() }]
        }
        Change::Direct | Change::Writable | Change::Private => {
            let mut op = op.clone();
            flag(&mut op, change).then_some(vec![op])?
        }
        Change::Refused => {
            if matches!(op.outcome, Outcome::Err(_))
                || matches!(op.call, Call::Exit { .. } | Call::Notice(_) | Call::Fork { .. })
            {
                return None;
            }
            let name = Cow::Borrowed("EINVAL");
            let outcome = Outcome::Err(Errno { kind: ErrorKind::Invalid, code: 22, name });
            vec![Op { outcome, ..op.clone() }]
        }
    };
    let mut all: Vec<Op> =
        ops[..at].iter().cloned().chain(instead).chain(ops[at + 1..].iter().cloned()).collect();
    (0..).zip(&mut all).for_each(|(seq, op)| op.seq = seq);
    Some(all)
}

/// The operation once more; what it makes is another file or region.
fn again(op: &Op) -> Op {
    let mut op = op.clone();
    match &mut op.call {
        Call::Open { file, .. } => *file = FileId(AGAIN),
        Call::Map { region, addr, .. } | Call::Alloc { region, addr, .. } => {
            (*region, *addr) = (RegionId(AGAIN), *addr + (1 << 40));
        }
        _ => {}
    }
    op
}

fn shortened(op: &Op, page: u64) -> Option<Op> {
    let mut op = op.clone();
    let (Call::Read { len, .. }
    | Call::Write { len, .. }
    | Call::FileAdvise { len, .. }
    | Call::Map { len, .. }
    | Call::Alloc { len, .. }
    | Call::MapAdvise { len, .. }
    | Call::Lock { len, .. }
    | Call::Unlock { len, .. }
    | Call::Unmap { len, .. }
    | Call::Remap { len, .. }) = &mut op.call
    else {
        return None;
    };
    *len = len.checked_sub(page).filter(|len| *len > 0)?;
    let len = *len;
    if let (Call::Read { .. }, Outcome::Ok(n)) = (&op.call, &mut op.outcome) {
        *n = (*n).min(len);
    }
    Some(op)
}

fn other_file(op: &Op) -> Option<Vec<Op>> {
    let mut moved = op.clone();
    if let Call::Open { path, identity, .. } = &mut moved.call {
        *path = "/other/file.bin".to_owned();
        *identity = None;
        return Some(vec![moved]);
    }
    match &mut moved.call {
        Call::SetDirect { file, .. }
        | Call::Size { file }
        | Call::Alignment { file, .. }
        | Call::MapHint { file, .. }
        | Call::Read { file, .. }
        | Call::FileAdvise { file, .. }
        | Call::Map { file, .. }
        | Call::Close { file } => *file = STRANGER,
        _ => return None,
    }
    let (path, flags) = ("/other/file.bin".to_owned(), NativeFlags::default());
    let open = Call::Open { file: STRANGER, path, direct: false, identity: None, flags };
    Some(vec![like(op, open), moved])
}

fn other_region(op: &Op) -> Option<Vec<Op>> {
    let mut moved = op.clone();
    match &mut moved.call {
        Call::Lock { region, .. }
        | Call::Unlock { region, .. }
        | Call::Unmap { region, .. }
        | Call::MapAdvise { region, .. } => *region = ELSEWHERE,
        Call::Read { addr, .. } if *addr != 0 => *addr = 1 << 44,
        _ => return None,
    }
    let alloc = Call::Alloc { region: ELSEWHERE, len: 1 << 30, align: 4096, addr: 1 << 44 };
    Some(vec![like(op, alloc), moved])
}

fn flag(op: &mut Op, change: Change) -> bool {
    match (&mut op.call, change) {
        (
            Call::Open { direct, .. } | Call::Read { direct, .. } | Call::SetDirect { direct, .. },
            Change::Direct,
        ) => {
            *direct = !*direct;
            true
        }
        (Call::Open { flags, .. }, Change::Writable) => {
            flags.names = vec![Cow::Borrowed("O_RDWR")];
            true
        }
        (Call::Map { flags, .. }, Change::Writable) => {
            flags.names = vec![Cow::Borrowed("MAP_SHARED"), Cow::Borrowed("PROT_WRITE")];
            true
        }
        (Call::Map { flags, .. }, Change::Private) => {
            flags.names = vec![Cow::Borrowed("MAP_PRIVATE"), Cow::Borrowed("PROT_WRITE")];
            true
        }
        _ => false,
    }
}
