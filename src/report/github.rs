//! The report for a GitHub Actions step: annotations on standard output and a step summary.
//!
//! Source: GitHub's documentation of workflow commands. A step shows 10 annotations of each kind
//! and drops the rest without a word; a step summary over 1 MiB is refused as a whole.

use std::io::{self, Write};

use super::collected::Collected;
use super::{Reporter, markdown, matrix};
use crate::check::{Event, Verdict};

/// Annotations of one kind that a step shows.
const SHOWN: usize = 10;

/// The largest step summary in bytes, all commands of the step together.
pub const LARGEST_SUMMARY: usize = 1 << 20;

/// The step summary: where it goes, and how many bytes there is room for.
pub struct Summary {
    /// The sink.
    pub out: Box<dyn Write>,
    /// The room that earlier commands of the same step have left.
    pub room: usize,
}

/// Collects a campaign or a merge and writes annotations and a summary at the end.
pub struct Github<W: Write> {
    out: W,
    summary: Option<Summary>,
    collected: Collected,
}

impl<W: Write> Github<W> {
    /// Writes annotations to `out`, and the summary to the file that the runner names, if any.
    pub fn new(out: W, summary: Option<Summary>) -> Self {
        Self { out, summary, collected: Collected::default() }
    }
}

impl<W: Write> Reporter for Github<W> {
    fn event(&mut self, event: &Event) -> io::Result<()> {
        if !self.collected.take(event) {
            return Ok(());
        }
        annotate(&mut self.out, "error", &errors(&self.collected))?;
        annotate(&mut self.out, "warning", &warnings(&self.collected))?;
        let (word, _) = matrix::last_word(&self.collected);
        writeln!(self.out, "{}", matrix::totals(&self.collected))?;
        writeln!(self.out, "verdict: {word}")?;
        self.out.flush()?;
        if let Some(Summary { out, room }) = &mut self.summary {
            let mut text = Vec::new();
            markdown::write(&mut text, &self.collected)?;
            out.write_all(&cut(text, *room))?;
            out.flush()?;
        }
        Ok(())
    }
}

/// A title and a message.
type Annotation = (String, String);

fn errors(collected: &Collected) -> Vec<Annotation> {
    let failures = collected.failures.iter();
    let error = |f: &crate::check::Failure| {
        let message = format!("{}\n{}\nreproduce: {}", f.message, f.rule.explanation(), f.reproduce);
        (format!("{}: {}", f.rule, matrix::place(f)), message)
    };
    failures.map(error).collect()
}

fn warnings(collected: &Collected) -> Vec<Annotation> {
    let limited = |v: &Verdict| matches!(v, Verdict::Unsupported | Verdict::Expected | Verdict::Blocked);
    let groups = collected.groups.iter().filter(|g| limited(&g.verdict));
    let groups = groups.map(|g| (format!("{}: {}", g.verdict, g.name), g.notes.join("\n")));
    let cells = collected.rows.iter().flat_map(|row| {
        let cells = row.cells.iter().filter(|cell| cell.verdict.0.as_ref().is_none_or(limited));
        cells.map(|cell| {
            let why =
                if cell.notes.is_empty() { "there is no result".to_owned() } else { cell.notes.join("\n") };
            (format!("{}: {} on {}", cell.verdict, row.plan, cell.machine), why)
        })
    });
    groups.chain(cells).collect()
}

/// Writes annotations of one kind, as many as are shown; the last counts what is left.
fn annotate(out: &mut dyn Write, kind: &str, annotations: &[Annotation]) -> io::Result<()> {
    let told = if annotations.len() > SHOWN { SHOWN - 1 } else { annotations.len() };
    for (title, message) in &annotations[..told] {
        writeln!(out, "::{kind} title={}::{}", property(title), data(message))?;
    }
    if told < annotations.len() {
        let more = annotations.len() - told;
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
    const TOLD: &[u8] = b"\n\n**This summary was cut; the JSON report holds everything.**\n";
    if text.len() > room {
        let kept = text.get(..room.saturating_sub(TOLD.len())).unwrap_or_default();
        let end = kept.iter().rposition(|byte| *byte == b'\n').unwrap_or(0);
        text.truncate(end);
        text.extend_from_slice(TOLD);
        // Without room even for that, nothing is better than a summary that is refused.
        text.truncate(if room < TOLD.len() { 0 } else { text.len() });
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
            let mut out = Vec::new();
            annotate(&mut out, "error", &vec![("t".to_owned(), "m".to_owned()); n]).unwrap();
            String::from_utf8(out).unwrap().lines().map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(lines(10).len(), 10);
        assert_eq!(lines(10)[9], "::error title=t::m");
        assert_eq!(lines(500).len(), 10);
        assert_eq!(lines(500)[9], "::error title=loadparity::491 more; the JSON report lists them all");
    }

    #[test]
    fn a_long_summary_is_cut_behind_a_line_and_says_so() {
        let text = cut(b"0123456789\n".repeat(100_000), 500_000);
        assert!(text.len() <= 500_000 && text.len() > 499_900);
        let text = String::from_utf8(text).unwrap();
        assert!(text.contains("0123456789\n\n**This summary was cut"), "{}", &text[text.len() - 100..]);
        assert_eq!(cut(b"short".to_vec(), LARGEST_SUMMARY), b"short");
        assert_eq!(cut(b"short".to_vec(), 3), b"");
    }
}
