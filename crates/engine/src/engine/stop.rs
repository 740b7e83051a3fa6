//! Strings that end a text.

/// Finds the first stop string in text that arrives in pieces, and holds back what may begin one.
///
/// The bytes that come out, taken together, are the text up to the stop string, however it was cut.
#[derive(Clone, Debug)]
pub(super) struct StopStrings {
    strings: Vec<Vec<u8>>,
    held: Vec<u8>,
}

impl StopStrings {
    /// Empty strings are no stop strings.
    pub(super) fn new(strings: &[String]) -> Self {
        let strings = strings.iter().filter(|string| !string.is_empty());
        Self { strings: strings.map(|string| string.clone().into_bytes()).collect(), held: Vec::new() }
    }

    /// Takes a piece; returns the bytes that are surely text, and whether a stop string came up.
    pub(super) fn push(&mut self, piece: &[u8]) -> (Vec<u8>, bool) {
        self.held.extend_from_slice(piece);
        let first = self.strings.iter().filter_map(|s| memchr::memmem::find(&self.held, s)).min();
        if let Some(at) = first {
            self.held.truncate(at);
            return (std::mem::take(&mut self.held), true);
        }
        let beginning = |from: &usize| self.strings.iter().any(|s| s.starts_with(&self.held[*from..]));
        let longest = self.strings.iter().map(Vec::len).max().unwrap_or(0);
        let from = self.held.len().saturating_sub(longest);
        let kept = (from..self.held.len()).find(beginning).unwrap_or(self.held.len());
        (self.held.drain(..kept).collect(), false)
    }

    /// Ends the text; returns what was held back.
    pub(super) fn finish(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.held)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_cut_ends_at_the_first_stop_string(
            text in "[ab]{0,24}",
            stops in prop::collection::vec("[ab]{0,4}", 0..3),
            step in 1usize..5,
        ) {
            let first = stops.iter().filter(|s| !s.is_empty()).filter_map(|s| text.find(s.as_str())).min();
            let mut stream = StopStrings::new(&stops);
            let (mut out, mut stopped) = (Vec::new(), false);
            for piece in text.as_bytes().chunks(step) {
                let (bytes, stop) = stream.push(piece);
                out.extend(bytes);
                stopped = stop;
                if stop {
                    break;
                }
            }
            if !stopped {
                out.extend(stream.finish());
            }
            prop_assert_eq!(stopped, first.is_some());
            // A shorter stop string may be complete before a longer one that began earlier.
            let text = text.as_bytes();
            prop_assert!(text.starts_with(&out));
            if step == 1 && first.is_none() {
                prop_assert_eq!(&out, &text);
            }
            let ends_at_a_stop = stops.iter().any(|s| !s.is_empty() && text[out.len()..].starts_with(s.as_bytes()));
            prop_assert!(!stopped || ends_at_a_stop);
        }
    }

    #[test]
    fn what_may_begin_a_stop_string_waits() {
        let mut stream = StopStrings::new(&["END".to_owned(), String::new()]);
        assert_eq!(stream.push(b"aE"), (b"a".to_vec(), false));
        assert_eq!(stream.push(b"N"), (Vec::new(), false));
        assert_eq!(stream.push(b"x"), (b"ENx".to_vec(), false));
        assert_eq!(stream.push(b"bENDc"), (b"b".to_vec(), true));
        assert_eq!(stream.finish(), b"");
    }
}
