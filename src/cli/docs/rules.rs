//! `docs/rules.md`: every rule with what it needs, whom it holds, and a trace that keeps it and one that breaks it.

use std::fmt::Write;

use crate::cli::explain_rule::ExplainRuleDocument;
use crate::rules::{Capability, EXAMPLE_MODEL, Profile, Rule};

/// What it takes to see something, for the table of capabilities.
const CAPABILITIES: &[Capability] = &[
    Capability::Calls,
    Capability::Addresses,
    Capability::Destinations,
    Capability::Processes,
    Capability::Layout,
    Capability::Memory,
    Capability::Use,
    Capability::Notices,
    Capability::Output,
    Capability::Kernel,
];

/// The page.
pub(super) fn page() -> String {
    let mut page = String::from(
        "# Rules\n\n\
         Made by `loadparity docs write` from the tables that judge; `tests/cli/docs.rs` holds it and\n\
         `tests/rules/examples.rs` judges every trace below. `loadparity explain-rule ID` prints one of them.\n\n\
         A rule that the evidence cannot decide is *not observed*: never a pass. A rule needs:\n\n\
         | needs | without it |\n| --- | --- |\n",
    );
    for capability in CAPABILITIES {
        let _ = writeln!(page, "| {} | {} |", word(*capability), capability.absence());
    }
    page.push_str("\nA profile says which rules of a run hold a kind of subject:\n\n| profile | is of |\n| --- | --- |\n");
    for profile in Profile::ALL {
        let _ = writeln!(page, "| {} | {} |", profile.name, profile.about);
    }
    page.push_str("\n| rule | level | must hold |\n| --- | --- | --- |\n");
    for rule in Rule::ALL {
        let _ = writeln!(page, "| [`{rule}`](#{rule}) | {} | {} |", rule.level(), rule.sentence());
    }
    let _ = write!(
        page,
        "\n## How to read a trace\n\n\
         {EXAMPLE_MODEL}\n\n\
         One operation a line: `f0` is an open file, `r0` a region of memory, `k` and `m` are KiB and MiB.\n\
         `4k..128k` are bytes of the file, or of the region for a lock or an unmap; what is behind `at` and `to` is an\n\
         address. `refused` names the error of a call, `gets` the bytes that a read brought where they are fewer than\n\
         asked for. `fails`, `crashes` and `hangs` are how the run ended, `memory differs in` is what its memory showed and\n\
         `kernel` what the kernel said of the memory that holds weights. Lines are of the load until one that\n\
         says `teardown`.\n\n## The rules\n",
    );
    for rule in Rule::ALL {
        section(*rule, &mut page);
    }
    page
}

fn word(capability: Capability) -> String {
    serde_json::to_value(capability)
        .ok()
        .and_then(|word| word.as_str().map(str::to_owned))
        .unwrap_or_default()
}

fn section(rule: Rule, page: &mut String) {
    let document = ExplainRuleDocument::of(rule);
    let old = rule.old_id().map_or_else(String::new, |old| format!(", earlier `{old}`"));
    let _ = write!(page, "\n### {rule}\n\n{}\n\n", document.sentence);
    let _ = writeln!(page, "Level {}{old}; needs {}.", rule.level(), document.needs_in_words());
    for profile in &document.profiles {
        if let Some(why) = &profile.waived {
            let _ = writeln!(page, "It does not hold in the profile *{}*: {why}.", profile.profile);
        }
    }
    if let Some(checked) = &document.checked {
        let _ = writeln!(page, "{checked}");
    }
    if let Some(test) = &document.broken_by {
        let (file, test) = test.split_once(": ").unwrap_or((test, ""));
        let _ = writeln!(page, "Broken on purpose by `{test}` in `{file}`.");
    }
    let Some(example) = &document.example else { return };
    for (verb, trace) in [("keeps", &example.keeps), ("breaks", &example.breaks)] {
        let _ = write!(
            page,
            "\nUnder the plan `{}` this {verb} it:\n\n```\n{}\n```\n",
            example.plan,
            trace.join("\n")
        );
    }
    let _ = writeln!(page, "\n> {}", example.message);
}
