//! The memory that a load takes, as `run --json` tells it.

use std::path::PathBuf;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::ModelFile;
use crate::bench::ModelFacts;
use crate::platform::Platform;
use crate::tracer::own_memory;

/// The memory of the process when the load was over, in bytes, as the kernel counts it.
#[derive(Serialize, Deserialize, JsonSchema)]
pub(in crate::cli) struct Memory {
    /// Anonymous memory that is resident.
    anonymous: u64,
    /// Pages of files that are resident in the process.
    file: u64,
    /// The most that was resident at one time until then.
    peak: u64,
    /// The `RLIMIT_MEMLOCK` that the load needs: locked address space.
    lock_needed: u64,
    /// The limit that it had; none where it was unlimited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    lock_limit: Option<u64>,
    /// The page cache of the model: what was in it before the load, once the header was read, and after.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cached: Option<[u64; 2]>,
}

/// The page cache of a model before it is loaded.
pub(super) struct Before {
    platform: Arc<dyn Platform>,
    files: Vec<PathBuf>,
    cached: Option<u64>,
}

impl Before {
    /// Asks for it; of a model that is none, nothing is known.
    pub(super) fn of(platform: &Arc<dyn Platform>, model: &ModelFile) -> Self {
        let facts = ModelFacts::read(platform, model.path(), "");
        let files = facts.map_or_else(|_| Vec::new(), |facts| facts.files);
        let cached = cached(&**platform, &files);
        Self { platform: platform.clone(), files, cached }
    }

    /// What the load took, asked when it is over and before anything looks at the weights; `None` where the system
    /// does not say.
    pub(super) fn taken(&self) -> Option<Memory> {
        let own = own_memory()?;
        Some(Memory {
            anonymous: own.anonymous,
            file: own.file,
            peak: own.peak,
            lock_needed: own.locked,
            lock_limit: own.lock_limit,
            cached: self
                .cached
                .zip(cached(&*self.platform, &self.files))
                .map(|(before, after)| [before, after]),
        })
    }
}

/// Bytes of some files in the page cache; `None` where there are none or the system does not say.
fn cached(platform: &dyn Platform, files: &[PathBuf]) -> Option<u64> {
    let page = platform.limits().page_size;
    let mut pages = (!files.is_empty()).then_some(0)?;
    for path in files {
        pages += platform.open(path, false).and_then(|file| file.cached()).ok()?.resident;
    }
    Some(pages * page)
}
