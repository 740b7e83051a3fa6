//! The report a person reads: a matrix first, then each failure, then what was counted.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};

use super::table;
use crate::report::view::{FailureView, INTERRUPTED, Tone, View};

/// Kinds of failure that are printed; the JSON report has them all.
const SHOWN_FAILURES: usize = 20;

/// Lines of one failure, the one that shows it again included, unless details are wanted.
const LINES_OF_FAILURE: usize = 12;

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
    /// Whether only what is not a pass is wanted, and the verdict.
    pub quiet: bool,
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
        if self.screen.quiet {
            return self.what_is_no_pass();
        }
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
        writeln!(self.out, "\n{}", self.view.counts)?;
        self.verdict()
    }

    fn verdict(&mut self) -> io::Result<()> {
        let style = self.style(style_of(self.view.tone()).bold());
        writeln!(self.out, "verdict: {style}{}{style:#}", self.view.last_line())
    }

    /// What a verdict that is no pass rests on, and the verdict.
    fn what_is_no_pass(&mut self) -> io::Result<()> {
        if self.view.interrupted {
            writeln!(self.out, "{INTERRUPTED}")?;
        }
        if self.view.tone() != Tone::Good {
            if self.view.lines_hold_all {
                self.lines()?;
            } else {
                self.not_observed()?;
                self.failures()?;
            }
        }
        self.verdict()
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
        let said = 3
            + message.lines().count()
            + usize::from(failure.others().is_some())
            + usize::from(known.is_some());
        let diff: Vec<&str> = diff.iter().flat_map(|diff| diff.lines()).collect();
        let room =
            if self.screen.verbose { diff.len() } else { LINES_OF_FAILURE.saturating_sub(said).max(2) };
        // The line that says how many are left out takes the place of one.
        let shown = if diff.len() > room { room - 1 } else { diff.len() };
        for line in &diff[..shown] {
            writeln!(self.out, "    {line}")?;
        }
        if shown < diff.len() {
            writeln!(self.out, "    … {} lines more with -v", diff.len() - shown)?;
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
