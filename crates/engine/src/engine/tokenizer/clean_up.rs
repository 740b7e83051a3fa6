//! The clean-up of English typography after detokenizing.
//!
//! Some vocabularies were made with a tokenizer that did this, so llama.cpp's `llama_detokenize`
//! does it for their pre-tokenizers: it changes text for good, and a caller that wants the bytes
//! as they are joins the pieces instead.

/// Takes out the space before `?`, `!`, `.` and `,`; both spaces around a lone apostrophe; and the
/// space before `'s`, `'m`, `'re` and `'ve`.
pub(super) fn clean_up(text: &[u8]) -> Vec<u8> {
    let text = drop_space_before(text, |rest| matches!(rest, [b'?' | b'!' | b'.' | b',', ..]));
    let text = close_up_apostrophes(&text);
    drop_space_before(&text, |rest| matches!(rest, [b'\'', b's' | b'm', ..] | [b'\'', b'r' | b'v', b'e', ..]))
}

/// Leaves out every space that stands before a rest of the text with a property.
fn drop_space_before(text: &[u8], property: impl Fn(&[u8]) -> bool) -> Vec<u8> {
    let keep = |&(index, byte): &(usize, &u8)| *byte != b' ' || !property(&text[index + 1..]);
    text.iter().enumerate().filter(keep).map(|(_, byte)| *byte).collect()
}

/// Turns ` ' ` into `'`. The second space does not count as the first one of the next apostrophe.
fn close_up_apostrophes(text: &[u8]) -> Vec<u8> {
    let mut closed = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [first, tail @ ..] = rest {
        if let [b' ', b'\'', b' ', after @ ..] = rest {
            closed.push(b'\'');
            rest = after;
        } else {
            closed.push(*first);
            rest = tail;
        }
    }
    closed
}
