//! Simulated machines that can be named in data: the reference engine on each, with the embedded
//! model in memory.

use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::ReferenceEngine;
use super::embedded::BYTES;
use crate::platform::{ErrorKind, MapHint, OsFamily, Sim, SimDirect, SimFile, SimProfile};

const MODEL: &str = "model.gguf";

/// A simulated machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Machine {
    /// Linux on a file system that has everything.
    Linux,
    /// The same on a file system that refuses to open a file for direct reads.
    DirectRefused,
    /// The same where mapping is said to be bad.
    MapsBadly,
}

impl Machine {
    /// What it is, in a few words.
    pub fn about(self) -> &'static str {
        match self {
            Self::Linux => "simulated Linux, 4 KiB pages",
            Self::DirectRefused => "simulated Linux on a file system that refuses direct I/O",
            Self::MapsBadly => "simulated Linux on a file system that maps badly",
        }
    }

    /// The reference engine on this machine.
    pub fn engine(self) -> ReferenceEngine {
        let linux = SimProfile::linux_4k();
        let profile = match self {
            Self::Linux => linux,
            Self::DirectRefused => SimProfile {
                direct: SimDirect::RefusedAtOpen(OsFamily::Linux.errno(ErrorKind::Invalid)),
                ..linux
            },
            Self::MapsBadly => {
                SimProfile { map_hint: MapHint { good: false, reason: "a slow mount".to_owned() }, ..linux }
            }
        };
        let file = SimFile::sparse(BYTES.len() as u64).with_bytes(0, BYTES.to_vec());
        let sim = Sim::new(profile).with_file(MODEL, file);
        ReferenceEngine::new(Arc::new(sim), Path::new(MODEL)).with_embedded_model()
    }
}
