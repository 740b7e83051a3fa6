//! The marks of a timeline as a table: what a picture shows, for those who cannot see it.

use super::{name, size, time};
use crate::check::document::{Mark, Timeline};
use crate::report::view::{Cell, Column, Table};

/// The first marks, in the order of their start.
pub(in crate::report) fn listed(timeline: &Timeline, most: usize) -> Table {
    let columns = vec![
        Column::numbers(if timeline.timed { "begins" } else { "call" }),
        Column::text("thread"),
        Column::text("call"),
        Column::numbers("calls"),
        Column::text("file"),
        Column::numbers("offset"),
        Column::numbers("bytes"),
        Column::numbers("took"),
        Column::text("result"),
    ];
    let rows = timeline.marks.iter().take(most).map(|mark| row(timeline, mark));
    Table { columns, rows: rows.collect() }
}

fn row(timeline: &Timeline, mark: &Mark) -> Vec<Cell> {
    let lane = timeline.lanes.get(mark.lane as usize);
    let file = mark.file.and_then(|file| timeline.files.get(file as usize)).map_or("", name);
    let call = match mark.text.as_str() {
        "" => mark.kind.word().to_owned(),
        text => format!("{} {text}", mark.kind.word()),
    };
    let timed = |ns: u64| if timeline.timed { time(ns) } else { "–".to_owned() };
    let injected = if mark.injected { ", injected" } else { "" };
    let result = mark.refused.as_ref().map_or("ok".to_owned(), |error| format!("refused: {error}"));
    [
        if timeline.timed { time(mark.start_ns) } else { mark.start_ns.to_string() },
        lane.map_or_else(String::new, |lane| format!("process {} thread {}", lane.process, lane.thread)),
        call,
        mark.calls.to_string(),
        file.to_owned(),
        mark.offset_bytes.map_or_else(String::new, |offset| offset.to_string()),
        if mark.length_bytes == 0 { String::new() } else { size(mark.length_bytes) },
        timed(mark.end_ns.saturating_sub(mark.start_ns)),
        format!("{result}{injected}"),
    ]
    .map(Cell::new)
    .to_vec()
}
