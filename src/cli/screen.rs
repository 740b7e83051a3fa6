//! What a stream shows.

/// A stream that a person may look at.
#[derive(Clone, Copy, Debug)]
pub(super) enum Stream {
    Stdout,
    Stderr,
}

impl Stream {
    /// The columns of a line: the terminal's, else those that `COLUMNS` names.
    pub(super) fn columns(self) -> Option<u16> {
        let terminal = match self {
            Self::Stdout => console::Term::stdout(),
            Self::Stderr => console::Term::stderr(),
        };
        let told = || std::env::var("COLUMNS").ok()?.parse().ok().filter(|columns| *columns > 0);
        terminal.is_term().then(|| terminal.size().1).or_else(told)
    }
}

/// Whether whoever reads shows more than ASCII, as the locale says: also what goes through a pipe is looked at.
pub(super) fn shows_unicode() -> bool {
    supports_unicode::supports_unicode()
}
