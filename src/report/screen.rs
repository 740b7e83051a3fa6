//! Text of others where a person or a program that looks for commands reads it: names of files and tensors, error
//! texts, generated text, another command's output.
//!
//! Such text may hold escape sequences that rewrite a terminal, marks that turn the direction of writing, line
//! ends that forge a line, and the `::command::` lines that a GitHub runner obeys. Here is the one place that
//! makes them visible instead. They are written as JSON writes them (`\u001b`), so that JSON stays what it is.
//!
//! [`Guard`] stands before every stream of the program; [`plain`] and [`lines`] serve what is put between styles
//! or markup before it gets there. Where bytes are the product, [`Guard::exact`] passes them as they are.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::{self, Write};

/// The longest sequence of styles that is waited for.
const LONGEST_STYLE: usize = 24;

/// Whether a character does something instead of being seen: controls, and the marks that turn, hide or tag text
/// (Unicode's bidirectional controls, deprecated format characters, separators, tags); or is none, for which XML has
/// no place.
fn acts(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{fffe}' | '\u{ffff}' | '\u{e0000}'..='\u{e007f}')
}

/// Writes a character as JSON escapes it.
fn escape(c: char, text: &mut String) {
    for unit in c.encode_utf16(&mut [0; 2]) {
        let _ = write!(text, "\\u{unit:04x}");
    }
}

/// A text in one line, in which every character is seen.
#[must_use]
pub fn plain(text: &str) -> Cow<'_, str> {
    seen(text, |_| false)
}

/// A text of several lines, in which every other character is seen.
#[must_use]
pub fn lines(text: &str) -> Cow<'_, str> {
    seen(text, |c| matches!(c, '\n' | '\t'))
}

fn seen(text: &str, kept: fn(char) -> bool) -> Cow<'_, str> {
    let hidden = |c: char| acts(c) && !kept(c);
    if !text.contains(hidden) && !text.contains("##[") {
        return Cow::Borrowed(text);
    }
    let mut seen = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        match c {
            // The older form of a runner's command, which may stand anywhere in a line.
            '[' if seen.ends_with("##") => escape(c, &mut seen),
            c if hidden(c) => escape(c, &mut seen),
            c => seen.push(c),
        }
    }
    Cow::Owned(seen)
}

/// What passes a [`Guard`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Passes {
    /// Every byte.
    Bytes,
    /// Text.
    Text,
    /// Text and styles: what the program paints itself, around text that is plain.
    Styles,
}

/// What a line holds so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Line {
    Blank,
    /// One colon behind nothing but blanks.
    Colon,
    Begun,
}

/// A stream that a person reads.
///
/// A reader that has gone is no error: what else is written is dropped.
#[derive(Debug)]
pub struct Guard<W: Write> {
    out: W,
    passes: Passes,
    /// The beginning of a character or of a style whose rest is still to come.
    partial: Vec<u8>,
    line: Line,
    /// `#` that were written just now.
    hashes: u8,
    gone: bool,
}

impl<W: Write> Guard<W> {
    fn new(out: W, passes: Passes) -> Self {
        Self { out, passes, partial: Vec::new(), line: Line::Blank, hashes: 0, gone: false }
    }

    /// A stream of text, none of which does anything.
    pub fn text(out: W) -> Self {
        Self::new(out, Passes::Text)
    }

    /// A stream of text and styles. Text of others has to be [`plain`] in it already.
    pub fn styled(out: W) -> Self {
        Self::new(out, Passes::Styles)
    }

    /// A stream whose bytes are the product.
    pub fn exact(out: W) -> Self {
        Self::new(out, Passes::Bytes)
    }

    /// Drops what a reader that has gone does not take.
    fn pass(&mut self, written: io::Result<()>) -> io::Result<()> {
        match written {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                self.gone = true;
                Ok(())
            }
            other => other,
        }
    }

    /// The text that the bytes come to; what is no whole character yet waits, unless all is `over`.
    fn take(&mut self, bytes: &[u8], over: bool) -> String {
        let mut all = std::mem::take(&mut self.partial);
        all.extend_from_slice(bytes);
        let mut text = String::with_capacity(all.len());
        let mut rest = &all[..];
        while let Some(first) = rest.first() {
            if *first == 0x1b && self.passes == Passes::Styles {
                match style(rest) {
                    Style::Whole(length) => {
                        text.push_str(&String::from_utf8_lossy(&rest[..length]));
                        rest = &rest[length..];
                        continue;
                    }
                    Style::Begun if !over => break,
                    Style::Begun | Style::None => {}
                }
            }
            let width = width(*first).min(rest.len());
            match std::str::from_utf8(&rest[..width]) {
                Ok(piece) => piece.chars().for_each(|c| self.push(c, &mut text)),
                Err(error) if error.error_len().is_none() && !over => break,
                // As JSON's readers see a byte that is no text.
                Err(_) => {
                    self.push('\u{fffd}', &mut text);
                    rest = &rest[error_length(&rest[..width])..];
                    continue;
                }
            }
            rest = &rest[width..];
        }
        self.partial = rest.to_vec();
        text
    }

    fn push(&mut self, c: char, text: &mut String) {
        let command = match c {
            '[' => self.hashes >= 2,
            ':' => self.line == Line::Colon,
            _ => false,
        };
        if command || (acts(c) && !matches!(c, '\n' | '\t')) {
            escape(c, text);
        } else {
            text.push(c);
        }
        self.hashes = if c == '#' { self.hashes.saturating_add(1) } else { 0 };
        self.line = match (c, self.line) {
            ('\n', _) => Line::Blank,
            (c, Line::Blank) if c.is_whitespace() => Line::Blank,
            (':', Line::Blank) => Line::Colon,
            _ => Line::Begun,
        };
    }
}

/// The bytes of the character that begins with this one; 1 where none does.
fn width(first: u8) -> usize {
    match first {
        0xc0..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf7 => 4,
        _ => 1,
    }
}

/// The bytes at the start that are no text.
fn error_length(bytes: &[u8]) -> usize {
    match std::str::from_utf8(bytes) {
        Err(error) => error.error_len().unwrap_or(bytes.len()).max(1),
        Ok(_) => 1,
    }
}

/// What stands at an escape character.
enum Style {
    Whole(usize),
    Begun,
    None,
}

/// A sequence that sets styles: `ESC [`, digits and semicolons, `m`.
fn style(bytes: &[u8]) -> Style {
    for (at, byte) in bytes.iter().enumerate().take(LONGEST_STYLE) {
        match (at, byte) {
            (0, 0x1b) | (1, b'[') => {}
            (2.., b'0'..=b'9' | b';') => {}
            (2.., b'm') => return Style::Whole(at + 1),
            _ => return Style::None,
        }
    }
    if bytes.len() < LONGEST_STYLE { Style::Begun } else { Style::None }
}

impl<W: Write> Write for Guard<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if !self.gone {
            let written = match self.passes {
                Passes::Bytes => self.out.write_all(bytes),
                Passes::Text | Passes::Styles => {
                    let text = self.take(bytes, false);
                    self.out.write_all(text.as_bytes())
                }
            };
            self.pass(written)?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.gone {
            return Ok(());
        }
        let flushed = self.out.flush();
        self.pass(flushed)
    }
}

impl<W: Write> Drop for Guard<W> {
    fn drop(&mut self) {
        let text = self.take(&[], true);
        if !text.is_empty() && !self.gone {
            // Nobody is left to tell.
            let _ = self.out.write_all(text.as_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn through(passes: Passes, pieces: &[&[u8]]) -> String {
        let mut out = Vec::new();
        let mut guard = Guard::new(&mut out, passes);
        pieces.iter().for_each(|piece| guard.write_all(piece).unwrap());
        drop(guard);
        String::from_utf8_lossy(&out).into_owned()
    }

    #[test]
    fn nothing_that_acts_gets_through() {
        let foreign =
            "a\x1b[2J\x1b]0;t\x07\r\u{202e}b\u{9b}31m\u{2066}\u{e0041}\x7f\u{2028}\u{fffe}é漢\u{200d}\t.\n";
        let wanted = "a\\u001b[2J\\u001b]0;t\\u0007\\u000d\\u202eb\\u009b31m\\u2066\\udb40\\udc41\\u007f\\u2028\\ufffeé漢\u{200d}\t.\n";
        assert_eq!(through(Passes::Text, &[foreign.as_bytes()]), wanted);
        let bytes: Vec<&[u8]> = foreign.as_bytes().chunks(1).collect();
        assert_eq!(through(Passes::Text, &bytes), wanted, "however it is cut");
        assert_eq!(lines(foreign), wanted);
        assert_eq!(plain("a\n::error::b"), "a\\u000a::error::b");
        assert!(matches!(plain("füür 🙂"), Cow::Borrowed(_)));
    }

    #[test]
    fn a_runner_sees_no_command() {
        let foreign = "::error::x\n  ::set-output::y\na ::b::\n##[error]z\n: :\n:x\n";
        let wanted = ":\\u003aerror::x\n  :\\u003aset-output::y\na ::b::\n##\\u005berror]z\n: :\n:x\n";
        let bytes: Vec<&[u8]> = foreign.as_bytes().chunks(1).collect();
        assert_eq!(through(Passes::Text, &bytes), wanted);
        assert_eq!(plain("##[error]"), "##\\u005berror]");
    }

    #[test]
    fn styles_pass_where_the_program_paints_and_nothing_else_of_their_kind() {
        let painted = "\x1b[1mbold\x1b[0m \x1b[31;1mred\x1b[0m";
        let bytes: Vec<&[u8]> = painted.as_bytes().chunks(1).collect();
        assert_eq!(through(Passes::Styles, &bytes), painted);
        assert_eq!(through(Passes::Styles, &[b"\x1b[2Jx\x1b[1", b"~\x1b"]), "\\u001b[2Jx\\u001b[1~\\u001b");
        assert_eq!(through(Passes::Text, &[b"\x1b[1mx"]), "\\u001b[1mx");
    }

    #[test]
    fn exact_is_exact_and_what_is_no_text_is_replaced_elsewhere() {
        let bytes = b"\x1b[1m\xff\xc3(\xe2\x82";
        let mut out = Vec::new();
        Guard::exact(&mut out).write_all(bytes).unwrap();
        assert_eq!(out, bytes);
        assert_eq!(through(Passes::Text, &[b"a\xffb\xc3(\xe2\x82"]), "a\u{fffd}b\u{fffd}(\u{fffd}");
    }

    #[test]
    fn a_reader_that_has_gone_is_no_error() {
        struct Gone;
        impl Write for Gone {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Err(io::ErrorKind::BrokenPipe.into())
            }
        }
        for passes in [Passes::Bytes, Passes::Text, Passes::Styles] {
            let mut guard = Guard::new(Gone, passes);
            assert!(guard.write_all(b"x").is_ok() && guard.flush().is_ok() && guard.write_all(b"y").is_ok());
        }
    }
}
