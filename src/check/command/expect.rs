//! Known divergences: a file that names each with its reason.

use serde::Deserialize;

use crate::check::event::Failure;
use crate::check::rule::Rule;

/// The schema id of the file.
const SCHEMA: &str = "loadparity.expect/1";

/// Known divergences, and which of them were met.
#[derive(Clone, Debug, Default)]
pub struct Expectations {
    known: Vec<Known>,
    met: Vec<bool>,
}

/// One known divergence. What is left out matches anything, but not everything may be left out.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Known {
    /// The id of the broken rule.
    pub rule: String,
    /// The spelling, as reports write it, with the faults in it if there are any; the empty text is no
    /// flag at all.
    pub spelling: Option<String>,
    /// The plan's short name, for every spelling of it.
    pub plan: Option<String>,
    /// Why it is known and not mended.
    pub reason: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    schema: String,
    known: Vec<Known>,
}

/// A file of known divergences that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ExpectError {
    /// No such document.
    #[error("not a list of known divergences: {0}")]
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
    /// Reads `{"schema": "loadparity.expect/1", "known": [{"rule", "spelling" or "plan", "reason"}]}`.
    ///
    /// # Errors
    /// When it is no such document, names no known rule or gives no reason.
    pub fn read(bytes: &[u8]) -> Result<Self, ExpectError> {
        let document: Document = serde_json::from_slice(bytes)?;
        if document.schema != SCHEMA {
            return Err(ExpectError::Schema(document.schema));
        }
        for (i, known) in document.known.iter().enumerate() {
            let problem =
                |problem: &str| Err(ExpectError::Entry { number: i + 1, problem: problem.to_owned() });
            if !Rule::ALL.iter().any(|rule| rule.id() == known.rule) {
                return problem(&format!("no rule is called `{}`", known.rule));
            }
            if known.spelling.is_none() && known.plan.is_none() {
                return problem("name the spelling or the plan that diverges");
            }
            if known.reason.trim().is_empty() {
                return problem("it gives no reason");
            }
        }
        Ok(Self { met: vec![false; document.known.len()], known: document.known })
    }

    /// The reason why a failure is known, if it is; marks the entry as met.
    pub(super) fn reason(&mut self, failure: &Failure) -> Option<String> {
        let same = |known: &Option<String>, seen: Option<&str>| known.is_none() || known.as_deref() == seen;
        let meets = |known: &Known| {
            known.rule == failure.rule.id()
                && same(&known.spelling, Some(&failure.spelling))
                && same(&known.plan, failure.plan.as_deref())
        };
        let mut reason = None;
        for (known, met) in self.known.iter().zip(&mut self.met).filter(|(known, _)| meets(known)) {
            *met = true;
            reason.get_or_insert_with(|| known.reason.clone());
        }
        reason
    }

    /// A failure for each entry that nothing diverged in: a list that keeps what was mended would rot.
    pub(super) fn left_over(&self) -> Vec<Failure> {
        let unmet = self.known.iter().zip(&self.met).filter(|(_, met)| !**met);
        let failure = |(known, _): (&Known, _)| Failure {
            rule: Rule::KnownDivergence,
            spelling: known.spelling.clone().unwrap_or_default(),
            plan: known.plan.clone(),
            message: format!(
                "`{}` no longer breaks here ({}): take it off the list",
                known.rule, known.reason
            ),
            diff: None,
            reproduce: "take the entry out of the file that --expect names".to_owned(),
            across: None,
        };
        unmet.map(failure).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(spelling: &str) -> Failure {
        Failure {
            rule: Rule::PlanTaken,
            spelling: spelling.into(),
            plan: Some("map+lock".into()),
            message: String::new(),
            diff: None,
            reproduce: String::new(),
            across: None,
        }
    }

    fn read(known: &str) -> Result<Expectations, ExpectError> {
        Expectations::read(format!(r#"{{"schema":"{SCHEMA}","known":[{known}]}}"#).as_bytes())
    }

    #[test]
    fn a_known_divergence_is_met_or_left_over() {
        let known = r#"{"rule":"plan-taken","spelling":"--mlock","reason":"since #26135"},
                       {"rule":"plan-taken","plan":"direct","reason":"old"}"#;
        let mut expected = read(known).unwrap();
        assert_eq!(expected.reason(&failure("--mmap")), None);
        assert_eq!(expected.left_over().len(), 2);
        assert_eq!(expected.reason(&failure("--mlock")).as_deref(), Some("since #26135"));
        let gone = expected.left_over();
        assert_eq!(gone.len(), 1);
        assert_eq!((gone[0].rule, gone[0].plan.as_deref()), (Rule::KnownDivergence, Some("direct")));
    }

    #[test]
    fn what_says_too_little_is_refused() {
        for (known, told) in [
            (r#"{"rule":"plan-taken","reason":"r"}"#, "name the spelling"),
            (r#"{"rule":"plan-taken","plan":"map","reason":" "}"#, "no reason"),
            (r#"{"rule":"no-such","plan":"map","reason":"r"}"#, "`no-such`"),
            (r#"{"rule":"plan-taken","plan":"map"}"#, "missing field `reason`"),
        ] {
            let error = read(known).unwrap_err().to_string();
            assert!(error.contains(told), "{error}");
        }
        assert!(Expectations::read(br#"{"schema":"x","known":[]}"#).is_err());
    }
}
