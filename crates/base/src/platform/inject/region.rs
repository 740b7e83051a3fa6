//! Mappings and buffers whose calls may go wrong. Their bytes never do: memory is the wrapped
//! platform's own.

use std::ops::Range;
use std::sync::Arc;

use super::schedule::Schedule;
use crate::platform::{Advice, Buffer, Mapping, Residency, Result};

pub(super) struct InjectedMapping {
    inner: Box<dyn Mapping>,
    schedule: Arc<Schedule>,
    /// The number of its file.
    file: u32,
}

impl InjectedMapping {
    pub(super) fn new(inner: Box<dyn Mapping>, schedule: Arc<Schedule>, file: u32) -> Self {
        Self { inner, schedule, file }
    }
}

impl Mapping for InjectedMapping {
    fn len(&self) -> usize {
        self.inner.len()
    }

    fn address(&self) -> u64 {
        self.inner.address()
    }

    fn bytes(&self, range: Range<usize>) -> &[u8] {
        self.inner.bytes(range)
    }

    fn advise(&self, range: Range<usize>, advice: Advice) -> Result<()> {
        self.schedule.guard("advise.map", Some(self.file), || self.inner.advise(range, advice))
    }

    fn lock(&self, range: Range<usize>) -> Result<()> {
        self.schedule.guard("lock.map", Some(self.file), || self.inner.lock(range))
    }

    fn unlock(&self, range: Range<usize>) -> Result<()> {
        self.schedule.guard("unlock.map", Some(self.file), || self.inner.unlock(range))
    }

    fn unmap(&mut self, range: Range<usize>) -> Result<()> {
        self.schedule.guard("unmap", Some(self.file), || self.inner.unmap(range))
    }

    fn residency(&self, range: Range<usize>) -> Result<Residency> {
        self.inner.residency(range)
    }
}

pub(super) struct InjectedBuffer {
    inner: Box<dyn Buffer>,
    schedule: Arc<Schedule>,
}

impl InjectedBuffer {
    pub(super) fn new(inner: Box<dyn Buffer>, schedule: Arc<Schedule>) -> Self {
        Self { inner, schedule }
    }
}

impl Buffer for InjectedBuffer {
    fn address(&self) -> u64 {
        self.inner.address()
    }

    fn bytes(&self) -> &[u8] {
        self.inner.bytes()
    }

    fn bytes_mut(&mut self) -> &mut [u8] {
        self.inner.bytes_mut()
    }

    fn lock(&self) -> Result<()> {
        self.schedule.guard("lock.buffer", None, || self.inner.lock())
    }

    fn unlock(&self) -> Result<()> {
        self.schedule.guard("unlock.buffer", None, || self.inner.unlock())
    }

    fn residency(&self) -> Result<Residency> {
        self.inner.residency()
    }
}
