//! Windows error codes as errors of the seam.

use std::borrow::Cow;

use windows_sys::Win32::Foundation::{ERROR_INVALID_NAME, ERROR_INVALID_PARAMETER, GetLastError};

use crate::platform::{Errno, ErrorKind};
use crate::trace::errors::of_windows;

/// The error of a code of `winerror.h`.
pub(super) fn errno(code: u32) -> Errno {
    // Codes are small, and one with the high bit set keeps its bits.
    let code = code.cast_signed();
    let name = || Cow::Owned(format!("ERROR_CODE_{code}"));
    of_windows(code).unwrap_or_else(|| Errno { kind: ErrorKind::Other, code, name: name() })
}

/// The error of the call that this thread has just made.
pub(super) fn last() -> Errno {
    // SAFETY: the call reads a number of the calling thread.
    errno(unsafe { GetLastError() })
}

/// The error of a call that the standard library made.
pub(super) fn io_errno(error: &std::io::Error) -> Errno {
    // Without a code, the library refused a path that holds a NUL.
    errno(error.raw_os_error().map_or(ERROR_INVALID_NAME, i32::cast_unsigned))
}

/// A request that is wrong in itself.
pub(super) fn invalid() -> Errno {
    errno(ERROR_INVALID_PARAMETER)
}

/// A call's `BOOL` as a result.
pub(super) fn check(ok: windows_sys::core::BOOL) -> Result<(), Errno> {
    if ok == 0 { Err(last()) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use windows_sys::Win32::Foundation as header;

    use super::*;

    #[test]
    fn the_table_has_the_numbers_of_the_header() {
        for (name, code) in [
            ("ERROR_FILE_NOT_FOUND", header::ERROR_FILE_NOT_FOUND),
            ("ERROR_PATH_NOT_FOUND", header::ERROR_PATH_NOT_FOUND),
            ("ERROR_ACCESS_DENIED", header::ERROR_ACCESS_DENIED),
            ("ERROR_INVALID_HANDLE", header::ERROR_INVALID_HANDLE),
            ("ERROR_NOT_ENOUGH_MEMORY", header::ERROR_NOT_ENOUGH_MEMORY),
            ("ERROR_NOT_READY", header::ERROR_NOT_READY),
            ("ERROR_CRC", header::ERROR_CRC),
            ("ERROR_SECTOR_NOT_FOUND", header::ERROR_SECTOR_NOT_FOUND),
            ("ERROR_READ_FAULT", header::ERROR_READ_FAULT),
            ("ERROR_LOCK_VIOLATION", header::ERROR_LOCK_VIOLATION),
            ("ERROR_BAD_NETPATH", header::ERROR_BAD_NETPATH),
            ("ERROR_NETNAME_DELETED", header::ERROR_NETNAME_DELETED),
            ("ERROR_CALL_NOT_IMPLEMENTED", header::ERROR_CALL_NOT_IMPLEMENTED),
            ("ERROR_INVALID_NAME", header::ERROR_INVALID_NAME),
            ("ERROR_NOT_LOCKED", header::ERROR_NOT_LOCKED),
            ("ERROR_BAD_PATHNAME", header::ERROR_BAD_PATHNAME),
            ("ERROR_FILENAME_EXCED_RANGE", header::ERROR_FILENAME_EXCED_RANGE),
            ("ERROR_DIRECTORY_NOT_SUPPORTED", header::ERROR_DIRECTORY_NOT_SUPPORTED),
            ("ERROR_INVALID_ADDRESS", header::ERROR_INVALID_ADDRESS),
            ("ERROR_MAPPED_ALIGNMENT", header::ERROR_MAPPED_ALIGNMENT),
            ("ERROR_PRIVILEGE_NOT_HELD", header::ERROR_PRIVILEGE_NOT_HELD),
            ("ERROR_NO_SYSTEM_RESOURCES", header::ERROR_NO_SYSTEM_RESOURCES),
            ("ERROR_WORKING_SET_QUOTA", header::ERROR_WORKING_SET_QUOTA),
            ("ERROR_PAGEFILE_QUOTA", header::ERROR_PAGEFILE_QUOTA),
        ] {
            assert_eq!(errno(code).name, name, "{code}");
        }
    }

    #[test]
    fn an_unknown_code_keeps_its_number() {
        assert_eq!(errno(4_294_967_295).code, -1);
        assert_eq!(errno(11_999).to_string(), "ERROR_CODE_11999 (11999)");
        assert_eq!(errno(11_999).kind, ErrorKind::Other);
    }
}
