//! The calls of a recording in a table, as `strace -c` prints them.

use super::screen::plain;
use super::timeline::{size, time};
use crate::check::document::{CallCount, CallsDocument};

/// The width from which on the time of one call has a column.
const WIDE: usize = 72;

/// Errors that are written out for one call.
const SHOWN_ERRORS: usize = 3;

/// The lines of a summary, in at most `width` columns.
#[must_use]
pub fn summary(document: &CallsDocument, width: usize) -> Vec<String> {
    let table = Table { timed: document.timed, wide: width >= WIDE, total_ns: document.total.time_ns };
    let mut lines = vec![table.row(["% time", "time", "per call", "calls", "errors", "bytes"], "call")];
    lines.extend(document.calls.iter().map(|row| table.count(row)));
    lines.push(table.count(&document.total));
    for row in document.calls.iter().filter(|row| row.errors > 0) {
        let errors = row.by_error.iter().take(SHOWN_ERRORS);
        let mut words: Vec<String> =
            errors.map(|(error, count)| format!("{} {count} times", plain(error))).collect();
        if let Some(more) = row.by_error.len().checked_sub(SHOWN_ERRORS).filter(|more| *more > 0) {
            words.push(format!("{more} other errors"));
        }
        lines.push(format!("refused: {}: {}", plain(&row.call), words.join(", ")));
    }
    if document.total.injected > 0 {
        lines.push(format!("results that were injected: {}", document.total.injected));
    }
    if !document.timed && document.total.count > 0 {
        lines.push("times were not observed".to_owned());
    }
    if !document.source.unseen.is_empty() {
        lines.push(format!("not observed: {}", plain(&document.source.unseen.join(", "))));
    }
    lines
}

struct Table {
    timed: bool,
    wide: bool,
    total_ns: u64,
}

impl Table {
    fn count(&self, row: &CallCount) -> String {
        #[allow(clippy::cast_precision_loss, reason = "two digits are shown")]
        let share = 100.0 * row.time_ns as f64 / self.total_ns.max(1) as f64;
        let of_time = |text: String| if self.timed { text } else { "-".to_owned() };
        let share = of_time(format!("{share:.2}"));
        let (whole, each) = (of_time(time(row.time_ns)), of_time(time(row.time_ns / row.count.max(1))));
        let bytes = if row.bytes == 0 { String::new() } else { size(row.bytes) };
        let errors = if row.errors == 0 { String::new() } else { row.errors.to_string() };
        let count = row.count.to_string();
        self.row([&share, &whole, &each, &count, &errors, &bytes], &plain(&row.call))
    }

    fn row(&self, [share, whole, each, calls, errors, bytes]: [&str; 6], call: &str) -> String {
        let each = if self.wide { format!(" {each:>9}") } else { String::new() };
        format!("{share:>6} {whole:>9}{each} {calls:>7} {errors:>6} {bytes:>8}  {call}")
    }
}
