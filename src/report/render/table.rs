//! A table on a terminal.

use anstyle::Style;
use comfy_table::{CellAlignment, ColumnConstraint, ContentArrangement, Width, presets};

use super::terminal::style_of;
use crate::report::view::{Cell, Table, Tone};

/// The tones, each with a mark: a character without width that stands behind every character of its cells
/// while the table is laid out, since the table library knows no colours here and breaks cells into lines.
const MARKS: [(Tone, char); 4] = [
    (Tone::Good, '\u{E0110}'),
    (Tone::Limited, '\u{E0111}'),
    (Tone::Warning, '\u{E0112}'),
    (Tone::Bad, '\u{E0113}'),
];

/// Columns around the text of a cell.
const PADDING: u16 = 2;

/// The lines of a table that is `width` columns wide where that is known.
pub(super) fn lines(table: &Table, width: Option<u16>, coloured: bool) -> Vec<String> {
    if table.rows.is_empty() {
        return Vec::new();
    }
    let mut drawn = comfy_table::Table::new();
    drawn.load_style(presets::UTF8_BORDERS_ONLY).set_content_arrangement(ContentArrangement::Dynamic);
    if let Some(width) = width {
        drawn.set_width(width);
    }
    drawn.set_header(table.columns.iter().map(|column| column.name.clone()));
    for row in &table.rows {
        drawn.add_row(row.iter().map(|cell| if coloured { marked(cell) } else { cell.text.clone() }));
    }
    for (index, column) in table.columns.iter().enumerate() {
        let Some(drawn) = drawn.column_mut(index) else { continue };
        if column.numbers {
            drawn.set_cell_alignment(CellAlignment::Right);
        }
        if let Some(width) = longest_word(table, index) {
            drawn.set_constraint(ColumnConstraint::LowerBoundary(Width::Fixed(width + PADDING)));
        }
    }
    let drawn = drawn.to_string();
    drawn.lines().map(|line| if coloured { painted(line) } else { line.to_owned() }).collect()
}

/// The longest word of a column of verdicts: what a reader looks for first is never broken.
fn longest_word(table: &Table, index: usize) -> Option<u16> {
    let cells = table.rows.iter().filter_map(|row| row.get(index));
    let toned: Vec<&Cell> = cells.filter(|cell| cell.tone.is_some()).collect();
    let words = toned.iter().flat_map(|cell| cell.text.split(' ')).map(|word| word.chars().count());
    let head = table.columns[index].name.chars().count();
    let longest = (!toned.is_empty()).then(|| words.max().unwrap_or(0).max(head))?;
    u16::try_from(longest).ok()
}

/// The text of a cell with its mark behind every visible character.
fn marked(cell: &Cell) -> String {
    let mark = MARKS.iter().find(|(tone, _)| cell.tone == Some(*tone)).map(|(_, mark)| *mark);
    match mark {
        Some(mark) => {
            cell.text.chars().flat_map(|c| [Some(c), (c != ' ').then_some(mark)]).flatten().collect()
        }
        None => cell.text.clone(),
    }
}

/// A line with colours in place of marks.
fn painted(line: &str) -> String {
    let mut painted = String::with_capacity(line.len());
    let mut style: Option<Style> = None;
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        let mark = chars.next_if(|next| tone_of(*next).is_some());
        let wanted = mark.and_then(tone_of).map(style_of);
        if wanted != style {
            style.iter().for_each(|style| painted += &format!("{style:#}"));
            wanted.iter().for_each(|style| painted += &style.to_string());
            style = wanted;
        }
        if tone_of(c).is_none() {
            painted.push(c);
        }
    }
    style.iter().for_each(|style| painted += &format!("{style:#}"));
    painted
}

fn tone_of(mark: char) -> Option<Tone> {
    MARKS.iter().find(|(_, c)| *c == mark).map(|(tone, _)| *tone)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::document::Verdict;
    use crate::report::view::Column;

    fn table() -> Table {
        let columns = vec![Column::text("name"), Column::numbers("n"), Column::text("verdict")];
        let row = |name: &str, verdict| vec![Cell::new(name), Cell::new("1"), Cell::toned(verdict)];
        let rows = vec![row("divergent pass", Verdict::Divergent), row("b", Verdict::NotObserved)];
        Table { columns, rows }
    }

    #[test]
    fn a_verdict_is_coloured_in_its_own_cell_alone() {
        let lines = lines(&table(), None, true);
        let red = style_of(Tone::Bad);
        assert!(
            lines[3].contains(" divergent pass ") && lines[3].contains(&format!("{red}divergent{red:#}"))
        );
        assert_eq!(lines[3].matches('\u{1b}').count(), 2, "{:?}", lines[3]);
    }

    #[test]
    fn colours_leave_the_layout_as_it_is() {
        for width in [None, Some(24), Some(16)] {
            let coloured = lines(&table(), width, true).join("\n");
            let stripped = anstream::adapter::strip_str(&coloured).to_string();
            assert_eq!(stripped, lines(&table(), width, false).join("\n"));
        }
    }
}
