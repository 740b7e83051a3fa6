//! A timeline as SVG: by itself, or as a part of a page.
//!
//! Shapes carry their kind as a class, so that the styles of [`PICTURE_CSS`] hold in both; what a mark is, is said in
//! its title too, and its form tells it without colours.

use maud::{Markup, PreEscaped, html};

use super::{Axis, drawn_files, name, size, time};
use crate::check::document::{Mark, MarkKind, Timeline, TimelineDocument};
use crate::report::screen::plain;

/// The styles of the shapes.
pub(in crate::report) const PICTURE_CSS: &str = include_str!("picture.css");

/// Colours, light and dark.
pub(in crate::report) const THEME_CSS: &str = include_str!("theme.css");

/// The whole width, in units of the picture.
const WIDTH: f64 = 960.0;
/// Where time begins.
const LEFT: f64 = 118.0;
/// Where it ends.
const RIGHT: f64 = 948.0;
/// The height of a file.
const FILE: f64 = 150.0;
/// The height of a lane, with the space below it.
const LANE: f64 = 16.0;
/// The height of a line of text.
const TEXT: f64 = 16.0;
/// The least width of a mark.
const LEAST: f64 = 1.5;
/// Files and lanes that are drawn; of others it is said how many there are.
const FILES: usize = 4;
const LANES: usize = 32;
/// Marks of one timeline of which those in the lanes have titles too.
const TITLED: usize = 400;
/// Times that are named below the picture.
const TICKS: u64 = 6;
/// The least distance of two of them.
const TICK_ROOM: f64 = 70.0;

/// One timeline of a picture.
#[derive(Clone, Copy, Debug)]
pub struct Drawn<'t> {
    /// What it is, where there are several.
    pub label: &'t str,
    /// The timeline.
    pub timeline: &'t Timeline,
}

/// The timeline of a recording as an SVG document.
#[must_use]
pub fn svg(document: &TimelineDocument) -> String {
    let command = document.source.command.join(" ");
    let title = if command.is_empty() { "a recording".to_owned() } else { command };
    let drawn = [Drawn { label: "", timeline: &document.timeline }];
    let styles = format!("{THEME_CSS}{PICTURE_CSS}:root{{background:var(--paper)}}");
    let picture = picture("t", &title, &drawn, Some(&styles)).into_string();
    format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{picture}\n")
}

/// Several timelines below each other on one axis. Ids begin with `id`; `styles` are those of a picture by itself.
pub(in crate::report) fn picture(id: &str, title: &str, drawn: &[Drawn<'_>], styles: Option<&str>) -> Markup {
    let timelines: Vec<&Timeline> = drawn.iter().map(|drawn| drawn.timeline).collect();
    let mut sheet = Sheet { axis: Axis::of(&timelines), y: 6.0, body: Vec::new() };
    for Drawn { label, timeline } in drawn {
        if !label.is_empty() {
            sheet.line("heading", &plain(label));
        }
        sheet.timeline(timeline);
    }
    let length = timelines.iter().map(|timeline| timeline.length_ns).max().unwrap_or(0);
    sheet.scale(length, timelines.iter().all(|timeline| timeline.timed));
    sheet.legend(&timelines);
    let (title_id, desc_id) = (format!("{id}-title"), format!("{id}-desc"));
    let described: Vec<String> = drawn.iter().map(description).collect();
    html! {
        svg xmlns="http://www.w3.org/2000/svg" class="timeline" role="img"
            aria-labelledby={ (title_id) " " (desc_id) } viewBox={ "0 0 " (n(WIDTH)) " " (n(sheet.y + 6.0)) } {
            title id=(title_id) { "Timeline: " (plain(title)) }
            desc id=(desc_id) { (described.join(" ")) }
            @if let Some(styles) = styles { style { (PreEscaped(styles)) } }
            @for part in &sheet.body { (part) }
        }
    }
}

/// What a picture shows, in a sentence.
fn description(drawn: &Drawn<'_>) -> String {
    let Timeline { calls, lanes, files, marks, length_ns, timed, .. } = drawn.timeline;
    let of = if drawn.label.is_empty() { String::new() } else { format!("{}: ", plain(drawn.label)) };
    let joined = if marks.len() as u64 == *calls {
        String::new()
    } else {
        format!(" Calls that follow each other closely are drawn as one: {} marks.", marks.len())
    };
    let long =
        if *timed { format!("in {}", time(*length_ns)) } else { "in their order, without times".to_owned() };
    format!("{of}{calls} calls on {} files by {} threads {long}.{joined}", files.len(), lanes.len())
}

/// A number as short as it can be.
fn n(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

fn class(kind: MarkKind) -> String {
    kind.word().replace(' ', "-")
}

/// What is to be said of a mark.
fn told(timeline: &Timeline, mark: &Mark) -> String {
    let mut parts = vec![match mark.calls {
        1 => mark.kind.word().to_owned(),
        calls => format!("{} ({calls} calls)", mark.kind.word()),
    }];
    if !mark.text.is_empty() {
        parts.push(plain(&mark.text).into_owned());
    }
    if let Some(file) = mark.file.and_then(|file| timeline.files.get(file as usize)) {
        parts.push(plain(name(file)).into_owned());
    }
    if let Some(offset) = mark.offset_bytes {
        parts.push(format!("{} at {offset}", size(mark.length_bytes)));
    }
    if timeline.timed {
        parts.push(format!(
            "{} from {}",
            time(mark.end_ns - mark.start_ns.min(mark.end_ns)),
            time(mark.start_ns)
        ));
    }
    if let Some(error) = &mark.refused {
        parts.push(format!("refused: {}", plain(error)));
    }
    if mark.injected {
        parts.push("injected".to_owned());
    }
    parts.join(", ")
}

/// A picture under way.
struct Sheet {
    axis: Axis,
    /// Where the next part begins.
    y: f64,
    body: Vec<Markup>,
}

impl Sheet {
    fn x(&self, ns: u64) -> f64 {
        LEFT + self.axis.at(ns) * (RIGHT - LEFT)
    }

    /// A text over the whole width.
    fn line(&mut self, class: &str, text: &str) {
        let y = n(self.y + 12.0);
        self.body.push(html! { text class=(class) x="6" y=(y) { (text) } });
        self.y += TEXT;
    }

    fn label(&mut self, y: f64, text: &str) {
        self.body.push(html! { text class="label" x=(n(LEFT - 6.0)) y=(n(y)) { (text) } });
    }

    fn timeline(&mut self, timeline: &Timeline) {
        if timeline.marks.is_empty() {
            self.line("note", "no call on a model was recorded");
            return;
        }
        self.phases(timeline);
        let (files, left) = drawn_files(timeline, FILES);
        for file in files {
            self.file(timeline, file);
        }
        if left > 0 {
            self.line("note", &format!("and {left} more files"));
        }
        self.cache(timeline);
        self.lanes(timeline);
        self.y += 6.0;
    }

    fn phases(&mut self, timeline: &Timeline) {
        self.label(self.y + 11.0, "phase");
        for span in &timeline.phases {
            let (from, to) = (self.x(span.start_ns), self.x(span.end_ns));
            let width = (to - from).max(LEAST);
            // Seven units a letter.
            #[allow(clippy::cast_precision_loss, reason = "a word has few letters")]
            let fits = width > 7.0 * span.phase.len() as f64 + 4.0;
            let text = fits.then_some(&span.phase);
            self.body.push(html! {
                rect class={ "phase phase-" (span.phase) } x=(n(from)) y=(n(self.y)) width=(n(width)) height="14" {
                    title { (span.phase) }
                }
                @if let Some(text) = text {
                    text class="phase-name" x=(n(from + 3.0)) y=(n(self.y + 11.0)) { (text) }
                }
            });
        }
        self.y += TEXT + 4.0;
    }

    /// A file, its first byte at the bottom.
    fn file(&mut self, timeline: &Timeline, file: u32) {
        let Some(known) = timeline.files.get(file as usize) else { return };
        self.line("file", &format!("{} ({})", plain(name(known)), size(known.size_bytes)));
        let (top, bytes) = (self.y, known.size_bytes.max(1));
        #[allow(clippy::cast_precision_loss, reason = "a place in a picture")]
        let y = |offset: u64| top + FILE - (offset.min(bytes) as f64 / bytes as f64) * FILE;
        self.body.push(html! {
            rect class="frame" x=(n(LEFT)) y=(n(top)) width=(n(RIGHT - LEFT)) height=(n(FILE)) {}
        });
        self.label(top + 9.0, &size(bytes));
        self.label(top + FILE / 2.0 + 4.0, &size(bytes / 2));
        self.label(top + FILE, "0");
        let on_file = || timeline.marks.iter().filter(|mark| mark.file == Some(file));
        // What lasts lies below what happens.
        let (held, other): (Vec<&Mark>, Vec<&Mark>) = on_file()
            .filter(|mark| mark.offset_bytes.is_some() && mark.kind != MarkKind::Release)
            .partition(|mark| matches!(mark.kind, MarkKind::Map | MarkKind::Lock));
        for mark in held.iter().chain(&other) {
            let offset = mark.offset_bytes.unwrap_or_default();
            let lasts = matches!(mark.kind, MarkKind::Map | MarkKind::Lock) && mark.refused.is_none();
            let until = if lasts { mark.held_until_ns.unwrap_or(timeline.length_ns) } else { mark.end_ns };
            let (from, to) = (self.x(mark.start_ns), self.x(until.max(mark.start_ns)));
            let (low, high) = (y(offset), y(offset.saturating_add(mark.length_bytes)));
            let place = (from, high, (to - from).max(LEAST), (low - high).max(LEAST));
            self.mark(mark, place, Some(told(timeline, mark)));
        }
        for faulted in timeline.faulted.iter().filter(|faulted| faulted.file == file) {
            let x = self.x(faulted.at_ns);
            for [start, end] in &faulted.ranges_bytes {
                let (low, high) = (y(*start), y(*end));
                let what = format!("faulted in: {} at {start}", size(end.saturating_sub(*start)));
                self.body.push(html! {
                    rect class="k-faulted" x=(n(x - 3.0)) y=(n(high)) width="3" height=(n((low - high).max(LEAST))) {
                        title { (what) }
                    }
                });
            }
        }
        self.y += FILE + 6.0;
    }

    /// One mark in a place: x, y, width, height.
    fn mark(&mut self, mark: &Mark, (x, y, width, height): (f64, f64, f64, f64), told: Option<String>) {
        let title = told.map(|told| html! { title { (told) } });
        let (middle, centre) = (x + width / 2.0, y + height / 2.0);
        self.body.push(if mark.injected {
            let d = format!("M{} {}l5 5l-5 5l-5 -5z", n(middle), n(centre - 5.0));
            html! { path class="k-injected" d=(d) { @if let Some(title) = &title { (title) } } }
        } else if mark.refused.is_some() {
            let d = format!("M{} {}l8 8m0 -8l-8 8", n(middle - 4.0), n(centre - 4.0));
            html! { path class="k-refused" d=(d) { @if let Some(title) = &title { (title) } } }
        } else if mark.kind == MarkKind::Notice {
            let d = format!("M{} {}l5 9h-10z", n(middle), n(centre - 4.5));
            html! { path class="k-notice" d=(d) { @if let Some(title) = &title { (title) } } }
        } else {
            html! {
                rect class={ "k-" (class(mark.kind)) } x=(n(x)) y=(n(y)) width=(n(width)) height=(n(height)) {
                    @if let Some(title) = &title { (title) }
                }
            }
        });
    }

    /// The page cache of files, a bar a look.
    fn cache(&mut self, timeline: &Timeline) {
        if timeline.cached.is_empty() {
            return;
        }
        self.label(self.y + 13.0, "page cache");
        for cached in &timeline.cached {
            let of = cached.file.and_then(|file| timeline.files.get(file as usize)).map_or("the model", name);
            let told =
                format!("page cache of {}: {} of {} pages", plain(of), cached.resident_pages, cached.pages);
            #[allow(clippy::cast_precision_loss, reason = "a place in a picture")]
            let part = 16.0 * cached.resident_pages as f64 / cached.pages.max(1) as f64;
            let x = self.x(cached.at_ns).min(RIGHT - 8.0);
            self.body.push(html! {
                rect class="frame" x=(n(x)) y=(n(self.y)) width="8" height="16" { title { (told) } }
                rect class="k-cached" x=(n(x)) y=(n(self.y + 16.0 - part)) width="8" height=(n(part)) { title { (told) } }
            });
        }
        self.y += 20.0;
    }

    fn lanes(&mut self, timeline: &Timeline) {
        let titled = timeline.marks.len() <= TITLED;
        for (at, lane) in timeline.lanes.iter().enumerate().take(LANES) {
            self.label(self.y + 11.0, &format!("process {} thread {}", lane.process, lane.thread));
            let y = self.y;
            self.body.push(html! {
                rect class="lane" x=(n(LEFT)) y=(n(y)) width=(n(RIGHT - LEFT)) height=(n(LANE - 3.0)) {}
            });
            for mark in timeline.marks.iter().filter(|mark| mark.lane as usize == at) {
                let (from, to) = (self.x(mark.start_ns), self.x(mark.end_ns.max(mark.start_ns)));
                let place = (from, y, (to - from).max(LEAST), LANE - 3.0);
                self.mark(mark, place, titled.then(|| told(timeline, mark)));
            }
            self.y += LANE;
        }
        if let Some(left) = timeline.lanes.len().checked_sub(LANES).filter(|left| *left > 0) {
            self.line("note", &format!("and {left} more threads"));
        }
    }

    /// The times, and the pauses that were cut.
    fn scale(&mut self, length: u64, timed: bool) {
        let (top, bottom) = (6.0, self.y);
        let mut last = f64::MIN;
        let cuts: Vec<(f64, u64)> = self.axis.cuts().collect();
        let cut_at = |x: f64| cuts.iter().any(|(place, _)| (LEFT + place * (RIGHT - LEFT) - x).abs() < 46.0);
        for ns in self.axis.ticks(length, TICKS) {
            let x = self.x(ns);
            if x - last < TICK_ROOM || cut_at(x) {
                continue;
            }
            last = x;
            let text = if timed { time(ns) } else { format!("call {ns}") };
            let anchor = if x > RIGHT - 40.0 { "end" } else { "start" };
            self.body.push(html! {
                line class="tick" x1=(n(x)) x2=(n(x)) y1=(n(top)) y2=(n(bottom)) {}
                text class="time" text-anchor=(anchor) x=(n(x)) y=(n(bottom + 12.0)) { (text) }
            });
        }
        for (place, ns) in cuts {
            let x = LEFT + place * (RIGHT - LEFT);
            self.body.push(html! {
                line class="cut" x1=(n(x)) x2=(n(x)) y1=(n(top)) y2=(n(bottom)) {}
                text class="time" text-anchor="middle" x=(n(x)) y=(n(bottom + 12.0)) { "// " (time(ns)) }
            });
        }
        self.y += TEXT + 4.0;
    }

    /// What the forms mean, of those that there are.
    fn legend(&mut self, timelines: &[&Timeline]) {
        let marks = || timelines.iter().flat_map(|timeline| &timeline.marks);
        let plain_mark = |mark: &&Mark| mark.refused.is_none() && !mark.injected;
        let mut entries: Vec<(String, &str)> = MarkKind::ALL
            .iter()
            .filter(|kind| marks().filter(plain_mark).any(|mark| mark.kind == **kind))
            .map(|kind| (class(*kind), kind.word()))
            .collect();
        let special = [
            ("refused", "refused", marks().any(|mark| mark.refused.is_some() && !mark.injected)),
            ("injected", "injected", marks().any(|mark| mark.injected)),
            ("faulted", "faulted in", timelines.iter().any(|timeline| !timeline.faulted.is_empty())),
            ("cached", "in the page cache", timelines.iter().any(|timeline| !timeline.cached.is_empty())),
        ];
        entries
            .extend(special.iter().filter(|(.., seen)| *seen).map(|(c, word, _)| ((*c).to_owned(), *word)));
        let mut x = LEFT;
        for (class, word) in entries {
            #[allow(clippy::cast_precision_loss, reason = "a word has few letters")]
            let width = 24.0 + 7.0 * word.len() as f64;
            if x + width > RIGHT {
                x = LEFT;
                self.y += TEXT;
            }
            let (middle, top) = (x + 5.0, self.y + 2.0);
            let shape = match class.as_str() {
                "refused" => format!("M{} {}l8 8m0 -8l-8 8", n(middle - 4.0), n(top + 1.0)),
                "injected" => format!("M{} {}l5 5l-5 5l-5 -5z", n(middle), n(top)),
                "notice" => format!("M{} {}l5 9h-10z", n(middle), n(top)),
                _ => format!("M{} {}h10v10h-10z", n(x), n(top)),
            };
            self.body.push(html! {
                path class={ "k-" (class) } d=(shape) {}
                text class="key" x=(n(x + 14.0)) y=(n(self.y + 11.0)) { (word) }
            });
            x += width;
        }
        self.y += TEXT;
    }
}
