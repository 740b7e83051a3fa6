//! Turning the bytes of successive tokens into text.

/// Decodes UTF-8 that arrives in pieces which may end inside a character.
///
/// Whole characters come out as soon as they are complete. Everything that came out, with the rest
/// from [`finish`](Utf8Stream::finish), is [`String::from_utf8_lossy`] of everything that went in,
/// however it was cut: bytes that are no UTF-8 show as U+FFFD, and nothing is lost or doubled.
#[derive(Clone, Debug, Default)]
pub struct Utf8Stream {
    /// The beginning of a character: at most three bytes.
    held: Vec<u8>,
}

impl Utf8Stream {
    /// A stream with nothing held back.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes more bytes; returns the characters they complete.
    pub fn push(&mut self, bytes: &[u8]) -> String {
        self.held.extend_from_slice(bytes);
        let pending = unfinished(&self.held);
        let complete = self.held.len() - pending;
        let text = String::from_utf8_lossy(&self.held[..complete]).into_owned();
        self.held.drain(..complete);
        text
    }

    /// Ends the stream; returns U+FFFD if a character was left unfinished, else nothing.
    pub fn finish(&mut self) -> String {
        let text = String::from_utf8_lossy(&self.held).into_owned();
        self.held.clear();
        text
    }
}

/// The number of bytes at the end that begin a character without completing it.
fn unfinished(bytes: &[u8]) -> usize {
    let Some(last) = bytes.utf8_chunks().last() else { return 0 };
    match std::str::from_utf8(last.invalid()) {
        Err(error) if error.error_len().is_none() => last.invalid().len(),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_character_comes_out_when_it_is_whole() {
        let mut stream = Utf8Stream::new();
        assert_eq!(stream.push(b"a\xF0\x9F"), "a");
        assert_eq!(stream.push(b"\x98"), "");
        assert_eq!(stream.push(b"\x80b"), "😀b");
        assert_eq!(stream.finish(), "");
    }

    #[test]
    fn what_cannot_become_a_character_is_not_held_back() {
        let mut stream = Utf8Stream::new();
        assert_eq!(stream.push(b"\xFF"), "\u{FFFD}");
        assert_eq!(stream.push(b"\xE2"), "");
        assert_eq!(stream.push(b"x"), "\u{FFFD}x");
        assert_eq!(stream.push(b"\xE2\x82"), "");
        assert_eq!(stream.finish(), "\u{FFFD}");
        assert_eq!(stream.finish(), "");
    }

    proptest! {
        #[test]
        fn any_cut_gives_the_lossy_text_of_the_whole(
            parts in prop::collection::vec(prop_oneof![
                "[aé中😀]".prop_map(|text| text.into_bytes()),
                prop::collection::vec(any::<u8>(), 0..3),
                prop::collection::vec(prop::sample::select(vec![0xE2u8, 0x82, 0xAC, 0xF0, 0x9F, 0xED, 0xA0]), 0..4),
            ], 0..12),
            step in 1usize..5,
        ) {
            let whole = parts.concat();
            let mut stream = Utf8Stream::new();
            let mut text: String = whole.chunks(step).map(|bytes| stream.push(bytes)).collect();
            text += &stream.finish();
            prop_assert_eq!(text, String::from_utf8_lossy(&whole));
        }
    }
}
