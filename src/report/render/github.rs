//! The report for a GitHub Actions step: annotations on standard output and a step summary.
//!
//! Source: GitHub's documentation of workflow commands. A step shows 10 annotations of each kind
//! and drops the rest without a message; a step summary over 1 MiB is refused as a whole.

use std::io::{self, Write};

use super::markdown;
use crate::report::view::{Annotation, FailureView, INTERRUPTED, View};

/// Annotations of one kind that a step shows.
const SHOWN: usize = 10;

/// The largest step summary in bytes, all commands of the step together.
pub const LARGEST_SUMMARY: usize = 1 << 20;

/// Writes the annotations and the last lines.
///
/// # Errors
/// When `out` cannot be written to.
pub fn annotations(out: &mut dyn Write, view: &View) -> io::Result<()> {
    let view = &view.made_plain();
    let (known, broken): (Vec<_>, Vec<_>) = view.failures.iter().partition(|f| f.known.is_some());
    let cut = view
        .interrupted
        .then(|| Annotation { title: "interrupted".to_owned(), message: INTERRUPTED.to_owned() });
    let warnings = cut.into_iter().chain(view.warnings.iter().cloned());
    annotate(out, "error", &broken.into_iter().map(error).collect::<Vec<_>>())?;
    annotate(out, "warning", &warnings.chain(known.into_iter().map(error)).collect::<Vec<_>>())?;
    writeln!(out, "{}\nverdict: {}", view.counts, view.last_line())
}

/// The step summary, cut to the room that earlier commands of the same step have left.
#[must_use]
pub fn step_summary(view: &View, room: usize) -> Vec<u8> {
    let mut text = Vec::new();
    // A vector takes everything.
    let _ = markdown::markdown(&mut text, view);
    cut(text, room)
}

fn error(failure: &FailureView) -> Annotation {
    let FailureView { rule, sentence, place, message, reproduce, known, .. } = failure;
    let mut lines = vec![message.clone()];
    lines.extend(failure.others());
    lines.push(sentence.clone());
    lines.extend(known.as_ref().map(|reason| format!("known: {reason}")));
    lines.extend((!reproduce.is_empty()).then(|| format!("reproduce: {reproduce}")));
    let expected = if known.is_some() { "expected: " } else { "" };
    Annotation { title: format!("{expected}{rule}: {place}"), message: lines.join("\n") }
}

/// Writes annotations of one kind, as many as are shown; the last counts what is left.
fn annotate(out: &mut dyn Write, kind: &str, annotations: &[Annotation]) -> io::Result<()> {
    let written = if annotations.len() > SHOWN { SHOWN - 1 } else { annotations.len() };
    for Annotation { title, message } in &annotations[..written] {
        writeln!(out, "::{kind} title={}::{}", property(title), data(message))?;
    }
    if written < annotations.len() {
        let more = annotations.len() - written;
        writeln!(out, "::{kind} title=loadparity::{more} more; the JSON report lists them all")?;
    }
    Ok(())
}

/// Escapes the message of a workflow command.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// Escapes a property of a workflow command.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

/// Cuts a summary that is too long behind a whole line.
fn cut(mut text: Vec<u8>, room: usize) -> Vec<u8> {
    const MARK: &[u8] = b"\n\n**This summary was cut; the JSON report holds everything.**\n";
    if text.len() > room {
        let kept = text.get(..room.saturating_sub(MARK.len())).unwrap_or_default();
        let end = kept.iter().rposition(|byte| *byte == b'\n').unwrap_or(0);
        text.truncate(end);
        text.extend_from_slice(MARK);
        // Without room even for that, nothing is better than a summary that is refused.
        text.truncate(if room < MARK.len() { 0 } else { text.len() });
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_end_a_command_is_escaped() {
        assert_eq!(data("100%\r\nnext: a, b"), "100%25%0D%0Anext: a, b");
        assert_eq!(property("a: b, 1%\n"), "a%3A b%2C 1%25%0A");
    }

    #[test]
    fn annotations_stop_at_the_limit_and_count_the_rest() {
        let lines = |n: usize| {
            let one = Annotation { title: "t".to_owned(), message: "m".to_owned() };
            let mut out = Vec::new();
            annotate(&mut out, "error", &vec![one; n]).unwrap();
            String::from_utf8(out).unwrap().lines().map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(lines(10).len(), 10);
        assert_eq!(lines(10)[9], "::error title=t::m");
        assert_eq!(lines(500).len(), 10);
        assert_eq!(lines(500)[9], "::error title=loadparity::491 more; the JSON report lists them all");
    }

    #[test]
    fn a_long_summary_is_cut_behind_a_line_and_marked() {
        let text = cut(b"0123456789\n".repeat(100_000), 500_000);
        assert!(text.len() <= 500_000 && text.len() > 499_900);
        let text = String::from_utf8(text).unwrap();
        assert!(text.contains("0123456789\n\n**This summary was cut"), "{}", &text[text.len() - 100..]);
        assert_eq!(cut(b"short".to_vec(), LARGEST_SUMMARY), b"short");
        assert_eq!(cut(b"short".to_vec(), 3), b"");
    }
}
