//! What calls on files come to.

use super::{At, Counsel, Decoded, Done, Machine, Note, OpenFile, Opened, Taken, Task, note};
use crate::trace::{Call, FileId};

impl Machine {
    /// What a close takes away. Linux frees the number even where it reports an error.
    pub fn take_descriptor(&self, task: &Task, fd: i32) -> Taken {
        Taken { file: task.files.borrow_mut().close(fd), ..Taken::default() }
    }

    pub(super) fn on_file(&mut self, task: &Task, done: &Done, call: Decoded<'_>) {
        match call {
            Decoded::Open(opened) => self.opened(task, done, opened),
            Decoded::Close(taken) => self.closed(task, done, taken.file),
            Decoded::CloseRange { first, last, only_mark } if !done.failed() => {
                self.range_closed(task, done, first, last, only_mark);
            }
            Decoded::Duplicate { from, to, close_on_exec } => {
                let closed = task.files.borrow_mut().duplicate(from, to, close_on_exec);
                self.closed(task, done, closed);
            }
            Decoded::CloseOnExec { fd, on } => task.files.borrow_mut().set_close_on_exec(fd, on),
            Decoded::SetFlags { file, flags } => {
                let (id, was) = (file.borrow().file, file.borrow().direct);
                let direct = flags.has("O_DIRECT");
                if !done.failed() {
                    file.borrow_mut().direct = direct;
                }
                let (name, len) = ("fcntl".to_owned(), 0);
                let call = match direct == was {
                    true => Call::Native { name, file: Some(id), region: None, offset: 0, len, flags },
                    false => Call::SetDirect { file: id, direct },
                };
                self.push(task, done, call, done.outcome(0));
            }
            Decoded::Seek { file, asks } => {
                if !done.failed() {
                    file.borrow_mut().position = done.value;
                }
                if asks {
                    let call = Call::Size { file: file.borrow().file };
                    self.push(task, done, call, done.outcome(done.value));
                }
            }
            Decoded::Size { file, size } => {
                let call = Call::Size { file: file.borrow().file };
                self.push(task, done, call, done.outcome(size));
            }
            Decoded::Alignment { file, memory, offset } => {
                let file = file.borrow().file;
                let call = Call::Alignment { file, memory, offset, enforced: offset > 0 };
                self.push(task, done, call, done.outcome(0));
            }
            Decoded::Read { file, at, len, addr } => self.read(task, done, &file, at, len, addr),
            Decoded::Write { file, at, len } => {
                let offset = place(&file, at, done.value);
                let call = Call::Write { file: file.borrow().file, offset, len };
                self.push(task, done, call, done.outcome(done.value));
            }
            Decoded::Clear { file, offset, len } => {
                let call = Call::Write { file: file.borrow().file, offset, len };
                self.push(task, done, call, done.outcome(len));
            }
            Decoded::Resize { file, len } => {
                self.push(task, done, Call::Resize { file, len }, done.outcome(0));
            }
            Decoded::FileAdvice { file, offset, len, counsel } => {
                let file = file.borrow().file;
                let call = match counsel {
                    Counsel::Known(advice) => Call::FileAdvise { file, offset, len, advice },
                    Counsel::Other(flags) => {
                        let (name, file) = ("fadvise64".to_owned(), Some(file));
                        Call::Native { name, file, region: None, offset, len, flags }
                    }
                };
                self.push(task, done, call, done.outcome(0));
            }
            _ => {}
        }
    }

    fn opened(&mut self, task: &Task, done: &Done, opened: Opened) {
        let Opened { file, model, path, fd, position, identity, flags } = opened;
        let direct = flags.has("O_DIRECT");
        if let Some(fd) = fd {
            // A file had this number if its close was not seen.
            let mut files = task.files.borrow_mut();
            files.forget(fd);
            files.open(fd, (file, model), position, &flags);
        }
        let call = Call::Open { file, path, direct, identity, flags };
        self.push(task, done, call, done.outcome(0));
    }

    fn closed(&mut self, task: &Task, done: &Done, file: Option<FileId>) {
        if let Some(file) = file {
            self.push(task, done, Call::Close { file }, done.outcome(0));
        }
    }

    fn range_closed(&mut self, task: &Task, done: &Done, first: i32, last: i32, only_mark: bool) {
        if first > last {
            return;
        }
        let within = task.files.borrow().within(first..=last);
        for fd in within {
            if only_mark {
                task.files.borrow_mut().set_close_on_exec(fd, true);
            } else {
                let closed = task.files.borrow_mut().close(fd);
                self.closed(task, done, closed);
            }
        }
    }

    fn read(&mut self, task: &Task, done: &Done, file: &OpenFile, at: At, len: u64, addr: u64) {
        let offset = place(file, at, done.value);
        let (file, direct) = (file.borrow().file, file.borrow().direct);
        let call = Call::Read { file, offset, len, direct, addr };
        let into = self.read_into(task, done, addr, done.value);
        self.notes.push(Note { into, ..note(task, done, call, done.outcome(done.value)) });
    }
}

/// Where a transfer began; moves the position by what was transferred.
fn place(file: &OpenFile, at: At, transferred: u64) -> u64 {
    let offset = match at {
        At::Offset(offset) => return offset,
        At::Position => file.borrow().position,
        At::Appended(offset) => offset,
    };
    file.borrow_mut().position = offset.saturating_add(transferred);
    offset
}
