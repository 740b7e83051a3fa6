//! The same model behind a longer header: every tensor has the same bytes at another place of the file.
//!
//! A program that takes the header of one file and the data of the other reads every tensor from a wrong place; one
//! that takes both from one file comes to the same, whichever it is.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use crate::gguf::SeekSource;
use crate::layout::{Choice, FileLayout, Kind};

/// By how many bytes a header is longer: whole pages of 4 KiB, and a multiple of every usual alignment.
const MORE: usize = 4096;

/// Writes it; whether the format has a place for that many bytes in its header, as its own reader confirms.
///
/// # Errors
/// Where a file cannot be read or written.
pub(super) fn write(kind: Kind, from: &Path, to: &Path) -> io::Result<bool> {
    let bytes = fs::read(from)?;
    let longer = match kind {
        Kind::Gguf => gguf(&bytes),
        Kind::Safetensors => safetensors(&bytes),
        Kind::Npy => npy(&bytes),
        Kind::Zip | Kind::Onnx | Kind::Opaque => None,
    };
    let Some(longer) = longer else { return Ok(false) };
    fs::write(to, longer)?;
    File::open(to)?.sync_all()?;
    let moved = match (layout(from), layout(to)) {
        (Some(old), Some(new)) => {
            let starts = |layout: &FileLayout| {
                layout.tensors.iter().map(|tensor| tensor.range.start).collect::<Vec<_>>()
            };
            let moved: Vec<u64> = starts(&old).into_iter().map(|start| start + MORE as u64).collect();
            !moved.is_empty() && starts(&new) == moved
        }
        _ => false,
    };
    if !moved {
        fs::remove_file(to)?;
    }
    Ok(moved)
}

fn layout(path: &Path) -> Option<FileLayout> {
    FileLayout::read(&SeekSource::new(&File::open(path).ok()?).ok()?, path, Choice::Auto).ok()
}

/// The bytes with `inserted` at a place.
fn with(bytes: &[u8], at: usize, inserted: &[u8]) -> Option<Vec<u8>> {
    let (head, tail) = bytes.split_at_checked(at)?;
    Some([head, inserted, tail].concat())
}

/// One key more at the front: a string as long as is wanted. Versions 2 and 3 of the format, little-endian.
fn gguf(bytes: &[u8]) -> Option<Vec<u8>> {
    const KEY: &[u8] = b"loadparity.longer_header";
    /// `GGUF_TYPE_STRING`.
    const STRING: u32 = 8;
    /// Behind magic, version, and the counts of tensors and keys.
    const FIRST: usize = 24;
    let version = u32::from_le_bytes(bytes.get(4..8)?.try_into().ok()?);
    if !matches!(version, 2 | 3) {
        return None;
    }
    let keys = u64::from_le_bytes(bytes.get(16..FIRST)?.try_into().ok()?).checked_add(1)?;
    let text = MORE - 8 - KEY.len() - 4 - 8;
    let mut entry = (KEY.len() as u64).to_le_bytes().to_vec();
    entry.extend_from_slice(KEY);
    entry.extend_from_slice(&STRING.to_le_bytes());
    entry.extend_from_slice(&(text as u64).to_le_bytes());
    entry.resize(MORE, b'-');
    let mut longer = with(bytes, FIRST, &entry)?;
    longer.get_mut(16..FIRST)?.copy_from_slice(&keys.to_le_bytes());
    Some(longer)
}

/// Spaces behind the JSON, which the format has for alignment.
fn safetensors(bytes: &[u8]) -> Option<Vec<u8>> {
    let header = u64::from_le_bytes(bytes.get(..8)?.try_into().ok()?);
    let end = usize::try_from(header).ok()?.checked_add(8)?;
    let mut longer = with(bytes, end, &[b' '; MORE])?;
    longer.get_mut(..8)?.copy_from_slice(&(header + MORE as u64).to_le_bytes());
    Some(longer)
}

/// Spaces before the newline that ends the header. Version 1, whose length has two bytes.
fn npy(bytes: &[u8]) -> Option<Vec<u8>> {
    let header = u16::from_le_bytes(bytes.get(8..10)?.try_into().ok()?);
    let end = usize::from(header).checked_add(10)?;
    if bytes.get(6) != Some(&1) || bytes.get(end.checked_sub(1)?) != Some(&b'\n') {
        return None;
    }
    let mut longer = with(bytes, end - 1, &[b' '; MORE])?;
    longer.get_mut(8..10)?.copy_from_slice(&header.checked_add(u16::try_from(MORE).ok()?)?.to_le_bytes());
    Some(longer)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The same tensors at places that are `MORE` bytes further on, with the same bytes.
    fn is_moved(kind: Kind, name: &str, bytes: &[u8]) {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join(name), folder.path().join(format!("longer-{name}")));
        fs::write(&from, bytes).unwrap();
        assert!(write(kind, &from, &to).unwrap(), "{name}");
        let (old, new, longer) = (layout(&from).unwrap(), layout(&to).unwrap(), fs::read(&to).unwrap());
        let at = |range: &std::ops::Range<u64>| range.start as usize..range.end as usize;
        assert!(!old.tensors.is_empty());
        for (was, is) in old.tensors.iter().zip(&new.tensors) {
            assert_eq!((&was.name, was.range.start + MORE as u64), (&is.name, is.range.start));
            assert!(bytes[at(&was.range)] == longer[at(&is.range)], "{}", was.name);
        }
    }

    #[test]
    fn every_format_that_can_moves_its_tensors() {
        is_moved(Kind::Gguf, "m.gguf", super::super::super::embedded::BYTES);
        let json = br#"{"w":{"dtype":"U8","shape":[5],"data_offsets":[0,5]}}   "#;
        let mut file = (json.len() as u64).to_le_bytes().to_vec();
        file.extend_from_slice(json);
        file.extend_from_slice(b"12345");
        is_moved(Kind::Safetensors, "m.safetensors", &file);
        let header = format!("{:<117}\n", "{'descr': '|u1', 'fortran_order': False, 'shape': (5,), }");
        let mut file = b"\x93NUMPY\x01\x00".to_vec();
        file.extend_from_slice(&u16::try_from(header.len()).unwrap().to_le_bytes());
        file.extend_from_slice(header.as_bytes());
        file.extend_from_slice(b"12345");
        is_moved(Kind::Npy, "m.npy", &file);
    }

    #[test]
    fn what_has_no_place_for_it_has_no_other_file() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("m.bin"), folder.path().join("n.bin"));
        fs::write(&from, b"no header at all").unwrap();
        assert!(!write(Kind::Opaque, &from, &to).unwrap() && !to.exists());
        // A file that only claims to be of a format is not taken for one.
        fs::write(&from, b"GGUF\x03\0\0\0 and then nothing of use").unwrap();
        assert!(!write(Kind::Gguf, &from, &to).unwrap() && !to.exists());
    }
}
