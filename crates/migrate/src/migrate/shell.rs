//! Shell scripts: the commands, what they export, and what their variables hold.

mod arrays;
mod aside;
mod prints;
mod sets;

use std::collections::BTreeSet;
use std::ops::Range;

pub(super) use aside::TALKERS;

use self::arrays::{Arrays, Branch};
use self::prints::{Prints, leaves};
use super::lex::{Grammar, Kind, SHELL, Token, assignment, lexed, tokens};
use super::model::{Document, List, Scope, Setting, Text, Word};
use super::options::takes_value;
use super::recognise::{self, Found};
use super::text;

/// Reads a script.
pub(super) fn read(text: &[u8]) -> Document {
    let mut document = Document::default();
    let mut script = Script::new(text, Scope::default(), false);
    script.all(text::bom(text)..text.len(), SHELL, &mut document);
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
    if let (Some(setting), true, None) =
        (script.scope.shared.first(), script.scope.commands.is_empty(), &script.others)
    {
        let at = setting.at.last().map_or(0, |at| document.lists[at.list].items[at.item].start);
        document.remark(at, "the command that reads these variables was not looked at");
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
    let joined = text[range.clone()].contains(&b'\n')
        && document.joined.iter().any(|joined| joined.start <= range.start && range.end <= joined.end);
    if joined && !is_one_line(&text[range.clone()]) {
        let why = "it stands in a script whose lines are joined before a shell sees them, in a way that is not followed";
        document.why.push((range, why.to_owned()));
        return;
    }
    let mut script = Script::new(text, std::mem::take(scope), true);
    let grammar = if joined { Grammar { newline_is_space: true, ..grammar } } else { grammar };
    script.all(range, grammar, document);
    for (setting, at) in std::mem::take(&mut script.bare) {
        document.refuse(at, format!("{} is not exported where it is set", setting.name));
    }
    *scope = script.scope;
}

/// Whether joined lines are one line of a shell: no line is empty, begins deeper than the others, or has what a
/// line end ends.
fn is_one_line(text: &[u8]) -> bool {
    let lines: Vec<&[u8]> = text.split(|byte| *byte == b'\n').collect();
    let indent = |line: &[u8]| line.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
    let inner = lines.get(1..).unwrap_or_default();
    !text.contains(&b'#')
        && !text.windows(2).any(|pair| pair == b"<<")
        && inner.iter().all(|line| indent(line) < line.len() && indent(line) == indent(inner[0]))
}

struct Script<'t> {
    text: &'t [u8],
    scope: Scope,
    /// The compound commands that are open, each with its branch.
    blocks: Vec<(&'static str, Branch)>,
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
    /// The signs around the statement.
    around: Around,
    /// What is printed, and where it may go.
    prints: Prints,
    arrays: Arrays,
}

/// What stands around a statement: where the sign before it begins and ends, the sign behind it, and where
/// the next word begins.
#[derive(Clone, Debug, Default)]
struct Around {
    before: Option<Range<usize>>,
    behind: Option<Range<usize>>,
    next: Option<usize>,
}

/// How many blocks may lie within one another.
const DEEPEST: usize = 64;

const OPENS: [&str; 7] = ["if", "for", "while", "until", "case", "select", "{"];
const CLOSES: [&str; 4] = ["fi", "done", "esac", "}"];
const BETWEEN: [&str; 5] = ["then", "else", "elif", "do", "!"];

impl<'t> Script<'t> {
    fn new(text: &'t [u8], scope: Scope, acts: bool) -> Self {
        Self {
            text,
            scope,
            blocks: Vec::new(),
            chained: false,
            piped: false,
            bare: Vec::new(),
            acts,
            bodies: Vec::new(),
            others: None,
            around: Around::default(),
            prints: Prints::default(),
            arrays: Arrays::default(),
        }
    }

    /// Reads a part of the text that is a script of its own. What arrays hold where they are used shows
    /// when all of it was read, so that one with arrays is read twice.
    fn all(&mut self, range: Range<usize>, grammar: Grammar, document: &mut Document) {
        if self.text[range.clone()].windows(2).any(|pair| pair == b"=(") {
            let mut first = Self::new(self.text, self.scope.clone(), self.acts);
            let mut walked = Document::default();
            first.walk(range.clone(), grammar, &mut walked);
            self.arrays = first.arrays.decided(self.text, range.clone(), &walked);
        }
        self.walk(range, grammar, document);
    }

    fn walk(&mut self, range: Range<usize>, grammar: Grammar, document: &mut Document) {
        self.variables(&tokens(self.text, range.clone(), grammar));
        self.range(range, grammar, document);
        self.prints.finish(document);
    }
}

impl Script<'_> {
    /// The branches that are open.
    fn path(&self) -> Vec<Branch> {
        self.blocks.iter().map(|(_, branch)| *branch).collect()
    }

    /// A block begins, the body of a function where one was named.
    fn open(&mut self, sign: &'static str, at: usize) {
        self.blocks.push((sign, Branch { at, function: self.prints.naming.is_some() }));
    }

    fn innermost(&self) -> Option<&'static str> {
        self.blocks.last().map(|(sign, _)| *sign)
    }

    /// Another branch of the innermost block begins.
    fn branch(&mut self, at: usize) {
        if let Some((_, branch)) = self.blocks.last_mut() {
            branch.at = at;
        }
    }

    /// Notes what the script's own variables hold, where that is said once.
    fn variables(&mut self, tokens: &[Token]) {
        let mut names = false;
        let mut before = "";
        for token in tokens {
            match &token.kind {
                Kind::Word { text, .. } => {
                    let word = text.known().unwrap_or_default();
                    let start = match text {
                        Text::Known(text) => text,
                        Text::Open { prefix, .. } => prefix,
                    };
                    // One word of an array is set.
                    if let Some((name, _)) = start.split_once('[') {
                        self.scope.variables.insert(name.to_owned(), None);
                    }
                    // What a loop, `read` or `unset` puts into a variable is not known.
                    if names && !word.is_empty() && !word.starts_with('-') {
                        self.note(word.to_owned(), None);
                        self.scope.variables.insert(word.to_owned(), None);
                    }
                    names = match word {
                        "for" | "select" | "read" | "mapfile" | "readarray" | "unset" | "getopts" => true,
                        "-v" if before == "printf" => true,
                        "in" | "do" => false,
                        _ => names && assignment(text).is_none(),
                    };
                    before = word;
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
        document.comment(lexed.comments);
        let outer = std::mem::replace(&mut self.bodies, lexed.bodies);
        let tokens = lexed.tokens;
        document.comment(
            tokens.iter().filter(|token| matches!(token.kind, Kind::Comment)).map(|token| token.span.clone()),
        );
        let mut statement: Vec<&Token> = Vec::new();
        let mut skip_word = false;
        for (index, token) in tokens.iter().enumerate() {
            match &token.kind {
                Kind::Operator => {
                    let sign = &self.text[token.span.clone()];
                    if sign.contains(&b'<') || sign.contains(&b'>') {
                        document.part("sign", token.span.clone());
                        statement.push(token);
                        // What follows is the file, unless the sign ends the redirection itself.
                        let here = sign.starts_with(b"<<") && !sign.starts_with(b"<<<");
                        skip_word = !here;
                        continue;
                    }
                    let next_chained = matches!(sign, b"&&" | b"||" | b"|" | b"|&");
                    let chained = self.chained || matches!(sign, b"|" | b"|&");
                    self.piped = sign.starts_with(b"|") && sign != b"||";
                    let divides = next_chained || matches!(sign, b";" | b"&");
                    let closed = index.checked_sub(1).is_some_and(|before| {
                        matches!(tokens[before].kind, Kind::Operator)
                            && self.text[tokens[before].span.clone()] == *b")"
                    });
                    if statement.is_empty() && divides && !closed {
                        document.part("no command", token.span.start..token.span.start);
                    }
                    document.part("sign", token.span.clone());
                    let behind = &tokens[index + 1..];
                    let is_end = |token: &&Token| matches!(token.kind, Kind::Newline);
                    let next = behind.iter().find(|token| !next_chained || !is_end(token));
                    self.around.next = next.filter(|token| !is_end(token)).map(|token| token.span.start);
                    self.around.behind = Some(token.span.clone());
                    self.statement(&statement, chained, document);
                    self.piped = false;
                    statement.clear();
                    self.chained = next_chained;
                    self.around = Around { before: Some(token.span.clone()), ..Around::default() };
                    match sign {
                        b"(" => {
                            let bare = |token: &Token, signs: &[u8]| {
                                matches!(token.kind, Kind::Operator)
                                    && signs.contains(&self.text[token.span.start])
                            };
                            // `NAME ()` names a function, and `<(` is read by the command.
                            let named = behind.first().is_some_and(|next| bare(next, b")"));
                            let fed = index.checked_sub(1).is_some_and(|before| {
                                bare(&tokens[before], b"<>") && tokens[before].span.end == token.span.start
                            });
                            let name =
                                named.then(|| index.checked_sub(1)).flatten().map(|name| &tokens[name].span);
                            let name = name
                                .map(|name| String::from_utf8_lossy(&self.text[name.clone()]).into_owned());
                            self.open("(", token.span.start);
                            self.prints.enter(fed);
                            self.prints.naming = name;
                        }
                        b")" if self.innermost() == Some("(") => {
                            self.blocks.pop();
                            self.prints.close(document);
                        }
                        // What follows a pattern or a branch is another branch.
                        b")" | b";;" | b"&" if self.innermost() == Some("case") => {
                            let at = token.span.start;
                            if sign != b"&" || self.text[..at].ends_with(b";") {
                                self.branch(at);
                            }
                        }
                        _ => {}
                    }
                }
                Kind::Newline => {
                    self.around.behind = None;
                    self.statement(&statement, self.chained, document);
                    statement.clear();
                    self.around = Around::default();
                    // A line that ends in `&&` goes on.
                    let goes_on = index.checked_sub(1).is_some_and(|before| {
                        matches!(tokens[before].kind, Kind::Operator)
                            && matches!(&self.text[tokens[before].span.clone()], b"&&" | b"||" | b"|")
                    });
                    self.chained &= goes_on;
                }
                Kind::Word { nested, .. } => {
                    for inside in nested {
                        self.inside(inside.clone(), grammar, true, document);
                    }
                    document.part("word", token.span.clone());
                    if skip_word {
                        skip_word = false;
                        // Still an item of the row, so that it stays when its neighbours go.
                        statement.push(token);
                        continue;
                    }
                    statement.push(token);
                }
                Kind::Array { .. } => {
                    document.part("word", token.span.clone());
                    statement.push(token);
                }
                Kind::Comment => statement.push(token),
            }
        }
        self.around.behind = None;
        self.statement(&statement, self.chained, document);
        self.around = Around::default();
        self.bodies = outer;
    }

    /// A script within a word, which sees the blocks around it and leaves them as they are. What it prints may
    /// become a part of the word.
    fn inside(&mut self, range: Range<usize>, grammar: Grammar, captured: bool, document: &mut Document) {
        let (blocks, chained, piped) = (self.blocks.clone(), self.chained, self.piped);
        let (around, depth) = (std::mem::take(&mut self.around), self.prints.depth());
        self.open("(", range.start);
        self.prints.enter(captured);
        self.piped = false;
        self.range(range, grammar, document);
        self.prints.end(depth + 1, document);
        self.prints.leave(piped, document);
        (self.blocks, self.chained, self.piped, self.around) = (blocks, chained, piped, around);
    }

    fn statement(&mut self, tokens: &[&Token], chained: bool, document: &mut Document) {
        if let (Some(first), Some(last)) = (tokens.first(), tokens.last()) {
            document.part("[", first.span.start..last.span.end);
        }
        let written = self.piped || leaves(self.text, tokens);
        self.prints.follow(written, document);
        let mut start = 0;
        while let Some(Kind::Word { text, .. }) = tokens.get(start).map(|token| &token.kind) {
            let Some(word) = text.known() else { break };
            if let Some(opens) = OPENS.iter().find(|opens| **opens == word) {
                self.open(opens, tokens[start].span.start);
                self.prints.enter(false);
                if matches!(*opens, "for" | "select") {
                    return;
                }
            } else if CLOSES.contains(&word) {
                self.blocks.pop();
                self.prints.leave(written, document);
            } else if word == "function" {
                let name = tokens.get(start + 1).map(|name| &self.text[name.span.clone()]);
                self.prints.naming = name.map(|name| String::from_utf8_lossy(name).into_owned());
                start += 1;
            } else if BETWEEN.contains(&word) {
                self.branch(tokens[start].span.start);
            } else {
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
        document.list(List { items, lines: None, whole, verb: 0, join: " ".into() });
        self.array(tokens, chained, document);
        if self.sets(&words, chained, document) {
            return;
        }
        self.acts = true;
        self.sources(&words, first.span.start, document);
        let command = |words: &[Word]| recognise::command(first.span.start, words, &self.scope);
        let spread = self.spread(&words, tokens);
        let found = match self.with_arrays(&spread, tokens).map(|words| command(&words)) {
            Some(Found::Command(found)) => Found::Command(found),
            _ => {
                let says = words.first().map(|word| word.text.end()).unwrap_or_default();
                self.no_command(tokens, says, document);
                command(&spread)
            }
        };
        match found {
            Found::Command(command) => {
                // What a command reads is no argument of it.
                let known: BTreeSet<usize> = words.iter().map(|word| word.at.item).collect();
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
}

/// The words of an array. A value that is not known is no flag, and so is a word whose known start
/// begins no flag.
fn known_words(words: &[Token]) -> Option<Vec<String>> {
    let mut known: Vec<String> = Vec::new();
    for word in words {
        let Kind::Word { text, .. } = &word.kind else { return None };
        let is_value = known.last().is_some_and(|before| takes_value(before));
        known.push(match text {
            // `[1]=WORD` has a place of its own.
            Text::Known(text) | Text::Open { prefix: text, .. } if text.starts_with('[') => return None,
            Text::Known(text) => text.clone(),
            Text::Open { prefix, .. } if is_value || !(prefix.is_empty() || prefix.starts_with('-')) => {
                "\0".to_owned()
            }
            Text::Open { .. } => return None,
        });
    }
    // What follows the array would be its last word's value.
    known.last().is_none_or(|last| !takes_value(last)).then_some(known)
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
        let note = "note: the command that reads these variables was not looked at";
        assert_eq!(told("LLAMA_ARG_MMAP=0\nOTHER=1\n"), ["LLAMA_ARG_MMAP=0", note]);
    }

    #[test]
    fn an_expansion_is_an_open_word() {
        assert_eq!(told("llama-cli -m \"$MODEL\" --mlock\n"), ["common: -m … --mlock"]);
        assert_eq!(told("llama-cli -m /models/$NAME.gguf\n"), ["common: -m /models/….gguf"]);
    }
}
