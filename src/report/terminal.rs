//! The report a person reads: a matrix first, then each failure, then what was counted.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use comfy_table::{CellAlignment, ContentArrangement, Table, presets};

use super::Reporter;
use crate::check::{Event, Facts, Failure, Finished, GroupFinished, Started, Verdict};

/// Kinds of failure that are printed; the JSON report has them all.
const SHOWN_FAILURES: usize = 20;

/// Spellings that a row names; the rest are counted.
const SHOWN_SPELLINGS: usize = 2;

/// Collects a campaign and prints it at the end.
pub struct Terminal<W: Write> {
    out: W,
    width: Option<u16>,
    verbose: bool,
    coloured: bool,
    started: Option<Started>,
    groups: Vec<GroupFinished>,
    failures: Vec<Failure>,
}

impl<W: Write> Terminal<W> {
    /// Prints to `out`, whose lines are `width` columns wide where that is known. `verbose` adds
    /// every code path and every normalisation.
    pub fn new(out: W, width: Option<u16>, verbose: bool) -> Self {
        Self { out, width, verbose, coloured: true, started: None, groups: Vec::new(), failures: Vec::new() }
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

    fn header(&mut self, started: &Started) -> io::Result<()> {
        let bold = self.style(Style::new().bold());
        writeln!(
            self.out,
            "{bold}{}{bold:#}: {} on {} {}, model {}, dialect {}, level {:?}",
            started.tool,
            started.subject,
            started.platform,
            started.arch,
            started.model,
            started.dialect,
            started.level
        )
    }

    fn matrix(&mut self) -> io::Result<()> {
        if self.groups.is_empty() {
            return Ok(());
        }
        let mut table = Table::new();
        table.load_style(presets::UTF8_BORDERS_ONLY).set_content_arrangement(ContentArrangement::Dynamic);
        if let Some(width) = self.width {
            table.set_width(width);
        }
        table.set_header([
            "plan",
            "spellings",
            "opens",
            "direct",
            "map",
            "lock",
            "reads",
            "fallback",
            "path",
            "output",
            "verdict",
        ]);
        for group in &self.groups {
            table.add_row(row(group));
        }
        for column in [2, 3, 4, 5, 6] {
            if let Some(column) = table.column_mut(column) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        // The table library knows nothing of colours here; the verdict, the only coloured word,
        // is painted in the finished text.
        for line in table.to_string().lines() {
            let line = if self.coloured { paint_verdict(line) } else { line.to_owned() };
            writeln!(self.out, "{line}")?;
        }
        Ok(())
    }

    fn notes(&mut self) -> io::Result<()> {
        for group in self.groups.iter().filter(|g| !g.notes.is_empty()) {
            let mut notes = group.notes.clone();
            notes.dedup();
            for note in notes {
                writeln!(self.out, "  {}: {note}", group.name)?;
            }
        }
        Ok(())
    }

    fn paths(&mut self) -> io::Result<()> {
        for group in &self.groups {
            writeln!(self.out, "\n{} ({})", group.name, group.path)?;
            for step in &group.steps {
                writeln!(self.out, "  {step}")?;
            }
        }
        Ok(())
    }

    fn failure_list(&mut self) -> io::Result<()> {
        let bold = self.style(Style::new().bold());
        let red = self.style(style_of(Verdict::Divergent));
        let groups = alike(&self.failures);
        for (failure, others) in groups.iter().take(SHOWN_FAILURES) {
            let plan = failure.plan.as_deref().unwrap_or("no plan");
            let spelling = shown(&failure.spelling);
            writeln!(self.out, "\n{red}{}{red:#}: {bold}{spelling}{bold:#} ({plan})", failure.rule)?;
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
        if let Some(more) = groups.len().checked_sub(SHOWN_FAILURES).filter(|n| *n > 0) {
            writeln!(self.out, "\n{more} more kinds of failure; --format json lists them all")?;
        }
        Ok(())
    }

    fn end(&mut self, finished: &Finished) -> io::Result<()> {
        self.matrix()?;
        self.notes()?;
        if self.verbose {
            self.paths()?;
            writeln!(self.out, "\nnormalisations of the code paths:")?;
            for n in &finished.normalisations {
                writeln!(self.out, "  {} ({}×): {}", n.rule, n.applied, n.explanation)?;
            }
        }
        self.failure_list()?;
        let t = &finished.totals;
        writeln!(
            self.out,
            "\n{} spellings planned: {} resolved, {} refused as usage errors; {} really loaded, {} really \
             generated; {} plans, {} failures",
            t.planned, t.resolved, t.rejected, t.loaded, t.generated, t.groups, t.failures
        )?;
        let word = match finished.verdict {
            Verdict::Pass => "parity".to_owned(),
            Verdict::Unsupported | Verdict::Expected => {
                let named = |g: &&GroupFinished| g.verdict != Verdict::Pass;
                let names: Vec<&str> = self.groups.iter().filter(named).map(|g| g.name.as_str()).collect();
                format!("parity where it could be tried; {}: {}", finished.verdict, names.join(", "))
            }
            Verdict::Blocked => "blocked: this process lacks what a required case needs".to_owned(),
            Verdict::Divergent => "divergent".to_owned(),
        };
        let style = self.style(style_of(finished.verdict).bold());
        writeln!(self.out, "verdict: {style}{word}{style:#}")?;
        self.out.flush()
    }
}

impl<W: Write> Reporter for Terminal<W> {
    fn event(&mut self, event: &Event) -> io::Result<()> {
        match event {
            Event::Started(started) => {
                self.header(started)?;
                self.started = Some(started.clone());
            }
            Event::CaseFinished(_) => {}
            Event::Failure(failure) => self.failures.push(failure.clone()),
            Event::GroupFinished(group) => self.groups.push((**group).clone()),
            Event::Finished(finished) => self.end(finished)?,
        }
        Ok(())
    }
}

/// The first failure of each rule and plan, in order, with how many more there are of it.
fn alike(failures: &[Failure]) -> Vec<(&Failure, usize)> {
    let mut groups: Vec<(&Failure, usize)> = Vec::new();
    for failure in failures {
        let same =
            |(first, _): &&mut (&Failure, usize)| (first.rule, &first.plan) == (failure.rule, &failure.plan);
        match groups.iter_mut().find(same) {
            Some((_, others)) => *others += 1,
            None => groups.push((failure, 0)),
        }
    }
    groups
}

/// A spelling as a person wants to see it.
fn shown(spelling: &str) -> &str {
    if spelling.is_empty() { "(no flag)" } else { spelling }
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

/// Colours the verdict at the end of a row.
fn paint_verdict(line: &str) -> String {
    let all = [Verdict::Pass, Verdict::Unsupported, Verdict::Expected, Verdict::Blocked, Verdict::Divergent];
    for verdict in all {
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

fn row(group: &GroupFinished) -> Vec<String> {
    let s: &Facts = &group.facts;
    let plan = if group.name == group.resolved {
        group.name.clone()
    } else {
        format!("{} → {}", group.name, group.resolved)
    };
    let dash = || "–".to_owned();
    vec![
        plan,
        spellings(group),
        s.opens.to_string(),
        if s.direct_asked == 0 { dash() } else { format!("{} of {}", s.direct_held, s.direct_asked) },
        if s.maps == 0 { dash() } else { size(s.mapped_bytes) },
        match (s.locked_bytes, s.locks_refused) {
            (0, 0) => dash(),
            (locked, 0) => size(locked),
            (locked, _) => format!("{}, refused", size(locked)),
        },
        format!("{}: {}", s.reads, size(s.read_bytes)),
        if s.fallbacks.is_empty() { dash() } else { s.fallbacks.join(", ") },
        group.path.clone(),
        group.logits.as_ref().or(group.tensors.as_ref()).map_or_else(dash, |hash| hash[..12].to_owned()),
        group.verdict.to_string(),
    ]
}

fn spellings(group: &GroupFinished) -> String {
    let names: Vec<&str> = group.spellings.iter().take(SHOWN_SPELLINGS).map(|s| shown(s)).collect();
    let rest = group.spellings.len().saturating_sub(SHOWN_SPELLINGS);
    let mut text = names.join(", ");
    if rest > 0 {
        text += &format!(" +{rest}");
    }
    text
}

/// Bytes with a binary unit.
fn size(bytes: u64) -> String {
    indicatif::BinaryBytes(bytes).to_string()
}
