//! The rules that one run by itself cannot break: what decides them, and the test that breaks them on purpose.

use crate::rules::Rule;

/// Where a rule is checked that is about more than one run.
pub(in crate::cli) struct Elsewhere {
    pub(in crate::cli) rule: Rule,
    /// What checks it, in a sentence.
    pub(in crate::cli) checked: &'static str,
    /// The file of tests and the test that breaks it; `None` where none does.
    pub(in crate::cli) test: Option<(&'static str, &'static str)>,
}

const PLANS: &str = "`check` reads every line of up to three flags and variables, without loading anything.";
const CASES: &str = "`check` compares the runs of all spellings of one plan.";
const FAULTS: &str =
    "`check --faults` runs a command with every fault in turn and compares it with its clean run.";
const COMPARE: &str = "`compare` runs an old and a new command in every spelling and classes what differs.";
const MERGE: &str = "`merge` sets the results of several machines side by side.";

const COMMAND_CHECK: &str = "tests/tracer/command_check.rs";
const COMMAND_FAULTS: &str = "tests/tracer/command_faults.rs";
const COMMAND_COMPARE: &str = "tests/tracer/command_compare.rs";
const MACHINES: &str = "tests/cli/merge.rs";

const BREAKS_ONE_THING: Option<(&str, &str)> =
    Some((COMMAND_CHECK, "a_command_that_breaks_one_thing_is_found_out"));
const TAKES_A_FAULT_BADLY: Option<(&str, &str)> =
    Some((COMMAND_FAULTS, "a_command_that_takes_a_fault_badly_is_found_out"));

const fn row(rule: Rule, checked: &'static str, test: Option<(&'static str, &'static str)>) -> Elsewhere {
    Elsewhere { rule, checked, test }
}

/// All of them.
pub(in crate::cli) const ELSEWHERE: &[Elsewhere] = &[
    row(Rule::PlanEquivalent, PLANS, Some(("src/check/plans.rs", "a_wrong_equivalent_is_found"))),
    row(Rule::PlanAlias, PLANS, None),
    row(Rule::PlanOrder, PLANS, Some(("src/check/plans.rs", "an_order_that_matters_is_found"))),
    row(
        Rule::UsageRefused,
        "`check` runs what the dialect refuses, and `judge` takes a recording of it.",
        BREAKS_ONE_THING,
    ),
    row(Rule::SamePath, CASES, BREAKS_ONE_THING),
    row(Rule::SameOutput, CASES, BREAKS_ONE_THING),
    row(
        Rule::FaultMet,
        "A fault of `--inject` that meets no call is a note of the report and no failure.",
        None,
    ),
    row(
        Rule::KnownDivergence,
        "`--expect` holds what was found against the list of known divergences.",
        Some((COMMAND_CHECK, "a_known_divergence_is_expected_and_a_mended_one_fails")),
    ),
    row(Rule::FaultOutput, FAULTS, TAKES_A_FAULT_BADLY),
    row(Rule::FaultCrash, FAULTS, TAKES_A_FAULT_BADLY),
    row(
        Rule::FaultHang,
        FAULTS,
        Some((COMMAND_FAULTS, "a_hang_is_ended_and_told_behind_silent_wrong_output")),
    ),
    row(
        Rule::FaultReported,
        FAULTS,
        Some((COMMAND_FAULTS, "a_known_divergence_is_expected_and_one_that_is_gone_fails")),
    ),
    row(
        Rule::TransientSurvived,
        FAULTS,
        Some(("tests/tracer/loaders.rs", "a_defect_that_shows_under_faults_is_found")),
    ),
    row(Rule::DataKept, COMPARE, Some((COMMAND_COMPARE, "less_work_is_benign_and_another_output_is_a_risk"))),
    row(
        Rule::GuaranteeKept,
        COMPARE,
        Some((COMMAND_COMPARE, "the_documented_changes_are_found_and_classed")),
    ),
    row(Rule::PolicyKept, COMPARE, Some((COMMAND_COMPARE, "the_documented_changes_are_found_and_classed"))),
    row(Rule::MachineParity, MERGE, Some((MACHINES, "a_machine_that_diverged_by_itself_is_no_pass"))),
    row(Rule::SameModel, MERGE, Some((MACHINES, "another_file_by_the_same_name_is_named"))),
    row(
        Rule::SameGrouping,
        MERGE,
        Some((MACHINES, "a_spelling_that_means_another_plan_on_one_system_is_named")),
    ),
    row(
        Rule::SameSemanticPath,
        MERGE,
        Some((MACHINES, "a_lock_that_is_lost_on_one_system_is_named_with_its_step")),
    ),
    row(Rule::SameTensors, MERGE, Some((MACHINES, "a_bit_in_the_hash_of_the_tensors_is_named"))),
    row(Rule::SameLogits, MERGE, Some((MACHINES, "a_bit_in_the_hash_of_the_logits_is_named"))),
];

/// The row of a rule.
pub(in crate::cli) fn of(rule: Rule) -> Option<&'static Elsewhere> {
    ELSEWHERE.iter().find(|row| row.rule == rule)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::rules::Example;

    #[test]
    fn every_rule_has_an_example_or_a_place_where_it_is_checked() {
        for rule in Rule::ALL {
            assert_ne!(Example::of(*rule).is_some(), of(*rule).is_some(), "{rule}");
        }
    }

    #[test]
    fn the_tests_that_are_named_are_there() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        for (file, test) in ELSEWHERE.iter().filter_map(|row| row.test) {
            let text = std::fs::read_to_string(root.join(file)).unwrap();
            assert!(text.contains(&format!("fn {test}(")), "{file} has no {test}");
        }
        // What nothing breaks yet: a dialect with a wrong alias cannot be written down.
        let none: Vec<Rule> = ELSEWHERE.iter().filter(|row| row.test.is_none()).map(|row| row.rule).collect();
        assert_eq!(none, [Rule::PlanAlias, Rule::FaultMet]);
    }
}
