//! `loadparity docs`: what is made from the program's own tables, printed, checked or renewed.

mod checkout;
mod completions;
mod determinism;
mod man;
mod readme;
mod reference;
mod regressions;
mod rules;

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};

use self::completions::Shell;
use super::exit::{self, Exit};
use crate::check::MachineBits;

/// Arguments of `docs`.
#[derive(Clone, Debug, Args)]
pub struct DocsArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Clone, Debug, Subcommand)]
enum What {
    /// Print `docs/cli.md`: every command, option, load flag and exit code.
    Cli,
    /// Print `PLATFORM.md`: every interaction with the environment.
    Platform,
    /// Print `docs/regressions.md`: regressions that really happened, run again.
    Regressions(Checkout),
    /// Print `docs/rules.md`: every rule, with a trace that keeps it and one that breaks it.
    Rules,
    /// Print `README.md` with its generated sections renewed.
    Readme(Checkout),
    /// Print `docs/json.md` with its generated sections renewed.
    Json(Checkout),
    /// Print `docs/determinism.md`; exit code 1 if a model has more than one value.
    Determinism {
        /// What `loadparity bits --json` wrote on each machine.
        #[arg(long, num_args = 1.., value_name = "BITS.json")]
        bits: Vec<PathBuf>,
    },
    /// Write a man page for each command.
    Man {
        /// The folder to write them to; it is made if it is not there.
        #[arg(long, value_name = "FOLDER")]
        out: PathBuf,
    },
    /// Print a completion script.
    Completions {
        /// The shell.
        shell: Shell,
    },
    /// Compare all that is generated and kept in a checkout with what the program makes; exit code 1 if it differs.
    Verify(Checkout),
    /// Renew all that is generated and kept in a checkout.
    Write(Checkout),
}

#[derive(Clone, Debug, Args)]
struct Checkout {
    /// The folder of the checkout.
    #[arg(long, default_value = ".", value_name = "FOLDER")]
    root: PathBuf,
}

/// Runs `docs`.
pub(super) fn run(args: &DocsArgs, out: &mut dyn Write) -> Exit {
    let page = match &args.what {
        What::Cli => Ok((reference::page(), 0)),
        What::Platform => Ok((crate::platform::platform_markdown(), 0)),
        What::Regressions(checkout) => checkout::regressions(&checkout.root).map(|page| (page, 0)),
        What::Rules => Ok((rules::page(), 0)),
        What::Readme(checkout) => checkout::readme(&checkout.root).map(|page| (page, 0)),
        What::Json(checkout) => checkout::json(&checkout.root).map(|page| (page, 0)),
        What::Determinism { bits } => machines(bits)
            .and_then(|machines| determinism::page(&machines))
            .map(|(page, one_value)| (page, u8::from(!one_value))),
        What::Completions { shell } => Ok((completions::script(*shell), 0)),
        What::Man { out } => return written(man::pages(), out),
        What::Verify(checkout) => return checkout::verify(&checkout.root, out),
        What::Write(checkout) => return checkout::write(&checkout.root, out),
    };
    match page.map(|(page, code)| (out.write_all(page.as_bytes()), code)) {
        Ok((Ok(()), code)) => Exit::Code(code),
        Ok((Err(error), _)) => Exit::unwritten(error),
        Err(error) => Exit::usage(error),
    }
}

fn written(pages: Vec<(String, String)>, folder: &Path) -> Exit {
    let all = || -> io::Result<()> {
        fs::create_dir_all(folder)?;
        pages.iter().try_for_each(|(name, page)| fs::write(folder.join(name), page))
    };
    match all() {
        Ok(()) => Exit::Code(0),
        Err(error) => {
            let message = format!("cannot write man pages to {}: {error}", folder.display());
            Exit::Failed(exit::of_unwritten(&error), message)
        }
    }
}

fn machines(documents: &[PathBuf]) -> Result<Vec<MachineBits>, String> {
    let read = |path: &PathBuf| {
        let named = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
        let bytes = crate::cli::input::read(path).map_err(|error| named(&error))?;
        MachineBits::read(&bytes).map_err(|error| named(&error))
    };
    documents.iter().map(read).collect()
}
