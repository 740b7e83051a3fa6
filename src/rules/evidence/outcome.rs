//! How a run ended, and what it generated.

use super::Evidence;
use crate::rules::Capability;
use crate::trace::ErrorKind;

impl Evidence {
    /// Whether an open, a read, a mapping or a lock of the model was refused; an interruption is no refusal.
    #[must_use]
    pub fn was_refused(&self) -> bool {
        let fold = &self.fold;
        let refused = |kind: Option<ErrorKind>| kind.is_some_and(|kind| kind != ErrorKind::Interrupted);
        fold.opens.iter().any(|open| refused(open.refused))
            || fold.requests.iter().any(|request| refused(request.refused))
            || fold.mappings.iter().any(|mapping| refused(mapping.refused))
            || fold.locks.iter().any(|lock| refused(lock.refused))
    }

    /// Whether a message that is not there was not given: messages are understood, or it is known that there is none.
    #[must_use]
    pub(in crate::rules) fn shows_messages(&self) -> bool {
        self.silent || self.capabilities.has(Capability::Notices)
    }
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// As a program does that did what it should.
    Completed,
    /// With an error; how, and the last thing it said.
    Failed(String),
    /// By a fault of its own.
    Crashed(String),
    /// By `abort`: a program does so where it knows that it cannot go on, and a C library where it was misused.
    Aborted(String),
    /// It was ended when its time was up.
    TimeLimit(String),
    /// Somebody else ended it: the kernel for want of memory, or a process that is not of the command.
    Killed(String),
}

impl Ending {
    /// How it ended, in words; empty for a run that completed.
    #[must_use]
    pub fn message(&self) -> &str {
        match self {
            Self::Completed => "",
            Self::Failed(text)
            | Self::Crashed(text)
            | Self::Aborted(text)
            | Self::TimeLimit(text)
            | Self::Killed(text) => text,
        }
    }
}

/// What was generated, as far as the subject lets it be seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Output {
    /// The tokens themselves, with what is behind them.
    Logits {
        /// Token ids.
        tokens: Vec<u32>,
        /// blake3 over the logits of every step, as little-endian f32.
        logits: String,
    },
    /// The text that a command wrote; equal text proves less than equal logits.
    Text {
        /// Everything on standard output.
        bytes: Vec<u8>,
        /// Their blake3.
        hash: String,
    },
}

impl Output {
    /// The text of a command.
    #[must_use]
    pub fn text(bytes: Vec<u8>) -> Self {
        Self::Text { hash: blake3::hash(&bytes).to_hex().to_string(), bytes }
    }

    /// The hash of the logits, where they can be seen.
    #[must_use]
    pub fn logits_hash(&self) -> Option<&str> {
        match self {
            Self::Logits { logits, .. } => Some(logits),
            Self::Text { .. } => None,
        }
    }

    /// The hash of the text, where there is one.
    #[must_use]
    pub fn text_hash(&self) -> Option<&str> {
        match self {
            Self::Text { hash, .. } => Some(hash),
            Self::Logits { .. } => None,
        }
    }

    /// Whether it shows nothing: no token, no byte.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Logits { tokens, .. } => tokens.is_empty(),
            Self::Text { bytes, .. } => bytes.iter().all(u8::is_ascii_whitespace),
        }
    }

    /// What differs between two outputs, in a sentence; `by` is the spelling of the first.
    #[must_use]
    pub fn difference(&self, other: &Self, by: &str) -> Option<String> {
        match (self, other) {
            _ if self == other => None,
            (Self::Logits { tokens: a, .. }, Self::Logits { tokens: b, .. }) if a == b => {
                Some(format!("the tokens equal those of `{by}`, but the logits behind them differ"))
            }
            (Self::Logits { tokens: a, .. }, Self::Logits { tokens: b, .. }) => {
                let at = a.iter().zip(b).take_while(|(a, b)| a == b).count();
                Some(format!("the tokens differ from those of `{by}` from token {at} on"))
            }
            (Self::Text { bytes: a, .. }, Self::Text { bytes: b, .. }) => {
                let at = a.iter().zip(b).take_while(|(a, b)| a == b).count();
                let (a, b) = (a.len(), b.len());
                Some(format!(
                    "the text ({b} bytes) differs from that of `{by}` ({a} bytes) from byte {at} on"
                ))
            }
            _ => Some(format!("the output is of another kind than that of `{by}`")),
        }
    }
}
