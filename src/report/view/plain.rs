//! A view in which no text of others does anything: what every drawing but JSON starts from.

use super::{
    Annotation, Cell, Column, Detail, FailureView, Line, State, Suite, Table, Test, Unobserved, View,
};
use crate::report::screen::{lines, plain};

fn one(text: &mut String) {
    if let std::borrow::Cow::Owned(seen) = plain(text) {
        *text = seen;
    }
}

fn several(text: &mut String) {
    if let std::borrow::Cow::Owned(seen) = lines(text) {
        *text = seen;
    }
}

impl View {
    /// The view with every control character and mark of direction made visible, see
    /// [`screen`](crate::report::screen). Lines stay lines in diffs, in messages and in the texts of tests.
    #[must_use]
    pub fn made_plain(&self) -> Self {
        let mut view = self.clone();
        for text in [
            &mut view.tool,
            &mut view.title,
            &mut view.counts,
            &mut view.ending.sentence,
            &mut view.ending.word,
        ] {
            one(text);
        }
        view.notes.iter_mut().for_each(one);
        view.lines.iter_mut().for_each(|Line { text, .. }| one(text));
        for Table { columns, rows } in &mut view.tables {
            columns.iter_mut().for_each(|Column { name, .. }| one(name));
            rows.iter_mut().flatten().for_each(|Cell { text, .. }| one(text));
        }
        for Unobserved { rule, reason, .. } in &mut view.not_observed {
            one(rule);
            one(reason);
        }
        for failure in &mut view.failures {
            let FailureView { rule, sentence, place, message, diff, reproduce, known, .. } = failure;
            [rule, sentence, place, reproduce].into_iter().for_each(one);
            known.iter_mut().for_each(one);
            several(message);
            diff.iter_mut().for_each(several);
        }
        for Suite { name, tests } in &mut view.suites {
            one(name);
            for Test { name, class, state } in tests {
                one(name);
                one(class);
                match state {
                    State::Passed => {}
                    State::Skipped { reason } => one(reason),
                    State::Failed { message, kind, text } => {
                        one(message);
                        one(kind);
                        several(text);
                    }
                }
            }
        }
        for Detail { title, lines } in &mut view.details {
            one(title);
            lines.iter_mut().for_each(several);
        }
        for Annotation { title, message } in &mut view.warnings {
            one(title);
            several(message);
        }
        view
    }
}
