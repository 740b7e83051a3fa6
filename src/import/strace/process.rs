//! The processes of a recording: which thread belongs to which, which files are models.

use std::collections::{BTreeMap, BTreeSet};

use crate::trace::linux::{Decoded, Done, Finished, Machine, OpenFile, Opened, Shares, Task};
use crate::trace::{BlindSpot, FileId, NativeFlags, Status};

/// The page size of the machines that such text usually comes from; the text does not tell it.
pub(super) const PAGE: u64 = 4096;

/// All processes of a recording and what they did.
pub(super) struct Kernel {
    pub(super) machine: Machine,
    /// What the text shows to have been done unseen.
    pub(super) unseen: BTreeSet<BlindSpot>,
    /// How the first process ended.
    pub(super) end: Option<Status>,
    /// The newest end of a thread that the text gives no number: the last one is that of the process.
    last_end: Option<(Status, Done)>,
    threads: BTreeMap<u64, Task>,
    /// Threads that a call made, and those that a line is about.
    made: BTreeSet<u64>,
    spoke: BTreeSet<u64>,
    /// The first thread that was seen: one that nobody was seen to make belongs to its process.
    first: Option<Task>,
    /// The names of each file.
    paths: BTreeMap<FileId, String>,
    /// Paths that turned out to be models by what was read from them.
    model_paths: BTreeSet<String>,
    /// The last parts of the paths of models that were named.
    model_names: BTreeSet<String>,
}

impl Kernel {
    pub(super) fn new(models: &[&str]) -> Self {
        Self {
            machine: Machine::new(PAGE),
            unseen: BTreeSet::new(),
            end: None,
            last_end: None,
            threads: BTreeMap::new(),
            made: BTreeSet::new(),
            spoke: BTreeSet::new(),
            first: None,
            paths: BTreeMap::new(),
            model_paths: BTreeSet::new(),
            model_names: models.iter().map(|path| last_part(path).to_owned()).collect(),
        }
    }

    /// A line is about a thread.
    pub(super) fn speaks(&mut self, tid: u64) {
        self.spoke.insert(tid);
    }

    /// Whether anything was seen of a thread.
    pub(super) fn knows(&self, tid: u64) -> bool {
        self.threads.contains_key(&tid)
    }

    /// A thread.
    pub(super) fn task(&mut self, tid: u64) -> Task {
        if let Some(task) = self.threads.get(&tid) {
            return task.clone();
        }
        let task = match &self.first {
            Some(first) => Task { tid, ..first.clone() },
            None => self.machine.process(tid),
        };
        self.first.get_or_insert_with(|| task.clone());
        self.threads.insert(tid, task.clone());
        task
    }

    /// A thread has made another, or a process. A child may have been seen before its parent's call ended.
    pub(super) fn fork(&mut self, parent: u64, child: u64, shares: Shares, done: &Done) {
        self.made.insert(child);
        if self.knows(child) {
            return;
        }
        let parent = self.task(parent);
        let task = self.machine.fork(&parent, done, child, shares);
        self.threads.insert(child, task);
    }

    pub(super) fn exec(&mut self, tid: u64, done: &Done) {
        let task = self.task(tid);
        let task = self.machine.exec(&task, done, tid);
        let first = self.first.as_ref().is_some_and(|first| first.process == task.process);
        if first {
            self.first = Some(task.clone());
        }
        self.threads.retain(|_, other| other.process != task.process);
        self.threads.insert(tid, task);
    }

    /// A thread has ended; the last one of a process ends it.
    pub(super) fn ended(&mut self, tid: u64, status: Status, done: &Done) {
        if tid == 0 {
            self.last_end = Some((status, done.clone()));
            return;
        }
        self.leave(tid, status, done);
    }

    fn leave(&mut self, tid: u64, status: Status, done: &Done) {
        let task = self.task(tid);
        self.threads.remove(&tid);
        if self.threads.values().any(|other| other.process == task.process) {
            return;
        }
        let code = match status {
            Status::Code(code) => code,
            Status::Signal(signal) => -signal,
            _ => 0,
        };
        self.machine.exit(&task, done, code);
        if self.first.as_ref().is_some_and(|first| first.process == task.process) {
            self.end = Some(status);
        }
    }

    /// A thread was replaced by another of its process.
    pub(super) fn superseded(&mut self, tid: u64) {
        self.threads.remove(&tid);
    }

    /// Whether a file's name says that it is a model, or is that of one that was named.
    fn is_model_name(&self, path: &str) -> bool {
        let path = path.strip_suffix("(deleted)").unwrap_or(path).trim_end();
        let known =
            [".gguf", ".ggml", ".safetensors", ".onnx"].iter().any(|extension| path.ends_with(extension));
        known || self.model_names.contains(last_part(path))
    }

    /// A file that was opened, or that was found open, under a name.
    pub(super) fn new_file(&mut self, path: &str) -> FileId {
        let file = self.machine.notes.next_file(false);
        self.named(file, path);
        file
    }

    /// One more name of a file.
    pub(super) fn named(&mut self, file: FileId, path: &str) {
        if self.is_model_name(path) || self.model_paths.contains(path) {
            self.machine.notes.set_model(file);
        }
        self.paths.insert(file, path.to_owned());
    }

    /// The newest file of a name.
    pub(super) fn by_path(&self, path: &str) -> Option<FileId> {
        self.paths.iter().rev().find(|(_, known)| *known == path).map(|(file, _)| *file)
    }

    /// The file turned out to be a model, and so did all others of its name, those to come too.
    pub(super) fn is_model(&mut self, file: FileId) {
        let Some(path) = self.paths.get(&file) else { return };
        self.model_paths.insert(path.clone());
        for (file, _) in self.paths.iter().filter(|(_, other)| *other == path) {
            self.machine.notes.set_model(*file);
        }
    }

    /// The open behind a descriptor. Where `-y` names a model that the descriptor is not known to stand
    /// for, its open is not in the text: it is taken to be open now.
    pub(super) fn file(&mut self, task: &Task, fd: i32, path: Option<&str>, done: &Done) -> Option<OpenFile> {
        let known = |task: &Task| task.files.borrow().get(fd).cloned();
        let path = path.filter(|path| self.is_model_name(path));
        match (known(task), path) {
            (Some(open), Some(path)) => {
                let file = open.borrow().file;
                if !self.machine.notes.is_model(file) {
                    self.named(file, path);
                }
                Some(open)
            }
            (None, Some(path)) => {
                let file = self.new_file(path);
                let flags = NativeFlags::new(["received"], 0);
                let (path, fd, identity) = (path.to_owned(), Some(fd), None);
                let opened = Opened { file, model: 0, path, fd, position: 0, identity, flags };
                let found = Done { dur_ns: 0, injected: false, error: None, value: 0, ..done.clone() };
                self.machine.apply(task, &found, Decoded::Open(opened));
                known(task)
            }
            (known, None) => known,
        }
    }

    /// Nothing comes any more.
    pub(super) fn stop(&mut self) {
        if let Some((status, done)) = self.last_end.take() {
            self.leave(0, status, &done);
        }
        if self.made.iter().any(|tid| !self.spoke.contains(tid)) {
            self.unseen.insert(BlindSpot::Unfollowed);
        }
        if self.end.is_none() {
            self.unseen.insert(BlindSpot::Cut);
        }
    }

    /// The operations and the line of each. Where a read went is not known, so that no memory is for
    /// weights by that.
    pub(super) fn finish(self) -> Finished {
        self.machine.finish(|ops| vec![true; ops.len()])
    }
}

fn last_part(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// The names in `A|B|C`.
pub(super) fn flag_names(text: &str) -> NativeFlags {
    let mut names: Vec<std::borrow::Cow<'static, str>> = text
        .split('|')
        .map(|name| name.trim().to_owned().into())
        .filter(|n: &std::borrow::Cow<str>| !n.is_empty())
        .collect();
    names.sort_unstable();
    names.dedup();
    NativeFlags { names, raw: 0 }
}
