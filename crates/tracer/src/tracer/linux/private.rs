//! Faults that alter the model's file itself, on private copies of it.
//!
//! A mapping is no call that could be made to fail: what goes wrong there goes wrong with the file. A file of
//! another identity than those of the copies is never touched, whatever its name.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use super::entry::descriptor;
use super::watch::{Pending, Thread, Watcher};
use crate::platform::{Corruption, Fault};
use crate::tracer::Private;

/// The files that may be altered, each with the device and inode of the copy and of what may take its name.
#[derive(Default)]
pub(super) struct PrivateFiles(Vec<(Private, Vec<(u64, u64)>)>);

impl PrivateFiles {
    pub(super) fn new(files: &[Private]) -> Self {
        let identity = |path: &PathBuf| fs::metadata(path).ok().map(|meta| (meta.dev(), meta.ino()));
        let of = |file: &Private| {
            let identities = [Some(&file.path), file.replacement.as_ref()].into_iter().flatten();
            (file.clone(), identities.filter_map(identity).collect())
        };
        Self(files.iter().map(of).collect())
    }

    /// The copy that a file with this metadata is, or has taken the name of.
    fn of(&self, meta: &fs::Metadata) -> Option<&Private> {
        let known =
            |(_, identities): &&(Private, Vec<(u64, u64)>)| identities.contains(&(meta.dev(), meta.ino()));
        self.0.iter().find(known).map(|(file, _)| file)
    }
}

impl Watcher {
    /// Before an open: another file takes the name of the model, if that is what the fault asks for.
    pub(super) fn replace(&mut self, model: Option<usize>, fault: usize) {
        if self.faults.fault(fault) != Some(Fault::Replaced) {
            return;
        }
        let file = model.and_then(|model| self.models.file(model));
        let private = file.and_then(|file| self.private.of(&file.metadata().ok()?));
        let Some(Private { path, replacement: Some(other) }) = private else { return };
        // What has taken the name already cannot take it again.
        if fs::rename(other, path).is_ok() {
            self.faults.fire(fault);
        }
    }

    /// The end of a call that maps a model: the file is cut, or the byte that is another one is in the mapping.
    pub(super) fn mapped(&mut self, thread: &Thread, pending: &Pending, result: i64, faults: &[usize]) {
        if (-4095..0).contains(&result) {
            return;
        }
        let (offset, len) = (pending.args[5], pending.args[1]);
        for &fault in faults {
            let fired = match self.faults.fault(fault) {
                Some(Fault::Truncate(size)) => self.cut(thread, descriptor(pending.args[4]), size),
                Some(Fault::Corrupt(Corruption::At { offset: at, .. })) => {
                    (offset..offset.saturating_add(len)).contains(&at)
                }
                _ => false,
            };
            if fired {
                self.faults.fire(fault);
            }
        }
    }

    /// Cuts the file behind a descriptor to a size; whether that made it shorter.
    fn cut(&self, thread: &Thread, fd: i32, size: u64) -> bool {
        let opened = OpenOptions::new().write(true).open(format!("/proc/{}/fd/{fd}", thread.tid));
        let Ok(file) = opened else { return false };
        let Ok(meta) = file.metadata() else { return false };
        self.private.of(&meta).is_some() && size < meta.len() && file.set_len(size).is_ok()
    }
}
