//! `loadparity explain-rule`: one row of the rules, with a trace that keeps it and one that breaks it.

pub(super) mod elsewhere;

use std::fmt::Write as _;
use std::io::Write;

use clap::Args;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::exit::Exit;
use super::explain::ExplainFormat;
use crate::rules::{Applies, Capability, EXAMPLE_MODEL, Example, Level, Profile, Rule};

/// Arguments of `explain-rule`.
#[derive(Clone, Debug, Args)]
pub struct ExplainRuleArgs {
    /// The id of a rule, today's or that of an earlier version.
    #[arg(value_name = "ID")]
    id: String,
    /// How to print it.
    #[arg(long, value_enum, default_value_t = ExplainFormat::Terminal)]
    format: ExplainFormat,
}

/// Prints the row of a rule.
pub(super) fn run(args: &ExplainRuleArgs, out: &mut dyn Write) -> Exit {
    let Some(rule) = Rule::from_id(&args.id) else { return Exit::usage(unknown(&args.id)) };
    let document = ExplainRuleDocument::of(rule);
    let text = match args.format {
        ExplainFormat::Terminal => document.lines(),
        ExplainFormat::Json => match serde_json::to_string(&document) {
            Ok(text) => text + "\n",
            Err(error) => return Exit::internal(error),
        },
    };
    out.write_all(text.as_bytes()).map_or_else(Exit::unwritten, |()| Exit::Code(0))
}

/// What to say of an id that no rule has: the nearest one.
fn unknown(id: &str) -> String {
    let near = |rule: &&Rule| {
        let names = std::iter::once(rule.id()).chain(rule.old_id());
        names.map(|name| distance(id, name)).min()
    };
    let nearest = Rule::ALL.iter().min_by_key(near).map_or("", |rule| rule.id());
    format!("no rule is called `{id}`; the nearest is `{nearest}`, and docs/rules.md lists them all")
}

/// How many letters have to be added, taken away or changed (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.chars().count()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, y) in b.chars().enumerate() {
            let change = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = change.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row.last().copied().unwrap_or_default()
}

/// What `explain-rule --format json` prints: one rule, what a decision needs, whom it holds, and examples.
#[derive(Serialize, Deserialize, JsonSchema)]
pub(super) struct ExplainRuleDocument {
    schema: String,
    rule: Rule,
    /// The id of earlier versions, where it was another.
    old_id: Option<String>,
    /// The level of parity that it belongs to.
    level: Level,
    /// What must hold.
    pub(super) sentence: String,
    /// What evidence has to show for a decision.
    pub(super) needs: Vec<Capability>,
    /// Whom it holds; empty for a rule that is not of one run.
    pub(super) profiles: Vec<InProfile>,
    /// Traces of one run; `null` for a rule that is about more.
    pub(super) example: Option<RuleExample>,
    /// What checks it, where that is not one run.
    pub(super) checked: Option<String>,
    /// The test that breaks a rule of more than one run on purpose: file and name.
    pub(super) broken_by: Option<String>,
}

/// Whether a rule holds a kind of subject.
#[derive(Serialize, Deserialize, JsonSchema)]
pub(super) struct InProfile {
    pub(super) profile: String,
    /// Why it does not; `null` where it does.
    pub(super) waived: Option<String>,
}

/// A trace that keeps a rule, and one that breaks it.
#[derive(Serialize, Deserialize, JsonSchema)]
pub(super) struct RuleExample {
    /// What was asked for.
    pub(super) plan: String,
    /// The model that is loaded.
    model: String,
    /// Operations, one each.
    pub(super) keeps: Vec<String>,
    /// Operations, one each.
    pub(super) breaks: Vec<String>,
    /// What is said of those that break it.
    pub(super) message: String,
}

impl ExplainRuleDocument {
    pub(super) const SCHEMA: &str = "loadparity.explain-rule/1";

    pub(super) fn of(rule: Rule) -> Self {
        let example = Example::of(rule);
        let elsewhere = elsewhere::of(rule);
        let profile = |profile: &&Profile| InProfile {
            profile: profile.name.to_owned(),
            waived: match profile.applies(rule) {
                Applies::Yes => None,
                Applies::No(why) => Some(why.to_owned()),
            },
        };
        let lines = |text: &str| text.lines().map(str::to_owned).collect();
        Self {
            schema: Self::SCHEMA.to_owned(),
            rule,
            old_id: rule.old_id().map(str::to_owned),
            level: rule.level(),
            sentence: rule.sentence().to_owned(),
            needs: rule.needs().to_vec(),
            profiles: example.map_or_else(Vec::new, |_| Profile::ALL.iter().map(profile).collect()),
            example: example.map(|example| RuleExample {
                plan: example.plan.to_string(),
                model: EXAMPLE_MODEL.to_owned(),
                keeps: lines(example.keeps),
                breaks: lines(example.breaks),
                message: example.message.to_owned(),
            }),
            checked: elsewhere.map(|row| row.checked.to_owned()),
            broken_by: elsewhere.and_then(|row| row.test).map(|(file, test)| format!("{file}: {test}")),
        }
    }

    /// What is needed, in the words of the vocabulary.
    pub(super) fn needs_in_words(&self) -> String {
        let words: Vec<String> = self
            .needs
            .iter()
            .filter_map(|need| serde_json::to_value(need).ok()?.as_str().map(str::to_owned))
            .collect();
        if words.is_empty() { "nothing".to_owned() } else { words.join(", ") }
    }

    fn lines(&self) -> String {
        let mut text = String::new();
        let mut line = |name: &str, value: &str| {
            let _ = writeln!(text, "{name:<10} {value}");
        };
        let old = self.old_id.as_ref().map_or_else(String::new, |old| format!(" (earlier {old})"));
        line("rule", &format!("{}{old}", self.rule));
        line("level", &self.level.to_string());
        line("sentence", &self.sentence);
        line("needs", &self.needs_in_words());
        for profile in &self.profiles {
            let holds = match &profile.waived {
                None => format!("{}: holds", profile.profile),
                Some(why) => format!("{}: does not hold, {why}", profile.profile),
            };
            line("profile", &holds);
        }
        if let Some(checked) = &self.checked {
            line("checked", checked);
        }
        if let Some(test) = &self.broken_by {
            line("broken by", test);
        }
        if let Some(example) = &self.example {
            line("plan", &example.plan);
            line("model", &example.model);
            for (name, trace) in [("keeps it", &example.keeps), ("breaks it", &example.breaks)] {
                for (index, operation) in trace.iter().enumerate() {
                    line(if index == 0 { name } else { "" }, operation);
                }
            }
            line("message", &example.message);
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistyped_id_is_told_the_nearest() {
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "abc"), 3);
        for (typed, nearest) in [
            ("tensor-locked", "tensors-locked"),
            ("fallback-tolt", "fallback-reported"),
            ("samepath", "same-path"),
        ] {
            assert!(unknown(typed).contains(&format!("`{nearest}`")), "{}", unknown(typed));
        }
    }

    #[test]
    fn every_rule_has_its_lines_and_its_document() {
        for rule in Rule::ALL {
            let document = ExplainRuleDocument::of(*rule);
            assert!(document.lines().contains(rule.sentence()), "{rule}");
            let text = serde_json::to_string(&document).unwrap();
            let back: ExplainRuleDocument = serde_json::from_str(&text).unwrap();
            assert_eq!(serde_json::to_string(&back).unwrap(), text);
        }
        let old = ExplainRuleDocument::of(Rule::from_id("lock-unasked").unwrap());
        assert!(old.lines().starts_with("rule       unrequested-lock (earlier lock-unasked)\n"));
    }
}
