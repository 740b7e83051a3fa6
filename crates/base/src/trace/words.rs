//! The words that stand for the vocabulary in files and reports: one table an enum.

use super::{Advice, ErrorKind, NoticeCode, NoticeLevel, Phase};

/// An enum whose values have fixed words, in files and on the screen.
pub trait Word: Copy + PartialEq + 'static {
    /// Every value with its word.
    const WORDS: &'static [(Self, &'static str)];

    /// The word of this value.
    fn word(self) -> &'static str {
        Self::WORDS.iter().find(|(value, _)| *value == self).map_or("?", |(_, word)| word)
    }

    /// The value of a word.
    fn from_word(word: &str) -> Option<Self> {
        Self::WORDS.iter().find(|(_, known)| *known == word).map(|(value, _)| *value)
    }

    /// All words, for a message to someone who used another one.
    fn all_words() -> String {
        Self::WORDS.iter().map(|(_, word)| *word).collect::<Vec<_>>().join(", ")
    }
}

impl Word for Phase {
    const WORDS: &'static [(Self, &'static str)] = &[
        (Phase::Header, "header"),
        (Phase::Probe, "probe"),
        (Phase::Load, "load"),
        (Phase::Run, "run"),
        (Phase::Teardown, "teardown"),
    ];
}

impl Word for ErrorKind {
    const WORDS: &'static [(Self, &'static str)] = &[
        (ErrorKind::NotFound, "not-found"),
        (ErrorKind::Denied, "denied"),
        (ErrorKind::Invalid, "invalid"),
        (ErrorKind::BadAddress, "bad-address"),
        (ErrorKind::Interrupted, "interrupted"),
        (ErrorKind::OutOfMemory, "out-of-memory"),
        (ErrorKind::LockLimit, "lock-limit"),
        (ErrorKind::Unsupported, "unsupported"),
        (ErrorKind::Io, "io"),
        (ErrorKind::Other, "other"),
    ];
}

impl Word for Advice {
    const WORDS: &'static [(Self, &'static str)] = &[
        (Advice::Sequential, "sequential"),
        (Advice::Random, "random"),
        (Advice::WillNeed, "willneed"),
        (Advice::DontNeed, "dontneed"),
    ];
}

impl Word for NoticeLevel {
    const WORDS: &'static [(Self, &'static str)] =
        &[(NoticeLevel::Info, "info"), (NoticeLevel::Warning, "warning")];
}

impl Word for NoticeCode {
    const WORDS: &'static [(Self, &'static str)] = &[
        (NoticeCode::AutoResolved, "auto-resolved"),
        (NoticeCode::DirectRefused, "direct-refused"),
        (NoticeCode::LockRefused, "lock-refused"),
        (NoticeCode::AdviceRefused, "advice-refused"),
        (NoticeCode::DirectUsed, "direct-used"),
        (NoticeCode::DirectUnused, "direct-unused"),
    ];
}

#[cfg(test)]
mod tests {
    use super::*;

    fn every_word_returns<T: Word + std::fmt::Debug>(values: &[T]) {
        assert_eq!(values.len(), T::WORDS.len());
        for value in values {
            assert_ne!(value.word(), "?", "{value:?} has no word");
            assert_eq!(T::from_word(value.word()), Some(*value));
        }
        assert_eq!(T::from_word("mumble"), None);
    }

    #[test]
    fn words_are_unique_and_complete() {
        use {Advice as A, ErrorKind as E, NoticeCode as C, NoticeLevel as L, Phase as P};
        every_word_returns(&[P::Header, P::Probe, P::Load, P::Run, P::Teardown]);
        every_word_returns(&[A::Sequential, A::Random, A::WillNeed, A::DontNeed]);
        every_word_returns(&[L::Info, L::Warning]);
        every_word_returns(&[
            C::AutoResolved,
            C::DirectRefused,
            C::LockRefused,
            C::AdviceRefused,
            C::DirectUsed,
            C::DirectUnused,
        ]);
        every_word_returns(&[
            E::NotFound,
            E::Denied,
            E::Invalid,
            E::BadAddress,
            E::Interrupted,
            E::OutOfMemory,
            E::LockLimit,
            E::Unsupported,
            E::Io,
            E::Other,
        ]);
    }
}
