//! An open simulated file.

use std::sync::Arc;

use super::content::MAX_OFFSET;
use super::process::Process;
use super::region::SimMapping;
use super::{SimDirect, SimFile};
use crate::platform::{
    Advice, Alignment, ErrorKind, File, FileIdentity, MapHint, MapRequest, Mapping, Result,
};

pub(super) struct OpenFile {
    process: Arc<Process>,
    inode: u64,
    content: Arc<SimFile>,
    direct: bool,
}

impl OpenFile {
    pub(super) fn new(process: &Arc<Process>, (inode, content): (u64, Arc<SimFile>), direct: bool) -> Self {
        process.count(|census| census.open_files += 1);
        Self { process: Arc::clone(process), inode, content, direct }
    }

    /// Refuses what a direct read may not ask for; returns how much of it one read serves.
    fn admit(&self, offset: u64, dst: &[u8]) -> Result<usize> {
        let longest = self.process.profile.max_read.map_or(dst.len(), |max| max.min(dst.len()));
        match &self.process.profile.direct {
            SimDirect::RefusedAtRead(errno) if self.direct => Err(errno.clone()),
            SimDirect::Enforced { memory, offset: grain } if self.direct => {
                let address = dst.as_ptr().addr() as u64;
                let len = dst.len() as u64;
                let aligned = address.is_multiple_of(*memory)
                    && offset.is_multiple_of(*grain)
                    && len.is_multiple_of(*grain);
                if !aligned {
                    return self.process.refuse(ErrorKind::Invalid);
                }
                // The grain divides `len`, so at least one grain is there to be read.
                let cut = (longest as u64 / grain * grain).max(*grain);
                Ok(usize::try_from(cut).unwrap_or(longest))
            }
            _ => Ok(longest),
        }
    }
}

impl File for OpenFile {
    fn size(&self) -> Result<u64> {
        Ok(self.content.size())
    }

    fn identity(&self) -> Result<FileIdentity> {
        Ok(FileIdentity { device: 0, inode: self.inode, size: self.content.size() })
    }

    fn alignment(&self) -> Result<Alignment> {
        match self.process.profile.direct {
            SimDirect::Enforced { memory, offset } => Ok(Alignment { memory, offset, enforced: true }),
            SimDirect::AcceptedUnenforced => Ok(Alignment { memory: 1, offset: 1, enforced: false }),
            SimDirect::RefusedAtOpen(_) => self.process.refuse(ErrorKind::Unsupported),
            SimDirect::RefusedAtRead(_) => {
                let page = self.process.profile.page_size;
                Ok(Alignment { memory: page, offset: page, enforced: true })
            }
        }
    }

    fn map_hint(&self) -> Result<MapHint> {
        Ok(self.process.profile.map_hint.clone())
    }

    fn read_at(&self, offset: u64, dst: &mut [u8]) -> Result<usize> {
        if offset > MAX_OFFSET {
            return self.process.refuse(ErrorKind::Invalid);
        }
        // A kernel answers a request for nothing before it looks at anything else.
        if dst.is_empty() {
            return Ok(0);
        }
        self.process.start_read()?;
        let len = self.admit(offset, dst)?;
        Ok(self.content.read(offset, &mut dst[..len]))
    }

    fn advise(&self, offset: u64, len: u64, _: Advice) -> Result<()> {
        if !self.process.profile.file_advice {
            return self.process.refuse(ErrorKind::Unsupported);
        }
        if offset > MAX_OFFSET || len > MAX_OFFSET {
            return self.process.refuse(ErrorKind::Invalid);
        }
        Ok(())
    }

    fn map(&self, request: MapRequest) -> Result<Box<dyn Mapping>> {
        if !request.offset.is_multiple_of(self.process.profile.allocation_granularity) {
            let invalid = self.process.profile.os.errno(ErrorKind::Invalid);
            let windows = self.process.profile.os == super::OsFamily::Windows;
            let particular = || self.process.named("ERROR_MAPPED_ALIGNMENT", ErrorKind::Invalid);
            return Err(if windows { particular() } else { invalid });
        }
        let end = request.offset.checked_add(request.len);
        if request.len == 0 || end.is_none_or(|end| end > self.content.size()) {
            return self.process.refuse(ErrorKind::Invalid);
        }
        Ok(Box::new(SimMapping::new(&self.process, &self.content, request)?))
    }
}

impl Drop for OpenFile {
    fn drop(&mut self) {
        self.process.count(|census| census.open_files -= 1);
    }
}
