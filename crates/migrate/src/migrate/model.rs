//! What every reader makes of its format: lists of items with their places in the text, and the
//! commands and variables that they form. Edits know nothing of formats beyond this.

use std::collections::BTreeMap;
use std::ops::Range;

/// What is known of a word after quotes and escapes are taken off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Text {
    /// All of it.
    Known(String),
    /// It holds an expansion.
    Open {
        /// What stands before the first expansion.
        prefix: String,
        /// What stands behind the last expansion.
        suffix: String,
        /// The variable, when the word is nothing but one.
        name: Option<String>,
    },
}

impl Text {
    /// The whole word, if it is known.
    pub(super) fn known(&self) -> Option<&str> {
        match self {
            Self::Known(text) => Some(text),
            Self::Open { .. } => None,
        }
    }

    /// The known end of the word.
    pub(super) fn end(&self) -> &str {
        match self {
            Self::Known(text) => text,
            Self::Open { suffix, .. } => suffix,
        }
    }
}

/// Items that stand in one row: the words of a command, the elements of a list, the lines of a block.
#[derive(Clone, Debug)]
pub(super) struct List {
    /// Where the items stand, in order; not all of them need to be words.
    pub(super) items: Vec<Range<usize>>,
    /// What to take out for an item that goes, where that is not the item and the gap before it.
    pub(super) lines: Option<Vec<Range<usize>>>,
    /// What to take out when no item is left; `None` when some item always stays.
    pub(super) whole: Option<Range<usize>>,
    /// How many items before the others say what is done with them, and go with the last of them.
    pub(super) verb: usize,
    /// What stands between two items that are put in.
    pub(super) join: String,
}

/// An item of a list of the document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) list: usize,
    pub(super) item: usize,
}

/// A word of a command line.
#[derive(Clone, Debug)]
pub(super) struct Word {
    pub(super) at: Place,
    pub(super) text: Text,
    /// What stands around a word that is put in its place.
    pub(super) quote: &'static str,
}

/// A word in its quotes, which may be the tag of an element.
pub(super) fn within(quote: &str, word: &str) -> String {
    match quote.strip_prefix('<') {
        Some(tag) => format!("{quote}{word}</{tag}"),
        None => format!("{quote}{word}{quote}"),
    }
}

/// A load variable that is set.
#[derive(Clone, Debug)]
pub(super) struct Setting {
    pub(super) name: String,
    pub(super) value: Text,
    /// The items that make it up; the last holds name and value.
    pub(super) at: Vec<Place>,
    pub(super) form: Form,
}

/// How a variable is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// `NAME=VALUE`, with this before it, these quotes around it, and this between two of them.
    Assign { lead: &'static str, quote: &'static str, glue: Option<&'static str> },
    /// `NAME: VALUE`, with these quotes around the name and around the value.
    Map { key: &'static str, quote: &'static str },
    /// `name: NAME` and `value: VALUE`, in one line or in two with this indent.
    Pair { indent: Option<usize>, newline: &'static str, key: &'static str, quote: &'static str },
    /// `NAME="VALUE"`.
    Quoted,
    /// `<key>NAME</key><string>VALUE</string>`.
    Plist,
}

impl Form {
    /// Plain `NAME=VALUE`.
    pub(super) const PLAIN: Self = Self::Assign { lead: "", quote: "", glue: None };

    pub(super) fn write(self, (name, value): &(String, String)) -> String {
        match self {
            Self::Assign { lead, quote, .. } => format!("{lead}{quote}{name}={value}{quote}"),
            Self::Map { key, quote } => format!("{key}{name}{key}: {quote}{value}{quote}"),
            Self::Pair { indent: Some(indent), newline, quote, .. } => {
                format!("name: {name}{newline}{:indent$}value: {quote}{value}{quote}", "")
            }
            Self::Pair { indent: None, key, quote, .. } => {
                format!("{{{key}name{key}: {key}{name}{key}, {key}value{key}: {quote}{value}{quote}}}")
            }
            Self::Quoted => format!("{name}=\"{value}\""),
            Self::Plist => format!("<key>{name}</key><string>{value}</string>"),
        }
    }

    pub(super) fn glue(self) -> Option<&'static str> {
        match self {
            Self::Assign { glue, .. } => glue,
            _ => None,
        }
    }
}

/// The grammar by which a program reads its load flags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tool {
    /// The parser that most of llama.cpp's programs share.
    Common,
    /// llama-bench.
    Bench,
}

/// Where flags go when a command has none.
#[derive(Clone, Copy, Debug)]
pub(super) enum Insert {
    /// Behind this item, in these quotes.
    After(Place, &'static str),
    /// Before this item, in these quotes.
    Before(Place, &'static str),
    /// There is no place.
    Nowhere,
}

/// A command that loads a model.
#[derive(Clone, Debug)]
pub(super) struct Command {
    /// Where it starts.
    pub(super) at: usize,
    pub(super) tool: Tool,
    /// The load variables of this command alone.
    pub(super) settings: Vec<Setting>,
    /// What stands behind the program's name.
    pub(super) words: Vec<Word>,
    pub(super) insert: Insert,
    /// What keeps the variables around it from the command: `sudo`, a container, another machine.
    pub(super) apart: Option<String>,
    /// As that of the scope, for this command alone.
    pub(super) unseen: Option<String>,
}

/// Commands and the load variables that all of them see.
#[derive(Clone, Debug, Default)]
pub(super) struct Scope {
    pub(super) shared: Vec<Setting>,
    pub(super) commands: Vec<Command>,
    /// The words of the other variables; `None` where that is not known.
    pub(super) variables: BTreeMap<String, Option<Vec<String>>>,
    /// Variables that hold a path whose end alone is known, such as `$HOME/bin/llama-server`.
    pub(super) paths: BTreeMap<String, Text>,
    /// Where more variables come from that were not looked at: a file with them, another file's part.
    pub(super) unseen: Option<String>,
}

/// Something to say about a place of the file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Say {
    pub(super) at: usize,
    pub(super) text: String,
}

/// A part of the text as its format has it: a word, a sign, a key, a value, an end of something.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub(super) kind: &'static str,
    pub(super) span: Range<usize>,
}

/// What a reader found.
#[derive(Clone, Debug, Default)]
pub(super) struct Document {
    pub(super) lists: Vec<List>,
    pub(super) scopes: Vec<Scope>,
    /// Why the file cannot be migrated.
    pub(super) refusals: Vec<Say>,
    /// What was left alone.
    pub(super) remarks: Vec<Say>,
    /// Where names of load flags say nothing: comments, and text that is printed.
    pub(super) idle: Vec<Range<usize>>,
    /// Why names of load flags in a part of the text were not read.
    pub(super) why: Vec<(Range<usize>, String)>,
    /// Comments: no edit takes one out.
    pub(super) comments: Vec<Range<usize>>,
    /// What the format makes of the text, in order: what is not edited has to be there afterwards, too.
    pub(super) parts: Vec<Part>,
    /// Texts whose lines the format joins to one.
    pub(super) joined: Vec<Range<usize>>,
    /// The parts of the text that say something; all of it where this is missing.
    pub(super) speaking: Option<Vec<Range<usize>>>,
    /// Whether keys such as `use_mmap` say something about loading too.
    pub(super) keys: bool,
    /// Whether the file is known to be about llama.cpp, even if no word of it says so.
    pub(super) llama: bool,
}

impl Document {
    pub(super) fn refuse(&mut self, at: usize, text: impl Into<String>) {
        self.refusals.push(Say { at, text: text.into() });
    }

    pub(super) fn remark(&mut self, at: usize, text: impl Into<String>) {
        self.remarks.push(Say { at, text: text.into() });
    }

    /// Adds comments, in which names of load flags say nothing.
    pub(super) fn comment(&mut self, comments: impl IntoIterator<Item = Range<usize>>) {
        let from = self.comments.len();
        self.comments.extend(comments);
        self.idle.extend_from_slice(&self.comments[from..]);
    }

    pub(super) fn part(&mut self, kind: &'static str, span: Range<usize>) {
        self.parts.push(Part { kind, span });
    }

    /// Adds a list and gives its number.
    pub(super) fn list(&mut self, list: List) -> usize {
        self.lists.push(list);
        self.lists.len() - 1
    }
}

#[cfg(test)]
impl Document {
    /// What a reader found, a line for each variable, command and remark: for the tests of readers. Every
    /// word has to stand where its place says.
    pub(super) fn told(&self, text: &[u8]) -> Vec<String> {
        let shown = |word: &Text| match word {
            Text::Known(text) => text.clone(),
            Text::Open { prefix, suffix, .. } => format!("{prefix}…{suffix}"),
        };
        let setting = |setting: &Setting| {
            for at in &setting.at {
                assert!(self.lists[at.list].items[at.item].end <= text.len());
            }
            format!("{}={}", setting.name, shown(&setting.value))
        };
        let mut told = Vec::new();
        for scope in &self.scopes {
            told.extend(scope.shared.iter().map(setting));
            for command in &scope.commands {
                let mut words: Vec<String> = command.settings.iter().map(setting).collect();
                words.push(format!("{:?}:", command.tool).to_lowercase());
                for word in &command.words {
                    let item = &self.lists[word.at.list].items[word.at.item];
                    let there = String::from_utf8_lossy(&text[item.clone()]);
                    let plain =
                        word.text.known().filter(|known| !known.contains(['\'', '"', '\\', '$', ' ', '&']));
                    assert!(
                        plain.is_none_or(|known| there.contains(known)),
                        "{known:?} is not {there}",
                        known = word.text
                    );
                    words.push(shown(&word.text));
                }
                told.push(words.join(" "));
            }
        }
        told.extend(self.refusals.iter().map(|say| format!("refused: {}", say.text)));
        told.extend(self.remarks.iter().map(|say| format!("note: {}", say.text)));
        told
    }
}
