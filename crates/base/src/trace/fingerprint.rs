//! The identity of a canonical path: a hash over a stable text.

use std::fmt::{self, Write};

use super::Word;
use super::step::{Action, Step};

/// The BLAKE3 hash of a path's steps. Displays as its first 12 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// The hash of these steps.
    pub fn of(steps: &[Step]) -> Self {
        Self(*blake3::hash(encode(steps).as_bytes()).as_bytes())
    }

    /// All 64 hexadecimal digits.
    pub fn full(&self) -> String {
        blake3::Hash::from_bytes(self.0).to_hex().to_string()
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.full()[..12])
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Fingerprint({})", self.full())
    }
}

/// The text that is hashed: a version line, then one line a step with every field, plain decimal
/// numbers and quoted names. It is apart from `Display`, so that a nicer listing never changes a
/// recorded fingerprint.
fn encode(steps: &[Step]) -> String {
    let mut text = String::from("loadparity.path/1\n");
    for step in steps {
        // Writing to a String cannot fail.
        let _ = encode_step(step, &mut text);
    }
    text
}

fn encode_step(step: &Step, out: &mut String) -> fmt::Result {
    write!(out, "{} ", step.phase.word())?;
    match &step.action {
        Action::Open { file, direct } => write!(out, "open {file} direct={direct}")?,
        Action::Read { file, direct, spans } => {
            write!(out, "read {file} direct={direct}")?;
            for span in spans {
                write!(out, " {}..{}x{}", span.start, span.end, span.times)?;
            }
        }
        Action::SetDirect { file, direct } => write!(out, "set-direct {file} direct={direct}")?,
        Action::Write { file, offset, len } => write!(out, "write {file} {offset}+{len}")?,
        Action::Resize { file, len } => write!(out, "resize {file} {len}")?,
        Action::Remap { region, len } => write!(out, "remap {region} {len}")?,
        Action::ReadRefused { file, direct } => write!(out, "read-refused {file} direct={direct}")?,
        Action::FileAdvise { file, offset, len, advice } => {
            write!(out, "file-advise {file} {offset}+{len} {}", advice.word())?;
        }
        Action::Map { region, file, offset, len, populate } => {
            write!(out, "map {region} {file} {offset}+{len} populate={populate}")?;
        }
        Action::Alloc { region, len } => write!(out, "alloc {region} {len}")?,
        Action::MapAdvise { region, offset, len, advice } => {
            write!(out, "map-advise {region} {offset}+{len} {}", advice.word())?;
        }
        Action::Lock { region, offset, len } => write!(out, "lock {region} {offset}+{len}")?,
        Action::LockRefused { region, offset } => write!(out, "lock-refused {region} {offset}")?,
        Action::Unlock { region, offset, len } => write!(out, "unlock {region} {offset}+{len}")?,
        Action::Unmap { region, offset, len } => write!(out, "unmap {region} {offset}+{len}")?,
        Action::Close { file } => write!(out, "close {file}")?,
        Action::Notice { level, code } => write!(out, "notice {} {}", level.word(), code.word())?,
        Action::Native { name, file, region, offset, len } => {
            write!(out, "native \"{}\"", name.escape_default())?;
            if let Some(file) = file {
                write!(out, " {file}")?;
            }
            if let Some(region) = region {
                write!(out, " {region}")?;
            }
            write!(out, " {offset}+{len}")?;
        }
    }
    write!(out, " refused={}", step.refused.map_or("-", Word::word))?;
    for name in &step.native {
        write!(out, " \"{}\"", name.escape_default())?;
    }
    out.push('\n');
    Ok(())
}
