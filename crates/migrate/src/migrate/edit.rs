//! Turning decisions about items into replacements of bytes.

use std::collections::BTreeMap;
use std::ops::Range;

use super::model::{Document, List, Place};
use super::text;

/// Bytes of a text, and what stands there afterwards.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Edit {
    pub(super) at: Range<usize>,
    pub(super) put: String,
}

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

    /// The edits that the changes come to, in order, none within another. No comment is taken out.
    pub(super) fn edits(&self, text: &[u8], document: &Document) -> Vec<Edit> {
        let mut edits: Vec<Edit> =
            self.inserts.iter().map(|(at, put)| Edit { at: *at..*at, put: put.clone() }).collect();
        let comments = merged(document.comments.clone());
        for (number, list) in document.lists.iter().enumerate() {
            let of = |item| self.items.get(&Place { list: number, item });
            let goes = |item| of(item).is_some_and(Option::is_none);
            for (item, range) in list.items.iter().enumerate() {
                if let Some(Some(put)) = of(item) {
                    edits.push(Edit { at: range.clone(), put: put.clone() });
                }
            }
            let gone = deletions(text, list, &comments, goes);
            let gone = gone.into_iter().flat_map(|range| beside_comments(text, range, &comments));
            edits.extend(gone.map(|at| Edit { at, put: String::new() }));
        }
        disjoint(edits)
    }
}

/// Sorted; a range that starts inside one that goes already, such as an item of a list that goes as a
/// whole, begins behind it.
pub(super) fn disjoint(mut edits: Vec<Edit>) -> Vec<Edit> {
    edits.sort_by_key(|edit| (edit.at.start, edit.at.end));
    let mut done = 0;
    for edit in &mut edits {
        edit.at.start = edit.at.start.max(done);
        edit.at.end = edit.at.end.max(edit.at.start);
        done = edit.at.end;
    }
    edits
}

/// The text after edits that are in order; every byte they do not name is kept.
pub(super) fn apply(text: &[u8], edits: &[Edit]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut done = 0;
    for edit in edits {
        out.extend_from_slice(&text[done..edit.at.start]);
        out.extend_from_slice(edit.put.as_bytes());
        done = edit.at.end;
    }
    out.extend_from_slice(&text[done..]);
    out
}

/// Sorted, and one where they meet.
pub(super) fn merged(mut ranges: Vec<Range<usize>>) -> Vec<Range<usize>> {
    ranges.sort_by_key(|range| (range.start, range.end));
    let mut merged: Vec<Range<usize>> = Vec::with_capacity(ranges.len());
    for range in ranges {
        match merged.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => merged.push(range),
        }
    }
    merged
}

/// The sorted ranges that begin inside a range.
fn within<'r>(ranges: &'r [Range<usize>], range: &Range<usize>) -> &'r [Range<usize>] {
    let from = ranges.partition_point(|other| other.start < range.start);
    let to = ranges.partition_point(|other| other.start < range.end);
    &ranges[from..to.max(from)]
}

/// What is left of a range that goes when the comments in it stay, each with its place on the line.
fn beside_comments(text: &[u8], range: Range<usize>, comments: &[Range<usize>]) -> Vec<Range<usize>> {
    let blank = |range: Range<usize>| text[range].iter().all(u8::is_ascii_whitespace);
    let line_start = |at: usize| text[..at].iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    let lines = range.start == line_start(range.start) && text[..range.end].ends_with(b"\n");
    let mut left = Vec::new();
    let mut from = range.start;
    for comment in within(comments, &range) {
        let own = line_start(comment.start);
        let alone = blank(own..comment.start);
        let gap =
            text[from..comment.start].iter().rev().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        let end = text::whole_lines(text, comment).end.min(range.end.max(comment.end));
        let (keep, until) = match (lines, alone) {
            (true, true) => (own, end),
            (true, false) => {
                // The comment takes the place of what it stood behind.
                let indent = text[own..].iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
                left.push(from.min(own)..own);
                from = own + indent;
                (comment.start, end)
            }
            // Behind the words before it, on a line of its own.
            (false, true) => {
                let cut =
                    usize::from(text[..own].ends_with(b"\n")) + usize::from(text[..own].ends_with(b"\r\n"));
                (own - cut, comment.end)
            }
            (false, false) => (comment.start - gap, comment.end),
        };
        if keep >= from {
            left.push(from..keep);
            from = until.max(from);
        }
    }
    let rest = &text[range.end..];
    let behind = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
    // What follows on the last line may not become part of a comment.
    if !lines && from > range.start && from < range.end && !rest[..behind].trim_ascii().is_empty() {
        from += text[from..range.end].iter().position(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    }
    left.push(from..range.end.max(from));
    left.retain(|range| !range.is_empty());
    left
}

/// The bytes that go when these items of a list go.
fn deletions(
    text: &[u8],
    list: &List,
    comments: &[Range<usize>],
    goes: impl Fn(usize) -> bool,
) -> Vec<Range<usize>> {
    let count = list.items.len();
    if count > list.verb
        && (list.verb..count).all(&goes)
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
            run(text, list, comments, item..end, &mut ranges);
        }
        item = end + 1;
    }
    ranges
}

/// The bytes that go with items in a row.
fn run(
    text: &[u8],
    list: &List,
    comments: &[Range<usize>],
    gone: Range<usize>,
    ranges: &mut Vec<Range<usize>>,
) {
    let items = &list.items;
    let (first, last) = (items[gone.start].start, items[gone.end - 1].end);
    let next = items.get(gone.end).map(|next| next.start);
    let commas = list.join.starts_with(',');
    // The comma behind an item, where it stands before anything but blanks.
    let comma = |at: usize| {
        let blank = text[at..].iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        (commas && text.get(at + blank) == Some(&b',')).then_some(at + blank + 1)
    };
    let Some(before) = gone.start.checked_sub(1).map(|before| &items[before]) else {
        ranges.push(first..next.or_else(|| comma(last)).unwrap_or(last));
        return;
    };
    // Comment lines between continued lines are items, and nothing else ends in a line end.
    let is_comment = |range: &Range<usize>| text[range.clone()].ends_with(b"\n");
    let breaks = |range: Range<usize>| text[range].contains(&b'\n');
    match next {
        // The gap goes with the item behind it; what starts a line, the first item among it, takes the gap
        // behind it, where more stands on that line.
        Some(next) if is_comment(before) || breaks(before.end..first) && !breaks(last..next) => {
            ranges.push(first..next);
        }
        Some(_) => ranges.push(before.end..last),
        None if is_comment(before) => {
            let word = items[..gone.start].iter().rposition(|item| !is_comment(item));
            let Some(word) = word else { return ranges.push(first..last) };
            // Nothing is continued any more: the mark before the comments goes too.
            let mark = items[word].end;
            let line_end = text[mark..].iter().position(|byte| *byte == b'\n').map_or(mark, |at| mark + at);
            ranges.push(mark..line_end - usize::from(text[..line_end].ends_with(b"\r")));
            let rest = &text[last..];
            let blank = rest
                .iter()
                .position(|byte| *byte == b'\n')
                .filter(|end| rest[..*end].trim_ascii().is_empty());
            ranges.push(before.end..last + blank.map_or(0, |end| end + 1));
        }
        None if commas && !within(comments, &(before.end..first)).is_empty() => {
            // The comma before it stands before a comment, which stays: it goes alone, or the one behind does.
            if let Some(behind) = comma(last) {
                ranges.push(first..behind);
            } else {
                let one = before.end..comma(before.end).unwrap_or(before.end);
                ranges.extend([one, first..last]);
            }
        }
        None => ranges.push(before.end..last),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changed(text: &str, gone: &[usize], whole: bool) -> String {
        let starts = text.match_indices(|c: char| c.is_alphabetic());
        let items = starts.map(|(at, _)| at..at + 1).collect();
        let whole = whole.then_some(0..text.len());
        let list = List { items, lines: None, whole, verb: 0, join: " ".into() };
        let mut changes = Changes::default();
        for &item in gone {
            changes.delete(Place { list: 0, item });
        }
        let document = Document { lists: vec![list], ..Document::default() };
        let edits = changes.edits(text.as_bytes(), &document);
        String::from_utf8(apply(text.as_bytes(), &edits)).expect("it was text")
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
    fn comments_stay_where_they_can() {
        let left = |text: &str, gone: &str| {
            let at = text.find(gone).expect("it is there");
            let comments: Vec<_> = text
                .match_indices('#')
                .map(|(at, _)| at..text[at..].find('\n').map_or(text.len(), |end| at + end))
                .collect();
            let ranges = beside_comments(text.as_bytes(), at..at + gone.len(), &comments);
            let edits: Vec<Edit> = ranges.into_iter().map(|at| Edit { at, put: String::new() }).collect();
            String::from_utf8(apply(text.as_bytes(), &edits)).expect("it was text")
        };
        assert_eq!(left("a\n  x # c\n  # d\nb\n", "  x # c\n  # d\n"), "a\n  # c\n  # d\nb\n");
        assert_eq!(left("a # c\n  x\nb\n", " # c\n  x"), "a # c\nb\n");
        assert_eq!(left("a # c\n  x, y\n", " # c\n  x"), "a # c\n, y\n");
        assert_eq!(left("a\n  # c\n  x\nb\n", "\n  # c\n  x"), "a\n  # c\nb\n");
    }

    #[test]
    fn replacements_and_insertions_keep_the_rest() {
        let list =
            List { items: vec![0..1, 2..3, 4..5], lines: None, whole: None, verb: 0, join: " ".into() };
        let mut changes = Changes::default();
        changes.replace(Place { list: 0, item: 1 }, "xyz".into());
        changes.delete(Place { list: 0, item: 2 });
        changes.insert(1, "+".into());
        let document = Document { lists: vec![list], ..Document::default() };
        assert_eq!(apply(b"a b c\xff", &changes.edits(b"a b c\xff", &document)), b"a+ xyz\xff");
    }
}
