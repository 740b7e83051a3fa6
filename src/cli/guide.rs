//! What a page says of a command beside its options: examples, exit codes, files, JSON documents, further reading.
//!
//! Man pages, `docs/cli.md` and `docs/json.md` are made from it; what it says is held against the commands by its tests.

mod table;

pub(super) use table::ALL;

use super::exit::CODES;

/// One command.
pub(super) struct Guide {
    /// The words behind the program's name; none for the program itself.
    pub command: &'static str,
    /// What an example does, and its line without the program's name.
    pub examples: &'static [(&'static str, &'static str)],
    /// The exit codes, with what they mean here; an empty text is what they mean everywhere.
    pub codes: &'static [(u8, &'static str)],
    /// What it reads and writes without being given it by name.
    pub files: &'static [(&'static str, &'static str)],
    /// The JSON documents that it writes, such as `check-2`.
    pub writes: &'static [&'static str],
    /// Those that it reads.
    pub reads: &'static [&'static str],
    /// Commands and tools to read of.
    pub see: &'static [&'static str],
}

/// What there is to say of a command, by the words behind the program's name; that of the command above it where
/// it has nothing of its own.
pub(super) fn of(command: &str) -> Option<&'static Guide> {
    let exact = |name: &str| ALL.iter().find(|guide| guide.command == name);
    exact(command).or_else(|| exact(command.split_once(' ')?.0))
}

/// What an exit code means, whatever the command.
pub(super) fn general(code: u8) -> &'static str {
    CODES.iter().find(|(known, _)| *known == code).map_or("", |(_, meaning)| meaning)
}

impl Guide {
    /// The exit codes with what they mean here.
    pub(super) fn exit_codes(&self) -> impl Iterator<Item = (u8, &'static str)> {
        self.codes.iter().map(|(code, own)| (*code, if own.is_empty() { general(*code) } else { own }))
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use clap::CommandFactory;

    use super::*;
    use crate::cli::{Cli, documented, schema};

    fn leaves(command: &clap::Command, before: &str, names: &mut Vec<String>) {
        for inner in command.get_subcommands().filter(|inner| !inner.is_hide_set()) {
            let name = format!("{before}{}", inner.get_name());
            if inner.has_subcommands() {
                leaves(inner, &format!("{name} "), names);
            }
            names.push(name);
        }
    }

    #[test]
    fn every_command_has_a_guide_and_every_guide_a_command() {
        let mut names = vec![String::new()];
        leaves(&Cli::command(), "", &mut names);
        for name in &names {
            // A group alone has nothing to say.
            if name != "gguf" {
                assert!(of(name).is_some(), "no guide to `{name}`");
            }
        }
        for guide in ALL {
            assert!(names.iter().any(|name| name == guide.command), "there is no `{}`", guide.command);
        }
    }

    #[test]
    fn every_example_is_a_line_that_is_understood() {
        for (guide, (_, line)) in
            ALL.iter().flat_map(|guide| guide.examples.iter().map(move |one| (guide, one)))
        {
            assert!(guide.command.is_empty() || line.starts_with(guide.command), "{line}");
            let words = shlex::split(&format!("loadparity {line}")).expect("words of a shell");
            // A dialect of the user's own is not here.
            let words = words.iter().map(|word| if word == "own.toml" { "reference.toml" } else { word });
            let words: Vec<OsString> = words.map(OsString::from).collect();
            assert!(crate::cli::parsed(words).is_ok(), "{line}");
        }
    }

    #[test]
    fn every_code_is_documented_and_in_order() {
        for guide in ALL {
            let codes: Vec<u8> = guide.exit_codes().map(|(code, _)| code).collect();
            assert!(codes.is_sorted() && !codes.is_empty(), "{}: {codes:?}", guide.command);
            assert!(guide.exit_codes().all(|(_, meaning)| !meaning.is_empty()), "{}", guide.command);
        }
    }

    /// Nothing is written as JSON of which no page says which command writes it.
    #[test]
    fn every_schema_belongs_to_a_command() {
        let named: Vec<&str> =
            ALL.iter().flat_map(|guide| guide.writes.iter().chain(guide.reads)).copied().collect();
        let schemas: Vec<String> = schema::names();
        for name in &schemas {
            assert!(named.contains(&name.as_str()), "no command writes or reads {name}");
        }
        for name in named {
            assert!(schemas.iter().any(|known| known == name), "there is no schema {name}");
        }
    }

    #[test]
    fn every_page_that_is_named_is_there() {
        let mut command = documented::command();
        command.build();
        let mut names = vec!["loadparity(1)".to_owned()];
        let mut all = Vec::new();
        leaves(&command, "", &mut all);
        names.extend(all.iter().map(|name| format!("loadparity-{}(1)", name.replace(' ', "-"))));
        for see in ALL.iter().flat_map(|guide| guide.see).filter(|see| see.starts_with("loadparity")) {
            assert!(names.iter().any(|name| name == see), "there is no page {see}");
        }
    }
}
