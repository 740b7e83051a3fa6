//! Time across a picture, with long pauses cut short.

use crate::check::document::Timeline;

/// The part of the whole time from which on a time without any call is cut.
const LONG: u64 = 5;

/// The part of what is left that a cut pause takes.
const SHORT: u64 = 20;

/// Where times lie, from 0 at the left to 1 at the right.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Axis {
    /// Pauses that were cut, in order: from, to.
    cuts: Vec<(u64, u64)>,
    /// Nanoseconds that a cut pause is drawn as.
    short: u64,
    /// Nanoseconds that are drawn.
    drawn: u64,
}

impl Axis {
    /// The axis on which all of these can be drawn.
    pub(super) fn of(timelines: &[&Timeline]) -> Self {
        let length = timelines.iter().map(|timeline| timeline.length_ns).max().unwrap_or(0);
        let mut busy: Vec<(u64, u64)> = timelines
            .iter()
            .flat_map(|timeline| timeline.marks.iter().map(|mark| (mark.start_ns, mark.end_ns)))
            .collect();
        busy.sort_unstable();
        let (mut cuts, mut end) = (Vec::new(), 0);
        for (from, to) in busy {
            if from.saturating_sub(end) > length / LONG {
                cuts.push((end, from));
            }
            end = end.max(to);
        }
        let cut: u64 = cuts.iter().map(|(from, to)| to - from).sum();
        let rest = length.saturating_sub(cut);
        let short = (rest / SHORT).max(1);
        Self { short, drawn: rest.saturating_add(short.saturating_mul(cuts.len() as u64)).max(1), cuts }
    }

    /// Where a time lies, from 0 to 1.
    pub(super) fn at(&self, ns: u64) -> f64 {
        let mut drawn = ns;
        for (from, to) in &self.cuts {
            if ns >= *to {
                drawn = drawn.saturating_sub(to - from).saturating_add(self.short);
            } else if ns > *from {
                // Inside a cut pause nothing begins or ends but what is told of the page cache.
                drawn = drawn.saturating_sub(ns - from).saturating_add(self.short / 2);
            }
        }
        #[allow(clippy::cast_precision_loss, reason = "a place in a picture")]
        let place = drawn as f64 / self.drawn as f64;
        place.min(1.0)
    }

    /// Times that lie evenly where nothing was cut, about as many as are wanted.
    pub(super) fn ticks(&self, length: u64, wanted: u64) -> Vec<u64> {
        let step = nice(self.drawn / wanted.max(1));
        let starts = std::iter::once(0).chain(self.cuts.iter().map(|(_, to)| *to));
        let ends = self.cuts.iter().map(|(from, _)| *from).chain([length]);
        let within = |(from, to): (u64, u64)| {
            let first = from.div_ceil(step).saturating_mul(step);
            std::iter::successors(Some(first), move |tick| tick.checked_add(step))
                .take_while(move |tick| *tick <= to)
        };
        starts.zip(ends).flat_map(within).collect()
    }

    /// The cut pauses: the middle of each, and how long it was.
    pub(super) fn cuts(&self) -> impl Iterator<Item = (f64, u64)> {
        self.cuts.iter().map(|(from, to)| (f64::midpoint(self.at(*from), self.at(*to)), to - from))
    }
}

/// The next larger of 1, 2 or 5 times a power of ten.
fn nice(value: u64) -> u64 {
    let mut power = 1_u64;
    loop {
        for digit in [1, 2, 5] {
            let candidate = power.saturating_mul(digit);
            if candidate >= value.max(1) {
                return candidate;
            }
        }
        power = power.saturating_mul(10);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::document::{Mark, MarkKind};

    fn timeline(marks: &[(u64, u64)]) -> Timeline {
        let mark = |(start_ns, end_ns): &(u64, u64)| Mark {
            kind: MarkKind::Read,
            lane: 0,
            file: None,
            offset_bytes: None,
            length_bytes: 0,
            start_ns: *start_ns,
            end_ns: *end_ns,
            held_until_ns: None,
            calls: 1,
            refused: None,
            injected: false,
            text: String::new(),
        };
        let length_ns = marks.iter().map(|(_, end)| *end).max().unwrap_or(0);
        Timeline { length_ns, marks: marks.iter().map(mark).collect(), ..Timeline::default() }
    }

    #[test]
    fn a_long_pause_leaves_room_for_the_rest() {
        let axis = Axis::of(&[&timeline(&[(0, 1000), (1_000_000, 1_001_000)])]);
        assert_eq!(axis.cuts().map(|(_, ns)| ns).collect::<Vec<_>>(), [999_000]);
        let [a, b, c] = [1000, 1_000_000, 1_001_000].map(|ns| axis.at(ns));
        assert!(a > 0.45 && b > a && b < 0.55 && (c - 1.0).abs() < 1e-9, "{a} {b} {c}");
        assert_eq!(axis.ticks(1_001_000, 4), [0, 1000, 1_000_000, 1_001_000]);
        let even = Axis::of(&[&timeline(&[(0, 500), (500, 1000)])]);
        assert!(even.cuts().next().is_none() && (even.at(500) - 0.5).abs() < 1e-9);
    }

    #[test]
    fn time_never_runs_backwards() {
        let axis = Axis::of(&[&timeline(&[(5, 6), (500, 501), (90_000, 90_010), (400_000, 400_001)])]);
        let places: Vec<f64> = (0..400_001).step_by(97).map(|ns| axis.at(ns)).collect();
        assert!(places.is_sorted() && places.iter().all(|place| (0.0..=1.0).contains(place)));
        assert!((0.0..=1.0).contains(&Axis::of(&[]).at(u64::MAX)));
    }
}
