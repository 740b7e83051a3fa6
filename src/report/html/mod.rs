//! A result as one page for a browser, which needs nothing else: no network, no other file.
//!
//! Everything is readable without the script, which only filters, opens and moves. A content security policy names
//! the one style and the one script by their hashes, so that a browser enforces that there is nothing else; text of
//! others is escaped by the template and made [`plain`](crate::report::screen::plain) before. The same document gives
//! the same bytes.

mod parts;
#[cfg(test)]
mod tests;
mod trees;

use std::borrow::Cow;
use std::io::{self, Write};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest, Sha256};

use super::page::Page;
use super::screen::plain;
use super::timeline::{PICTURE_CSS, THEME_CSS};
use super::view::{INTERRUPTED, Table, Tone, View};

const PAGE_CSS: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// Writes a page.
///
/// # Errors
/// When `out` cannot be written to.
pub fn html(out: &mut dyn Write, page: &Page) -> io::Result<()> {
    let view = page.view.made_plain();
    writeln!(out, "{}", frame(&view, page).into_string())
}

/// The class of a tone.
fn tone(tone: Option<Tone>) -> &'static str {
    match tone {
        Some(Tone::Good) => "good",
        Some(Tone::Limited) => "limited",
        Some(Tone::Warning) => "warning",
        Some(Tone::Bad) => "bad",
        None => "none",
    }
}

/// How a policy names a text.
fn named(text: &str) -> String {
    format!("'sha256-{}'", BASE64_STANDARD.encode(Sha256::digest(text.as_bytes())))
}

fn frame(view: &View, page: &Page) -> Markup {
    let styles = format!("{THEME_CSS}{PICTURE_CSS}{PAGE_CSS}");
    let policy = format!(
        "default-src 'none'; style-src {}; script-src {}; base-uri 'none'; form-action 'none'",
        named(&styles),
        named(SCRIPT)
    );
    let links = sections(view, page);
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta http-equiv="Content-Security-Policy" content=(policy);
                title { (view.ending.word) ": loadparity " (view.command) }
                style { (PreEscaped(styles)) }
            }
            body {
                a class="skip" href="#main" { "Skip to the result" }
                header {
                    h1 { "loadparity " (view.command) }
                    p class="title" { (view.title) }
                    p class={ "verdict " (tone(Some(view.tone()))) } { (view.last_line()) }
                    @if view.interrupted { p class="verdict warning" { (INTERRUPTED) } }
                    nav aria-label="Sections" {
                        @for (id, title, _) in &links { a href={ "#" (id) } { (title) } " " }
                    }
                }
                main id="main" tabindex="-1" {
                    @for (id, title, body) in &links {
                        section id=(id) aria-labelledby={ (id) "-title" } {
                            h2 id={ (id) "-title" } { (title) }
                            (body)
                        }
                    }
                }
                footer {
                    p { (view.tool) }
                    p class="keys" hidden {
                        "Keys: " kbd { "/" } " filter, " kbd { "j" } " next, " kbd { "k" } " previous, "
                        kbd { "o" } " open or close, " kbd { "e" } " open or close all, " kbd { "t" } " light or dark"
                    }
                }
                script { (PreEscaped(SCRIPT)) }
            }
        }
    }
}

/// The sections that have something in them: id, title, body.
fn sections(view: &View, page: &Page) -> Vec<(&'static str, String, Markup)> {
    let mut all = vec![("summary", "Summary".to_owned(), parts::summary(view))];
    if !view.failures.is_empty() {
        all.push(("failures", format!("Failures ({})", view.failures.len()), parts::failures(view)));
    }
    if view.tables.iter().any(|table| !table.rows.is_empty()) {
        let tables = view.tables.iter().filter(|table| !table.rows.is_empty());
        let body =
            html! { @for (at, found) in tables.enumerate() { (parts::table(found, &caption(at, found))) } };
        all.push(("matrix", "Matrix".to_owned(), body));
    }
    if !view.not_observed.is_empty() {
        all.push((
            "unobserved",
            format!("Not observed ({})", view.not_observed.len()),
            parts::unobserved(view),
        ));
    }
    if !page.entries.is_empty() || !page.trees.is_empty() {
        let count = page.entries.len().max(page.trees.len());
        let title = format!("{} ({count})", capital(page.title));
        let body = html! {
            (parts::filter(page))
            @if !page.entries.is_empty() { (parts::entries(page)) }
            @if !page.trees.is_empty() { (trees::trees(&page.trees)) }
            @if page.left_out > 0 { p { (page.left_out) " more are identical and have nothing to show." } }
        };
        all.push(("cases", title, body));
    }
    if !page.normalisations.is_empty() {
        all.push(("normalisations", "Normalisations".to_owned(), parts::lines(&page.normalisations)));
    }
    all
}

/// What a table of a view is: the matrix, then the memory of its loads.
fn caption(at: usize, table: &Table) -> String {
    let first = table.columns.first().map_or("row", |column| column.name.as_str());
    match at {
        0 => format!("The result, a row for each {first}"),
        _ => format!("The memory of each load when it was over, a row for each {first}"),
    }
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// A text of others in one line.
fn text(text: &str) -> Cow<'_, str> {
    plain(text)
}
