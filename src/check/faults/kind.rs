//! Kinds of fault: what a schedule is an example of, and what is named where a bound leaves some unmet.

use std::fmt;

use super::table::Lasts;

/// One kind of fault: which call it meets, on which file, what goes wrong, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Kind {
    /// The call's full name in the injection grammar.
    pub(super) call: &'static str,
    /// Whether the call is on another file than the first of the model's.
    pub(super) further: bool,
    /// What goes wrong, whatever the length of the call.
    pub(super) fault: &'static str,
    /// For how long.
    pub(super) lasts: Lasts,
}

impl Kind {
    /// A schedule that was asked for, of whatever kind.
    pub(super) const ASKED: Self = Self { call: "as asked", further: false, fault: "", lasts: Lasts::Once };

    /// The call, and the file where it is not the first.
    pub(super) fn calls(self) -> String {
        let file = if self.further { " of a further file" } else { "" };
        format!("{}{file}", self.call)
    }

    /// What goes wrong and for how long.
    pub(super) fn what(self) -> String {
        format!("{} {}", self.fault, self.lasts)
    }

    /// What is left as a whole after a hang: calls of a family, with faults that pass or that stay.
    pub(super) fn family(self) -> &'static str {
        let stays = self.lasts == Lasts::Sticky;
        match (self.call.split('.').next().unwrap_or(self.call), stays) {
            ("open", false) => "open, once",
            ("open", true) => "open, from then on",
            ("read", false) => "read, once",
            ("read", true) => "read, from then on",
            ("map" | "alloc", false) => "memory, once",
            ("map" | "alloc", true) => "memory, from then on",
            ("lock" | "unlock", false) => "lock, once",
            ("lock" | "unlock", true) => "lock, from then on",
            (_, false) => "questions and advice, once",
            (_, true) => "questions and advice, from then on",
        }
    }
}

impl fmt::Display for Lasts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Once => "once",
            Self::Burst => "three times",
            Self::Sticky => "from then on",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_names_its_call_and_what_goes_wrong() {
        let kind = Kind { call: "read.direct", further: false, fault: "EIO", lasts: Lasts::Sticky };
        assert_eq!((kind.calls(), kind.what()), ("read.direct".to_owned(), "EIO from then on".to_owned()));
        let further = Kind { further: true, lasts: Lasts::Burst, ..kind };
        assert_eq!(further.calls(), "read.direct of a further file");
        assert_eq!((kind.family(), further.family()), ("read, from then on", "read, once"));
    }
}
