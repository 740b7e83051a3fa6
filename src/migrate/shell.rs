//! Shell scripts: the commands, what they export, and what their variables hold.

mod aside;

use std::ops::Range;

pub(super) use aside::TALKERS;

use super::lex::{Grammar, Kind, SHELL, Token, assignment, lexed, tokens};
use super::model::{Document, Form, List, Scope, Setting, Text, Word};
use super::options::takes_value;
use super::recognise::{self, Found};
use super::text;
use super::vocabulary;

/// Reads a script.
pub(super) fn read(text: &[u8]) -> Document {
    let mut document = Document::default();
    let mut script = Script {
        text,
        scope: Scope::default(),
        blocks: Vec::new(),
        chained: false,
        piped: false,
        bare: Vec::new(),
        acts: false,
        bodies: Vec::new(),
        others: None,
    };
    let all = text::bom(text)..text.len();
    script.variables(&tokens(text, all.clone(), SHELL));
    script.range(all, SHELL, &mut document);
    for (setting, at) in std::mem::take(&mut script.bare) {
        // A file of nothing but variables is read as an environment.
        if script.acts || script.scope.shared.iter().any(|other| other.name == setting.name) {
            let text = format!(
                "{} is not exported where it is set, so that it cannot be known which commands see it",
                setting.name
            );
            document.refuse(at, text);
        } else {
            script.scope.shared.push(setting);
        }
    }
    if let (Some((at, name)), Some(setting), true) =
        (&script.others, script.scope.shared.first(), script.scope.commands.is_empty())
    {
        document.refuse(
            *at,
            format!("`{name}` may read {}, and is no llama program that this reader knows", setting.name),
        );
    }
    document.scopes.push(script.scope);
    document
}

/// Reads a piece of shell that stands in another file: the commands join `scope`.
pub(super) fn piece(
    text: &[u8],
    range: Range<usize>,
    grammar: Grammar,
    scope: &mut Scope,
    document: &mut Document,
) {
    let mut script = Script {
        text,
        scope: std::mem::take(scope),
        blocks: Vec::new(),
        chained: false,
        piped: false,
        bare: Vec::new(),
        acts: true,
        bodies: Vec::new(),
        others: None,
    };
    script.variables(&tokens(text, range.clone(), grammar));
    script.range(range, grammar, document);
    for (setting, at) in std::mem::take(&mut script.bare) {
        document.refuse(at, format!("{} is not exported where it is set", setting.name));
    }
    *scope = script.scope;
}

struct Script<'t> {
    text: &'t [u8],
    scope: Scope,
    /// The compound commands that are open.
    blocks: Vec<&'static str>,
    /// Whether the statement runs only if another did, or in a pipeline.
    chained: bool,
    /// Whether what the statement prints goes to another program.
    piped: bool,
    /// Load variables that are set and not exported, with their places.
    bare: Vec<(Setting, usize)>,
    /// Whether the script does anything but set variables.
    acts: bool,
    /// A program of another product, which may hand the variables to a llama.cpp of its own.
    others: Option<(usize, String)>,
    /// The here-documents of the part that is read: where the operator stands, and the body.
    bodies: Vec<(usize, Range<usize>)>,
}

/// How many blocks may lie within one another.
const DEEPEST: usize = 64;

const OPENS: [&str; 7] = ["if", "for", "while", "until", "case", "select", "{"];
const CLOSES: [&str; 4] = ["fi", "done", "esac", "}"];
const BETWEEN: [&str; 5] = ["then", "else", "elif", "do", "!"];

impl Script<'_> {
    /// Notes what the script's own variables hold, where that is said once.
    fn variables(&mut self, tokens: &[Token]) {
        let mut names = false;
        for token in tokens {
            match &token.kind {
                Kind::Word { text, .. } => {
                    let word = text.known().unwrap_or_default();
                    // What a loop, `read` or `unset` puts into a variable is not known.
                    if names && !word.is_empty() && !word.starts_with('-') {
                        self.note(word.to_owned(), None);
                        self.scope.variables.insert(word.to_owned(), None);
                    }
                    names = match word {
                        "for" | "select" | "read" | "mapfile" | "readarray" | "unset" | "getopts" => true,
                        "in" | "do" => false,
                        _ => names && assignment(text).is_none(),
                    };
                    if let Some((name, value)) = assignment(text) {
                        let words =
                            value.known().map(|value| value.split_whitespace().map(str::to_owned).collect());
                        let seen = self.scope.variables.contains_key(&name);
                        let is_path = value.known().is_none() && value.end().contains('/');
                        if is_path && !seen && !value.end().contains(char::is_whitespace) {
                            self.scope.paths.insert(name.clone(), value);
                        } else {
                            self.scope.paths.remove(&name);
                        }
                        self.note(name, words);
                    }
                    let appended = text.known().and_then(|text| text.split_once("+="));
                    if let Some((name, _)) = appended {
                        self.scope.variables.insert(name.to_owned(), None);
                    }
                }
                Kind::Array { name, append, words } => {
                    let known = known_words(words).filter(|_| !append);
                    self.note(name.clone(), known);
                }
                Kind::Operator | Kind::Newline => names = false,
                Kind::Comment => {}
            }
        }
    }

    fn note(&mut self, name: String, words: Option<Vec<String>>) {
        let seen = self.scope.variables.contains_key(&name);
        self.scope.variables.insert(name, words.filter(|_| !seen));
    }

    fn range(&mut self, range: Range<usize>, grammar: Grammar, document: &mut Document) {
        if self.blocks.len() > DEEPEST {
            document.refuse(range.start, "commands are nested too deep here to be followed");
            return;
        }
        let lexed = lexed(self.text, range, grammar);
        document.idle.extend(lexed.comments);
        let outer = std::mem::replace(&mut self.bodies, lexed.bodies);
        let tokens = lexed.tokens;
        document.idle.extend(
            tokens.iter().filter(|token| matches!(token.kind, Kind::Comment)).map(|token| token.span.clone()),
        );
        let mut statement: Vec<&Token> = Vec::new();
        let mut skip_word = false;
        for (index, token) in tokens.iter().enumerate() {
            match &token.kind {
                Kind::Operator => {
                    let sign = &self.text[token.span.clone()];
                    if sign.contains(&b'<') || sign.contains(&b'>') {
                        statement.push(token);
                        // What follows is the file, unless the sign ends the redirection itself.
                        let here = sign.starts_with(b"<<") && !sign.starts_with(b"<<<");
                        skip_word = !here;
                        continue;
                    }
                    let next_chained = sign == b"&&" || sign == b"||" || sign == b"|";
                    let chained = self.chained || sign == b"|";
                    self.piped = sign.starts_with(b"|") && sign != b"||";
                    self.statement(&statement, chained, document);
                    self.piped = false;
                    statement.clear();
                    self.chained = next_chained;
                    match sign {
                        b"(" => self.blocks.push("("),
                        b")" if self.blocks.last() == Some(&"(") => {
                            self.blocks.pop();
                        }
                        _ => {}
                    }
                }
                Kind::Newline => {
                    self.statement(&statement, self.chained, document);
                    statement.clear();
                    // A line that ends in `&&` goes on.
                    let goes_on = index.checked_sub(1).is_some_and(|before| {
                        matches!(tokens[before].kind, Kind::Operator)
                            && matches!(&self.text[tokens[before].span.clone()], b"&&" | b"||" | b"|")
                    });
                    self.chained &= goes_on;
                }
                Kind::Word { nested, .. } => {
                    for inside in nested {
                        self.inside(inside.clone(), grammar, document);
                    }
                    if skip_word {
                        skip_word = false;
                        // Still an item of the row, so that it stays when its neighbours go.
                        statement.push(token);
                        continue;
                    }
                    statement.push(token);
                }
                Kind::Array { .. } | Kind::Comment => statement.push(token),
            }
        }
        self.statement(&statement, self.chained, document);
        self.bodies = outer;
    }

    /// A script within a word, which sees the blocks around it and leaves them as they are.
    fn inside(&mut self, range: Range<usize>, grammar: Grammar, document: &mut Document) {
        let (blocks, chained) = (self.blocks.clone(), self.chained);
        self.blocks.push("(");
        self.range(range, grammar, document);
        (self.blocks, self.chained) = (blocks, chained);
    }

    fn statement(&mut self, tokens: &[&Token], chained: bool, document: &mut Document) {
        let mut start = 0;
        while let Some(Kind::Word { text, .. }) = tokens.get(start).map(|token| &token.kind) {
            let Some(word) = text.known() else { break };
            if let Some(opens) = OPENS.iter().find(|opens| **opens == word) {
                self.blocks.push(opens);
                if matches!(*opens, "for" | "select") {
                    return;
                }
            } else if CLOSES.contains(&word) {
                self.blocks.pop();
            } else if !BETWEEN.contains(&word) {
                break;
            }
            start += 1;
            if word == "case" {
                start = tokens.len().min(start + 2);
            }
        }
        let tokens = &tokens[start..];
        let Some(first) = tokens.first() else { return };
        let number = document.lists.len();
        let items = tokens.iter().map(|token| token.span.clone()).collect();
        let (words, redirected) = words_of(self.text, tokens, number);
        debug_assert!(words.len() + redirected <= tokens.len());
        let whole = self.whole(tokens);
        document.list(List { items, lines: None, whole, verb: false, join: " ".into() });
        if self.sets(&words, chained, document) {
            return;
        }
        self.acts = true;
        self.sources(&words);
        match recognise::command(first.span.start, &words, &self.scope) {
            Found::Command(command) => {
                // What a command reads is no argument of it.
                let known: Vec<usize> = words.iter().map(|word| word.at.item).collect();
                let others = tokens.iter().enumerate().filter(|(item, _)| !known.contains(item));
                document.idle.extend(others.map(|(_, token)| token.span.clone()));
                let bodies = self.bodies.iter().filter(|(sign, _)| tokens.iter().any(|token| token.span.start == *sign));
                document.idle.extend(bodies.map(|(_, body)| body.clone()));
                self.scope.commands.push(command);
            }
            Found::HiddenProgram => document.refuse(
                first.span.start,
                "the program of this command stands in a variable, so that it cannot be known who reads its load flags",
            ),
            Found::Nothing if self.script_in_words(&words, tokens, document) => {}
            Found::Nothing => self.left_alone(&words, tokens, document),
        }
    }

    /// The line of a statement that stands alone on it.
    fn whole(&self, tokens: &[&Token]) -> Option<Range<usize>> {
        let (first, last) = (tokens.first()?, tokens.last()?);
        let start = self.text[..first.span.start].iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1);
        let rest = &self.text[last.span.end..];
        let end = last.span.end + rest.iter().position(|b| *b == b'\n').map_or(rest.len(), |at| at + 1);
        let blank = |bytes: &[u8]| bytes.iter().all(u8::is_ascii_whitespace);
        (blank(&self.text[start..first.span.start]) && blank(&self.text[last.span.end..end]))
            .then_some(start..end)
    }

    /// Variables set for what follows. Says whether the statement was one that sets.
    fn sets(&mut self, words: &[Word], chained: bool, document: &mut Document) -> bool {
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
            let problem = if !exported {
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
            let list = word.at.list;
            let all = words.iter().skip(1).all(|w| {
                assignment(&w.text).is_some_and(|(name, _)| vocabulary::find_variable(&name).is_some())
            });
            if all && index == 1 {
                let items = document.lists[list].items.clone();
                let span = items[0].start..items.last().map_or(items[0].end, |last| last.end);
                let whole = document.lists[list].whole.clone().unwrap_or(span);
                document.lists[list].verb(whole);
            }
        }
        true
    }

    fn start(&self, document: &Document, word: &Word) -> usize {
        document.lists[word.at.list].items[word.at.item].start
    }
}

impl List {
    /// The first item says what is done with the others, and goes with the last of them.
    fn verb(&mut self, whole: Range<usize>) {
        self.whole = Some(whole);
        self.verb = true;
    }
}

/// The words of an array. A value that is not known is no flag, and so is a word whose known start
/// begins no flag.
fn known_words(words: &[Token]) -> Option<Vec<String>> {
    let mut known: Vec<String> = Vec::new();
    for word in words {
        let Kind::Word { text, .. } = &word.kind else { return None };
        let is_value = known.last().is_some_and(|before| takes_value(before));
        known.push(match text {
            Text::Known(text) => text.clone(),
            Text::Open { prefix, .. } if is_value || !(prefix.is_empty() || prefix.starts_with('-')) => {
                "\0".to_owned()
            }
            Text::Open { .. } => return None,
        });
    }
    Some(known)
}

/// The words of a statement; redirections with their files are items and no words.
pub(super) fn words_of(text: &[u8], tokens: &[&Token], list: usize) -> (Vec<Word>, usize) {
    let mut words = Vec::new();
    let mut redirected = 0;
    let mut skip = false;
    for (item, token) in tokens.iter().enumerate() {
        match &token.kind {
            Kind::Word { text: word, .. } => {
                let before_sign = tokens.get(item + 1).is_some_and(|next| {
                    matches!(next.kind, Kind::Operator) && next.span.start == token.span.end
                });
                let descriptor =
                    before_sign && word.known().is_some_and(|w| w.bytes().all(|b| b.is_ascii_digit()));
                if skip || descriptor {
                    skip = false;
                    redirected += 1;
                    continue;
                }
                let at = recognise::place(list, item);
                words.push(Word { at, text: word.clone(), quote: "" });
            }
            Kind::Operator => {
                let sign = &text[token.span.clone()];
                skip = !sign.starts_with(b"<<") || sign.starts_with(b"<<<");
                redirected += 1;
            }
            _ => redirected += 1,
        }
    }
    (words, redirected)
}

#[cfg(test)]
mod tests {
    fn told(text: &str) -> Vec<String> {
        super::read(text.as_bytes()).told(text.as_bytes())
    }

    #[test]
    fn commands_have_their_words_and_what_is_exported() {
        let text = "#!/bin/sh\nexport LLAMA_ARG_MLOCK=1\nllama-cli -m a.gguf --no-mmap \\\n  -p 'x y'\n";
        assert_eq!(told(text), ["LLAMA_ARG_MLOCK=1", "common: -m a.gguf --no-mmap -p x y"]);
        assert_eq!(
            told("LLAMA_ARG_MMAP=0 ./build/bin/llama-server -m a.gguf &\r\n"),
            ["LLAMA_ARG_MMAP=0 common: -m a.gguf"]
        );
        assert_eq!(
            told("exec nice -n 5 llama-bench -m a.gguf -mmp 0,1 | tee log\n"),
            ["bench: -m a.gguf -mmp 0,1"]
        );
    }

    #[test]
    fn text_that_is_no_command_is_not_read_as_one() {
        assert_eq!(told("# llama-cli --mlock\ncat <<END\nllama-cli --mlock\nEND\n"), [""; 0]);
        assert_eq!(told("my-llama-tool --verbose\nls -la\n"), [""; 0]);
    }

    #[test]
    fn a_variable_that_may_not_be_seen_is_refused() {
        let told = told("LLAMA_ARG_MLOCK=1\nllama-cli -m a.gguf\n");
        assert!(
            told.iter().any(|line| line.starts_with("refused: LLAMA_ARG_MLOCK is not exported")),
            "{told:?}"
        );
    }

    #[test]
    fn a_file_of_variables_alone_is_an_environment() {
        assert_eq!(told("LLAMA_ARG_MMAP=0\nOTHER=1\n"), ["LLAMA_ARG_MMAP=0"]);
    }

    #[test]
    fn an_expansion_is_an_open_word() {
        assert_eq!(told("llama-cli -m \"$MODEL\" --mlock\n"), ["common: -m … --mlock"]);
        assert_eq!(told("llama-cli -m /models/$NAME.gguf\n"), ["common: -m /models/….gguf"]);
    }
}
