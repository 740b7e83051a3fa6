//! The rules against a naive oracle that counts single bytes, on arbitrary loads.

mod driver;
mod naive;
mod verdicts;
mod world;

use loadparity::plan::{LoadPlan, OnRefused};
use loadparity::rules::{Evidence, Profile, Rule, TensorBytes, judge};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use self::driver::operations;
use self::naive::Oracle;
use self::verdicts::Says;
use self::world::{PAGE, World, steps};
use crate::notation::all_capabilities;

/// The rules that the oracle knows.
const RULES: [&str; 8] = [
    "weights-loaded",
    "tensors-mapped",
    "no-file-mapping",
    "tensors-read",
    "reads-buffered",
    "direct-attempted",
    "tensors-locked",
    "unrequested-lock",
];

fn plans() -> Vec<LoadPlan> {
    let mut plans = vec![LoadPlan::AUTO, LoadPlan { lock: true, ..LoadPlan::AUTO }];
    for lock in [false, true] {
        plans.extend([LoadPlan::map(lock), LoadPlan::read(lock)]);
        let fallbacks = [OnRefused::Map, OnRefused::Read, OnRefused::Error];
        plans.extend(fallbacks.map(|refused| LoadPlan::direct(lock, refused)));
    }
    plans
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 256,
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(20834),
        ..ProptestConfig::default()
    })]

    #[test]
    fn every_plan_is_judged_as_byte_by_byte(files in 1usize..=2, steps in steps()) {
        let world = World { files };
        let ops = operations(&world, &steps);
        let shown = || ops.iter().map(|op| format!("{:?} p{} {:?} {:?}\n", op.phase, op.pid, op.call, op.outcome))
            .collect::<String>();
        let mut evidence = Evidence::new(ops.clone(), world.weights(), PAGE, all_capabilities());
        evidence.tensors = Some(TensorBytes::compared(String::new(), None, 0));
        let mut oracle = Oracle::play(&world, &ops);
        for profile in [&Profile::REFERENCE, &Profile::FOREIGN] {
            for plan in plans() {
                (oracle.plan, oracle.strict) = (plan, profile.load_phase_only);
                let judgement = judge(plan, &evidence, profile);
                if oracle.must_fail() {
                    let rules: Vec<Rule> = judgement.findings.iter().map(|finding| finding.rule).collect();
                    prop_assert_eq!(rules, [Rule::Completes]);
                    continue;
                }
                for id in RULES {
                    let Some(expected) = oracle.says(id) else { continue };
                    let rule = Rule::from_id(id).expect("a rule");
                    let said = if judgement.findings.iter().any(|finding| finding.rule == rule) {
                        Says::Broken
                    } else if judgement.not_observed.iter().any(|missing| missing.rule == rule) {
                        Says::NotObserved
                    } else {
                        Says::Holds
                    };
                    prop_assert_eq!(
                        said, expected, "{} of {} under {}: {:?}\n{}",
                        id, plan, profile.name, judgement.findings, shown()
                    );
                }
            }
        }
    }
}
