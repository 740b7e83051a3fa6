//! Turning decisions about items into replacements of bytes.

use std::collections::BTreeMap;
use std::ops::Range;

use super::model::{List, Place};

/// What happens to the items of a document.
#[derive(Clone, Debug, Default)]
pub(super) struct Changes {
    /// An item with what stands in its place; nothing when it goes.
    items: BTreeMap<Place, Option<String>>,
    /// What is put in at a byte.
    inserts: Vec<(usize, String)>,
}

impl Changes {
    pub(super) fn replace(&mut self, at: Place, text: String) {
        self.items.insert(at, Some(text));
    }

    pub(super) fn delete(&mut self, at: Place) {
        self.items.entry(at).or_insert(None);
    }

    pub(super) fn insert(&mut self, at: usize, text: String) {
        self.inserts.push((at, text));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.items.is_empty() && self.inserts.is_empty()
    }

    /// The text after the changes; every byte they do not name is kept.
    pub(super) fn apply(&self, text: &[u8], lists: &[List]) -> Vec<u8> {
        let mut edits: Vec<(Range<usize>, &str)> =
            self.inserts.iter().map(|(at, text)| (*at..*at, text.as_str())).collect();
        for (number, list) in lists.iter().enumerate() {
            let of = |item| self.items.get(&Place { list: number, item });
            let goes = |item| of(item).is_some_and(Option::is_none);
            for (item, range) in list.items.iter().enumerate() {
                if let Some(Some(text)) = of(item) {
                    edits.push((range.clone(), text));
                }
            }
            edits.extend(deletions(text, list, goes).into_iter().map(|range| (range, "")));
        }
        edits.sort_by_key(|(range, _)| (range.start, range.end));
        let mut out = Vec::with_capacity(text.len());
        let mut done = 0;
        for (range, put) in edits {
            // A range inside one that is already gone, such as an item of a list that goes as a whole.
            let start = range.start.max(done);
            out.extend_from_slice(&text[done..start]);
            out.extend_from_slice(put.as_bytes());
            done = range.end.max(start);
        }
        out.extend_from_slice(&text[done..]);
        out
    }
}

/// The bytes that go when these items of a list go.
fn deletions(text: &[u8], list: &List, goes: impl Fn(usize) -> bool) -> Vec<Range<usize>> {
    let count = list.items.len();
    if count > usize::from(list.verb)
        && (usize::from(list.verb)..count).all(&goes)
        && let Some(whole) = &list.whole
    {
        return vec![whole.clone()];
    }
    if let Some(lines) = &list.lines {
        return (0..count).filter(|&item| goes(item)).map(|item| lines[item].clone()).collect();
    }
    let mut ranges = Vec::new();
    let mut item = 0;
    while item < count {
        let end = (item..count).find(|&other| !goes(other)).unwrap_or(count);
        if end > item {
            // The gap goes with the item behind it; what starts a line, the first item among it, takes the
            // gap behind it, where more stands on that line.
            let breaks = |range: Range<usize>| text[range].contains(&b'\n');
            let starts_line = item > 0
                && end < count
                && breaks(list.items[item - 1].end..list.items[item].start)
                && !breaks(list.items[end - 1].end..list.items[end].start);
            ranges.push(match (item, end) {
                (item, end) if end < count && (item == 0 || starts_line) => {
                    list.items[item].start..list.items[end].start
                }
                (0, end) => list.items[0].start..list.items[end - 1].end,
                _ => list.items[item - 1].end..list.items[end - 1].end,
            });
        }
        item = end + 1;
    }
    ranges
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(text: &str, gone: &[usize], whole: bool) -> String {
        let starts = text.match_indices(|c: char| c.is_alphabetic());
        let items = starts.map(|(at, _)| at..at + 1).collect();
        let whole = whole.then_some(0..text.len());
        let list = List { items, lines: None, whole, verb: false, join: " ".into() };
        let mut changes = Changes::default();
        for &item in gone {
            changes.delete(Place { list: 0, item });
        }
        String::from_utf8(changes.apply(text.as_bytes(), &[list])).expect("it was text")
    }

    #[test]
    fn an_item_takes_one_gap_along() {
        assert_eq!(changed("[a, b,  c]", &[1], false), "[a,  c]");
        assert_eq!(changed("[a, b,  c]", &[2], false), "[a, b]");
        assert_eq!(changed("[a, b,  c]", &[0], false), "[b,  c]");
        assert_eq!(changed("[a, b,  c]", &[0, 1], false), "[c]");
        assert_eq!(changed("[a, b,  c]", &[1, 2], false), "[a]");
        assert_eq!(changed("[a, b,  c]", &[0, 2], false), "[b]");
        assert_eq!(changed("[a, b,  c]", &[0, 1, 2], false), "[]");
        assert_eq!(changed("[a, b,  c]", &[0, 1, 2], true), "");
    }

    #[test]
    fn replacements_and_insertions_keep_the_rest() {
        let list =
            List { items: vec![0..1, 2..3, 4..5], lines: None, whole: None, verb: false, join: " ".into() };
        let mut changes = Changes::default();
        changes.replace(Place { list: 0, item: 1 }, "xyz".into());
        changes.delete(Place { list: 0, item: 2 });
        changes.insert(1, "+".into());
        assert_eq!(changes.apply(b"a b c\xff", &[list]), b"a+ xyz\xff");
        assert!(Changes::default().is_empty() && !changes.is_empty());
    }
}
