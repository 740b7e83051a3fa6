//! What an edit may not change: what the format makes of the text beside the words that were edited.
//!
//! Edits are made of bytes, and a format has rules of its own: an entry that is left empty, a sign with no
//! command before it, a line that joins the next one. So both texts are read, what was taken out is left out of
//! the one reading and what was put in out of the other, and the rest has to be the same, part by part.

use std::ops::Range;

use super::Kind;
use super::edit::{Edit, merged};
use super::model::{Document, Say};

/// Says what of the old text is not there any more, or is something else in the new one.
pub(super) fn lost(
    kind: Kind,
    (old, before): (&[u8], &Document),
    (new, after): (&[u8], &Document),
    edits: &[Edit],
) -> Option<Say> {
    let mut put = Vec::new();
    let mut moved = 0_isize;
    for edit in edits {
        let start = edit.at.start.wrapping_add_signed(moved);
        put.push(start..start + edit.put.len());
        moved += edit.put.len() as isize - edit.at.len() as isize;
    }
    let taken = edits.iter().map(|edit| edit.at.clone()).collect();
    let near = |at: usize| edits.iter().map(|edit| edit.at.start).rfind(|start| *start <= at);
    let first = edits.first().map_or(0, |edit| edit.at.start);
    if kind == Kind::Json
        && serde_json::from_slice::<serde::de::IgnoredAny>(old).is_ok()
        && let Err(error) = serde_json::from_slice::<serde::de::IgnoredAny>(new)
    {
        let text = format!("the edit would leave no JSON ({error}): change this part by hand");
        return Some(Say { at: first, text });
    }
    let (here, there) = (rest(old, before, taken), rest(new, after, put));
    let same = here.iter().zip(&there).take_while(|(here, there)| here.1 == there.1).count();
    if same < here.len().max(there.len()) {
        let at = here.get(same).map_or(old.len(), |(at, _)| *at);
        let at = near(at).unwrap_or(first);
        let text = "taking the load flags or variables out here would change what is around them: change this part by hand";
        return Some(Say { at, text: text.to_owned() });
    }
    let (here, there) = (comments(old, before), comments(new, after));
    let same = here.iter().zip(&there).take_while(|(here, there)| here.1 == there.1).count();
    (same < here.len().max(there.len())).then(|| {
        let at = here.get(same).map_or(first, |(at, _)| *at);
        Say { at, text: "the edit would take a comment along: change this part by hand".to_owned() }
    })
}

/// The parts that stand outside the changed ranges, with what of them does, and where they begin.
fn rest(
    text: &[u8],
    document: &Document,
    changed: Vec<Range<usize>>,
) -> Vec<(usize, (&'static str, Vec<u8>))> {
    let changed = merged(changed);
    // A part that goes may have comments in it, which stay.
    let silent = merged(changed.iter().chain(&document.comments).cloned().collect());
    let outside = |ranges: &[Range<usize>], span: &Range<usize>| {
        let mut left = Vec::new();
        let mut at = span.start;
        let from = ranges.partition_point(|range| range.end <= span.start);
        for range in ranges[from..].iter().take_while(|range| range.start < span.end) {
            left.extend_from_slice(&text[at..range.start.max(at)]);
            at = range.end.max(at);
        }
        left.extend_from_slice(&text[at.min(span.end)..span.end]);
        left.retain(|byte| !byte.is_ascii_whitespace());
        left
    };
    let touched = |span: &Range<usize>| {
        let from = changed.partition_point(|range| range.end <= span.start);
        changed.get(from).is_some_and(|range| range.start < span.end)
    };
    let mut found = Vec::new();
    for part in &document.parts {
        let span = &part.span;
        let is_touched = !span.is_empty() && touched(span);
        if is_touched && outside(&silent, span).is_empty() {
            continue;
        }
        // Where only ends of something are marked, what lies between has parts of its own.
        let content = match part.kind {
            "[" | "]" | "{" | "}" => Vec::new(),
            _ if is_empty(&text[span.clone()]) => b"\0".to_vec(),
            _ => outside(&silent, span),
        };
        found.push((span.start, (part.kind, content)));
    }
    found
}

/// Whether nothing is said, in quotes or without.
fn is_empty(text: &[u8]) -> bool {
    let text = text.trim_ascii();
    let inner = match text {
        [b'"', inner @ .., b'"'] | [b'\'', inner @ .., b'\''] => inner,
        text => text,
    };
    inner.trim_ascii().is_empty()
}

/// The lines of the comments.
fn comments<'t>(text: &'t [u8], document: &Document) -> Vec<(usize, &'t [u8])> {
    let mut found = Vec::new();
    for comment in merged(document.comments.clone()) {
        let lines = text[comment.clone()].split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
        found.extend(lines.filter(|line| !line.is_empty()).map(|line| (comment.start, line)));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::migrate::read;

    fn told(kind: Kind, old: &str, gone: &str, put: &str) -> Option<String> {
        let at = old.find(gone).expect("it is there");
        let edit = Edit { at: at..at + gone.len(), put: put.to_owned() };
        let new = old.replacen(gone, put, 1);
        let documents = (read(kind, old.as_bytes()), read(kind, new.as_bytes()));
        lost(kind, (old.as_bytes(), &documents.0), (new.as_bytes(), &documents.1), &[edit])
            .map(|say| say.text)
    }

    #[test]
    fn what_stays_is_what_it_was() {
        let yaml = "a:\n  - x: 1\n  - y # c\nb: {c: [1, 2]}\n";
        assert_eq!(told(Kind::Yaml, yaml, "  - x: 1\n", ""), None);
        assert_eq!(told(Kind::Yaml, yaml, ", 2", ""), None);
        assert_eq!(told(Kind::Yaml, yaml, "1, 2", "3"), None);
        assert_eq!(told(Kind::Json, "{\"a\": [1, 2], \"b\": {}}", ", \"b\": {}", ""), None);
        assert_eq!(told(Kind::Shell, "export A=1; b c # d\n", "export A=1; ", ""), None);
        assert_eq!(told(Kind::Dockerfile, "FROM a\nENV A=1\nCMD b\n", "ENV A=1\n", ""), None);
    }

    #[test]
    fn what_an_edit_breaks_is_said() {
        let around = |kind, old: &str, gone: &str, put: &str| {
            let told = told(kind, old, gone, put);
            assert!(told.is_some_and(|told| told.contains("by hand")), "{old:?} without {gone:?}");
        };
        around(Kind::Yaml, "a:\n  - {x: 1}\n", "{x: 1}", "");
        around(Kind::Yaml, "a:\n  - x\nb: c\n", "  - x\n", "");
        around(Kind::Yaml, "a:\n  - >-\n    x\n  - y\n", "    x\n", "");
        around(Kind::Yaml, "a: \"x\"\n", "x", "");
        around(Kind::Yaml, "a:\n  - x # c\n  - y\n", "  - x # c\n", "");
        around(Kind::Json, "{\"a\": 1,\n\"b\": 2\n}", "\"b\": 2\n", "");
        around(Kind::Json, "{\"a\": 1, // c\n\"b\": 2\n}", " // c", "");
        around(Kind::Shell, "export A=1; b c\n", "export A=1", "");
        around(Kind::Shell, "export A=1 && b c\n", "export A=1", "");
        around(Kind::Dockerfile, "FROM a\nCMD b \\\n  c\nEXPOSE 1\n", "  c\n", "\n");
        around(Kind::Systemd, "[Service]\nExecStart=a \\\n  b\nUser=c\n", "  b\n", "");
        around(Kind::Plist, "<dict><key>a</key><string>b</string></dict>", "<string>b</string>", "");
    }
}
