//! Another name for a file, in whatever way the system has for it.

use std::io;
use std::path::Path;

/// Makes `link` a symbolic link to `target`, a file or a folder.
///
/// # Errors
/// Where the file system or the user's rights do not allow it.
pub fn symlink(target: &Path, link: &Path) -> io::Result<()> {
    #[cfg(unix)]
    let made = std::os::unix::fs::symlink(target, link);
    #[cfg(windows)]
    let made = match target.is_dir() {
        true => std::os::windows::fs::symlink_dir(target, link),
        false => std::os::windows::fs::symlink_file(target, link),
    };
    made
}
