//! Lines and places.

use std::ops::Range;

/// A line of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// Without its end.
    pub(super) content: Range<usize>,
    /// With its end.
    pub(super) full: Range<usize>,
}

/// The lines; a byte order mark belongs to none.
pub(super) fn lines(text: &[u8]) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut start = bom(text);
    while start < text.len() {
        let end =
            text[start..].iter().position(|byte| *byte == b'\n').map_or(text.len(), |at| start + at + 1);
        let mut content = start..end;
        if text[content.clone()].ends_with(b"\n") {
            content.end -= 1;
        }
        if text[content.clone()].ends_with(b"\r") {
            content.end -= 1;
        }
        lines.push(Line { content, full: start..end });
        start = end;
    }
    lines
}

/// The lines that start with one of these marks.
pub(super) fn comment_lines(text: &[u8], marks: &[u8]) -> Vec<Range<usize>> {
    let is_comment = |line: &Line| {
        text[line.content.clone()].trim_ascii_start().first().is_some_and(|first| marks.contains(first))
    };
    lines(text).into_iter().filter(is_comment).map(|line| line.content).collect()
}

/// The length of a byte order mark.
pub(super) fn bom(text: &[u8]) -> usize {
    if text.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 }
}

/// The lines that a range touches, with the end of the last.
pub(super) fn whole_lines(text: &[u8], range: &Range<usize>) -> Range<usize> {
    let start = text[..range.start].iter().rposition(|byte| *byte == b'\n').map_or(bom(text), |at| at + 1);
    let from = range.end.max(range.start);
    let end = text[from..].iter().position(|byte| *byte == b'\n').map_or(text.len(), |at| from + at + 1);
    start..end
}

/// What goes when a line goes: the last one of a text without a line end takes the one before it along.
pub(super) fn going_line(text: &[u8], line: &Range<usize>) -> Range<usize> {
    if text[line.clone()].ends_with(b"\n") {
        return line.clone();
    }
    let before = &text[..line.start];
    let cut = if before.ends_with(b"\r\n") { 2 } else { usize::from(before.ends_with(b"\n")) };
    line.start - cut..line.end
}

/// The number of the line that holds a byte, from 1.
pub(super) fn line_number(text: &[u8], at: usize) -> usize {
    text[..at.min(text.len())].iter().filter(|byte| **byte == b'\n').count() + 1
}

/// The line end that a text uses.
pub(super) fn newline(text: &[u8]) -> &'static str {
    let first = text.iter().position(|byte| *byte == b'\n');
    if first.is_some_and(|at| at > 0 && text[at - 1] == b'\r') { "\r\n" } else { "\n" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_know_their_ends() {
        let text = b"\xef\xbb\xbfa\r\n\nlast";
        let contents: Vec<_> = lines(text).into_iter().map(|line| &text[line.content]).collect();
        assert_eq!(contents, [&b"a"[..], b"", b"last"]);
        assert_eq!(lines(text).last().map(|line| line.full.end), Some(text.len()));
        assert_eq!(line_number(text, text.len() - 1), 3);
        assert_eq!(whole_lines(text, &(3..4)), 3..6);
        assert_eq!(newline(text), "\r\n");
        assert_eq!(newline(b"\n"), "\n");
    }
}
