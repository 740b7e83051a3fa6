//! An open file: its size, positioned reads and mappings.

use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use nix::errno::Errno as Raw;
use nix::fcntl::OFlag;
use nix::sys::stat::{FileStat, Mode, SFlag};

use super::{UnixMapping, errno, invalid};
use crate::platform::{FileIdentity, MapRequest, Residency, Result};

/// A descriptor that is closed on drop.
pub(in crate::platform) struct OpenFile {
    fd: OwnedFd,
    identity: FileIdentity,
    page_size: u64,
}

impl OpenFile {
    /// Opens a file that can be read.
    #[allow(clippy::unnecessary_cast, reason = "the types of a stat differ between systems")]
    pub(in crate::platform) fn open(path: &Path, flags: OFlag, page_size: u64) -> Result<Self> {
        let fd = nix::fcntl::open(path, flags, Mode::empty()).map_err(errno)?;
        let stat = nix::sys::stat::fstat(&fd).map_err(errno)?;
        // Opening a directory succeeds and only reading it fails: refuse where the cause is plain.
        if SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT == SFlag::S_IFDIR {
            return Err(errno(Raw::EISDIR));
        }
        // Their types differ between systems, their bits do not.
        let identity =
            FileIdentity { device: stat.st_dev as u64, inode: stat.st_ino as u64, size: size_in(&stat)? };
        Ok(Self { fd, identity, page_size })
    }

    /// The descriptor.
    pub(in crate::platform) fn fd(&self) -> &OwnedFd {
        &self.fd
    }

    /// The file's size in bytes when it was opened.
    pub(in crate::platform) fn size(&self) -> u64 {
        self.identity.size
    }

    /// What tells the file from others, as it was when it was opened.
    pub(in crate::platform) fn identity(&self) -> FileIdentity {
        self.identity
    }

    /// One `pread`.
    pub(in crate::platform) fn read_at(&self, offset: u64, dst: &mut [u8]) -> Result<usize> {
        let offset = i64::try_from(offset).map_err(|_| invalid())?;
        nix::sys::uio::pread(&self.fd, dst, offset).map_err(errno)
    }

    /// Maps a range, shared and read-only. The size is asked for anew: a page beyond the end of a
    /// file that has shrunk since would end the process when it is touched.
    pub(in crate::platform) fn map(&self, request: MapRequest) -> Result<UnixMapping> {
        let end = request.offset.checked_add(request.len).ok_or_else(invalid)?;
        if request.len == 0 || !request.offset.is_multiple_of(self.page_size) {
            return Err(invalid());
        }
        let stat = nix::sys::stat::fstat(&self.fd).map_err(errno)?;
        if end > size_in(&stat)? {
            return Err(invalid());
        }
        UnixMapping::of(self.fd.as_fd(), request, self.page_size)
    }

    /// What the page cache holds of the file: `mincore` over a mapping that nobody touches.
    pub(in crate::platform) fn cached(&self) -> Result<Residency> {
        let len = self.size();
        if len == 0 {
            return Ok(Residency::default());
        }
        self.map(MapRequest { offset: 0, len, populate: false })?.in_memory()
    }
}

fn size_in(stat: &FileStat) -> Result<u64> {
    u64::try_from(stat.st_size).map_err(|_| invalid())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_has_shrunk_since_it_was_opened_is_not_mapped_beyond_its_end() {
        let file = tempfile::NamedTempFile::new().unwrap();
        file.as_file().set_len(3 << 16).unwrap();
        let open = OpenFile::open(file.path(), OFlag::O_RDONLY, 1 << 16).unwrap();
        let whole = MapRequest { offset: 0, len: 3 << 16, populate: false };
        assert!(open.map(whole).is_ok());
        file.as_file().set_len(1 << 16).unwrap();
        assert_eq!(open.size(), 3 << 16);
        assert!(open.map(whole).is_err());
        assert!(open.map(MapRequest { len: 1 << 16, ..whole }).is_ok());
    }
}
