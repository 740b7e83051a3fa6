//! Threads and processes: where they come from, what they share, how they end.

use std::cell::RefCell;
use std::rc::Rc;

use super::{Done, FileTable, Machine, Shares, Task};
use crate::trace::{Call, Outcome};

impl Machine {
    /// A process that nobody was seen to make.
    pub fn process(&mut self, tid: u64) -> Task {
        let files = Rc::new(RefCell::new(FileTable::new(self.next_table())));
        Task { tid, process: self.next_process(), files, space: Rc::default() }
    }

    fn next_table(&mut self) -> u64 {
        self.tables += 1;
        self.tables
    }

    fn next_process(&mut self) -> u32 {
        self.processes += 1;
        self.processes - 1
    }

    /// A new thread, or a new process with copies of what it does not share.
    pub fn fork(&mut self, parent: &Task, done: &Done, child: u64, shares: Shares) -> Task {
        let files = match shares.files {
            true => Rc::clone(&parent.files),
            false => Rc::new(RefCell::new(parent.files.borrow().copy(self.next_table()))),
        };
        let space = match shares.memory {
            true => Rc::clone(&parent.space),
            false => Rc::new(RefCell::new(parent.space.borrow().copy())),
        };
        if !shares.memory {
            for region in space.borrow().regions() {
                self.notes.shared(region);
            }
        }
        let process = if shares.process { parent.process } else { self.next_process() };
        if process != parent.process {
            self.push(parent, done, Call::Fork { child: process }, Outcome::Ok(0));
        }
        Task { tid: child, process, files, space }
    }

    /// A process has become another program, in the thread `tid`: other memory, and no descriptor that was
    /// marked for this.
    pub fn exec(&mut self, task: &Task, done: &Done, tid: u64) -> Task {
        let (files, closed) = task.files.borrow().after_exec();
        let (files, space) = (Rc::new(RefCell::new(files)), Rc::default());
        let task = Task { tid, process: task.process, files, space };
        self.push(&task, done, Call::Exec, Outcome::Ok(0));
        for file in closed {
            self.push(&task, done, Call::Close { file }, Outcome::Ok(0));
        }
        task
    }

    /// A process has ended: with this exit code, or minus the signal that killed it.
    pub fn exit(&mut self, task: &Task, done: &Done, code: i32) {
        self.push(task, done, Call::Exit { code }, Outcome::Ok(0));
    }
}
