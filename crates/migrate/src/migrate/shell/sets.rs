//! Statements of a script that set variables for what follows, and what goes with them.

use std::ops::Range;

use super::super::lex::{Token, assignment};
use super::super::model::{Document, Form, Setting, Word};
use super::super::text;
use super::super::vocabulary;
use super::Script;

impl Script<'_> {
    /// What goes when a statement goes: its line where it stands alone on it, else the sign behind it, or the
    /// one before it.
    pub(super) fn whole(&self, tokens: &[&Token]) -> Option<Range<usize>> {
        let (first, last) = (tokens.first()?.span.start, tokens.last()?.span.end);
        let blank = |range: Range<usize>| self.text[range].iter().all(u8::is_ascii_whitespace);
        let line = text::whole_lines(self.text, &(first..last));
        let behind =
            self.around.behind.clone().filter(|sign| matches!(&self.text[sign.clone()], b";" | b"&&"));
        let end = behind.as_ref().filter(|sign| line.contains(&sign.start)).map_or(last, |sign| sign.end);
        if blank(line.start..first) && blank(end..line.end) && (end == last || self.around.next.is_none()) {
            return Some(line);
        }
        match (behind, self.around.next, &self.around.before) {
            (Some(_), Some(next), _) => Some(first..next),
            (Some(sign), None, _) => Some(first..sign.end),
            (None, _, Some(before)) if self.text[before.clone()] == *b";" => Some(before.start..last),
            (None, _, Some(before)) => Some(before.end..last),
            (None, _, None) => None,
        }
    }

    /// Variables set for what follows. Says whether the statement was one that sets.
    pub(super) fn sets(&mut self, words: &[Word], chained: bool, document: &mut Document) -> bool {
        let verb = words.first().and_then(|word| word.text.known()).unwrap_or_default().to_owned();
        let exports =
            matches!(verb.as_str(), "export" | "declare" | "typeset" | "readonly" | "unset" | "setenv");
        let alone = !words.is_empty() && words.iter().all(|word| assignment(&word.text).is_some());
        if !exports && !alone {
            return false;
        }
        self.acts |= exports;
        for (index, word) in words.iter().enumerate().skip(usize::from(exports)) {
            if let Some((name, _)) = assignment(&word.text)
                && vocabulary::find_variable(&name).is_none()
            {
                let item = document.lists[word.at.list].items[word.at.item].clone();
                let text = format!("it stands in the variable {name}: write it on the command line itself");
                document.why.push((item, text));
            }
            let set = assignment(&word.text);
            let name = match (&set, word.text.known()) {
                (Some((name, _)), _) => name.as_str(),
                (None, Some(name)) => name,
                (None, None) => continue,
            };
            if vocabulary::find_variable(name).is_none() {
                continue;
            }
            let at = self.start(document, word);
            let exported = verb == "export"
                || (verb == "declare" && words.get(1).is_some_and(|w| w.text.known() == Some("-x")));
            if let (false, Some((name, value)), false, true) =
                (exported, &set, chained, self.blocks.is_empty())
            {
                let (name, value) = (name.clone(), value.clone());
                self.bare.push((Setting { name, value, at: vec![word.at], form: Form::PLAIN }, at));
                continue;
            }
            let behind = self.around.behind.as_ref().map(|sign| &self.text[sign.clone()]);
            let problem = if self.piped || behind == Some(b"&") {
                Some("is set in a process of its own, where no command sees it")
            } else if behind == Some(b"||") {
                Some("is set before a command that runs only if that fails")
            } else if document.lists[word.at.list].items.len() != words.len() {
                Some("is set in a statement with a redirection")
            } else if !exported {
                Some("is not exported where it is set, so that it cannot be known which commands see it")
            } else if set.is_none() {
                Some("is exported in one place and set in another")
            } else if chained || !self.blocks.is_empty() {
                Some(
                    "is set under a condition or inside a block, so that it cannot be known which commands see it",
                )
            } else if !self.scope.commands.is_empty() {
                Some("is set between commands that load a model")
            } else if self.scope.shared.iter().any(|setting| setting.name == name) {
                Some("is set twice")
            } else {
                None
            };
            if let Some(problem) = problem {
                document.refuse(at, format!("{name} {problem}"));
                continue;
            }
            let Some((name, value)) = set else { continue };
            self.scope.shared.push(Setting { name, value, at: vec![word.at], form: Form::PLAIN });
            // The verb goes when nothing is left to export.
            let is_option = |word: &&Word| word.text.known().is_some_and(|word| word.starts_with('-'));
            let verbs = 1 + words.iter().skip(1).take_while(is_option).count();
            let all = words.iter().skip(verbs).all(|w| {
                assignment(&w.text).is_some_and(|(name, _)| vocabulary::find_variable(&name).is_some())
            });
            if all && index == verbs {
                let list = &mut document.lists[word.at.list];
                let span = list.items[0].start..list.items.last().map_or(list.items[0].end, |last| last.end);
                list.verb = verbs;
                list.whole.get_or_insert(span);
            }
        }
        true
    }

    fn start(&self, document: &Document, word: &Word) -> usize {
        document.lists[word.at.list].items[word.at.item].start
    }
}
