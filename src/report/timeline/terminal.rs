//! A timeline in characters.

use super::{Axis, at, drawn_files, name, size, time};
use crate::check::document::{Mark, MarkKind, TimelineDocument};
use crate::report::screen::plain;

/// What is drawn on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Canvas {
    /// Columns of a line; fewer than 40 are as 40.
    pub width: usize,
    /// Whether it shows more than ASCII.
    pub unicode: bool,
}

/// Columns of labels, the line of the axis included.
const GUTTER: usize = 11;

/// Lines of a file.
const HEIGHT: usize = 8;

/// Files that are drawn.
const FILES: usize = 3;

/// Lanes that are drawn.
const LANES: usize = 16;

/// What a cell of a file shows; what comes later hides what comes before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fill {
    Mapped,
    Faulted,
    Locked,
    Read,
    Direct,
    Written,
    Refused,
}

impl Fill {
    const ALL: [Self; 7] =
        [Self::Mapped, Self::Faulted, Self::Locked, Self::Read, Self::Direct, Self::Written, Self::Refused];

    fn of(mark: &Mark) -> Option<Self> {
        match mark.kind {
            _ if mark.refused.is_some() => Some(Self::Refused),
            MarkKind::Map => Some(Self::Mapped),
            MarkKind::Lock => Some(Self::Locked),
            MarkKind::Read => Some(Self::Read),
            MarkKind::DirectRead => Some(Self::Direct),
            MarkKind::Write => Some(Self::Written),
            _ => None,
        }
    }

    fn glyph(self, unicode: bool) -> char {
        match (self, unicode) {
            (Self::Mapped, true) => '░',
            (Self::Mapped, false) => '.',
            (Self::Faulted, true) => '▒',
            (Self::Faulted, false) => ':',
            (Self::Locked, true) => '▓',
            (Self::Locked, false) => '#',
            (Self::Read, _) => 'r',
            (Self::Direct, _) => 'd',
            (Self::Written, _) => 'w',
            (Self::Refused, _) => 'x',
        }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Mapped => "mapped",
            Self::Faulted => "faulted in",
            Self::Locked => "locked",
            Self::Read => "read",
            Self::Direct => "direct read",
            Self::Written => "written",
            Self::Refused => "refused",
        }
    }
}

/// The letters of lanes; in a column that has several, the first of this list is shown.
const LETTERS: [(MarkKind, char); 12] = [
    (MarkKind::Write, 'w'),
    (MarkKind::Notice, 'n'),
    (MarkKind::Lock, 'l'),
    (MarkKind::Map, 'm'),
    (MarkKind::Process, 'p'),
    (MarkKind::Open, 'o'),
    (MarkKind::Advice, 'a'),
    (MarkKind::DirectRead, 'd'),
    (MarkKind::Read, 'r'),
    (MarkKind::Alloc, 'b'),
    (MarkKind::Release, 'c'),
    (MarkKind::Other, '\''),
];

/// How good the place of a mark in [`LETTERS`] is; what was refused or injected is before all.
fn rank(mark: &Mark) -> (usize, char) {
    match (mark.injected, &mark.refused) {
        (true, _) => (0, '!'),
        (false, Some(_)) => (1, 'x'),
        (false, None) => {
            let place = LETTERS.iter().position(|(kind, _)| *kind == mark.kind).unwrap_or(LETTERS.len() - 1);
            (place + 2, LETTERS[place].1)
        }
    }
}

/// The lines of a timeline.
#[must_use]
pub fn view(document: &TimelineDocument, canvas: Canvas) -> Vec<String> {
    let canvas = Canvas { width: canvas.width.max(40), ..canvas };
    Picture { document, canvas, axis: Axis::of(&[&document.timeline]) }.lines()
}

struct Picture<'d> {
    document: &'d TimelineDocument,
    canvas: Canvas,
    axis: Axis,
}

impl Picture<'_> {
    fn columns(&self) -> usize {
        self.canvas.width - GUTTER
    }

    fn column(&self, ns: u64) -> usize {
        let columns = self.columns();
        #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let column = (self.axis.at(ns) * columns as f64) as usize;
        column.min(columns - 1)
    }

    fn lines(&self) -> Vec<String> {
        let timeline = &self.document.timeline;
        let mut lines = self.head();
        if timeline.marks.is_empty() {
            lines.push("no call on a model was recorded".to_owned());
            return lines;
        }
        lines.push(self.row("phase", self.phases()));
        let (files, left) = drawn_files(timeline, FILES);
        let mut fills = Vec::new();
        for file in files {
            lines.extend(self.file(file, &mut fills));
        }
        if left > 0 {
            lines.push(format!("and {left} more files"));
        }
        let mut letters = Vec::new();
        lines.extend(self.lanes(&mut letters));
        lines.extend(self.scale());
        lines.extend(self.cache());
        let mut legend: Vec<String> = Vec::new();
        // A letter that means the same in both stands once.
        for fill in Fill::ALL.iter().filter(|fill| fills.contains(*fill)) {
            legend.push(format!("{} {}", fill.glyph(self.canvas.unicode), fill.word()));
        }
        for (letter, word) in letters {
            if !legend.iter().any(|known| known.starts_with(letter)) {
                legend.push(format!("{letter} {word}"));
            }
        }
        lines.extend(self.wrapped(&legend));
        lines
    }

    /// What was recorded, and how much of it there is.
    fn head(&self) -> Vec<String> {
        let TimelineDocument { source, timeline, .. } = self.document;
        let mut lines = Vec::new();
        if !source.command.is_empty() {
            lines.push(self.cut(&plain(&source.command.join(" "))));
        }
        let processes =
            timeline.lanes.iter().map(|lane| lane.process).collect::<std::collections::BTreeSet<_>>();
        let counted = |count: usize, noun: &str, nouns: &str| {
            format!("{count} {}", if count == 1 { noun } else { nouns })
        };
        let mut facts = vec![
            format!("{} calls", timeline.calls),
            counted(processes.len(), "process", "processes"),
            counted(timeline.lanes.len(), "thread", "threads"),
        ];
        facts.push(if timeline.timed {
            time(timeline.length_ns)
        } else {
            "no times, so calls stand in their order".to_owned()
        });
        facts.push(plain(&format!("{} {}", source.os, source.arch)).into_owned());
        facts.extend(source.ended.as_ref().map(|ended| plain(ended).into_owned()));
        lines.extend(self.wrapped(&facts));
        if !source.unseen.is_empty() {
            lines.push(self.cut(&format!("not observed: {}", plain(&source.unseen.join(", ")))));
        }
        lines
    }

    /// A text in at most one line.
    fn cut(&self, text: &str) -> String {
        if text.chars().count() <= self.canvas.width {
            return text.to_owned();
        }
        let mark = if self.canvas.unicode { "…" } else { "..." };
        let kept = self.canvas.width - mark.chars().count();
        text.chars().take(kept).chain(mark.chars()).collect()
    }

    /// Parts in lines, with commas between them.
    fn wrapped(&self, parts: &[String]) -> Vec<String> {
        let mut lines: Vec<String> = Vec::new();
        for part in parts {
            match lines.last_mut() {
                Some(line) if line.chars().count() + 2 + part.chars().count() < self.canvas.width => {
                    line.push_str(", ");
                    line.push_str(part);
                }
                last => {
                    if let Some(line) = last {
                        line.push(',');
                    }
                    lines.push(self.cut(part));
                }
            }
        }
        lines
    }

    /// A line with its label.
    fn row(&self, label: &str, cells: impl IntoIterator<Item = char>) -> String {
        let bar = if self.canvas.unicode { '│' } else { '|' };
        let cells: String = cells.into_iter().collect();
        format!("{label:>width$} {bar}{}", cells.trim_end(), width = GUTTER - 2).trim_end().to_owned()
    }

    fn phases(&self) -> Vec<char> {
        let mut cells = vec![' '; self.columns()];
        for span in &self.document.timeline.phases {
            // A recording from elsewhere may have times that do not rise.
            let (from, to) = (self.column(span.start_ns), self.column(span.end_ns.max(span.start_ns)));
            let word: Vec<char> = span.phase.chars().collect();
            for (at, cell) in cells[from..=to].iter_mut().enumerate() {
                *cell = match (to - from >= word.len(), word.get(at)) {
                    (true, Some(letter)) => *letter,
                    (true, None) => '-',
                    (false, _) => word.first().copied().unwrap_or('-'),
                };
            }
        }
        cells
    }

    /// A file: its offsets from the bottom upward.
    fn file(&self, file: u32, fills: &mut Vec<Fill>) -> Vec<String> {
        let timeline = &self.document.timeline;
        let Some(known) = timeline.files.get(file as usize) else { return Vec::new() };
        let bytes = known.size_bytes.max(1);
        let level = |offset: u64| {
            let level = u128::from(offset) * HEIGHT as u128 / u128::from(bytes);
            usize::try_from(level).unwrap_or(HEIGHT).min(HEIGHT - 1)
        };
        let mut cells = vec![vec![None::<Fill>; self.columns()]; HEIGHT];
        let mut paint = |fill: Fill, (offset, len): (u64, u64), (from, to): (usize, usize)| {
            let to = to.max(from);
            let last = level(offset.saturating_add(len.max(1)) - 1);
            for cell in cells[level(offset)..=last].iter_mut().flat_map(|row| &mut row[from..=to]) {
                *cell = (*cell).max(Some(fill));
            }
        };
        for mark in timeline.marks.iter().filter(|mark| mark.file == Some(file)) {
            let (Some(fill), Some(offset)) = (Fill::of(mark), mark.offset_bytes) else { continue };
            let held = matches!(fill, Fill::Mapped | Fill::Locked);
            let until = if held { mark.held_until_ns.unwrap_or(timeline.length_ns) } else { mark.end_ns };
            let columns = (self.column(mark.start_ns), self.column(until.max(mark.start_ns)));
            paint(fill, (offset, mark.length_bytes), columns);
        }
        for faulted in timeline.faulted.iter().filter(|faulted| faulted.file == file) {
            let column = self.column(faulted.at_ns);
            for [start, end] in &faulted.ranges_bytes {
                paint(Fill::Faulted, (*start, end.saturating_sub(*start)), (column, column));
            }
        }
        fills.extend(cells.iter().flatten().flatten());
        let mut lines = vec![self.cut(&format!("{} ({})", plain(name(known)), size(known.size_bytes)))];
        for (at, row) in cells.iter().enumerate().rev() {
            let label = match at {
                0 => "0".to_owned(),
                top if top == HEIGHT - 1 => size(bytes),
                half if half == HEIGHT / 2 => size(bytes / 2),
                _ => String::new(),
            };
            let glyphs = row.iter().map(|fill| fill.map_or(' ', |fill| fill.glyph(self.canvas.unicode)));
            lines.push(self.row(&label, glyphs));
        }
        lines
    }

    /// The threads, with what each did; letters that stand there are added.
    fn lanes(&self, letters: &mut Vec<(char, &'static str)>) -> Vec<String> {
        let timeline = &self.document.timeline;
        let mut cells = vec![vec![(usize::MAX, ' '); self.columns()]; timeline.lanes.len()];
        let mut calls = vec![0_u64; timeline.lanes.len()];
        for mark in &timeline.marks {
            let lane = mark.lane as usize;
            let Some(row) = cells.get_mut(lane) else { continue };
            calls[lane] += mark.calls;
            let wanted = rank(mark);
            for cell in &mut row[self.column(mark.start_ns)..=self.column(mark.end_ns.max(mark.start_ns))] {
                *cell = (*cell).min(wanted);
            }
        }
        let mut shown: Vec<usize> = (0..timeline.lanes.len()).collect();
        shown.sort_by_key(|lane| std::cmp::Reverse(calls[*lane]));
        shown.truncate(LANES);
        shown.sort_unstable();
        let mut lines = vec!["threads".to_owned()];
        for lane in &shown {
            let label = format!("p{} t{}", timeline.lanes[*lane].process, timeline.lanes[*lane].thread);
            lines.push(self.row(&label, cells[*lane].iter().map(|(_, letter)| *letter)));
        }
        let left = timeline.lanes.len() - shown.len();
        if left > 0 {
            lines.push(format!("and {left} more threads with fewer calls"));
        }
        let seen = |letter: char| shown.iter().any(|lane| cells[*lane].iter().any(|(_, l)| *l == letter));
        let special = [('!', "injected"), ('x', "refused")];
        let kinds = LETTERS.iter().map(|(kind, letter)| (*letter, kind.word()));
        letters.extend(special.into_iter().chain(kinds).filter(|(letter, _)| seen(*letter)));
        lines
    }

    /// The times below the picture, and what was cut of them.
    fn scale(&self) -> Vec<String> {
        let timeline = &self.document.timeline;
        let (start, end) = (at(timeline, 0), at(timeline, timeline.length_ns));
        let room = self.columns().saturating_sub(start.len() + end.len());
        let mut lines = vec![self.row("time", format!("{start}{}{end}", " ".repeat(room)).chars())];
        let cuts: Vec<(f64, u64)> = self.axis.cuts().collect();
        if !cuts.is_empty() {
            let mut marks = vec![' '; self.columns()];
            for (place, _) in &cuts {
                #[allow(
                    clippy::cast_precision_loss,
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss
                )]
                let column = (place * self.columns() as f64) as usize;
                marks[column.min(self.columns() - 1)] = '/';
            }
            lines.push(self.row("cut", marks));
            let pauses: Vec<String> = cuts.iter().map(|(_, ns)| time(*ns)).collect();
            lines.extend(
                self.wrapped(&[format!("/ a pause without calls, cut short: {}", pauses.join(", "))]),
            );
        }
        lines
    }

    /// What was seen of the page cache.
    fn cache(&self) -> Vec<String> {
        let timeline = &self.document.timeline;
        let line = |cached: &crate::check::document::Cached| {
            let of = cached.file.and_then(|file| timeline.files.get(file as usize)).map_or("the model", name);
            let when = at(timeline, cached.at_ns);
            let text = format!(
                "page cache of {} at {when}: {} of {} pages",
                plain(of),
                cached.resident_pages,
                cached.pages
            );
            self.cut(&text)
        };
        timeline.cached.iter().map(line).collect()
    }
}
