//! Words with their places: one reader for shells, units and command strings, which differ in what
//! they know besides quotes.

use std::ops::Range;

use super::model::Text;

/// What a kind of text knows besides words and quotes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Grammar {
    /// `;`, `&`, `|`, redirections, here-documents, command substitution.
    pub(super) operators: bool,
    /// `#` starts a comment at the start of a word; else only on a line of its own.
    pub(super) comments: bool,
    /// A line end is white space and ends nothing.
    pub(super) newline_is_space: bool,
    /// What continues a line and takes the meaning off the next character.
    pub(super) escape: u8,
    /// Comment lines stand between continued lines.
    pub(super) comments_between: bool,
    /// The lines are indented more than the program sees them.
    pub(super) indented: bool,
}

/// A POSIX shell or bash.
pub(super) const SHELL: Grammar = Grammar {
    operators: true,
    comments: true,
    newline_is_space: false,
    escape: b'\\',
    comments_between: false,
    indented: false,
};
/// A list of words without a shell, over several lines.
pub(super) const WORDS: Grammar =
    Grammar { operators: false, comments: false, newline_is_space: true, ..SHELL };
/// A shell whose lines are joined before it sees them, so that comments may stand between.
pub(super) const SHELL_LINES: Grammar = Grammar { comments_between: true, ..SHELL };
/// A shell script in a block of another format.
pub(super) const SHELL_BLOCK: Grammar = Grammar { indented: true, ..SHELL };
/// The value of a line of a systemd unit.
pub(super) const UNIT: Grammar = Grammar { comments_between: true, ..WORDS };

#[derive(Clone, Debug)]
pub(super) enum Kind {
    Word {
        text: Text,
        /// The content where the text holds it as it is: behind an opening quote, or all of it.
        inner: Option<Range<usize>>,
        /// Commands inside: `$(…)`.
        nested: Vec<Range<usize>>,
    },
    /// `NAME=(…)`, and whether it was `+=`.
    Array {
        name: String,
        append: bool,
        words: Vec<Token>,
    },
    Operator,
    Newline,
    /// A comment between continued lines.
    Comment,
}

#[derive(Clone, Debug)]
pub(super) struct Token {
    pub(super) span: Range<usize>,
    pub(super) kind: Kind,
}

/// The tokens of a part of the text, and what lies between them.
pub(super) struct Lexed {
    pub(super) tokens: Vec<Token>,
    /// Comments that run to the end of a line.
    pub(super) comments: Vec<Range<usize>>,
    /// Here-documents: where the operator stands, and the body.
    pub(super) bodies: Vec<(usize, Range<usize>)>,
}

/// The tokens of a part of the text.
pub(super) fn tokens(text: &[u8], range: Range<usize>, grammar: Grammar) -> Vec<Token> {
    lexed(text, range, grammar).tokens
}

/// Everything in a part of the text.
pub(super) fn lexed(text: &[u8], range: Range<usize>, grammar: Grammar) -> Lexed {
    let end = range.end.min(text.len());
    let (comments, bodies) = (Vec::new(), Vec::new());
    let mut lexer = Lexer { text, at: range.start, end, grammar, pending: Vec::new(), comments, bodies };
    let mut tokens = Vec::new();
    while let Some(token) = lexer.next() {
        tokens.push(token);
    }
    Lexed { tokens, comments: lexer.comments, bodies: lexer.bodies }
}

struct Lexer<'t> {
    text: &'t [u8],
    at: usize,
    end: usize,
    grammar: Grammar,
    /// The ends of here-documents whose bodies start on the next line; whether tabs are taken off, and
    /// where the operator stands.
    pending: Vec<(Vec<u8>, bool, usize)>,
    comments: Vec<Range<usize>>,
    bodies: Vec<(usize, Range<usize>)>,
}

/// What is collected of a word.
#[derive(Default)]
struct Built {
    prefix: Vec<u8>,
    suffix: Vec<u8>,
    open: bool,
    names: Vec<Option<String>>,
    nested: Vec<Range<usize>>,
    escaped: bool,
    /// A quote that does not end: what the word is cannot be told.
    unclosed: bool,
    /// Quotes and bare characters alternate: how many pieces there are.
    pieces: Vec<(u8, Range<usize>)>,
}

impl Built {
    fn push(&mut self, byte: u8) {
        if self.open { &mut self.suffix } else { &mut self.prefix }.push(byte);
    }

    fn expansion(&mut self, name: Option<String>) {
        self.open = true;
        self.suffix.clear();
        self.names.push(name);
    }

    fn text(self) -> Text {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        if self.unclosed {
            return Text::Open { prefix: String::new(), suffix: String::new(), name: None };
        }
        if !self.open {
            return Text::Known(text(&self.prefix));
        }
        let alone = self.prefix.is_empty() && self.suffix.is_empty() && self.names.len() == 1;
        let name = if alone { self.names.into_iter().next().flatten() } else { None };
        Text::Open { prefix: text(&self.prefix), suffix: text(&self.suffix), name }
    }
}

impl Lexer<'_> {
    fn peek(&self, ahead: usize) -> Option<u8> {
        let at = self.at + ahead;
        (at < self.end).then(|| self.text[at])
    }

    /// The length of a line end here: 1, or 2 for CR LF.
    fn line_end(&self, ahead: usize) -> Option<usize> {
        match (self.peek(ahead), self.peek(ahead + 1)) {
            (Some(b'\n'), _) => Some(1),
            (Some(b'\r'), Some(b'\n')) => Some(2),
            _ => None,
        }
    }

    fn skip_line(&mut self) {
        while self.peek(0).is_some() && self.line_end(0).is_none() {
            self.at += 1;
        }
    }

    fn next(&mut self) -> Option<Token> {
        loop {
            let start = self.at;
            let byte = self.peek(0)?;
            if let Some(length) = self.line_end(0) {
                self.at += length;
                self.skip_bodies();
                if self.grammar.newline_is_space {
                    continue;
                }
                // Empty lines end nothing more.
                while let Some(length) = self.line_end(0) {
                    self.at += length;
                }
                return Some(Token { span: start..self.at, kind: Kind::Newline });
            }
            let continued = if byte == self.grammar.escape { self.line_end(1) } else { None };
            if let Some(length) = continued {
                self.at += 1 + length;
                if let Some(comment) = self.comment_between() {
                    return Some(Token { span: comment, kind: Kind::Comment });
                }
                continue;
            }
            match byte {
                b' ' | b'\t' | b'\r' => self.at += 1,
                b'#' if self.grammar.comments => {
                    self.skip_line();
                    self.comments.push(start..self.at);
                }
                _ if self.grammar.operators && is_operator(byte) => return Some(self.operator()),
                _ => return Some(self.word()),
            }
        }
    }

    fn comment_between(&mut self) -> Option<Range<usize>> {
        if !self.grammar.comments_between {
            return None;
        }
        let start = self.at;
        let mut comments = false;
        loop {
            let line = self.at;
            while matches!(self.peek(0), Some(b' ' | b'\t')) {
                self.at += 1;
            }
            if !matches!(self.peek(0), Some(b'#' | b';')) {
                self.at = line;
                break;
            }
            comments = true;
            self.skip_line();
            self.at += self.line_end(0).unwrap_or(0);
        }
        comments.then_some(start..self.at)
    }

    /// Here-documents are left alone.
    fn skip_bodies(&mut self) {
        for (end, tabs, sign) in std::mem::take(&mut self.pending) {
            let body = self.at;
            while self.peek(0).is_some() {
                let start = self.at;
                self.skip_line();
                let line = &self.text[start..self.at];
                self.at += self.line_end(0).unwrap_or(0);
                let strip = line.iter().take_while(|byte| tabs && **byte == b'\t').count();
                let line = if self.grammar.indented { line.trim_ascii_start() } else { &line[strip..] };
                if *line == end {
                    break;
                }
            }
            self.bodies.push((sign, body..self.at));
        }
    }

    fn operator(&mut self) -> Token {
        let start = self.at;
        let first = self.text[start];
        self.at += 1;
        match first {
            b'<' if self.peek(0) == Some(b'<') && self.peek(1) != Some(b'<') => {
                self.at += 1;
                let tabs = self.peek(0) == Some(b'-');
                self.at += usize::from(tabs);
                while matches!(self.peek(0), Some(b' ' | b'\t')) {
                    self.at += 1;
                }
                if self.peek(0).is_some() && self.line_end(0).is_none() {
                    let word = self.word();
                    if let Kind::Word { text: Text::Known(end), .. } = word.kind {
                        self.pending.push((end.into_bytes(), tabs, start));
                    }
                }
            }
            b'<' | b'>' => {
                while matches!(self.peek(0), Some(b'<' | b'>' | b'&' | b'|')) {
                    self.at += 1;
                }
            }
            b'&' | b'|' | b';' => {
                while self.peek(0).is_some_and(|byte| byte == first || (first == b'&' && byte == b'>')) {
                    self.at += 1;
                }
            }
            _ => {}
        }
        Token { span: start..self.at, kind: Kind::Operator }
    }

    fn word(&mut self) -> Token {
        let start = self.at;
        let mut built = Built::default();
        while let Some(byte) = self.peek(0) {
            let blank = matches!(byte, b' ' | b'\t' | b'\n') || self.line_end(0).is_some();
            if blank {
                break;
            }
            if self.grammar.operators && is_operator(byte) {
                if byte == b'(' && (built.prefix.ends_with(b"=") && !built.open) {
                    return self.array(start, &built.prefix);
                }
                break;
            }
            let piece = self.at;
            match byte {
                b'\'' => self.single(&mut built),
                b'"' => self.double(&mut built),
                b'$' => self.dollar(&mut built),
                b'`' if self.grammar.operators => self.backticks(&mut built),
                _ if byte == self.grammar.escape => {
                    built.escaped = true;
                    self.at += 1;
                    if let Some(length) = self.line_end(0) {
                        self.at += length;
                    } else if let Some(next) = self.peek(0) {
                        built.push(next);
                        self.at += 1;
                    }
                }
                _ => {
                    built.push(byte);
                    self.at += 1;
                }
            }
            let style = if matches!(byte, b'\'' | b'"') { byte } else { b' ' };
            match built.pieces.last_mut() {
                Some((last, range)) if *last == b' ' && style == b' ' => range.end = self.at,
                _ => built.pieces.push((style, piece..self.at)),
            }
        }
        let inner = match built.pieces.as_slice() {
            [(b' ', range)] if !built.escaped && !built.unclosed => Some(range.clone()),
            [(_, range)] if !built.escaped && !built.unclosed && range.len() >= 2 => {
                Some(range.start + 1..range.end - 1)
            }
            _ => None,
        };
        let nested = std::mem::take(&mut built.nested);
        Token { span: start..self.at, kind: Kind::Word { text: built.text(), inner, nested } }
    }

    fn array(&mut self, start: usize, prefix: &[u8]) -> Token {
        self.at += 1;
        let outer = self.grammar.newline_is_space;
        self.grammar.newline_is_space = true;
        let mut words = Vec::new();
        while let Some(token) = self.next() {
            if matches!(token.kind, Kind::Operator) {
                break;
            }
            words.push(token);
        }
        self.grammar.newline_is_space = outer;
        let name = String::from_utf8_lossy(prefix).into_owned();
        let append = name.ends_with("+=");
        let name = name.trim_end_matches(['+', '=']).to_owned();
        Token { span: start..self.at, kind: Kind::Array { name, append, words } }
    }

    fn single(&mut self, built: &mut Built) {
        self.at += 1;
        while let Some(byte) = self.peek(0) {
            self.at += 1;
            if byte == b'\'' {
                return;
            }
            built.push(byte);
        }
        built.unclosed = true;
    }

    fn double(&mut self, built: &mut Built) {
        self.at += 1;
        while let Some(byte) = self.peek(0) {
            match byte {
                b'"' => {
                    self.at += 1;
                    return;
                }
                b'$' => self.dollar(built),
                b'`' if self.grammar.operators => self.backticks(built),
                _ if byte == self.grammar.escape => {
                    built.escaped = true;
                    self.at += 1;
                    if let Some(length) = self.line_end(0) {
                        self.at += length;
                    } else if let Some(next) = self.peek(0) {
                        if !matches!(next, b'"' | b'\\' | b'$' | b'`') {
                            built.push(byte);
                        }
                        built.push(next);
                        self.at += 1;
                    }
                }
                _ => {
                    built.push(byte);
                    self.at += 1;
                }
            }
        }
        built.unclosed = true;
    }

    fn backticks(&mut self, built: &mut Built) {
        let start = self.at + 1;
        self.at = start;
        while self.peek(0).is_some_and(|byte| byte != b'`') {
            self.at += if self.peek(0) == Some(b'\\') { 2 } else { 1 };
        }
        self.at = self.at.min(self.end);
        built.nested.push(start..self.at);
        self.at = (self.at + 1).min(self.end);
        built.expansion(None);
    }

    fn dollar(&mut self, built: &mut Built) {
        self.at += 1;
        match self.peek(0) {
            Some(b'{') => {
                let start = self.at + 1;
                self.skip_pair(b'{', b'}');
                let inside = &self.text[start..self.at.saturating_sub(1).max(start)];
                let bare =
                    inside.strip_suffix(b"[@]").or_else(|| inside.strip_suffix(b"[*]")).unwrap_or(inside);
                let plain = !bare.is_empty() && bare.iter().all(|byte| is_name(*byte));
                built.expansion(plain.then(|| String::from_utf8_lossy(bare).into_owned()));
            }
            Some(b'(') if self.grammar.operators => {
                let start = self.at + 1;
                self.skip_pair(b'(', b')');
                if self.text.get(start) != Some(&b'(') {
                    built.nested.push(start..self.at.saturating_sub(1).max(start));
                }
                built.expansion(None);
            }
            Some(byte) if is_name(byte) && !byte.is_ascii_digit() => {
                let start = self.at;
                while self.peek(0).is_some_and(is_name) {
                    self.at += 1;
                }
                built.expansion(Some(String::from_utf8_lossy(&self.text[start..self.at]).into_owned()));
            }
            // `$'…'` has escapes of its own, and `$"…"` is translated.
            Some(b'\'' | b'"') if self.grammar.operators => built.expansion(None),
            Some(b'@' | b'*' | b'#' | b'?' | b'!' | b'$' | b'-' | b'0'..=b'9') => {
                self.at += 1;
                built.expansion(None);
            }
            _ => built.push(b'$'),
        }
    }

    /// From an opening bracket to behind its closing one, past quoted text.
    fn skip_pair(&mut self, open: u8, close: u8) {
        let mut depth = 0_usize;
        let mut quote = None;
        while let Some(byte) = self.peek(0) {
            self.at += 1;
            match (quote, byte) {
                (None | Some(b'"'), b'\\') => self.at = (self.at + 1).min(self.end),
                (Some(q), b) if q == b => quote = None,
                (Some(_), _) => {}
                (None, b'\'' | b'"') => quote = Some(byte),
                (None, b) if b == open => depth += 1,
                (None, b) if b == close => {
                    depth = depth.saturating_sub(1);
                    if depth == 0 {
                        break;
                    }
                }
                _ => {}
            }
        }
    }
}

fn is_operator(byte: u8) -> bool {
    b";&|<>()".contains(&byte)
}

pub(super) fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// Splits `NAME=…` where the part before `=` is a name.
pub(super) fn assignment(text: &Text) -> Option<(String, Text)> {
    let whole = match text {
        Text::Known(text) => text,
        Text::Open { prefix, .. } => prefix,
    };
    let (name, value) = whole.split_once('=')?;
    let named = !name.is_empty() && name.bytes().all(is_name) && !name.as_bytes()[0].is_ascii_digit();
    let value = match text {
        Text::Known(_) => Text::Known(value.to_owned()),
        Text::Open { suffix, .. } => {
            Text::Open { prefix: value.to_owned(), suffix: suffix.clone(), name: None }
        }
    };
    named.then(|| (name.to_owned(), value))
}
