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
                let _ = error.print();
                code
            }
        }
    }
}
