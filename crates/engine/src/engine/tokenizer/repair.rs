//! Bytes that are not UTF-8, made fit for the expressions that cut text.
//!
//! llama.cpp reads U+FFFD for every byte that starts no character, overlong forms as the characters
//! that they are too long for, and a surrogate as a character of its own. (The lossy conversion of
//! the standard library has one U+FFFD for a whole truncated character, and would give other tokens.)

use std::borrow::Cow;

/// A text of characters, and which of them stand in for surrogates.
#[derive(Debug)]
pub(super) struct Repaired<'t> {
    text: Cow<'t, str>,
    /// Where in the text the stand-ins are, in order.
    surrogates: Vec<usize>,
}

/// How far above its surrogate a stand-in lies: among the private characters of the last plane, which
/// like surrogates are no letters, digits, punctuation or white space.
const STAND_IN: u32 = 0x10_0000;

impl<'t> Repaired<'t> {
    pub(super) fn new(bytes: &'t [u8]) -> Self {
        let mut surrogates = Vec::new();
        let text = match std::str::from_utf8(bytes) {
            Ok(text) => Cow::Borrowed(text),
            Err(_) => {
                let (mut text, mut rest) = (String::with_capacity(bytes.len()), bytes);
                while !rest.is_empty() {
                    let (number, length) = first_character(rest).unwrap_or((0xFFFD, 1));
                    if (0xD800..0xE000).contains(&number) {
                        surrogates.push(text.len());
                        text.extend(char::from_u32(number + STAND_IN));
                        rest = &rest[length..];
                    } else {
                        let character = char::from_u32(number);
                        text.push(character.unwrap_or('\u{FFFD}'));
                        rest = &rest[if character.is_some() { length } else { 1 }..];
                    }
                }
                Cow::Owned(text)
            }
        };
        Repaired { text, surrogates }
    }

    /// The text, stand-ins included.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// The bytes of a word that starts at `start`, with the surrogates as they were written.
    pub(super) fn bytes<'w>(&self, start: usize, word: &'w str) -> Cow<'w, [u8]> {
        let within = |place: usize| self.surrogates.partition_point(|&at| at < place);
        let found = &self.surrogates[within(start)..within(start + word.len())];
        if found.is_empty() {
            return Cow::Borrowed(word.as_bytes());
        }
        let mut bytes = Vec::with_capacity(word.len());
        for (place, character) in word.char_indices() {
            if found.binary_search(&(start + place)).is_ok() {
                let number = u32::from(character) - STAND_IN;
                bytes.extend([0xED, 0x80 | (number >> 6 & 0x3F) as u8, 0x80 | (number & 0x3F) as u8]);
            } else {
                bytes.extend(character.encode_utf8(&mut [0; 4]).bytes());
            }
        }
        Cow::Owned(bytes)
    }
}

/// The number of the character that bytes start with, in whatever length it is written.
fn first_character(bytes: &[u8]) -> Option<(u32, usize)> {
    let (length, upper) = match bytes.first()? {
        byte @ 0x00..=0x7F => return Some((u32::from(*byte), 1)),
        byte @ 0xC0..=0xDF => (2, byte & 0x1F),
        byte @ 0xE0..=0xEF => (3, byte & 0x0F),
        byte @ 0xF0..=0xF7 => (4, byte & 0x07),
        _ => return None,
    };
    let mut number = u32::from(upper);
    for byte in bytes.get(1..length)? {
        if byte & 0xC0 != 0x80 {
            return None;
        }
        number = number << 6 | u32::from(byte & 0x3F);
    }
    Some((number, length))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn surrogates_come_back_as_they_were_written() {
        let bytes = b"a\xED\xA0\xBD\xED\xB8\x80b\xFF\xF4\x8D\xA0\xBD";
        let repaired = Repaired::new(bytes);
        assert_eq!(repaired.text().chars().count(), 6);
        let whole = repaired.bytes(0, repaired.text());
        assert_eq!(&*whole, b"a\xED\xA0\xBD\xED\xB8\x80b\xEF\xBF\xBD\xF4\x8D\xA0\xBD");
        assert_eq!(&*repaired.bytes(5, &repaired.text()[5..10]), b"\xED\xB8\x80b");
    }

    #[test]
    fn what_is_no_character_is_replaced_byte_by_byte() {
        assert_eq!(
            Repaired::new(b"\xE4\xB8|\xF4\x90\x80\x80").text(),
            "\u{FFFD}\u{FFFD}|".to_owned() + &"\u{FFFD}".repeat(4)
        );
        assert_eq!(Repaired::new(b"\xC1\xA1\xFF").text(), "a\u{FFFD}");
    }
}
