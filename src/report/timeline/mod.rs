//! Pictures of a [`Timeline`]: time across, the offsets of files upward, a lane a thread.
//!
//! [`view`] draws in characters for a terminal, [`svg`] a picture. Both lay time out in one way, with long pauses cut.

mod axis;
mod listed;
#[cfg(test)]
pub(in crate::report) mod samples;
mod svg;
mod terminal;
#[cfg(test)]
mod tests;

pub(in crate::report) use listed::listed;
pub use svg::{Drawn, svg};
pub(in crate::report) use svg::{PICTURE_CSS, THEME_CSS, picture};
pub use terminal::{Canvas, view};

use axis::Axis;

use crate::check::document::{Timeline, TimelineFile};

/// A time or, of a recording without times, how many calls stand before it.
fn at(timeline: &Timeline, ns: u64) -> String {
    if timeline.timed { time(ns) } else { format!("call {ns}") }
}

/// Nanoseconds in the largest unit of which there is one, with at most three digits before the point.
pub(super) fn time(ns: u64) -> String {
    #[allow(clippy::cast_precision_loss, reason = "three digits are shown")]
    let scaled = |unit: u64| ns as f64 / unit as f64;
    match ns {
        0 => "0".to_owned(),
        1..1_000 => format!("{ns} ns"),
        1_000..1_000_000 => format!("{:.1} us", scaled(1_000)),
        1_000_000..1_000_000_000 => format!("{:.1} ms", scaled(1_000_000)),
        _ => format!("{:.2} s", scaled(1_000_000_000)),
    }
}

/// Bytes with a binary unit, in at most eight characters.
pub(super) fn size(bytes: u64) -> String {
    const UNITS: [&str; 7] = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    #[allow(clippy::cast_precision_loss, reason = "four digits are shown")]
    let (mut value, mut unit) = (bytes as f64, 0);
    while value >= 1000.0 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    match unit {
        0 => format!("{bytes} B"),
        unit if value < 9.95 => format!("{value:.2} {}", UNITS[unit]),
        unit if value < 99.95 => format!("{value:.1} {}", UNITS[unit]),
        unit => format!("{value:.0} {}", UNITS[unit]),
    }
}

/// The last part of the path of a file.
fn name(file: &TimelineFile) -> &str {
    let name = file.path.rsplit(['/', '\\']).next().unwrap_or_default();
    if name.is_empty() { "(a file whose open was not recorded)" } else { name }
}

/// The files that something was done with at an offset, those with the most marks first, and how many others
/// there are.
fn drawn_files(timeline: &Timeline, most: usize) -> (Vec<u32>, usize) {
    let mut counts = vec![0_usize; timeline.files.len()];
    for mark in timeline.marks.iter().filter(|mark| mark.offset_bytes.is_some()) {
        if let Some(count) = mark.file.and_then(|file| counts.get_mut(file as usize)) {
            *count += 1;
        }
    }
    let mut files: Vec<u32> =
        (0..).zip(&counts).filter(|(_, count)| **count > 0).map(|(file, _)| file).collect();
    files.sort_by_key(|file| std::cmp::Reverse(counts[*file as usize]));
    let left = files.len().saturating_sub(most);
    files.truncate(most);
    files.sort_unstable();
    (files, left)
}

#[cfg(test)]
mod amounts {
    use super::*;

    #[test]
    fn amounts_keep_to_their_room() {
        for bytes in [0, 1, 999, 1000, 1023, 1024, 10_239, 1 << 20, 999 << 20, 1000 << 20, u64::MAX] {
            assert!(size(bytes).len() <= 8, "{bytes}: {}", size(bytes));
        }
        assert_eq!(size(3_571_712), "3.41 MiB");
        assert_eq!(
            [0, 999, 1_500, 2_000_000, 61_000_000_000].map(time),
            ["0", "999 ns", "1.5 us", "2.0 ms", "61.00 s"]
        );
    }
}
