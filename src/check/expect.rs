//! Known divergences: a file that names each with its reason and how often it is seen.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::document::Failure;
use crate::plan::pattern::matches;
use crate::rules::Rule;

/// The schema id of the file.
const SCHEMA: &str = "loadparity.expect/2";

/// The schema of earlier versions, without counts and patterns.
const FIRST_SCHEMA: &str = "loadparity.expect/1";

/// Known divergences, and how often each was met.
#[derive(Clone, Debug, Default)]
pub struct Expectations {
    known: Vec<Known>,
    met: Vec<u64>,
}

/// One known divergence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Known {
    /// The id of the broken rule.
    pub rule: String,
    /// The exact spelling, as reports write it, with the faults in it if there are any; the empty text is no
    /// flag at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spelling: Option<String>,
    /// A pattern of spellings instead, in which `*` stands for any text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pattern: Option<String>,
    /// The plan's short name, to narrow a pattern.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<String>,
    /// A pattern of what is seen, in which `*` stands for any text: a finding of the same rule that says
    /// something else is not covered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shows: Option<String>,
    /// How many findings it covers: one more is not covered, one fewer fails the run.
    #[serde(default = "one")]
    pub count: u64,
    /// Why it is known and not mended.
    pub reason: String,
}

fn one() -> u64 {
    1
}

/// A list of known divergences: what `--expect` reads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExpectDocument {
    /// `loadparity.expect/2`.
    pub schema: String,
    /// The divergences.
    pub known: Vec<Known>,
}

impl ExpectDocument {
    /// The schema of the document.
    pub const SCHEMA: &'static str = SCHEMA;
}

/// A file of known divergences that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ExpectError {
    /// No such document.
    #[error("not a list of known divergences: {0}; `loadparity schema expect` prints the format")]
    Json(#[from] serde_json::Error),
    /// Another document.
    #[error("its schema is \"{0}\", not \"{SCHEMA}\"")]
    Schema(String),
    /// An entry that says too little.
    #[error("known divergence {number}: {problem}")]
    Entry {
        /// Which, from 1.
        number: usize,
        /// What is wrong, and what to do.
        problem: String,
    },
}

impl Expectations {
    /// Reads an [`ExpectDocument`].
    ///
    /// # Errors
    /// When it is no such document, names no known rule or gives no reason.
    pub fn read(bytes: &[u8]) -> Result<Self, ExpectError> {
        let document: ExpectDocument = serde_json::from_slice(bytes)?;
        if document.schema != SCHEMA && document.schema != FIRST_SCHEMA {
            return Err(ExpectError::Schema(document.schema));
        }
        for (i, known) in document.known.iter().enumerate() {
            let problem =
                |problem: &str| Err(ExpectError::Entry { number: i + 1, problem: problem.to_owned() });
            if Rule::from_id(&known.rule).is_none() {
                return problem(&format!("no rule is called `{}`", known.rule));
            }
            match (&known.spelling, &known.pattern) {
                (None, None) => {
                    return problem(
                        "name the spelling that diverges, or a pattern of spellings and how many findings it \
                         covers; a plan alone would cover what nobody has looked at",
                    );
                }
                (Some(_), Some(_)) => {
                    return problem("it has a spelling and a pattern; one of them is enough");
                }
                _ => {}
            }
            if known.count == 0 {
                return problem("a count of 0 covers nothing: take the entry out");
            }
            if known.reason.trim().is_empty() {
                return problem("it gives no reason");
            }
        }
        Ok(Self::of(document.known))
    }

    /// These divergences, none of them met.
    pub(super) fn of(known: Vec<Known>) -> Self {
        Self { met: vec![0; known.len()], known }
    }

    /// The divergences.
    pub(super) fn known(&self) -> &[Known] {
        &self.known
    }

    /// The reason why a failure is known, if it is; counts the entry as met.
    pub(super) fn reason(&mut self, failure: &Failure) -> Option<String> {
        let covers = |known: &Known| {
            Rule::from_id(&known.rule) == Some(failure.rule)
                && known.spelling.as_ref().is_none_or(|spelling| *spelling == failure.spelling)
                && known.pattern.as_ref().is_none_or(|pattern| matches(pattern, &failure.spelling))
                && known.plan.as_ref().is_none_or(|plan| Some(plan) == failure.plan.as_ref())
                && known.shows.as_ref().is_none_or(|pattern| matches(pattern, &failure.message))
        };
        let mut entries = self.known.iter().zip(&mut self.met);
        let (known, met) = entries.find(|(known, met)| **met < known.count && covers(known))?;
        *met += 1;
        Some(known.reason.clone())
    }

    /// A failure for each entry that covers more than there is: a list that keeps what was mended would rot.
    pub(super) fn left_over(&self) -> Vec<Failure> {
        let short = self.known.iter().zip(&self.met).filter(|(known, met)| **met < known.count);
        let failure = |(known, met): (&Known, &u64)| Failure {
            rule: Rule::KnownDivergence,
            spelling: known.spelling.clone().or(known.pattern.clone()).unwrap_or_default(),
            plan: known.plan.clone(),
            message: match met {
                0 => {
                    format!("`{}` no longer breaks here ({}): take it off the list", known.rule, known.reason)
                }
                met => format!(
                    "`{}` breaks {met} times here and the list says {} ({}): correct the count",
                    known.rule, known.count, known.reason
                ),
            },
            diff: None,
            reproduce: "correct the entry in the file that --expect names".to_owned(),
            expected: None,
            across: None,
        };
        short.map(failure).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(spelling: &str, message: &str) -> Failure {
        Failure {
            rule: Rule::PlanTaken,
            spelling: spelling.into(),
            plan: Some("map+lock".into()),
            message: message.into(),
            diff: None,
            reproduce: String::new(),
            expected: None,
            across: None,
        }
    }

    fn read(known: &str) -> Result<Expectations, ExpectError> {
        Expectations::read(format!(r#"{{"schema":"{SCHEMA}","known":[{known}]}}"#).as_bytes())
    }

    #[test]
    fn a_known_divergence_is_met_or_left_over() {
        let known = r#"{"rule":"plan-taken","spelling":"--mlock","reason":"since #26135"},
                       {"rule":"plan-taken","pattern":"*-dio*","count":2,"reason":"old"}"#;
        let mut expected = read(known).unwrap();
        assert_eq!(expected.reason(&failure("--mmap", "")), None);
        assert_eq!(expected.left_over().len(), 2);
        assert_eq!(expected.reason(&failure("--mlock", "")).as_deref(), Some("since #26135"));
        assert_eq!(expected.reason(&failure("--mlock", "")), None, "one more is not covered");
        assert_eq!(expected.reason(&failure("-dio --mmap", "")).as_deref(), Some("old"));
        let gone = expected.left_over();
        assert_eq!(gone.len(), 1);
        assert!(gone[0].message.contains("1 times here and the list says 2"), "{}", gone[0].message);
        assert_eq!(gone[0].rule, Rule::KnownDivergence);
    }

    #[test]
    fn a_finding_of_another_kind_is_not_covered() {
        let known = r#"{"rule":"plan-taken","spelling":"--mlock","shows":"*show read","reason":"r"}"#;
        let mut expected = read(known).unwrap();
        assert_eq!(expected.reason(&failure("--mlock", "the operations show direct")), None);
        assert!(expected.reason(&failure("--mlock", "the operations show read")).is_some());
    }

    #[test]
    fn patterns_have_stars_alone() {
        for (pattern, text, fits) in [
            ("--mlock", "--mlock", true),
            ("--mlock", "--mlock --mmap", false),
            ("*", "", true),
            ("*--mmap", "--mlock --mmap", true),
            ("-dio*", "-dio --mmap", true),
            ("*a*b*", "xaxbx", true),
            ("*a*b*", "xbxax", false),
            ("a*a", "a", false),
        ] {
            assert_eq!(matches(pattern, text), fits, "{pattern} {text}");
        }
    }

    #[test]
    fn what_says_too_little_is_refused() {
        for (known, told) in [
            (r#"{"rule":"plan-taken","reason":"r"}"#, "name the spelling"),
            (r#"{"rule":"plan-taken","plan":"map","reason":"r"}"#, "name the spelling"),
            (r#"{"rule":"plan-taken","spelling":"","reason":" "}"#, "no reason"),
            (r#"{"rule":"plan-taken","spelling":"","pattern":"*","reason":"r"}"#, "one of them"),
            (r#"{"rule":"plan-taken","spelling":"","count":0,"reason":"r"}"#, "count of 0"),
            (r#"{"rule":"no-such","spelling":"","reason":"r"}"#, "`no-such`"),
            (r#"{"rule":"plan-taken","spelling":""}"#, "missing field `reason`"),
        ] {
            let error = read(known).unwrap_err().to_string();
            assert!(error.contains(told), "{error}");
        }
        assert!(Expectations::read(br#"{"schema":"x","known":[]}"#).is_err());
    }

    #[test]
    fn ids_of_earlier_versions_are_accepted() {
        assert!(read(r#"{"rule":"lock-unasked","spelling":"","reason":"r"}"#).is_ok());
    }
}
