//! Exit codes.

use std::fmt::Display;
use std::io::{self, Write};

/// The exit code of an internal error, and of an output that cannot be written.
pub(super) const INTERNAL: u8 = 70;

/// What an exit code means, whatever the command; some say more in their help.
pub(super) const CODES: [(u8, &str); 6] = [
    (0, "parity, or done (what is unsupported is listed, and is no pass)"),
    (
        1,
        "divergence: a broken rule in any command; also traces that differ, a spelling that has no translation, a stale page",
    ),
    (2, "usage, or a model that cannot be read"),
    (3, "blocked, or not observed where that is required"),
    (4, "nothing selected"),
    (INTERNAL, "internal error, or an output that cannot be written"),
];

/// The exit code where a file could not be written: a place that cannot be written to was chosen, or the system failed.
pub(super) fn of_unwritten(error: &io::Error) -> u8 {
    use io::ErrorKind as Kind;
    match error.kind() {
        Kind::NotFound
        | Kind::PermissionDenied
        | Kind::AlreadyExists
        | Kind::NotADirectory
        | Kind::IsADirectory
        | Kind::ReadOnlyFilesystem
        | Kind::InvalidInput => 2,
        // What we refuse ourselves has no number of the system's.
        Kind::Other if error.raw_os_error().is_none() => 2,
        _ => INTERNAL,
    }
}

/// How a command ended.
#[derive(Debug)]
pub enum Exit {
    /// With this code; what there was to say has been said.
    Code(u8),
    /// With this code and a message for standard error.
    Failed(u8, String),
    /// With what the argument parser has to say.
    Clap(clap::Error),
}

impl Exit {
    /// Bad arguments or unusable input.
    pub(super) fn usage(error: impl Display) -> Self {
        Self::Failed(2, error.to_string())
    }

    /// Something that should not happen, or an output that cannot be written.
    pub(super) fn internal(error: impl Display) -> Self {
        Self::Failed(INTERNAL, error.to_string())
    }

    /// The output cannot be written. A reader that has seen enough is no failure of ours.
    pub(super) fn unwritten(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::Code(0),
            _ => Self::internal(format!("cannot write the output: {error}")),
        }
    }

    /// The exit code.
    pub(super) fn code(&self) -> u8 {
        match self {
            Self::Code(code) | Self::Failed(code, _) => *code,
            Self::Clap(error) => 2 * u8::from(error.use_stderr()),
        }
    }

    /// Ends with `last`'s failure where the command itself had none.
    pub(super) fn after(self, last: impl FnOnce() -> io::Result<()>) -> Self {
        match (last(), self) {
            // A reader that has seen enough is no failure of ours.
            (Err(error), Self::Code(code)) if error.kind() == io::ErrorKind::BrokenPipe => Self::Code(code),
            (Err(error), Self::Code(0)) => Self::internal(format!("cannot write the output: {error}")),
            (_, exit) => exit,
        }
    }

    /// Says what there is to say and gives the exit code.
    pub(super) fn report(self, stderr: &mut dyn Write) -> u8 {
        let code = self.code();
        match self {
            Self::Code(code) => code,
            Self::Failed(code, message) => {
                let _ = writeln!(stderr, "loadparity: {message}");
                code
            }
            // It quotes what was typed.
            Self::Clap(error) if error.use_stderr() => {
                let _ = write!(stderr, "{}", error.render());
                code
            }
            Self::Clap(error) => {
                let mut out = anstream::stdout();
                let printed = write!(out, "{}", error.render().ansi()).and_then(|()| out.flush());
                printed.map_or_else(|error| Self::unwritten(error).report(stderr), |()| code)
            }
        }
    }
}
