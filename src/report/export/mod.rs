//! A recording in the formats of other programs: [`chrome`]'s trace events, which Perfetto opens too, and [`csv`].

mod chrome;
mod csv;

pub use chrome::chrome;
pub use csv::csv;

use std::collections::BTreeMap;

use crate::trace::{Call, FileId, Op};

/// The path that each open file was opened by.
#[derive(Default)]
struct Paths<'o>(BTreeMap<FileId, &'o str>);

impl<'o> Paths<'o> {
    /// The path of the file that a call is on; opens are learnt in passing.
    fn of(&mut self, op: &'o Op) -> Option<&'o str> {
        if let Call::Open { file, path, .. } = &op.call {
            self.0.insert(*file, path);
        }
        self.0.get(&op.call.file()?).copied()
    }
}

/// What a call says beside numbers: advice, a notice, the system's name of it.
fn text(call: &Call) -> String {
    use crate::trace::Word;
    match call {
        Call::FileAdvise { advice, .. } | Call::MapAdvise { advice, .. } => advice.word().to_owned(),
        Call::Notice(notice) => format!("{} {}: {}", notice.level.word(), notice.code.word(), notice.text),
        Call::Native { name, .. } => name.clone(),
        Call::Fork { child } => format!("process {child}"),
        Call::Exit { code } => code.to_string(),
        Call::MapHint { reason, .. } => reason.clone(),
        _ => String::new(),
    }
}

/// The range that a call is about: offset and length, of a file or of a region.
fn range(call: &Call) -> (Option<u64>, Option<u64>) {
    match call {
        Call::Read { offset, len, .. }
        | Call::Write { offset, len, .. }
        | Call::FileAdvise { offset, len, .. }
        | Call::Map { offset, len, .. }
        | Call::MapAdvise { offset, len, .. }
        | Call::Lock { offset, len, .. }
        | Call::Unlock { offset, len, .. }
        | Call::Unmap { offset, len, .. }
        | Call::Native { offset, len, .. } => (Some(*offset), Some(*len)),
        Call::Alloc { len, .. } | Call::Resize { len, .. } | Call::Remap { len, .. } => (None, Some(*len)),
        _ => (None, None),
    }
}

/// Whether a call bypasses the page cache; `None` where the question makes no sense.
fn direct(call: &Call) -> Option<bool> {
    match call {
        Call::Open { direct, .. } | Call::Read { direct, .. } | Call::SetDirect { direct, .. } => {
            Some(*direct)
        }
        _ => None,
    }
}
