//! The simulated machines as worlds of the contract suite, bare or below an injector.

use std::path::PathBuf;
use std::sync::Arc;

use loadparity::platform::{FaultSpec, Injector, Lockable, Platform, Sim, SimFile, SimProfile};

use crate::suite::{Content, Held, NotRun, Site, World};

/// A simulated machine of one profile; each site is a machine of its own.
pub(crate) struct SimWorld {
    profile: SimProfile,
    not_run: &'static [&'static str],
    /// Put an injector with these faults on top.
    faults: Option<Vec<FaultSpec>>,
    name: String,
}

impl SimWorld {
    pub(crate) fn new(profile: SimProfile, not_run: &'static [&'static str]) -> Self {
        let name = format!("sim {}", profile.name);
        Self { profile, not_run, faults: None, name }
    }

    /// The same world below an injector: with no faults it is as sound, with some it is broken.
    pub(crate) fn below_an_injector(self, faults: &[&str]) -> Self {
        let name = format!("injector({})", self.name);
        let faults = faults.iter().map(|text| text.parse().expect("a fault")).collect();
        Self { faults: Some(faults), name, ..self }
    }
}

/// The content as a simulated file.
fn sim_file(content: &Content) -> SimFile {
    let hole = SimFile::sparse(content.size);
    content.pieces.iter().fold(hole, |file, (at, bytes)| file.with_bytes(*at, bytes.clone()))
}

impl World for SimWorld {
    fn name(&self) -> &str {
        &self.name
    }

    fn not_run(&self) -> Vec<&'static str> {
        self.not_run.to_vec()
    }

    fn site(&self, content: &Content, lock_limit: Option<u64>) -> Result<Site, NotRun> {
        let mut profile = self.profile.clone();
        profile.lock_limit = lock_limit.map_or(profile.lock_limit, Lockable::Bytes);
        let sim = Sim::new(profile).with_file("model.gguf", sim_file(content));
        let bare: Arc<dyn Platform> = Arc::new(sim.clone());
        let platform = match &self.faults {
            Some(faults) => Arc::new(Injector::new(bare, faults.clone())),
            None => bare,
        };
        let held = move || {
            let census = sim.census();
            Some(Held {
                open_files: census.open_files,
                mappings: census.mappings,
                locked_bytes: census.locked_bytes,
            })
        };
        Ok(Site {
            platform,
            path: PathBuf::from("model.gguf"),
            missing: PathBuf::from("missing.gguf"),
            held: Box::new(held),
            keep: Box::new(()),
        })
    }
}
