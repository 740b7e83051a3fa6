//! The table for people: aligned in a terminal, or as Markdown.

use std::io::{self, Write};

use comfy_table::{ContentArrangement, Table, presets};

use crate::plan::Dialect;
use crate::plan::compare::{Cell, Class, Comparison, Row, Tally};

/// The sign of a class in a cell.
fn sign(class: Class) -> &'static str {
    match class {
        Class::LostGuarantee => "!",
        Class::SilentlyIgnored => "?",
        Class::Error => "x",
        Class::ChangedDefault => "*",
        Class::Changed => "~",
        Class::Accepted => "+",
    }
}

/// `read`, `map ! lock`, `error x`: the plan, the sign of its class, what is lost.
fn cell_text(cell: &Cell) -> String {
    let mut text = match &cell.outcome {
        Ok(resolved) => resolved.plan.to_string(),
        Err(_) => "error".to_owned(),
    };
    if let Some(class) = cell.difference.class {
        text = format!("{text} {}", sign(class));
    }
    let lost: Vec<_> = cell.difference.lost.iter().map(|lost| lost.word()).collect();
    if lost.is_empty() { text } else { format!("{text} {}", lost.join(", ")) }
}

fn line(row: &Row) -> String {
    let line = row.spelling.to_string();
    if line.is_empty() { "(nothing)".to_owned() } else { line }
}

fn header(comparison: &Comparison) -> Vec<String> {
    let name = |dialect: Dialect| {
        if dialect == comparison.base { format!("{dialect} (base)") } else { dialect.to_string() }
    };
    std::iter::once("spelling".to_owned()).chain(comparison.dialects.iter().copied().map(name)).collect()
}

fn shown(comparison: &Comparison, only_differences: bool) -> impl Iterator<Item = &Row> {
    comparison.rows.iter().filter(move |row| !only_differences || row.differs())
}

fn tally_line(base: Dialect, tally: &Tally) -> String {
    let Tally { dialect, lines, lost, classes } = tally;
    let of = |(class, count): (&Class, &usize)| format!("{} {count}", class.word());
    let classes: Vec<_> = Class::ALL.iter().zip(classes).map(of).collect();
    format!(
        "{dialect}: {lost} of {lines} command lines that {base} accepts lost something ({})",
        classes.join(", ")
    )
}

pub(super) fn terminal(out: &mut dyn Write, comparison: &Comparison, only: bool) -> io::Result<()> {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(header(comparison));
    for row in shown(comparison, only) {
        table.add_row(std::iter::once(line(row)).chain(row.cells.iter().map(cell_text)));
    }
    for line in table.lines() {
        writeln!(out, "{}", line.trim_end())?;
    }
    writeln!(out)?;
    for class in Class::ALL {
        writeln!(out, "{} {}: {}", sign(class), class.word(), class.explanation())?;
    }
    writeln!(out)?;
    for tally in comparison.tallies() {
        writeln!(out, "{}", tally_line(comparison.base, &tally))?;
    }
    Ok(())
}

pub(super) fn markdown(out: &mut dyn Write, comparison: &Comparison, only: bool) -> io::Result<()> {
    writeln!(out, "| {} |", header(comparison).join(" | "))?;
    writeln!(out, "|{}", " --- |".repeat(1 + comparison.dialects.len()))?;
    for row in shown(comparison, only) {
        write!(out, "| `{}` |", line(row))?;
        for cell in &row.cells {
            match cell.difference.class {
                None => write!(out, " {} |", cell_text(cell))?,
                Some(_) => write!(out, " **{}** |", cell_text(cell).replace('*', r"\*"))?,
            }
        }
        writeln!(out)?;
    }
    writeln!(out)?;
    for class in Class::ALL {
        writeln!(out, "- `{}` *{}*: {}", sign(class), class.word(), class.explanation())?;
    }
    writeln!(out)?;
    for tally in comparison.tallies() {
        writeln!(out, "- {}", tally_line(comparison.base, &tally))?;
    }
    Ok(())
}
