//! What the kernel says about memory, independently of what a trace says was done to it.

use std::borrow::Cow;
use std::ops::AddAssign;

use super::{Errno, ErrorKind};

/// The pages of a region as the kernel sees them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Residency {
    /// How many pages were asked about.
    pub pages: u64,
    /// How many of them are in memory.
    pub resident: u64,
    /// How many of them are locked; `None` where the kernel does not tell page by page.
    pub locked: Option<u64>,
}

impl AddAssign for Residency {
    /// What is known of both. Nothing was asked about no page, so that it adds nothing.
    fn add_assign(&mut self, other: Self) {
        self.locked = match (*self, other) {
            (Self { pages: 0, .. }, _) => other.locked,
            (_, Self { pages: 0, .. }) => self.locked,
            _ => self.locked.zip(other.locked).map(|(a, b)| a + b),
        };
        self.pages += other.pages;
        self.resident += other.resident;
    }
}

/// The refusal of a backend that has nobody to ask.
pub(super) fn cannot_ask() -> Errno {
    Errno { kind: ErrorKind::Unsupported, code: 0, name: Cow::Borrowed("no residency query") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_knows_of_locks_only_what_every_part_knows() {
        let known = Residency { pages: 3, resident: 2, locked: Some(1) };
        let unknown = Residency { pages: 4, resident: 4, locked: None };
        let mut sum = Residency::default();
        sum += known;
        assert_eq!(sum, known);
        sum += known;
        assert_eq!(sum, Residency { pages: 6, resident: 4, locked: Some(2) });
        sum += Residency::default();
        assert_eq!(sum.locked, Some(2));
        sum += unknown;
        assert_eq!(sum, Residency { pages: 10, resident: 8, locked: None });
    }
}
