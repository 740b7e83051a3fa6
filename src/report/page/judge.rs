//! The page of a judgement.

use super::{Entry, Page};
use crate::check::document::{JudgeDocument, shown};
use crate::report::view::{Cell, Tone, Viewed};

impl JudgeDocument {
    /// What stands in a page.
    pub(in crate::report) fn entries(&self) -> Page {
        let mut remarks: Vec<(Option<Tone>, String)> = Vec::new();
        for claim in self.log_claims.iter().flatten() {
            remarks.push(match claim.holds {
                true => (Some(Tone::Good), format!("{}: claims that {}: true", claim.line, claim.claims)),
                false => {
                    let text =
                        format!("{}: claims that {}: false, {}", claim.line, claim.claims, claim.instead);
                    (Some(Tone::Warning), text)
                }
            });
        }
        let broken = self.findings.iter().map(|f| (Some(Tone::Bad), format!("{}: {}", f.rule, f.message)));
        let unseen = self
            .not_observed
            .iter()
            .map(|n| (Some(Tone::Warning), format!("not observed: {}: {}", n.rule, n.reason)));
        remarks.extend(broken.chain(unseen));
        let entry = Entry {
            title: shown(&self.spelling).to_owned(),
            word: Some(Cell::toned(self.verdict)),
            facts: vec![
                ("asked", format!("{}, in the dialect {}", self.predicted, self.dialect)),
                ("expected", self.expected.clone()),
                ("traced", self.effective.clone()),
            ],
            remarks,
            timelines: self.timeline.iter().map(|timeline| ("", timeline.clone())).collect(),
            ..Entry::default()
        };
        Page { entries: vec![entry], ..Page::new(self.view(), "recording") }
    }
}
