//! Open files: size, alignment, positioned reads, mapping.

use std::os::windows::io::{AsHandle, AsRawHandle, BorrowedHandle};

use windows_sys::Win32::Foundation::{ERROR_HANDLE_EOF, ERROR_NOT_SUPPORTED};
use windows_sys::Win32::Storage::FileSystem::{
    BY_HANDLE_FILE_INFORMATION, GetFileInformationByHandle, GetFileSizeEx, ReadFile,
};
use windows_sys::Win32::System::IO::{OVERLAPPED, OVERLAPPED_0, OVERLAPPED_0_0};

use super::Grains;
use super::error::{check, errno, invalid};
use super::mapping::WindowsMapping;
use super::volume;
use crate::platform::{
    Advice, Alignment, ErrorKind, File, FileIdentity, MapHint, MapRequest, Mapping, Result,
};

/// The most that one call asks for: below every limit of a driver, and a multiple of every sector,
/// so that a direct read that was cut here stays aligned.
const LARGEST_READ: usize = 64 << 20;

/// A file that is open for reading, on a synchronous handle.
pub(super) struct WindowsFile {
    file: std::fs::File,
    direct: bool,
    grains: Grains,
}

impl WindowsFile {
    pub(super) fn new(file: std::fs::File, direct: bool, grains: Grains) -> Self {
        Self { file, direct, grains }
    }

    fn handle(&self) -> BorrowedHandle<'_> {
        self.file.as_handle()
    }

    /// Whether the kernel refuses what an unbuffered file may not be asked for. The check comes
    /// before the file's end is looked at, so that one byte at offset 1 will do for any file.
    fn enforces_alignment(&self) -> Result<bool> {
        match self.read_at(1, &mut [0]) {
            Ok(_) => Ok(false),
            Err(refused) if refused.kind == ErrorKind::Invalid => Ok(true),
            Err(refused) => Err(refused),
        }
    }
}

impl File for WindowsFile {
    fn size(&self) -> Result<u64> {
        let mut size = 0;
        // SAFETY: the handle is open, and the call writes one i64 to the address of one.
        check(unsafe { GetFileSizeEx(self.file.as_raw_handle(), &raw mut size) })?;
        u64::try_from(size).map_err(|_| invalid())
    }

    fn identity(&self) -> Result<FileIdentity> {
        let mut told = BY_HANDLE_FILE_INFORMATION::default();
        // SAFETY: the handle is open, and the call writes one structure to the address of one.
        check(unsafe { GetFileInformationByHandle(self.file.as_raw_handle(), &raw mut told) })?;
        let whole = |high: u32, low: u32| u64::from(high) << 32 | u64::from(low);
        Ok(FileIdentity {
            device: u64::from(told.dwVolumeSerialNumber),
            inode: whole(told.nFileIndexHigh, told.nFileIndexLow),
            size: whole(told.nFileSizeHigh, told.nFileSizeLow),
        })
    }

    fn alignment(&self) -> Result<Alignment> {
        if !self.direct {
            return Ok(Alignment { memory: 1, offset: 1, enforced: false });
        }
        let sector = volume::sector_size(self.handle())?;
        // Where the device does not say what it wants, a whole sector satisfies every device.
        let memory = volume::memory_alignment(self.handle()).unwrap_or(sector);
        Ok(Alignment { memory, offset: sector, enforced: self.enforces_alignment()? })
    }

    fn map_hint(&self) -> Result<MapHint> {
        Ok(volume::map_hint(self.handle()))
    }

    fn read_at(&self, offset: u64, dst: &mut [u8]) -> Result<usize> {
        // Beyond i64 lie offsets with meanings of their own, such as the file pointer.
        let offset = i64::try_from(offset).map_err(|_| invalid())?.cast_unsigned();
        let len = dst.len().min(LARGEST_READ) as u32;
        let place = OVERLAPPED_0_0 { Offset: offset as u32, OffsetHigh: (offset >> 32) as u32 };
        let mut overlapped =
            OVERLAPPED { Anonymous: OVERLAPPED_0 { Anonymous: place }, ..OVERLAPPED::default() };
        let mut arrived = 0;
        // SAFETY: the handle is open and synchronous, so the call is over when it returns; it writes
        // at most `len` bytes to `dst`, which is at least as long, and one u32 to `arrived`.
        let read = check(unsafe {
            ReadFile(self.file.as_raw_handle(), dst.as_mut_ptr(), len, &raw mut arrived, &raw mut overlapped)
        });
        match read {
            Ok(()) => Ok(arrived as usize),
            Err(end) if end.code == ERROR_HANDLE_EOF as i32 => Ok(0),
            Err(refused) => Err(refused),
        }
    }

    fn advise(&self, _offset: u64, _len: u64, _advice: Advice) -> Result<()> {
        Err(errno(ERROR_NOT_SUPPORTED))
    }

    fn map(&self, request: MapRequest) -> Result<Box<dyn Mapping>> {
        let mapping = WindowsMapping::new(self.handle(), self.size()?, request, self.grains)?;
        Ok(Box::new(mapping))
    }
}
