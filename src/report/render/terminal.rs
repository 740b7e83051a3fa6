//! The report a person reads: a matrix first, then each failure, then what was counted.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};

use super::table;
use crate::report::view::{FailureView, INTERRUPTED, Tone, View};

/// Kinds of failure that are printed; the JSON report has them all.
const SHOWN_FAILURES: usize = 20;

/// The least width of labels.
const LABEL: usize = 10;

/// What a report is printed on.
#[derive(Clone, Copy, Debug, Default)]
pub struct Screen {
    /// Columns of a line, where that is known.
    pub width: Option<u16>,
    /// Whether there are colours.
    pub coloured: bool,
    /// Whether details are wanted: every code path, every normalisation.
    pub verbose: bool,
}

/// Writes a report.
///
/// # Errors
/// When `out` cannot be written to.
pub fn terminal(out: &mut dyn Write, view: &View, screen: Screen) -> io::Result<()> {
    Terminal { out, view: &view.made_plain(), screen }.write()
}

struct Terminal<'o> {
    out: &'o mut dyn Write,
    view: &'o View,
    screen: Screen,
}

impl Terminal<'_> {
    fn write(&mut self) -> io::Result<()> {
        let bold = self.style(Style::new().bold());
        writeln!(self.out, "{bold}{}{bold:#}: {}", self.view.tool, self.view.title)?;
        if self.view.interrupted {
            let style = self.style(style_of(Tone::Warning));
            writeln!(self.out, "{style}{INTERRUPTED}{style:#}")?;
        }
        self.lines()?;
        for table in &self.view.tables {
            for line in table::lines(table, self.screen.width, self.screen.coloured) {
                writeln!(self.out, "{line}")?;
            }
        }
        for note in &self.view.notes {
            writeln!(self.out, "  {note}")?;
        }
        if !self.view.lines_hold_all {
            self.not_observed()?;
        }
        if self.screen.verbose {
            self.details()?;
        }
        if !self.view.lines_hold_all {
            self.failures()?;
        }
        let style = self.style(style_of(self.view.tone()).bold());
        writeln!(self.out, "\n{}", self.view.counts)?;
        writeln!(self.out, "verdict: {style}{}{style:#}", self.view.last_line())
    }

    fn style(&self, style: Style) -> Style {
        if self.screen.coloured { style } else { Style::new() }
    }

    fn lines(&mut self) -> io::Result<()> {
        let width = self.view.lines.iter().map(|line| line.label.len()).max().unwrap_or(0).max(LABEL);
        for line in &self.view.lines {
            let style = self.style(line.tone.map(style_of).unwrap_or_default());
            writeln!(self.out, "{:<width$} {style}{}{style:#}", line.label, line.text)?;
        }
        Ok(())
    }

    fn not_observed(&mut self) -> io::Result<()> {
        let style = self.style(style_of(Tone::Warning));
        if !self.view.not_observed.is_empty() {
            writeln!(self.out, "  {style}not observed{style:#}:")?;
        }
        for rule in &self.view.not_observed {
            writeln!(self.out, "    {} ({}): {}", rule.rule, rule.count(), rule.reason)?;
        }
        Ok(())
    }

    fn details(&mut self) -> io::Result<()> {
        for detail in &self.view.details {
            writeln!(self.out, "\n{}", detail.title)?;
            for line in &detail.lines {
                writeln!(self.out, "  {line}")?;
            }
        }
        Ok(())
    }

    fn failures(&mut self) -> io::Result<()> {
        let kinds = &self.view.failures;
        for failure in kinds.iter().take(SHOWN_FAILURES) {
            self.failure(failure)?;
        }
        match kinds.len().checked_sub(SHOWN_FAILURES).filter(|n| *n > 0) {
            Some(more) => {
                writeln!(self.out, "\n{more} more kinds of failure; --format json lists them all")
            }
            None => Ok(()),
        }
    }

    fn failure(&mut self, failure: &FailureView) -> io::Result<()> {
        let bold = self.style(Style::new().bold());
        let FailureView { rule, sentence, place, message, diff, reproduce, known, .. } = failure;
        let (tone, expected) = if known.is_some() { (Tone::Limited, "expected: ") } else { (Tone::Bad, "") };
        let style = self.style(style_of(tone));
        writeln!(self.out, "\n{style}{expected}{rule}{style:#}: {bold}{place}{bold:#}")?;
        writeln!(self.out, "  {message}")?;
        if let Some(others) = failure.others() {
            writeln!(self.out, "  {others}")?;
        }
        if let Some(reason) = known {
            writeln!(self.out, "  known: {reason}")?;
        }
        writeln!(self.out, "  rule: {sentence}")?;
        for line in diff.iter().flat_map(|diff| diff.lines()) {
            writeln!(self.out, "    {line}")?;
        }
        if !reproduce.is_empty() {
            writeln!(self.out, "  reproduce: {reproduce}")?;
        }
        Ok(())
    }
}

/// The colour of a tone.
pub(super) fn style_of(tone: Tone) -> Style {
    let colour = match tone {
        Tone::Good => AnsiColor::Green,
        Tone::Limited => AnsiColor::Cyan,
        Tone::Warning => AnsiColor::Yellow,
        Tone::Bad => AnsiColor::Red,
    };
    Style::new().fg_color(Some(colour.into()))
}
