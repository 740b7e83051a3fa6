//! The grammar of a fault, `TARGET:FAULT[:when=FIRST[..LAST][+[STEP]]][:file=N][:least=N]`; `when` as in `strace(1)`.
//! Numbers are decimal, or hexadecimal after `0x`.

use std::str::FromStr;

use super::spec::{Corruption, Fault, FaultSpec, TARGETS, Target, When};

const FAULTS: &str =
    "error=NAME, delay=N, reports=N, short=N, corrupt, corrupt=OFFSET^MASK, eof, truncate=N, replaced";

/// A fault that cannot be read: what is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("injection `{spec}`, character {position}: {problem}")]
pub struct SpecError {
    /// The text as given.
    pub spec: String,
    /// Where it goes wrong, in characters from 1.
    pub position: usize,
    /// What is wrong, and what is accepted there.
    pub problem: String,
}

impl SpecError {
    /// An error at a byte of `spec`.
    pub(super) fn at(spec: &str, byte: usize, problem: String) -> Self {
        let position = spec.char_indices().take_while(|&(at, _)| at < byte).count() + 1;
        Self { spec: spec.to_owned(), position, problem }
    }
}

pub(super) fn unknown_error(name: &str) -> String {
    let known: Vec<_> = super::error_names().collect();
    format!("no error is called `{name}`; known are {}", known.join(", "))
}

impl FromStr for FaultSpec {
    type Err = SpecError;

    fn from_str(text: &str) -> Result<Self, SpecError> {
        let mut cursor = Cursor { text, at: 0 };
        let target = target(&mut cursor)?;
        cursor.expect(":", || format!("a `:` and a fault are missing; accepted: {FAULTS}"))?;
        let fault_at = cursor.at;
        let fault = fault(&mut cursor)?;
        let mut more = cursor.eat(":");
        let when = if more && cursor.eat("when=") {
            let when = when(&mut cursor)?;
            more = cursor.eat(":");
            when
        } else {
            When::ALWAYS
        };
        let file = if more && cursor.eat("file=") {
            let file = file(&mut cursor)?;
            more = cursor.eat(":");
            Some(file)
        } else {
            None
        };
        let least = if more { Some(least(&mut cursor, target)?) } else { None };
        if !cursor.rest().is_empty() {
            return Err(cursor.error(format!("`{}` is too much here", cursor.rest())));
        }
        let spec =
            Self::new(target, fault, when).map_err(|error| SpecError::at(text, fault_at, error.problem))?;
        let spec = file.map_or(spec, |file| spec.on_file(file));
        Ok(least.map_or(spec, |least| spec.of_at_least(least)))
    }
}

fn least(cursor: &mut Cursor<'_>, target: Target) -> Result<u64, SpecError> {
    let start = cursor.at;
    let accepted = || "expected `when=FIRST[..LAST][+[STEP]]`, `file=N` or `least=N`".to_owned();
    cursor.expect("least=", accepted)?;
    let bytes = cursor.number("a number of bytes")?;
    let problem = match target.name() {
        "alloc" if bytes > 0 => return Ok(bytes),
        "alloc" => "every request is for at least one byte: N from 1".to_owned(),
        other => format!("`least=N` is for requests for memory, `alloc`; `{other}` is none"),
    };
    Err(SpecError::at(cursor.text, start, problem))
}

fn file(cursor: &mut Cursor<'_>) -> Result<u32, SpecError> {
    let start = cursor.at;
    let number = cursor.number("the number of a file, from 1")?;
    u32::try_from(number)
        .ok()
        .filter(|number| *number > 0)
        .ok_or_else(|| SpecError::at(cursor.text, start, format!("files are counted from 1, not {number}")))
}

fn target(cursor: &mut Cursor<'_>) -> Result<Target, SpecError> {
    let start = cursor.at;
    let name = cursor.take_while(|c| c.is_ascii_alphanumeric() || c == '.' || c == '_');
    Target::named(name).ok_or_else(|| {
        let known = TARGETS.join(", ");
        SpecError::at(cursor.text, start, format!("no call is called `{name}`; accepted: {known}"))
    })
}

fn fault(cursor: &mut Cursor<'_>) -> Result<Fault, SpecError> {
    let start = cursor.at;
    let word = cursor.take_while(|c| c.is_ascii_alphanumeric() || c == '_');
    let valued = cursor.eat("=");
    match (word, valued) {
        ("error", true) => error_name(cursor).map(Fault::Error),
        ("delay", true) => cursor.number("microseconds").map(Fault::Delay),
        ("short", true) => cursor.number("a number of bytes").map(Fault::Short),
        ("reports", true) => cursor.number("a file size").map(Fault::Reports),
        ("truncate", true) => cursor.number("a file size").map(Fault::Truncate),
        ("eof", false) => Ok(Fault::Eof),
        ("replaced", false) => Ok(Fault::Replaced),
        ("corrupt", false) => Ok(Fault::Corrupt(Corruption::Middle)),
        ("corrupt", true) => {
            let offset = cursor.number("an offset in the file")?;
            cursor.expect("^", || "expected `^MASK` after the offset".to_owned())?;
            let mask_at = cursor.at;
            let mask = cursor.number("a mask")?;
            let mask = u8::try_from(mask).map_err(|_| {
                SpecError::at(cursor.text, mask_at, format!("mask {mask} is not one byte: 1 to 0xff"))
            })?;
            Ok(Fault::Corrupt(Corruption::At { offset, mask }))
        }
        ("error" | "delay" | "reports" | "short" | "truncate", false) => {
            Err(cursor.error(format!("`{word}` takes a value; accepted: {FAULTS}")))
        }
        ("eof" | "replaced", true) => Err(cursor.error(format!("`{word}` takes no value"))),
        _ => {
            Err(SpecError::at(cursor.text, start, format!("no fault is called `{word}`; accepted: {FAULTS}")))
        }
    }
}

fn error_name(cursor: &mut Cursor<'_>) -> Result<&'static str, SpecError> {
    let start = cursor.at;
    let name = cursor.take_while(|c| c.is_ascii_alphanumeric() || c == '_');
    super::error_names()
        .find(|&known| known == name)
        .ok_or_else(|| SpecError::at(cursor.text, start, unknown_error(name)))
}

fn when(cursor: &mut Cursor<'_>) -> Result<When, SpecError> {
    let start = cursor.at;
    let first = cursor.number("the number of a call, from 1")?;
    let ranged = cursor.eat("..");
    let last = if ranged { Some(cursor.number("the number of the last call")?) } else { None };
    let repeated = cursor.eat("+");
    let step = if repeated && cursor.rest().starts_with(|c: char| c.is_ascii_digit()) {
        cursor.number("a step")?
    } else {
        1
    };
    let last = if ranged || repeated { last } else { Some(first) };
    When::new(first, last, step).ok_or_else(|| {
        let problem = "calls are counted from 1, LAST is not before FIRST, and STEP is at least 1";
        SpecError::at(cursor.text, start, problem.to_owned())
    })
}

/// A place in the text.
struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Cursor<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn error(&self, problem: String) -> SpecError {
        SpecError::at(self.text, self.at, problem)
    }

    fn eat(&mut self, literal: &str) -> bool {
        let found = self.rest().starts_with(literal);
        self.at += if found { literal.len() } else { 0 };
        found
    }

    fn expect(&mut self, literal: &str, problem: impl FnOnce() -> String) -> Result<(), SpecError> {
        if self.eat(literal) { Ok(()) } else { Err(self.error(problem())) }
    }

    fn take_while(&mut self, accept: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let len = rest.find(|c| !accept(c)).unwrap_or(rest.len());
        self.at += len;
        &rest[..len]
    }

    fn number(&mut self, what: &str) -> Result<u64, SpecError> {
        let start = self.at;
        let radix = if self.eat("0x") { 16 } else { 10 };
        let digits = self.take_while(|c| c.is_digit(radix));
        u64::from_str_radix(digits, radix).map_err(|_| {
            let found = &self.text[start..self.at];
            let problem = if digits.is_empty() { "expected" } else { "this is too large for" };
            SpecError::at(self.text, start, format!("{problem} {what}, found `{found}`"))
        })
    }
}

#[cfg(test)]
#[path = "parse_tests.rs"]
mod tests;
