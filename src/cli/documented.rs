//! The program's commands as the documentation shows them: clap's own definition, and what is taken
//! out of the line before clap reads it. Help texts, man pages, completions and `docs/cli.md` all
//! come from this one command; none of it parses anything.

use std::ffi::OsString;

use clap::builder::PossibleValuesParser;
use clap::{Command, CommandFactory};

use super::{Cli, bench, load_flags, run};

/// What stands for the dash of a name such as `-lm`, because clap has no such names.
const ONE_DASH: &str = "one-dash-";

/// The whole command.
pub(super) fn command() -> Command {
    let names_behind_dashes = |command: Command| {
        let names = PossibleValuesParser::new(load_flags::names());
        let flags = |arg: clap::Arg| arg.value_parser(names).hide_possible_values(true);
        command.mut_arg("flags", flags).after_help(load_flags::list())
    };
    Cli::command().mut_subcommands(|command| match command.get_name() {
        "run" => with_names(command, run::LONG_SHORTS)
            .args(load_flags::of_run())
            .after_help(load_flags::rules_of_run()),
        "bench" => with_names(command, bench::LONG_SHORTS)
            .args(load_flags::of_bench())
            .after_help(load_flags::rules_of_bench()),
        "explain" | "judge" => names_behind_dashes(command),
        "check" => command.after_help(load_flags::list()),
        _ => command,
    })
}

/// The commands without subcommands and those that have a synopsis for all of theirs, with all words
/// of their names. The command has to be built.
pub(super) fn leaves(command: &Command) -> Vec<&Command> {
    let inner = command.get_subcommands().filter(|command| !command.is_hide_set());
    let of = |command| match has_own_synopsis(command) || !command.has_subcommands() {
        true => vec![command],
        false => leaves(command),
    };
    inner.flat_map(of).collect()
}

fn has_own_synopsis(command: &Command) -> bool {
    command.get_overridden_usage().is_some()
}

/// How to write a command, a line for each way. The command has to be built.
pub(super) fn synopsis(command: &Command) -> Vec<String> {
    let usage = command.clone().render_usage().to_string();
    let usage = usage.strip_prefix("Usage:").unwrap_or(&usage);
    usage.lines().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty()).collect()
}

/// The help text that these words ask for, with the load flags; `None` if they ask for none.
pub(super) fn help(argv: Vec<OsString>) -> Option<String> {
    let error = command().try_get_matches_from(argv).err()?;
    Some(plain(&error.render().ansi().to_string()))
}

/// A name as clap can take it for a long one.
pub(super) fn alias(name: &str) -> String {
    match name.strip_prefix("--") {
        Some(long) => long.to_owned(),
        None => format!("{ONE_DASH}{}", name.trim_start_matches('-')),
    }
}

/// A long name or an alias as it is typed.
pub(super) fn typed(name: &str) -> String {
    plain(&format!("--{name}"))
}

/// Text of clap's with names as they are typed.
pub(super) fn plain(text: &str) -> String {
    text.replace(&format!("--{ONE_DASH}"), "-")
}

/// fish has a word of its own for names with one dash and several letters.
pub(super) fn plain_fish(text: &str) -> String {
    text.replace(&format!(" -l {ONE_DASH}"), " -o ")
}

/// The text with its first letter as at the beginning of a sentence, if it is not a name.
pub(super) fn sentence(text: &str) -> String {
    let word = text.split(' ').next().unwrap_or_default();
    if is_load_mode(word) {
        return text.to_owned();
    }
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

fn is_load_mode(word: &str) -> bool {
    crate::plan::Dialect::reference().rules().word(word).is_some()
}

/// Gives arguments the further names that a table of `(name, --long)` has for them.
fn with_names(command: Command, names: &[(&'static str, &'static str)]) -> Command {
    names.iter().fold(command, |command, (name, long)| {
        let has = |arg: &&clap::Arg| arg.get_long() == long.strip_prefix("--") && alias(name) != long[2..];
        let found = command.get_arguments().find(has).map(|arg| arg.get_id().clone());
        match found {
            Some(id) => command.mut_arg(id, |arg| arg.visible_alias(alias(name))),
            None => command,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn built() -> Command {
        let mut command = command();
        command.build();
        command
    }

    /// All names of a command's options and those of its subcommands.
    fn options(command: &Command) -> Vec<String> {
        let arguments = command.get_arguments();
        let own = arguments.flat_map(|arg| {
            let short = arg.get_short_and_visible_aliases().unwrap_or_default();
            let long = arg.get_long_and_visible_aliases().unwrap_or_default();
            let short = short.into_iter().map(|name| format!("-{name}"));
            short.chain(long.into_iter().map(typed)).collect::<Vec<_>>()
        });
        own.chain(command.get_subcommands().flat_map(options)).collect()
    }

    #[test]
    fn a_synopsis_names_only_options_that_there_are() {
        let mut seen = 0;
        for command in leaves(&built()).into_iter().filter(|command| has_own_synopsis(command)) {
            let options = options(command);
            for line in synopsis(command) {
                let name = command.get_bin_name().unwrap();
                assert!(line.starts_with(name), "{line}: {name}");
                // What stands in quotes or behind `--` is another program's.
                let own = line.split("-- ").next().unwrap();
                let words = own.split(|c: char| " [](){}|=…'".contains(c)).filter(|w| w.starts_with('-'));
                for word in words {
                    assert!(options.iter().any(|option| option == word), "{line}: {word}");
                    seen += 1;
                }
            }
        }
        assert!(seen > 30, "synopses were looked at: {seen}");
    }

    #[test]
    fn every_name_that_is_translated_before_clap_is_documented() {
        for (name, table) in [("run", run::LONG_SHORTS), ("bench", bench::LONG_SHORTS)] {
            let command = built();
            let options = options(command.find_subcommand(name).unwrap());
            for (short, long) in table {
                for word in [short, long] {
                    assert!(options.iter().any(|option| option == word), "{name} {word}");
                }
            }
        }
    }

    #[test]
    fn help_is_a_sentence_that_does_not_change_a_name() {
        assert_eq!(sentence("read it"), "Read it");
        assert_eq!(sentence("mmap where it maps"), "mmap where it maps");
        assert_eq!(sentence(""), "");
    }
}
