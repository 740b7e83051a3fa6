//! One plan is one semantic path on every platform, and a defect on one of them still shows there.

#![allow(clippy::unwrap_used, reason = "helpers of tests stop at the first surprise")]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use loadparity::engine::{LoadOptions, load};
use loadparity::gguf;
use loadparity::plan::{LoadPlan, OnRefused};
use loadparity::platform::{Lockable, Platform, Recorder, Recording, Sim, SimFile, SimProfile};
use loadparity::trace::{CodePath, SemanticPath};
use rstest::rstest;

use crate::support;
use crate::support::saboteur::{Sabotage, wrap};

const PLANS: [LoadPlan; 7] = [
    LoadPlan::AUTO,
    LoadPlan::map(false),
    LoadPlan::map(true),
    LoadPlan::read(false),
    LoadPlan::read(true),
    LoadPlan::direct(false, OnRefused::Read),
    LoadPlan::direct(true, OnRefused::Read),
];

/// The canonical and the semantic path of one load on a simulated machine.
fn paths(profile: &SimProfile, plan: LoadPlan, sabotage: Option<Sabotage>) -> (CodePath, SemanticPath) {
    let bytes = std::fs::read(support::fixture("q4_k_m")).unwrap();
    let header = gguf::read(&bytes).unwrap();
    let weights: Vec<_> = header.tensors.iter().map(|t| header.file_range(t)).collect();
    let size = bytes.len() as u64;
    let profile = SimProfile { lock_limit: Lockable::Bytes(1 << 30), ..profile.clone() };
    let file = SimFile::sparse(size).with_bytes(0, bytes);
    let sim: Arc<dyn Platform> = Arc::new(Sim::new(profile).with_file("model.gguf", file));
    let recording = Recording::new();
    let mut stack: Arc<dyn Platform> = Arc::new(Recorder::new(sim, recording.clone()));
    if let Some(sabotage) = sabotage {
        stack = wrap(stack, sabotage);
    }
    drop(load(&stack, Path::new("model.gguf"), plan, LoadOptions::default()).unwrap());
    let path = CodePath::from_ops(&recording.ops());
    let semantic = SemanticPath::of(&path, weights);
    (path, semantic)
}

#[test]
fn every_plan_is_one_semantic_path_on_all_machines() {
    let mut by_fingerprint: BTreeMap<String, LoadPlan> = BTreeMap::new();
    for plan in PLANS {
        let (canonical, first) = paths(&SimProfile::linux_4k(), plan, None);
        assert!(!first.steps.is_empty());
        let mut differs = 0;
        for profile in &SimProfile::all()[1..] {
            let (other, semantic) = paths(profile, plan, None);
            assert_eq!(semantic.to_string(), first.to_string(), "{plan} on {}", profile.name);
            assert_eq!(semantic.fingerprint(), first.fingerprint());
            differs += usize::from(other.semantic().steps != canonical.semantic().steps);
        }
        if plan.source != loadparity::plan::Source::Read {
            assert!(
                differs > 0,
                "{plan}: the machines differ below the semantic level, so the test tests it"
            );
        }
        let twin = by_fingerprint.insert(first.fingerprint(), plan);
        assert_eq!(twin, None, "{plan} shares its path with another plan");
    }
}

#[rstest]
#[case::lost_lock(LoadPlan::map(true), Sabotage::LosesLocks)]
#[case::lost_lock_of_buffers(LoadPlan::read(true), Sabotage::LosesLocks)]
#[case::lock_a_page_short(LoadPlan::map(true), Sabotage::LocksOnePageShort)]
#[case::lost_direct(LoadPlan::direct(false, OnRefused::Read), Sabotage::DropsDirectFlag)]
#[case::lost_mapping(LoadPlan::map(false), Sabotage::ReadsInsteadOfMapping)]
#[case::unasked_mapping(LoadPlan::read(false), Sabotage::MapsInsteadOfReading)]
#[case::extra_read(LoadPlan::read(false), Sabotage::ReadsTwice)]
fn a_defect_on_any_machine_shows(#[case] plan: LoadPlan, #[case] sabotage: Sabotage) {
    for profile in SimProfile::all() {
        let (_, honest) = paths(&profile, plan, None);
        let (_, broken) = paths(&profile, plan, Some(sabotage));
        assert_ne!(honest.fingerprint(), broken.fingerprint(), "{sabotage:?} on {}:\n{broken}", profile.name);
    }
}
