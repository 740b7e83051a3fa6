//! Descriptors: which of a process's numbers stand for an open file that is followed.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::rc::Rc;

use crate::trace::{FileId, NativeFlags};

/// An open file description: what one successful open made, shared by all its duplicates.
#[derive(Debug)]
pub struct Description {
    pub file: FileId,
    /// Which of the caller's files it belongs to.
    pub model: usize,
    /// The file position, which reads without an offset use and advance.
    pub position: u64,
    pub direct: bool,
    /// Whether it may be written through.
    pub writable: bool,
    /// The table that opened it: the close that counts is the one of its last descriptor there.
    owner: u64,
    closed: bool,
    /// Reads at the file position that are under way.
    pub readers: u32,
}

pub type OpenFile = Rc<RefCell<Description>>;

#[derive(Clone, Debug)]
struct Slot {
    open: OpenFile,
    close_on_exec: bool,
}

/// The descriptors of one process, or of several that share them.
#[derive(Debug, Default)]
pub struct FileTable {
    id: u64,
    slots: BTreeMap<i32, Slot>,
}

impl FileTable {
    pub fn new(id: u64) -> Self {
        Self { id, slots: BTreeMap::new() }
    }

    /// What a fork gives the child.
    pub fn copy(&self, id: u64) -> Self {
        Self { id, slots: self.slots.clone() }
    }

    /// What an exec leaves, and the files that it closes. The program goes on under another table if it
    /// shared this one.
    pub fn after_exec(&self) -> (Self, Vec<FileId>) {
        let mut left = self.copy(self.id);
        let closing: Vec<i32> =
            self.slots.iter().filter(|(_, slot)| slot.close_on_exec).map(|(fd, _)| *fd).collect();
        let closed = closing.into_iter().filter_map(|fd| left.close(fd)).collect();
        (left, closed)
    }

    pub fn get(&self, fd: i32) -> Option<&OpenFile> {
        self.slots.get(&fd).map(|slot| &slot.open)
    }

    /// A new open of a file, with these flags.
    pub fn open(&mut self, fd: i32, (file, model): (FileId, usize), position: u64, flags: &NativeFlags) {
        let direct = flags.has("O_DIRECT");
        let writable = flags.has("O_WRONLY") || flags.has("O_RDWR");
        let (owner, closed, readers) = (self.id, false, 0);
        let open = Description { file, model, position, direct, writable, owner, closed, readers };
        let close_on_exec = flags.has("O_CLOEXEC");
        self.slots.insert(fd, Slot { open: Rc::new(RefCell::new(open)), close_on_exec });
    }

    /// `to` becomes a duplicate of `from`, or is closed if that is not known. Returns the file whose
    /// last descriptor `to` was.
    pub fn duplicate(&mut self, from: i32, to: i32, cloexec: bool) -> Option<FileId> {
        let same = from == to;
        let closed = if same { None } else { self.close(to) };
        if let Some(slot) = self.slots.get(&from).filter(|_| !same) {
            let slot = Slot { open: Rc::clone(&slot.open), close_on_exec: cloexec };
            self.slots.insert(to, slot);
        }
        closed
    }

    pub fn set_close_on_exec(&mut self, fd: i32, on: bool) {
        if let Some(slot) = self.slots.get_mut(&fd) {
            slot.close_on_exec = on;
        }
    }

    /// The known descriptors in a range.
    pub fn within(&self, range: RangeInclusive<i32>) -> Vec<i32> {
        self.slots.range(range).map(|(fd, _)| *fd).collect()
    }

    /// The number stands for something else by now.
    pub fn forget(&mut self, fd: i32) {
        self.slots.remove(&fd);
    }

    /// Closes a descriptor. Returns the file if it was the last one by which its opener had it.
    pub fn close(&mut self, fd: i32) -> Option<FileId> {
        let slot = self.slots.remove(&fd)?;
        let others = self.slots.values().any(|other| Rc::ptr_eq(&other.open, &slot.open));
        let last_of_all = Rc::strong_count(&slot.open) == 1;
        let mut open = slot.open.borrow_mut();
        let ends = !open.closed && !others && (open.owner == self.id || last_of_all);
        open.closed |= ends;
        ends.then_some(open.file)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> FileTable {
        let mut table = FileTable::new(1);
        table.open(3, (FileId(0), 0), 0, &NativeFlags::default());
        table
    }

    #[test]
    fn the_last_duplicate_closes() {
        let mut table = table();
        assert_eq!(table.duplicate(3, 4, false), None);
        assert_eq!(table.duplicate(4, 4, false), None);
        assert_eq!(table.close(3), None);
        assert_eq!(table.duplicate(9, 4, false), Some(FileId(0)), "an unrelated file took the number");
        assert_eq!(table.close(4), None);
    }

    #[test]
    fn a_child_that_closes_its_copy_closes_nothing() {
        let mut parent = table();
        let mut child = parent.copy(2);
        assert_eq!(child.close(3), None);
        assert_eq!(parent.close(3), Some(FileId(0)));
    }

    #[test]
    fn a_child_that_outlives_the_opener_closes_for_it() {
        let parent = table();
        let mut child = parent.copy(2);
        drop(parent);
        assert_eq!(child.close(3), Some(FileId(0)));
    }

    #[test]
    fn an_exec_closes_what_is_marked() {
        let mut table = table();
        let marked = NativeFlags::new(["O_CLOEXEC"], 0);
        table.open(5, (FileId(1), 0), 0, &marked);
        table.duplicate(5, 6, false);
        table.open(7, (FileId(2), 0), 0, &marked);
        let (after, closed) = table.after_exec();
        assert_eq!(closed, [FileId(2)]);
        assert!(after.get(3).is_some() && after.get(5).is_none() && after.get(6).is_some());
        assert_eq!(after.within(4..=i32::MAX), [6]);
    }
}
