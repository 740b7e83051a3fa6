//! Files that are replaced by others of the same name.

use std::fs::{File, Metadata};
use std::io;

/// Gives a file that is to replace another the owner of that one. Elsewhere than on Unix it has the
/// owner of the folder, as every new file there.
///
/// # Errors
///
/// Where the owner cannot be given, and where the other file has more names (hard links), which would
/// keep the old text.
#[cfg(unix)]
pub fn keep_owner(before: &Metadata, file: &File) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt, fchown};
    if before.nlink() > 1 {
        return Err(io::Error::other("it has other names (hard links), which would keep the old text"));
    }
    let new = file.metadata()?;
    if (new.uid(), new.gid()) == (before.uid(), before.gid()) {
        return Ok(());
    }
    fchown(file, Some(before.uid()), Some(before.gid()))
        .map_err(|error| io::Error::new(error.kind(), format!("its owner cannot be kept: {error}")))
}

/// The same where files have no such owner.
///
/// # Errors
///
/// None.
#[cfg(not(unix))]
pub fn keep_owner(_: &Metadata, _: &File) -> io::Result<()> {
    Ok(())
}
