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

/// The lines of a table that is `width` columns wide where that is known. Words stay whole: where there is no
/// room for that, spare columns are left out, the last first, and a line says which. Where that does not help,
/// each row is a block of its own, a cell a line.
pub(super) fn lines(table: &Table, width: Option<u16>, coloured: bool) -> Vec<String> {
    if table.rows.is_empty() {
        return Vec::new();
    }
    let longest: Vec<u16> = (0..table.columns.len()).map(|index| longest_word(table, index)).collect();
    let Some(shown) = columns(table, &longest, width) else {
        return blocks(table, width.unwrap_or(u16::MAX).into(), coloured);
    };
    let mut drawn = comfy_table::Table::new();
    drawn.load_style(presets::UTF8_BORDERS_ONLY).set_content_arrangement(ContentArrangement::Dynamic);
    if let Some(width) = width {
        drawn.set_width(width);
    }
    drawn.set_header(shown.iter().map(|index| table.columns[*index].name.clone()));
    for row in &table.rows {
        let cells = shown.iter().filter_map(|index| row.get(*index));
        drawn.add_row(cells.map(|cell| if coloured { marked(cell) } else { cell.text.clone() }));
    }
    for (at, index) in shown.iter().enumerate() {
        let Some(drawn) = drawn.column_mut(at) else { continue };
        if table.columns[*index].numbers {
            drawn.set_cell_alignment(CellAlignment::Right);
        }
        let least = Width::Fixed(longest[*index] + PADDING);
        drawn.set_constraint(ColumnConstraint::LowerBoundary(least));
    }
    let drawn = drawn.to_string();
    let mut lines: Vec<String> =
        drawn.lines().map(|line| if coloured { painted(line) } else { line.to_owned() }).collect();
    let left_out = (0..table.columns.len()).filter(|index| !shown.contains(index));
    let names: Vec<&str> = left_out.map(|index| table.columns[index].name.as_str()).collect();
    if !names.is_empty() {
        lines.push(format!("  left out for want of room: {}", names.join(", ")));
    }
    lines
}

/// Each row as a block: its first cell, and below it the others behind their names, those that hold nothing left
/// out.
fn blocks(table: &Table, width: usize, coloured: bool) -> Vec<String> {
    let names = table.columns.iter().skip(1).map(|column| column.name.chars().count());
    let indent = names.max().unwrap_or(0) + 4;
    let mut lines = Vec::new();
    for row in &table.rows {
        let mut cells = row.iter().zip(&table.columns);
        if let Some((first, _)) = cells.next() {
            lines.push(toned(first, &first.text, coloured));
        }
        for (cell, column) in cells.filter(|(cell, _)| !matches!(cell.text.as_str(), "" | "–")) {
            for (at, text) in wrapped(&cell.text, width.saturating_sub(indent)).into_iter().enumerate() {
                let name = if at == 0 { column.name.as_str() } else { "" };
                lines.push(format!("  {name:<rest$}{}", toned(cell, &text, coloured), rest = indent - 2));
            }
        }
    }
    lines
}

/// A text in lines of so many characters, broken between words; a longer word has a line of its own.
pub(super) fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// A part of a cell in the colour of the cell.
fn toned(cell: &Cell, text: &str, coloured: bool) -> String {
    match cell.tone.filter(|_| coloured).map(style_of) {
        Some(style) => format!("{style}{text}{style:#}"),
        None => text.to_owned(),
    }
}

/// The columns for which there is room with their longest words, if there are any without which it can be.
fn columns(table: &Table, longest: &[u16], width: Option<u16>) -> Option<Vec<usize>> {
    let mut shown: Vec<usize> = (0..table.columns.len()).collect();
    let Some(width) = width else { return Some(shown) };
    loop {
        // A line between each two, and one at either end.
        let words: usize = shown.iter().map(|index| usize::from(longest[*index] + PADDING) + 1).sum();
        if words < usize::from(width) {
            return Some(shown);
        }
        match shown.iter().rposition(|index| table.columns[*index].spare) {
            Some(last) => drop(shown.remove(last)),
            None => return None,
        }
    }
}

/// The longest word of a column, its name included.
fn longest_word(table: &Table, index: usize) -> u16 {
    let cells = table.rows.iter().filter_map(|row| row.get(index)).map(|cell| cell.text.as_str());
    let texts = cells.chain([table.columns[index].name.as_str()]);
    let words = texts.flat_map(|text| text.split(' ')).map(|word| word.chars().count());
    u16::try_from(words.max().unwrap_or(0)).unwrap_or(u16::MAX - PADDING)
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

    /// The words of the cells of a table that was drawn, line by line.
    fn words(lines: &[String]) -> Vec<String> {
        let inside = lines.iter().filter(|line| line.starts_with('│'));
        inside.flat_map(|line| line.trim_matches('│').split_whitespace()).map(str::to_owned).collect()
    }

    #[test]
    fn words_stay_whole_and_spare_columns_go_first() {
        let columns = vec![
            Column::text("name"),
            Column::numbers("first").spare(),
            Column::text("second").spare(),
            Column::text("verdict"),
        ];
        let row = |name: &str| {
            vec![
                Cell::new(name),
                Cell::new("12: 3.00 MiB"),
                Cell::new("1a2b3c4d5e6f"),
                Cell::toned(Verdict::NotObserved),
            ]
        };
        let table = Table { columns, rows: vec![row("--no-mmap, -dio"), row("map+lock")] };
        let all = words(&lines(&table, None, false));
        for width in 29..120 {
            let drawn = lines(&table, Some(width), false);
            let left_out = match width {
                29..37 => Some("  left out for want of room: first, second"),
                37..52 => Some("  left out for want of room: second"),
                _ => None,
            };
            assert_eq!(drawn.iter().find(|line| line.starts_with("  ")).map(String::as_str), left_out);
            assert!(drawn.iter().all(|line| line.starts_with("  ") || line.chars().count() <= width.into()));
            assert!(words(&drawn).iter().all(|word| all.contains(word)), "{width}: {drawn:#?}");
        }
    }

    #[test]
    fn where_no_table_has_room_each_row_is_a_block_with_whole_words() {
        let columns = vec![
            Column::text("plan"),
            Column::text("spellings"),
            Column::text("lock"),
            Column::text("verdict"),
        ];
        let row = vec![
            Cell::new("map+lock"),
            Cell::new("--load-mode mmap+mlock, --mlock"),
            Cell::new("–"),
            Cell::toned(Verdict::Pass),
        ];
        let drawn = lines(&Table { columns, rows: vec![row] }, Some(30), false);
        assert_eq!(
            drawn,
            [
                "map+lock",
                "  spellings  --load-mode",
                "             mmap+mlock,",
                "             --mlock",
                "  verdict    pass",
            ]
        );
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
