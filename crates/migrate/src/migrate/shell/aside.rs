//! Statements of a script that are no llama commands: what they print, what they start elsewhere, and
//! what they read.

use std::ops::Range;

use super::super::lex::{Kind, SHELL, Token};
use super::super::model::{Document, Text, Word};
use super::Script;
use super::arrays::Sourced;
use super::prints::leaves;

/// Programs that print or look for text and start nothing.
pub(in crate::migrate) const TALKERS: [&str; 12] =
    ["echo", "printf", "print", "grep", "egrep", "rg", "cat", ":", "test", "[", "[[", "true"];

/// Programs that run a llama.cpp of their own.
const OTHERS: [&str; 10] =
    ["ollama", "koboldcpp", "llama-swap", "lms", "local-ai", "node", "npm", "npx", "uvicorn", "docker"];

/// Programs to which `-lm`, `--mlock` and the like say something else.
const STRANGERS: [&str; 9] = ["gcc", "g++", "cc", "c++", "clang", "clang++", "ld", "stress-ng", "fio"];

impl Script<'_> {
    /// `. FILE`, where the file looks like one that sets variables for a loader.
    pub(super) fn sources(&mut self, words: &[Word], first: usize, document: &mut Document) {
        let [verb, file, ..] = words else { return };
        let file = match &file.text {
            Text::Known(file) => file.clone(),
            Text::Open { suffix, .. } => suffix.clone(),
        };
        let lower = file.to_ascii_lowercase();
        let telling = ["env", "conf", "llama", "default", "settings"].iter().any(|part| lower.contains(part));
        let harmless =
            ["setvars", "activate", "conda", "venv", "oneapi"].iter().any(|part| lower.contains(part));
        if matches!(verb.text.known(), Some("." | "source")) && telling && !harmless {
            document.remark(first, format!("{file} is read here and was not looked at"));
            self.scope.unseen = Some(file.clone());
        }
        if matches!(verb.text.known(), Some("." | "source" | "eval")) && !harmless {
            self.arrays.sourced.push(Sourced::new(first, &file));
        }
    }

    /// `sh -c 'SCRIPT'`, and one word that a program elsewhere runs as a script (`ssh HOST 'SCRIPT'`).
    /// Says whether there was one.
    pub(super) fn script_in_words(
        &mut self,
        words: &[Word],
        tokens: &[&Token],
        document: &mut Document,
    ) -> bool {
        let base = |word: &Word| word.text.end().rsplit('/').next().unwrap_or_default().to_owned();
        let shell = words
            .iter()
            .position(|word| matches!(base(word).as_str(), "sh" | "bash" | "dash" | "zsh" | "ash"));
        let flag = shell.and_then(|shell| {
            let flag = words.iter().skip(shell + 1).position(|word| {
                word.text.known().is_some_and(|text| {
                    text.starts_with('-') && text.ends_with('c') && !text.starts_with("--")
                })
            });
            flag.map(|flag| shell + 1 + flag)
        });
        let first = words.first().map(base).unwrap_or_default();
        let carrier = matches!(
            first.as_str(),
            "ssh" | "tmux" | "screen" | "su" | "watch" | "sudo" | "docker" | "podman"
        );
        let script = match flag {
            Some(flag) => words.get(flag + 1),
            None if carrier && !matches!(first.as_str(), "sudo" | "docker" | "podman") => words
                .iter()
                .skip(1)
                .find(|word| word.text.known().is_some_and(|text| text.trim().contains(' '))),
            None => None,
        };
        let Some(script) = script else { return false };
        let token = tokens[script.at.item];
        match &token.kind {
            Kind::Word { inner: Some(inner), .. } => {
                let before = self.scope.commands.len();
                self.inside(inner.clone(), SHELL, false, document);
                for command in &mut self.scope.commands[before..] {
                    if carrier && command.apart.is_none() {
                        command.apart = Some(first.clone());
                    }
                }
            }
            Kind::Word { .. } => {
                document
                    .why
                    .push((token.span.clone(), "it stands in a script with quotes within quotes".to_owned()));
            }
            _ => {}
        }
        true
    }

    /// `exec > FILE`, where the file is none that is only looked at.
    fn diverts(&mut self, words: &[Word], tokens: &[&Token]) {
        let [verb] = words else { return };
        // A file is named; `> >(tee LOG)` names none.
        let file = |pair: &[&Token]| {
            let name = String::from_utf8_lossy(&self.text[pair[1].span.clone()]).into_owned();
            matches!(pair[1].kind, Kind::Word { .. }) && leaves(self.text, pair) && !name.contains("log")
        };
        if verb.text.known() == Some("exec") && tokens.windows(2).any(file) {
            self.prints.diverted = true;
        }
    }

    /// Load flags that no llama tool reads here: nothing where they are printed or another program's, and
    /// else for the account of the file.
    pub(super) fn left_alone(&mut self, words: &[Word], tokens: &[&Token], document: &mut Document) {
        let Some((first, last)) = tokens.first().zip(tokens.last()) else { return };
        let span = first.span.start..last.span.end;
        let says =
            words.first().map(|word| word.text.end().rsplit('/').next().unwrap_or_default().to_owned());
        let says = says.unwrap_or_default();
        let written = self.piped || leaves(self.text, tokens);
        let searches = matches!(says.as_str(), "grep" | "egrep" | "rg" | "[" | "[[" | "test");
        let bodies = self.bodies.iter().filter(|(sign, _)| span.contains(sign)).map(|(_, body)| body.clone());
        let bodies: Vec<Range<usize>> = bodies.collect();
        if STRANGERS.contains(&says.as_str()) || searches {
            if searches {
                self.arrays.tested.push(span.clone());
            }
            document.idle.push(span);
            document.idle.extend(bodies);
            return;
        }
        // `printf -v` prints into a variable.
        let keeps = says == "printf" && words.get(1).is_some_and(|word| word.text.end().starts_with("-v"));
        if TALKERS.contains(&says.as_str()) && !written && !keeps {
            for span in std::iter::once(span).chain(bodies) {
                self.prints.print(span, document);
            }
            return;
        }
        self.prints.call(&says, written, document);
        self.diverts(words, tokens);
        let text = "it stands in a here-document, which becomes a file or the input of a program: migrate that by itself";
        document.why.extend(bodies.into_iter().map(|body| (body, text.to_owned())));
        let passes_on = words.iter().any(|word| {
            let name = word.text.end().rsplit('/').next().unwrap_or_default();
            OTHERS.contains(&name) || name.starts_with("python")
        });
        if passes_on || says == "exec" && words.iter().skip(1).all(|word| word.text.known().is_none()) {
            self.others.get_or_insert((first.span.start, says.clone()));
        }
        if !says.is_empty() {
            let text = format!("it stands behind `{says}`, which is no llama program that this reader knows");
            document.why.push((span, text));
        }
    }
}
