//! The examples of `docs/rules.md`: each keeps and breaks what it says it does, with the message that stands
//! there. A check that is gone no longer breaks its example.

use loadparity::rules::{Applies, EXAMPLES, Example, Profile, Rule, judge};

use crate::notation::evidence;

/// The rules that the end of a run decides, and those that its operations decide.
fn contract() -> Vec<Rule> {
    let ends = [Rule::Completes, Rule::NoCrash, Rule::EndsInTime];
    ends.into_iter().chain(Profile::REFERENCE.rules()).collect()
}

#[test]
fn every_rule_of_the_contract_has_its_example() {
    let rules: Vec<Rule> = EXAMPLES.iter().map(|example| example.rule).collect();
    assert_eq!(rules, contract());
}

#[test]
fn what_keeps_a_rule_breaks_none() {
    for example in EXAMPLES {
        let judgement = judge(example.plan, &evidence(example.keeps), &Profile::REFERENCE);
        assert_eq!(judgement.findings, [], "{}", example.rule);
        assert_eq!(judgement.not_observed, [], "{}", example.rule);
    }
}

#[test]
fn what_breaks_a_rule_breaks_it_with_its_message() {
    for Example { rule, plan, breaks, message, .. } in EXAMPLES {
        let judgement = judge(*plan, &evidence(breaks), &Profile::REFERENCE);
        let found: Vec<_> = judgement.findings.iter().filter(|finding| finding.rule == *rule).collect();
        assert_eq!(found.len(), 1, "{rule}: {:?}", judgement.findings);
        assert_eq!(found[0].message, *message, "{rule}");
    }
}

/// A rule that does not hold a subject is not found broken by it, and every other one is.
#[test]
fn a_profile_finds_what_it_holds_a_subject_to() {
    for profile in Profile::ALL {
        for Example { rule, plan, breaks, .. } in EXAMPLES {
            let judgement = judge(*plan, &evidence(breaks), profile);
            let found = judgement.findings.iter().any(|finding| finding.rule == *rule);
            let holds = profile.applies(*rule) == Applies::Yes;
            assert_eq!(found, holds, "{rule} under {}: {:?}", profile.name, judgement.findings);
        }
    }
}
