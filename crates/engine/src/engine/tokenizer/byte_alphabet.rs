//! The printable alphabet in which byte-level BPE writes bytes.
//!
//! Printable bytes of Latin-1 stand for themselves; the 68 others, in order, are U+0100 onwards.
//! Source: `bytes_to_unicode` of GPT-2, <https://github.com/openai/gpt-2/blob/master/src/encoder.py>.

/// True for the bytes that stand for themselves.
const fn is_printable(byte: u8) -> bool {
    matches!(byte, 0x21..=0x7E | 0xA1..=0xAC | 0xAE..=0xFF)
}

/// The letter of every byte.
const LETTERS: [char; 256] = {
    let mut letters = ['\0'; 256];
    let mut byte = 0usize;
    let mut next = 0x100u32;
    while byte < 256 {
        letters[byte] = if is_printable(byte as u8) {
            byte as u8 as char
        } else {
            next += 1;
            match char::from_u32(next - 1) {
                Some(letter) => letter,
                None => panic!("U+0100 to U+0143 are characters"),
            }
        };
        byte += 1;
    }
    letters
};

/// The letter that stands for a byte.
pub(super) fn letter(byte: u8) -> char {
    LETTERS[byte as usize]
}

/// Bytes written in the alphabet.
pub(super) fn write(bytes: &[u8]) -> String {
    bytes.iter().map(|&byte| letter(byte)).collect()
}

/// The bytes that a text in the alphabet stands for. A character outside the alphabet, which only a
/// badly converted vocabulary has, is shown by its number and the whole text, as llama.cpp does.
pub(super) fn read(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    for character in text.chars() {
        match byte(character) {
            Some(byte) => bytes.push(byte),
            None => {
                bytes.extend_from_slice(b"[UNK_BYTE_0x");
                for byte in character.encode_utf8(&mut [0; 4]).bytes() {
                    bytes.extend_from_slice(format!("{byte:02x}").as_bytes());
                }
                bytes.extend_from_slice(text.as_bytes());
                bytes.push(b']');
            }
        }
    }
    bytes
}

fn byte(character: char) -> Option<u8> {
    match u8::try_from(character) {
        Ok(byte) => is_printable(byte).then_some(byte),
        Err(_) => {
            let place = LETTERS.iter().position(|&letter| letter == character)?;
            u8::try_from(place).ok()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_comes_back() {
        let all: Vec<u8> = (0..=255).collect();
        let text = write(&all);
        assert_eq!(text.chars().count(), 256);
        assert_eq!(read(&text), all);
    }

    #[test]
    fn the_well_known_letters() {
        assert_eq!(write(b" \n\t\0"), "ĠĊĉĀ");
        assert_eq!(letter(0x7F), 'ġ');
        assert_eq!(letter(0xAD), 'Ń');
        assert_eq!(letter(b'~'), '~');
    }

    #[test]
    fn characters_outside_the_alphabet_are_shown_by_number() {
        assert_eq!(read("a中"), "a[UNK_BYTE_0xe4b8ada中]".as_bytes());
    }
}
