//! What a user names as an input.

use std::path::Path;

/// Refuses what is no regular file: a pipe would keep its reader waiting for a writer. Whether there is a file at
/// all, and no folder, is for whoever opens it to say.
///
/// # Errors
/// What is wrong, without the name.
pub(super) fn regular(path: &Path) -> Result<(), String> {
    match std::fs::metadata(path) {
        Ok(metadata) if !metadata.is_file() && !metadata.is_dir() => {
            Err("this is no regular file but a pipe, a socket or a device".to_owned())
        }
        _ => Ok(()),
    }
}
