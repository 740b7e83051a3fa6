//! What the kernel keeps for the processes of a recording: descriptors, positions, mappings.

use std::collections::{BTreeMap, BTreeSet};

use crate::trace::{Call, Errno, FileId, NativeFlags, Op, Outcome, Phase, RegionId};

/// An operation that may turn out to be about no model.
pub(super) struct Proto {
    pub(super) op: Op,
    /// For a lock: whether it is one of a file's mapping.
    pub(super) of_file_mapping: bool,
}

/// What an open made: shared by the descriptors that were copied from one another.
#[derive(Clone, Debug)]
pub(super) struct Description {
    pub(super) file: FileId,
    pub(super) position: u64,
    pub(super) direct: bool,
    /// How many descriptors stand for it.
    pub(super) count: usize,
}

/// A stretch of memory.
pub(super) struct Memory {
    pub(super) region: RegionId,
    pub(super) start: u64,
    pub(super) len: u64,
    pub(super) file: bool,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Descriptor {
    pub(super) description: usize,
    pub(super) close_on_exec: bool,
}

/// One process: threads share it.
#[derive(Default)]
pub(super) struct Process {
    pub(super) descriptors: BTreeMap<i64, Descriptor>,
    pub(super) memory: Vec<Memory>,
}

/// All processes of a recording and what they did.
#[derive(Default)]
pub(super) struct Kernel {
    pub(super) protos: Vec<Proto>,
    /// For each line that is a known call, which operations it made.
    pub(super) lines: Vec<(usize, usize)>,
    /// The files that are models.
    pub(super) models: BTreeSet<u32>,
    pub(super) descriptions: Vec<Description>,
    processes: Vec<Process>,
    /// Which process a thread belongs to; an unknown thread belongs to the first.
    process_of: BTreeMap<u64, usize>,
    threads: BTreeMap<u64, u32>,
    paths: BTreeMap<u32, String>,
    /// Paths that turned out to be models by what was read from them.
    model_paths: BTreeSet<String>,
    files: u32,
    regions: u32,
}

impl Kernel {
    /// The process that a thread belongs to.
    pub(super) fn process(&mut self, pid: u64) -> &mut Process {
        if self.processes.is_empty() {
            self.processes.push(Process::default());
        }
        let at = self.process_of.get(&pid).copied().unwrap_or(0);
        &mut self.processes[at]
    }

    /// A child process begins with copies of its parent's descriptors.
    pub(super) fn fork(&mut self, parent: u64, child: u64) {
        let descriptors = self.process(parent).descriptors.clone();
        for descriptor in descriptors.values() {
            self.descriptions[descriptor.description].count += 1;
        }
        self.processes.push(Process { descriptors, memory: Vec::new() });
        self.process_of.insert(child, self.processes.len() - 1);
    }

    /// A thread shares its creator's process.
    pub(super) fn thread(&mut self, parent: u64, child: u64) {
        let at = self.process_of.get(&parent).copied().unwrap_or(0);
        self.process_of.insert(child, at);
    }

    /// Memory starts anew and descriptors marked for it are closed.
    pub(super) fn exec(&mut self, pid: u64) {
        let process = self.process(pid);
        process.memory.clear();
        let closing: Vec<i64> =
            process.descriptors.iter().filter(|(_, d)| d.close_on_exec).map(|(fd, _)| *fd).collect();
        for fd in closing {
            self.close(pid, fd);
        }
    }

    /// Notes an operation.
    pub(super) fn push(&mut self, pid: u64, call: Call, outcome: Outcome) {
        let count = u32::try_from(self.threads.len()).unwrap_or(u32::MAX);
        let thread = *self.threads.entry(pid).or_insert(count);
        let op = Op {
            seq: 0,
            phase: Phase::Load,
            pid: 0,
            thread,
            call,
            outcome,
            start_ns: 0,
            dur_ns: 0,
            injected: false,
        };
        self.protos.push(Proto { op, of_file_mapping: false });
    }

    /// A file that was opened, or that was found open, under a name.
    pub(super) fn new_file(&mut self, path: &str) -> FileId {
        let file = FileId(self.files);
        self.files = self.files.saturating_add(1);
        self.named(file, path);
        file
    }

    /// One more name of a file.
    pub(super) fn named(&mut self, file: FileId, path: &str) {
        if is_model_name(path) || self.model_paths.contains(path) {
            self.models.insert(file.0);
        }
        self.paths.insert(file.0, path.to_owned());
    }

    /// The file turned out to be a model, and so did all others of its name, those to come too.
    pub(super) fn is_model(&mut self, file: FileId) {
        let Some(path) = self.paths.get(&file.0) else { return };
        self.model_paths.insert(path.clone());
        let same = self.paths.iter().filter(|(_, other)| *other == path).map(|(file, _)| *file);
        self.models.extend(same.collect::<Vec<_>>());
    }

    pub(super) fn new_region(&mut self) -> RegionId {
        let region = RegionId(self.regions);
        self.regions = self.regions.saturating_add(1);
        region
    }

    /// Gives a descriptor to a new open; one of the same number must have been closed unseen.
    pub(super) fn open(&mut self, pid: u64, fd: i64, file: FileId, direct: bool, close_on_exec: bool) {
        self.close(pid, fd);
        self.descriptions.push(Description { file, position: 0, direct, count: 1 });
        let description = self.descriptions.len() - 1;
        self.process(pid).descriptors.insert(fd, Descriptor { description, close_on_exec });
    }

    /// One more descriptor for the same open.
    pub(super) fn dup(&mut self, pid: u64, from: i64, to: i64, close_on_exec: bool) {
        let Some(Descriptor { description, .. }) = self.process(pid).descriptors.get(&from).copied() else {
            return;
        };
        if from == to {
            return;
        }
        self.close(pid, to);
        self.descriptions[description].count += 1;
        self.process(pid).descriptors.insert(to, Descriptor { description, close_on_exec });
    }

    /// Closes a descriptor; the last one of an open is the file's close.
    pub(super) fn close(&mut self, pid: u64, fd: i64) {
        let Some(descriptor) = self.process(pid).descriptors.remove(&fd) else { return };
        let description = &mut self.descriptions[descriptor.description];
        description.count = description.count.saturating_sub(1);
        if description.count == 0 {
            let file = description.file;
            self.push(pid, Call::Close { file }, Outcome::Ok(0));
        }
    }

    /// The open behind a descriptor. Where `-y` names a file that the descriptor is not known to
    /// stand for, its open is not in the text: it is taken to be open now.
    pub(super) fn description(&mut self, pid: u64, fd: i64, path: Option<&str>) -> Option<usize> {
        let known = self.process(pid).descriptors.get(&fd).map(|d| d.description);
        let Some(path) = path else { return known };
        match known {
            Some(at) => {
                let file = self.descriptions[at].file;
                if !self.models.contains(&file.0) && is_model_name(path) {
                    self.named(file, path);
                }
                known
            }
            None if is_model_name(path) => {
                let file = self.new_file(path);
                self.open(pid, fd, file, false, false);
                self.process(pid).descriptors.get(&fd).map(|d| d.description)
            }
            None => None,
        }
    }

    /// The newest memory that holds an address: region, offset in it, whether a file lies there.
    pub(super) fn memory_at(&mut self, pid: u64, addr: u64) -> Option<(RegionId, u64, bool)> {
        let memory = &self.process(pid).memory;
        let found = memory.iter().rev().find(|m| addr >= m.start && addr - m.start < m.len)?;
        Some((found.region, addr - found.start, found.file))
    }

    /// The memory of an address, made known if it is not.
    pub(super) fn memory_or_new(&mut self, pid: u64, addr: u64, len: u64) -> (RegionId, u64, bool) {
        match self.memory_at(pid, addr) {
            Some(found) => found,
            None => {
                let region = self.new_region();
                self.process(pid).memory.push(Memory { region, start: addr, len, file: false });
                (region, 0, false)
            }
        }
    }
}

/// Whether a file's name says that it is a model.
fn is_model_name(path: &str) -> bool {
    let path = path.strip_suffix("(deleted)").unwrap_or(path).trim_end();
    [".gguf", ".ggml", ".safetensors"].iter().any(|extension| path.ends_with(extension))
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

/// The outcome of a call that gives no number that matters.
pub(super) fn plain(error: Option<Errno>) -> Outcome {
    error.map_or(Outcome::Ok(0), Outcome::Err)
}
