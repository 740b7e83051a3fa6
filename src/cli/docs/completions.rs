//! Completion scripts, with the load flags and the values they take.

use clap::ValueEnum;
use clap_complete::{Generator, shells};

use crate::cli::{documented, offered};

/// A shell that there is a script for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Shell {
    /// bash, from 3.2 on.
    Bash,
    /// zsh.
    Zsh,
    /// fish.
    Fish,
    /// PowerShell.
    Powershell,
}

const NAME: &str = env!("CARGO_PKG_NAME");

/// The script of a shell.
pub(super) fn script(shell: Shell) -> String {
    match shell {
        Shell::Bash => documented::plain(&generated(shells::Bash)),
        Shell::Zsh => offered::or_file_in_zsh(&documented::plain(&generated(shells::Zsh))),
        Shell::Fish => offered::or_file_in_fish(&documented::plain_fish(&generated(shells::Fish))),
        Shell::Powershell => documented::plain(&generated(shells::PowerShell)),
    }
}

/// Every script, with the name that its shell looks for.
pub(super) fn all() -> Vec<(String, String)> {
    let name = |shell| match shell {
        Shell::Bash => shells::Bash.file_name(NAME),
        Shell::Zsh => shells::Zsh.file_name(NAME),
        Shell::Fish => shells::Fish.file_name(NAME),
        Shell::Powershell => shells::PowerShell.file_name(NAME),
    };
    Shell::value_variants().iter().map(|shell| (name(*shell), script(*shell))).collect()
}

fn generated(shell: impl Generator) -> String {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut offered::with_values(documented::command()), NAME, &mut script);
    let script = String::from_utf8_lossy(&script).into_owned();
    // Some scripts begin or end lines with blanks that are nobody's.
    let lines = script.lines().map(str::trim_end);
    lines.fold(String::new(), |script, line| script + line + "\n")
}
