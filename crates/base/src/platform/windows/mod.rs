//! The Windows backend: `windows-sys` for the calls that the standard library does not make.
//!
//! What Windows does otherwise than Unix, and what this backend makes of it:
//!
//! - A mapping starts at a multiple of 64 KiB and is unmapped as a whole.
//! - A lock is bounded by the process's minimum working set, which the process may raise itself:
//!   [`lock`] does so once when a lock meets the bound.
//! - Files take no advice, and mappings only that they will be needed.
//! - Reads on one handle take turns in the kernel, because the handle is a synchronous one. Readers
//!   in parallel lose speed by it and nothing else.

mod buffer;
mod error;
mod file;
mod lock;
mod mapping;
mod residency;
mod volume;

use std::fs::OpenOptions;
use std::os::windows::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;

use windows_sys::Win32::Foundation::{ERROR_ACCESS_DENIED, ERROR_DIRECTORY_NOT_SUPPORTED};
use windows_sys::Win32::Storage::FileSystem::{FILE_ATTRIBUTE_NORMAL, FILE_FLAG_NO_BUFFERING};
use windows_sys::Win32::System::Memory::FILE_MAP_READ;
use windows_sys::Win32::System::SystemInformation::{GetSystemInfo, SYSTEM_INFO};

use super::{Buffer, File, Limits, LockAdvice, Lockable, NativeFlags, Platform, Result};
use buffer::WindowsBuffer;
use error::{errno, io_errno};
use file::WindowsFile;

/// The running Windows system.
pub struct Windows {
    grains: Grains,
}

/// The grains of memory, in bytes.
#[derive(Clone, Copy)]
struct Grains {
    page: usize,
    /// Of the offset and of the address of a mapping.
    allocation: usize,
}

impl Windows {
    /// Asks for page size and allocation granularity once.
    pub fn new() -> Self {
        let mut info = SYSTEM_INFO::default();
        // SAFETY: the call fills in one SYSTEM_INFO at the address of one.
        unsafe { GetSystemInfo(&raw mut info) };
        Self {
            grains: Grains {
                page: info.dwPageSize as usize,
                allocation: info.dwAllocationGranularity as usize,
            },
        }
    }
}

impl Default for Windows {
    fn default() -> Self {
        Self::new()
    }
}

/// The flags of a request to open; [`Windows::open`] and the record both come from here.
fn open_attributes(direct: bool) -> u32 {
    FILE_ATTRIBUTE_NORMAL | if direct { FILE_FLAG_NO_BUFFERING } else { 0 }
}

impl Platform for Windows {
    fn name(&self) -> &'static str {
        "windows"
    }

    /// What may be locked is the minimum working set as it is now: a lock beyond it raises it.
    fn limits(&self) -> Limits {
        let lockable = lock::working_set().map_or(Lockable::Unlimited, |set| Lockable::Bytes(set.min as u64));
        Limits {
            page_size: self.grains.page as u64,
            allocation_granularity: self.grains.allocation as u64,
            lockable,
        }
    }

    fn lock_advice(&self) -> LockAdvice {
        "a process may lock what fits its minimum working set, which was to be raised and could not be: \
         free physical memory, give the account the right \"Increase a process working set\" \
         (SeIncreaseWorkingSetPrivilege), and lift the working-set limit of the job or container that this \
         runs in. \"Lock pages in memory\" is another right, for large pages, and does not help"
    }

    /// The standard library takes the wide path, in its `\\?\` form where it is longer than
    /// `MAX_PATH`, and lets others read, write and delete the file meanwhile, as Unix does.
    fn open(&self, path: &Path, direct: bool) -> Result<Arc<dyn File>> {
        let opened = OpenOptions::new().read(true).custom_flags(open_attributes(direct)).open(path);
        let file = opened.map_err(|error| {
            let refused = io_errno(&error);
            // A directory is refused as if a right were missing: say what it is.
            if refused.code == ERROR_ACCESS_DENIED as i32 && path.is_dir() {
                return errno(ERROR_DIRECTORY_NOT_SUPPORTED);
            }
            refused
        })?;
        Ok(Arc::new(WindowsFile::new(file, direct, self.grains)))
    }

    fn open_flags(&self, direct: bool) -> NativeFlags {
        let mut names = vec!["FILE_ATTRIBUTE_NORMAL"];
        if direct {
            names.push("FILE_FLAG_NO_BUFFERING");
        }
        NativeFlags::new(names, u64::from(open_attributes(direct)))
    }

    /// There is no flag to bring the pages in, so `populate` shows in none.
    fn map_flags(&self, _populate: bool) -> NativeFlags {
        NativeFlags::new(["FILE_MAP_READ"], u64::from(FILE_MAP_READ))
    }

    fn alloc(&self, len: usize, align: usize) -> Result<Box<dyn Buffer>> {
        Ok(Box::new(WindowsBuffer::new(len, align, self.grains.allocation)?))
    }
}
