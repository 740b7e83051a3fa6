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

    /// Whether it shows more than ASCII, as the locale says.
    pub(super) fn shows_unicode(self) -> bool {
        supports_unicode::on(match self {
            Self::Stdout => supports_unicode::Stream::Stdout,
            Self::Stderr => supports_unicode::Stream::Stderr,
        })
    }
}
