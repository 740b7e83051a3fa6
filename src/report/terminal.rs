//! The report a person reads: a matrix first, then each failure, then what was counted.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use comfy_table::{CellAlignment, ContentArrangement, Table, presets};

use super::Reporter;
use super::collected::Collected;
use super::matrix::{self, Matrix};
use crate::check::{Event, Verdict};

/// Kinds of failure that are printed; the JSON report has them all.
const SHOWN_FAILURES: usize = 20;

/// Collects a campaign or a merge and prints it at the end.
pub struct Terminal<W: Write> {
    out: W,
    width: Option<u16>,
    verbose: bool,
    coloured: bool,
    collected: Collected,
}

impl<W: Write> Terminal<W> {
    /// Prints to `out`, whose lines are `width` columns wide where that is known. `verbose` adds
    /// every code path and every normalisation.
    pub fn new(out: W, width: Option<u16>, verbose: bool) -> Self {
        Self { out, width, verbose, coloured: true, collected: Collected::default() }
    }

    /// Without colours, for a file.
    #[must_use]
    pub fn plain(mut self) -> Self {
        self.coloured = false;
        self
    }

    fn style(&self, style: Style) -> Style {
        if self.coloured { style } else { Style::new() }
    }

    fn title(&mut self) -> io::Result<()> {
        let bold = self.style(Style::new().bold());
        let title = matrix::title(&self.collected);
        let (tool, rest) = title.split_once(':').unwrap_or((&title, ""));
        writeln!(self.out, "{bold}{tool}{bold:#}:{rest}")
    }

    fn matrix(&mut self) -> io::Result<()> {
        let Matrix { header, rows, right } = matrix::matrix(&self.collected);
        if rows.is_empty() {
            return Ok(());
        }
        let mut table = Table::new();
        table.load_style(presets::UTF8_BORDERS_ONLY).set_content_arrangement(ContentArrangement::Dynamic);
        if let Some(width) = self.width {
            table.set_width(width);
        }
        table.set_header(header);
        for row in rows {
            table.add_row(row);
        }
        for column in right {
            if let Some(column) = table.column_mut(*column) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        // The table library knows nothing of colours here; the verdict, the only coloured word,
        // is painted in the finished text.
        let merged = self.collected.merge.is_some();
        for line in table.to_string().lines() {
            let line = match (self.coloured, merged) {
                (false, _) => line.to_owned(),
                (true, false) => paint_verdict(line),
                (true, true) => paint_cells(line),
            };
            writeln!(self.out, "{line}")?;
        }
        Ok(())
    }

    fn paths(&mut self) -> io::Result<()> {
        for group in &self.collected.groups {
            writeln!(self.out, "\n{} ({})", group.name, group.path)?;
            for step in &group.steps {
                writeln!(self.out, "  {step}")?;
            }
            writeln!(self.out, "  on every platform:")?;
            for step in &group.semantic_steps {
                writeln!(self.out, "    {step}")?;
            }
        }
        let Some(finished) = &self.collected.finished else { return Ok(()) };
        writeln!(self.out, "\nnormalisations of the code paths:")?;
        for n in &finished.normalisations {
            writeln!(self.out, "  {} ({}×): {}", n.rule, n.applied, n.explanation)?;
        }
        Ok(())
    }

    fn failure_list(&mut self) -> io::Result<()> {
        let bold = self.style(Style::new().bold());
        let red = self.style(style_of(Verdict::Divergent));
        let kinds = self.collected.kinds_of_failure();
        for (failure, others) in kinds.iter().take(SHOWN_FAILURES) {
            let place = matrix::place(failure);
            writeln!(self.out, "\n{red}{}{red:#}: {bold}{place}{bold:#}", failure.rule)?;
            writeln!(self.out, "  {}", failure.message)?;
            if *others > 0 {
                writeln!(self.out, "  and {others} more spellings of this plan break the same rule")?;
            }
            writeln!(self.out, "  rule: {}", failure.rule.explanation())?;
            for line in failure.diff.iter().flat_map(|diff| diff.lines()) {
                writeln!(self.out, "    {line}")?;
            }
            writeln!(self.out, "  reproduce: {}", failure.reproduce)?;
        }
        if let Some(more) = kinds.len().checked_sub(SHOWN_FAILURES).filter(|n| *n > 0) {
            writeln!(self.out, "\n{more} more kinds of failure; --format json lists them all")?;
        }
        Ok(())
    }

    fn end(&mut self) -> io::Result<()> {
        self.matrix()?;
        for model in &self.collected.models {
            writeln!(self.out, "  {}", matrix::model_line(model))?;
        }
        for note in matrix::notes(&self.collected) {
            writeln!(self.out, "  {note}")?;
        }
        if self.verbose {
            self.paths()?;
        }
        self.failure_list()?;
        writeln!(self.out, "\n{}", matrix::totals(&self.collected))?;
        let (word, verdict) = matrix::last_word(&self.collected);
        let style = self.style(verdict.map_or_else(not_run, style_of).bold());
        writeln!(self.out, "verdict: {style}{word}{style:#}")?;
        self.out.flush()
    }
}

impl<W: Write> Reporter for Terminal<W> {
    fn event(&mut self, event: &Event) -> io::Result<()> {
        let last = self.collected.take(event);
        match event {
            Event::Started(_) | Event::MergeStarted(_) | Event::CompareStarted(_) => self.title(),
            _ if last => self.end(),
            _ => Ok(()),
        }
    }
}

fn style_of(verdict: Verdict) -> Style {
    let colour = match verdict {
        Verdict::Pass => AnsiColor::Green,
        Verdict::Unsupported | Verdict::Expected => AnsiColor::Cyan,
        Verdict::Blocked => AnsiColor::Yellow,
        Verdict::Divergent => AnsiColor::Red,
    };
    Style::new().fg_color(Some(colour.into()))
}

fn not_run() -> Style {
    Style::new().fg_color(Some(AnsiColor::Yellow.into()))
}

const VERDICTS: [Verdict; 5] =
    [Verdict::Pass, Verdict::Unsupported, Verdict::Expected, Verdict::Blocked, Verdict::Divergent];

/// Colours the verdict at the end of a row.
fn paint_verdict(line: &str) -> String {
    for verdict in VERDICTS {
        let word = verdict.to_string();
        if let Some(at) =
            line.rfind(&word).filter(|at| line[at + word.len()..].trim_end_matches('│').trim().is_empty())
        {
            let style = style_of(verdict);
            return format!("{}{style}{word}{style:#}{}", &line[..at], &line[at + word.len()..]);
        }
    }
    line.to_owned()
}

/// Colours every verdict of a merged row.
fn paint_cells(line: &str) -> String {
    let styles = VERDICTS.map(|v| (v.to_string(), style_of(v)));
    let words = styles.into_iter().chain([("not run".to_owned(), not_run())]);
    words.fold(line.to_owned(), |line, (word, style)| {
        // A verdict stands between spaces; in the name of a plan or a model it does not.
        line.replace(&format!(" {word} "), &format!(" {style}{word}{style:#} "))
    })
}
