//! What moved bytes, descriptors or locks where the source of a trace could not see it.

/// Something that the source of a trace could not see.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum BlindSpot {
    /// `io_uring`: its reads make no system call of their own.
    IoUring,
    /// Linux asynchronous I/O (`io_submit`).
    LinuxAio,
    /// A process of another ABI (32-bit), whose calls are not decoded.
    ForeignAbi,
    /// A file opened by handle, or a descriptor taken from another process.
    ForeignDescriptor,
    /// Two threads read through one file position at once: their offsets may be exchanged.
    SharedPosition,
    /// Bytes of a model went to a pipe, a socket or another file.
    Transfer,
    /// Memory of one process was read or written by another.
    ProcessMemory,
    /// A model that may be written became a standard stream, whose writes make no stop.
    StandardStream,
    /// Reads whose destination in memory nobody recorded.
    Destinations,
    /// Calls whose end nobody recorded.
    Unfinished,
    /// A process or thread of which nothing was recorded but that it was made.
    Unfollowed,
    /// The recording stops before the command does.
    Cut,
}

impl BlindSpot {
    /// Every one.
    pub const ALL: [Self; 12] = [
        Self::IoUring,
        Self::LinuxAio,
        Self::ForeignAbi,
        Self::ForeignDescriptor,
        Self::SharedPosition,
        Self::Transfer,
        Self::ProcessMemory,
        Self::StandardStream,
        Self::Destinations,
        Self::Unfinished,
        Self::Unfollowed,
        Self::Cut,
    ];

    /// The word for it in traces.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::IoUring => "io-uring",
            Self::LinuxAio => "linux-aio",
            Self::ForeignAbi => "foreign-abi",
            Self::ForeignDescriptor => "foreign-descriptor",
            Self::SharedPosition => "shared-position",
            Self::Transfer => "transfer",
            Self::ProcessMemory => "process-memory",
            Self::StandardStream => "standard-stream",
            Self::Destinations => "destinations",
            Self::Unfinished => "unfinished",
            Self::Unfollowed => "unfollowed",
            Self::Cut => "cut",
        }
    }

    /// The spot of a word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|spot| spot.word() == word)
    }

    /// Whether calls on a model may have escaped: then nothing that is absent from the trace is absent.
    #[must_use]
    pub fn hides_calls(self) -> bool {
        self != Self::Destinations
    }

    /// What it means for the trace.
    #[must_use]
    pub fn explanation(self) -> &'static str {
        match self {
            Self::IoUring => "io_uring was used: its reads make no system calls and are not in the trace",
            Self::LinuxAio => "io_submit was used: asynchronous reads are not in the trace",
            Self::ForeignAbi => "a 32-bit process ran: its calls are not in the trace",
            Self::ForeignDescriptor => {
                "a file was opened by handle or taken from another process: calls on it are not in the trace"
            }
            Self::SharedPosition => {
                "threads read through one file position at once: the offsets of those reads may be exchanged"
            }
            Self::Transfer => {
                "bytes were moved within the kernel, to a pipe, a socket or another file: where they went from \
                 there is not in the trace"
            }
            Self::ProcessMemory => {
                "a process read or wrote the memory of another: what it moved is not in the trace"
            }
            Self::StandardStream => {
                "a model that may be written became a standard stream: writes to it are not in the trace"
            }
            Self::Destinations => "the addresses that were read into are not in the trace",
            Self::Unfinished => "the ends of some calls are not in the trace",
            Self::Unfollowed => {
                "processes or threads were made whose calls are not in the trace; `strace -f` records them"
            }
            Self::Cut => "the recording stops before the command does",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_unique() {
        let words: std::collections::BTreeSet<_> = BlindSpot::ALL.iter().map(|spot| spot.word()).collect();
        assert_eq!(words.len(), BlindSpot::ALL.len());
    }
}
