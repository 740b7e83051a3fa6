//! The parts of a page: summary, tables, failures, entries.

use maud::{Markup, html};

use super::{text, tone};
use crate::check::document::Timeline;
use crate::report::page::{Entry, Page, Paths, Side};
use crate::report::timeline::{Drawn, listed, picture};
use crate::report::view::{Cell, FailureView, Table, View};

/// Marks of a timeline that stand in its table; the JSON document has them all.
const LISTED: usize = 200;

/// A word with its tone, which is its shape too.
pub(super) fn word(cell: &Cell) -> Markup {
    html! { span class={ "word " (tone(cell.tone)) } { (text(&cell.text)) } }
}

pub(super) fn summary(view: &View) -> Markup {
    html! {
        p { (view.counts) }
        @if !view.lines.is_empty() {
            dl class="lines" {
                @for line in &view.lines {
                    dt { (line.label) }
                    dd class=(tone(line.tone)) { (line.text) }
                }
            }
        }
        @if !view.notes.is_empty() {
            h3 { "Notes" }
            ul { @for note in &view.notes { li { (note) } } }
        }
    }
}

/// A table, in a region that scrolls where it is too wide; where a screen is narrow, its rows are blocks.
pub(super) fn table(table: &Table, caption: &str) -> Markup {
    html! {
        div class="scroll" role="group" aria-label=(caption) tabindex="0" {
            table {
                caption { (caption) }
                thead {
                    tr {
                        @for column in &table.columns {
                            th scope="col" class=[column.numbers.then_some("number")] { (text(&column.name)) }
                        }
                    }
                }
                tbody {
                    @for row in &table.rows {
                        tr data-word=[row.last().filter(|cell| cell.tone.is_some()).map(|cell| text(&cell.text))] {
                            @for (at, (cell, column)) in row.iter().zip(&table.columns).enumerate() {
                                @if at == 0 {
                                    th scope="row" { (text(&cell.text)) }
                                } @else {
                                    td class=[column.numbers.then_some("number")] data-label=(text(&column.name)) {
                                        @if cell.tone.is_some() { (word(cell)) } @else { (text(&cell.text)) }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

pub(super) fn failures(view: &View) -> Markup {
    html! { @for failure in &view.failures { (self::failure(failure)) } }
}

fn failure(failure: &FailureView) -> Markup {
    let FailureView { rule, sentence, place, message, diff, reproduce, known, .. } = failure;
    let class = if known.is_some() { "limited" } else { "bad" };
    html! {
        article class={ "failure " (class) } {
            h3 { @if known.is_some() { "expected: " } code { (rule) } " " (place) }
            p class="message" { (message) }
            @if let Some(others) = failure.others() { p { (others) } }
            @if let Some(reason) = known { p { "known: " (reason) } }
            p class="quiet" { "rule: " (sentence) }
            @if let Some(diff) = diff { (paths(&Paths::of_listing("compared with", "this case", diff))) }
            @if !reproduce.is_empty() {
                p { "reproduce:" }
                pre tabindex="0" role="group" aria-label="Command that shows it again" { code { (reproduce) } }
            }
        }
    }
}

pub(super) fn unobserved(view: &View) -> Markup {
    html! {
        p { "These rules could not be decided, which is no pass." }
        ul {
            @for rule in &view.not_observed {
                li { code { (rule.rule) } " (" (rule.count()) "): " (rule.reason) }
            }
        }
    }
}

/// What narrows the entries down; it is shown by the script that does it.
pub(super) fn filter(page: &Page) -> Markup {
    let words = page.words();
    html! {
        form id="filter" hidden {
            label for="needle" { "Filter" }
            input id="needle" type="search" autocomplete="off" spellcheck="false";
            @if words.len() > 1 {
                fieldset {
                    legend { "Only" }
                    @for found in &words {
                        label { input type="checkbox" name="word" value=(text(&found.text)); " " (word(found)) }
                    }
                }
            }
            p id="found" role="status" {}
        }
    }
}

pub(super) fn entries(page: &Page) -> Markup {
    let open = page.entries.len() == 1;
    html! {
        div id="entries" {
            @for (at, entry) in page.entries.iter().enumerate() { (self::entry(at + 1, entry, open)) }
        }
    }
}

fn entry(number: usize, entry: &Entry, open: bool) -> Markup {
    let id = format!("case-{number}");
    html! {
        details class="entry" id=(id) open[open] data-item data-word=[entry.word.as_ref().map(|word| text(&word.text))] {
            summary {
                @if let Some(cell) = &entry.word { (word(cell)) " " }
                span class="name" { (text(&entry.title)) }
            }
            @if !entry.facts.is_empty() {
                dl class="lines" {
                    @for (name, fact) in &entry.facts { dt { (name) } dd { (text(fact)) } }
                }
            }
            @if !entry.remarks.is_empty() {
                ul { @for (bad, remark) in &entry.remarks { li class=(tone(*bad)) { (text(remark)) } } }
            }
            @if let Some(found) = &entry.paths { (paths(found)) }
            @if !entry.steps.is_empty() {
                details { summary { "Code path, " (entry.steps.len()) " steps" } (lines(&entry.steps)) }
            }
            @if !entry.timelines.is_empty() { (timelines(&id, entry)) }
            @if let Some(cases) = &entry.cases { (table(cases, &format!("Cases of {}", text(&entry.title)))) }
        }
    }
}

/// Lines, numbered.
pub(super) fn lines(lines: &[String]) -> Markup {
    html! { ol class="steps" { @for line in lines { li { (text(line)) } } } }
}

/// Two code paths side by side.
fn paths(paths: &Paths) -> Markup {
    let row = |side: Side| match side {
        Side::Both => ("both", "", ""),
        Side::Left => ("left", "− ", ""),
        Side::Right => ("right", "", "+ "),
        Side::Changed => ("changed", "− ", "+ "),
        Side::Skipped => ("skipped", "", ""),
    };
    html! {
        div class="scroll" role="group" aria-label="Code paths side by side" tabindex="0" {
            table class="paths" {
                caption { "Code paths side by side; − is only on the left, + only on the right" }
                thead { tr { th scope="col" { (text(&paths.left)) } th scope="col" { (text(&paths.right)) } } }
                tbody {
                    @for (side, left, right) in &paths.rows {
                        @let (class, minus, plus) = row(*side);
                        tr class=(class) {
                            td { (minus) (text(left)) }
                            td { (plus) (text(right)) }
                        }
                    }
                }
            }
        }
    }
}

/// The load in time: a picture, and the same as a table.
fn timelines(id: &str, entry: &Entry) -> Markup {
    let drawn: Vec<Drawn<'_>> =
        entry.timelines.iter().map(|(label, timeline)| Drawn { label, timeline }).collect();
    html! {
        figure {
            div class="scroll picture" role="group" aria-label="Timeline" tabindex="0" {
                (picture(id, &entry.title, &drawn, None))
            }
            figcaption { "The load in time: file offsets upward, a lane a thread." }
        }
        @for (label, timeline) in &entry.timelines {
            details {
                summary { "Calls of the timeline" @if !label.is_empty() { ", " (label) } }
                (calls(timeline))
            }
        }
    }
}

fn calls(timeline: &Timeline) -> Markup {
    html! {
        (table(&listed(timeline, LISTED), "Calls in the order of their start"))
        @if timeline.marks.len() > LISTED { p { "and " (timeline.marks.len() - LISTED) " more" } }
    }
}
