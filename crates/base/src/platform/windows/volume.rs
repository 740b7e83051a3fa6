//! What a file's volume and device say: sector size, memory alignment, kind of file system.

use std::ffi::c_void;
use std::os::windows::io::{AsRawHandle, BorrowedHandle};
use std::ptr;

use windows_sys::Win32::Storage::FileSystem::{
    FILE_ALIGNMENT_INFO, FILE_INFO_BY_HANDLE_CLASS, FILE_NAME_NORMALIZED, FILE_REMOTE_PROTOCOL_INFO,
    FILE_STORAGE_INFO, FileAlignmentInfo, FileRemoteProtocolInfo, FileStorageInfo, GetDiskFreeSpaceW,
    GetDriveTypeW, GetFileInformationByHandleEx, GetFinalPathNameByHandleW, GetVolumeInformationByHandleW,
    GetVolumePathNameW, VOLUME_NAME_DOS,
};
use windows_sys::Win32::System::WindowsProgramming::DRIVE_REMOTE;

use super::error::{check, invalid, last};
use crate::platform::{MapHint, Result};

/// The longest path that Windows knows, in UTF-16 units, and its NUL.
const LONGEST_PATH: u32 = 32_768;

/// Asks for one of the plain structures that a file is described by.
///
/// # Safety
/// `T` has to be the structure that belongs to `class`, and any bytes have to be a value of it.
unsafe fn described<T: Default>(file: BorrowedHandle<'_>, class: FILE_INFO_BY_HANDLE_CLASS) -> Result<T> {
    let mut info = T::default();
    let place: *mut c_void = (&raw mut info).cast();
    // SAFETY: the handle is open, and the call writes at most the given length, which is that of
    // the structure at the given address; that any bytes make a value of it is the caller's promise.
    check(unsafe {
        GetFileInformationByHandleEx(file.as_raw_handle(), class, place, size_of::<T>() as u32)
    })?;
    Ok(info)
}

/// What the device wants memory to be a multiple of, in bytes; `None` where nobody says.
pub(super) fn memory_alignment(file: BorrowedHandle<'_>) -> Option<u64> {
    // SAFETY: the structure belongs to the class and is made of integers.
    let info: FILE_ALIGNMENT_INFO = unsafe { described(file, FileAlignmentInfo) }.ok()?;
    // The driver's model has a mask here: 0 for any byte, 1 for words, 511 for 512 bytes.
    let align = u64::from(info.AlignmentRequirement) + 1;
    align.is_power_of_two().then_some(align)
}

/// The sector in which unbuffered files are read, in bytes: the device's logical one where it is
/// told for the file, else the volume's.
pub(super) fn sector_size(file: BorrowedHandle<'_>) -> Result<u64> {
    // SAFETY: the structure belongs to the class and is made of integers.
    let told: Result<FILE_STORAGE_INFO> = unsafe { described(file, FileStorageInfo) };
    let sector = match told {
        Ok(info) if info.LogicalBytesPerSector.is_power_of_two() => info.LogicalBytesPerSector,
        _ => volume_sector_size(&volume_root(file)?)?,
    };
    if sector.is_power_of_two() { Ok(u64::from(sector)) } else { Err(invalid()) }
}

fn volume_sector_size(root: &[u16]) -> Result<u32> {
    let (mut sectors, mut bytes, mut free, mut all) = (0, 0, 0, 0);
    // SAFETY: the root ends with a NUL, and the call writes one u32 to each of the four addresses.
    check(unsafe {
        GetDiskFreeSpaceW(root.as_ptr(), &raw mut sectors, &raw mut bytes, &raw mut free, &raw mut all)
    })?;
    Ok(bytes)
}

/// The root of the file's volume, with its backslash and a NUL.
fn volume_root(file: BorrowedHandle<'_>) -> Result<Vec<u16>> {
    let mut path = vec![0u16; LONGEST_PATH as usize];
    let form = FILE_NAME_NORMALIZED | VOLUME_NAME_DOS;
    // SAFETY: the handle is open, and the call writes at most the given number of units.
    let len =
        unsafe { GetFinalPathNameByHandleW(file.as_raw_handle(), path.as_mut_ptr(), LONGEST_PATH, form) };
    if len == 0 || len >= LONGEST_PATH {
        return Err(last());
    }
    let mut root = vec![0u16; LONGEST_PATH as usize];
    // SAFETY: the path was ended with a NUL by the call above, and this one writes at most the
    // given number of units.
    check(unsafe { GetVolumePathNameW(path.as_ptr(), root.as_mut_ptr(), LONGEST_PATH) })?;
    Ok(root)
}

/// Maps on a remote volume fault over the network; what is local maps well.
pub(super) fn map_hint(file: BorrowedHandle<'_>) -> MapHint {
    let name = file_system(file).unwrap_or_else(|| "file system without a name".to_owned());
    if is_remote(file) {
        return MapHint { good: false, reason: format!("{name}: page faults go over the network") };
    }
    MapHint { good: true, reason: name }
}

fn is_remote(file: BorrowedHandle<'_>) -> bool {
    // SAFETY: the structure belongs to the class and is made of integers.
    let protocol: Result<FILE_REMOTE_PROTOCOL_INFO> = unsafe { described(file, FileRemoteProtocolInfo) };
    // A local file has no such description: the call is an error for it.
    protocol.is_ok_and(|protocol| protocol.Protocol != 0)
        // SAFETY: the root ends with a NUL.
        || volume_root(file).is_ok_and(|root| unsafe { GetDriveTypeW(root.as_ptr()) } == DRIVE_REMOTE)
}

/// The name of the file system, such as `NTFS`.
fn file_system(file: BorrowedHandle<'_>) -> Option<String> {
    // MAX_PATH units and a NUL are the documented most.
    let mut name = [0u16; 261];
    let none = ptr::null_mut();
    // SAFETY: the handle is open, the call writes at most the given number of units, and what is
    // not wanted may be null.
    let told = check(unsafe {
        GetVolumeInformationByHandleW(
            file.as_raw_handle(),
            none,
            0,
            ptr::null_mut(),
            ptr::null_mut(),
            ptr::null_mut(),
            name.as_mut_ptr(),
            name.len() as u32,
        )
    });
    let len = name.iter().position(|&unit| unit == 0)?;
    (told.is_ok() && len > 0).then(|| String::from_utf16_lossy(&name[..len]))
}
