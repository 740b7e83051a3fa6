//! The report as GitHub-flavoured Markdown: for a pull request or a step summary.

use std::io::{self, Write};

use super::Reporter;
use super::collected::Collected;
use super::matrix::{self, Matrix};
use crate::check::{Event, Verdict};

/// Failures that are written in full.
const SHOWN_FAILURES: usize = 50;

/// Collects a campaign or a merge and writes it at the end.
pub struct Markdown<W: Write> {
    out: W,
    collected: Collected,
}

impl<W: Write> Markdown<W> {
    /// Writes to `out` when the campaign ends.
    pub fn new(out: W) -> Self {
        Self { out, collected: Collected::default() }
    }
}

impl<W: Write> Reporter for Markdown<W> {
    fn event(&mut self, event: &Event) -> io::Result<()> {
        if !self.collected.take(event) {
            return Ok(());
        }
        write(&mut self.out, &self.collected)?;
        self.out.flush()
    }
}

/// Writes the whole report.
pub(super) fn write(out: &mut dyn Write, collected: &Collected) -> io::Result<()> {
    let (word, verdict) = matrix::last_word(collected);
    let sign = match verdict {
        Some(Verdict::Pass) => "✅",
        Some(Verdict::Divergent) => "❌",
        _ => "⚠️",
    };
    writeln!(out, "## {sign} {}\n\n{}\n", text(&word), text(&matrix::title(collected)))?;
    table(out, &matrix::matrix(collected))?;
    for model in &collected.models {
        writeln!(out, "- {}", text(&matrix::model_line(model)))?;
    }
    for note in matrix::notes(collected) {
        writeln!(out, "- {}", text(&note))?;
    }
    for failure in collected.failures.iter().take(SHOWN_FAILURES) {
        let (rule, place) = (failure.rule, text(&matrix::place(failure)));
        writeln!(out, "\n### {rule}: {place}\n\n{}\n", text(&failure.message))?;
        writeln!(out, "Rule: {}", text(failure.rule.explanation()))?;
        if let Some(diff) = &failure.diff {
            fence(out, "diff", diff)?;
        }
        fence(out, "sh", &failure.reproduce)?;
    }
    if let Some(more) = collected.failures.len().checked_sub(SHOWN_FAILURES).filter(|n| *n > 0) {
        writeln!(out, "\n{more} more failures; the JSON report lists them all.")?;
    }
    writeln!(out, "\n{}", text(&matrix::totals(collected)))
}

fn table(out: &mut dyn Write, matrix: &Matrix) -> io::Result<()> {
    let Matrix { header, rows, right } = matrix;
    if rows.is_empty() {
        return Ok(());
    }
    let line = |cells: &[String]| {
        format!(
            "| {} |",
            cells.iter().map(|cell| text(cell).replace('|', "\\|")).collect::<Vec<_>>().join(" | ")
        )
    };
    writeln!(out, "{}", line(header))?;
    let rule = (0..header.len()).map(|i| if right.contains(&i) { "---:" } else { "---" });
    writeln!(out, "| {} |", rule.collect::<Vec<_>>().join(" | "))?;
    for row in rows {
        writeln!(out, "{}", line(row))?;
    }
    writeln!(out)
}

/// A block of code, fenced by more backticks than it holds.
fn fence(out: &mut dyn Write, language: &str, code: &str) -> io::Result<()> {
    let longest = code.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    writeln!(out, "\n{fence}{language}\n{}\n{fence}", code.trim_end())
}

/// Text in which nothing is markup.
fn text(raw: &str) -> String {
    let mut text = String::with_capacity(raw.len());
    for c in raw.chars() {
        match c {
            '\n' | '\r' => text.push(' '),
            '&' => text.push_str("&amp;"),
            '<' => text.push_str("&lt;"),
            '>' => text.push_str("&gt;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '~' | '#' => text.extend(['\\', c]),
            _ => text.push(c),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_in_a_message_stays_text() {
        assert_eq!(text("a_b*c `x` <t>\n[1]"), "a\\_b\\*c \\`x\\` &lt;t&gt; \\[1\\]");
    }

    #[test]
    fn a_fence_is_longer_than_any_in_its_code() {
        let mut out = Vec::new();
        fence(&mut out, "diff", "a\n````\nb\n").unwrap();
        let written = String::from_utf8(out).unwrap();
        assert!(written.starts_with("\n`````diff\n") && written.ends_with("\n`````\n"), "{written}");
    }

    #[test]
    fn a_bar_in_a_cell_does_not_split_it() {
        let matrix = Matrix { header: vec!["h".into()], rows: vec![vec!["a | b".into()]], right: &[] };
        let mut out = Vec::new();
        table(&mut out, &matrix).unwrap();
        assert!(String::from_utf8(out).unwrap().contains("| a \\| b |"));
    }
}
