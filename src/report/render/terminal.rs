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
        let View { tool, title, .. } = self.view;
        self.prose(&format!("{bold}{tool}{bold:#}: "), tool.chars().count() + 2, 4, Style::new(), title)?;
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
            self.prose("  ", 2, 4, Style::new(), note)?;
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
        writeln!(self.out)?;
        self.prose("", 0, 0, Style::new(), &self.view.counts)?;
        self.verdict()
    }

    fn verdict(&mut self) -> io::Result<()> {
        let style = self.style(style_of(self.view.tone()).bold());
        self.prose("verdict: ", 9, 9, style, &self.view.last_line())
    }

    /// A text behind a lead of so many columns, broken between words where the width is known; further lines are
    /// indented. Command lines and code paths are no such text: they have to stay whole.
    fn prose(
        &mut self,
        lead: &str,
        columns: usize,
        indent: usize,
        style: Style,
        text: &str,
    ) -> io::Result<()> {
        let width = self.screen.width.map_or(usize::MAX, usize::from);
        let first = width.saturating_sub(columns);
        let fits = text.lines().all(|line| line.chars().count() <= first);
        if fits || width == usize::MAX {
            return writeln!(self.out, "{lead}{style}{text}{style:#}");
        }
        // The lead stands for words of its length, so that the first line is shorter by it.
        let room = width.saturating_sub(indent).max(1);
        let lead_words = "x".repeat(columns.saturating_sub(indent));
        let mut lead = Some(lead);
        for paragraph in text.lines() {
            let whole = match (lead, lead_words.is_empty()) {
                (Some(_), false) => format!("{lead_words}{paragraph}"),
                _ => paragraph.to_owned(),
            };
            for line in table::wrapped(&whole, room) {
                match lead.take() {
                    Some(lead) => {
                        let rest = line.strip_prefix(lead_words.as_str()).unwrap_or(&line);
                        writeln!(self.out, "{lead}{style}{rest}{style:#}")?;
                    }
                    None => writeln!(self.out, "{:indent$}{style}{line}{style:#}", "")?,
                }
            }
        }
        Ok(())
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
            self.prose(&format!("{:<width$} ", line.label), width + 1, width + 1, style, &line.text)?;
        }
        Ok(())
    }

    fn not_observed(&mut self) -> io::Result<()> {
        let style = self.style(style_of(Tone::Warning));
        if !self.view.not_observed.is_empty() {
            writeln!(self.out, "  {style}not observed{style:#}:")?;
        }
        for rule in &self.view.not_observed {
            let text = format!("{} ({}): {}", rule.rule, rule.count(), rule.reason);
            self.prose("    ", 4, 6, Style::new(), &text)?;
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
        let others = failure.others();
        let known = known.as_ref().map(|reason| format!("known: {reason}"));
        let rule = format!("rule: {sentence}");
        for text in [Some(message), others.as_ref(), known.as_ref(), Some(&rule)].into_iter().flatten() {
            self.prose("  ", 2, 2, Style::new(), text)?;
        }
        let said = 3 + message.lines().count() + usize::from(others.is_some()) + usize::from(known.is_some());
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
