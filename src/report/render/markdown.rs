//! The report as GitHub-flavoured Markdown: for a pull request or a step summary.

use std::io::{self, Write};

use crate::report::view::{Cell, Column, FailureView, INTERRUPTED, Table, Tone, Unobserved, View};

/// Kinds of failure that are written in full.
const SHOWN_FAILURES: usize = 50;

/// Writes a report.
///
/// # Errors
/// When `out` cannot be written to.
pub fn markdown(out: &mut dyn Write, view: &View) -> io::Result<()> {
    let view = &view.made_plain();
    let sign = match view.tone() {
        Tone::Good => "✅",
        Tone::Bad => "❌",
        Tone::Limited | Tone::Warning => "⚠️",
    };
    let (last, title) = (text(&view.last_line()), text(&view.title));
    writeln!(out, "## {sign} {last}\n\n{}: {title}\n", text(&view.tool))?;
    if view.interrupted {
        writeln!(out, "**{INTERRUPTED}**\n")?;
    }
    for line in &view.lines {
        match line.label {
            "" => writeln!(out, "  {}", text(&line.text))?,
            label => writeln!(out, "- **{label}** {}", text(&line.text))?,
        }
    }
    if !view.lines.is_empty() {
        writeln!(out)?;
    }
    for shown in &view.tables {
        table(out, shown)?;
    }
    for note in &view.notes {
        writeln!(out, "- {}", text(note))?;
    }
    if !view.lines_hold_all {
        not_observed(out, &view.not_observed)?;
        failures(out, &view.failures)?;
    }
    writeln!(out, "\n{}\n\n**verdict: {last}**", text(&view.counts))
}

fn not_observed(out: &mut dyn Write, rules: &[Unobserved]) -> io::Result<()> {
    if rules.is_empty() {
        return Ok(());
    }
    let columns = vec![Column::text("not observed"), Column::numbers("cases"), Column::text("reason")];
    let row = |rule: &Unobserved| {
        [rule.rule.clone(), rule.cases.to_string(), rule.reason.clone()].map(Cell::new).to_vec()
    };
    writeln!(out)?;
    table(out, &Table { columns, rows: rules.iter().map(row).collect() })
}

fn failures(out: &mut dyn Write, failures: &[FailureView]) -> io::Result<()> {
    for failure in failures.iter().take(SHOWN_FAILURES) {
        let FailureView { rule, sentence, place, message, diff, reproduce, known, .. } = failure;
        let expected = if known.is_some() { "expected: " } else { "" };
        writeln!(out, "\n### {expected}{rule}: {}\n\n{}\n", text(place), text(message))?;
        if let Some(others) = failure.others() {
            writeln!(out, "{}\n", text(&others))?;
        }
        if let Some(reason) = known {
            writeln!(out, "Known: {}\n", text(reason))?;
        }
        writeln!(out, "Rule: {}", text(sentence))?;
        if let Some(diff) = diff {
            fence(out, "diff", diff)?;
        }
        if !reproduce.is_empty() {
            fence(out, "sh", reproduce)?;
        }
    }
    match failures.len().checked_sub(SHOWN_FAILURES).filter(|n| *n > 0) {
        Some(more) => writeln!(out, "\n{more} more kinds of failure; the JSON report lists them all."),
        None => Ok(()),
    }
}

fn table(out: &mut dyn Write, table: &Table) -> io::Result<()> {
    if table.rows.is_empty() {
        return Ok(());
    }
    let cell = |raw: &str| text(raw).replace('|', "\\|");
    let names = table.columns.iter().map(|column| cell(&column.name));
    writeln!(out, "| {} |", names.collect::<Vec<_>>().join(" | "))?;
    let rule = table.columns.iter().map(|column| if column.numbers { "---:" } else { "---" });
    writeln!(out, "| {} |", rule.collect::<Vec<_>>().join(" | "))?;
    for row in &table.rows {
        writeln!(out, "| {} |", row.iter().map(|c| cell(&c.text)).collect::<Vec<_>>().join(" | "))?;
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
        let rows = vec![vec![Cell::new("a | b")]];
        let mut out = Vec::new();
        table(&mut out, &Table { columns: vec![Column::text("h")], rows }).unwrap();
        assert!(String::from_utf8(out).unwrap().contains("| a \\| b |"));
    }
}
