//! Which arguments of which command are paths, as the commands' own definition says.

use std::any::TypeId;
use std::path::PathBuf;

use clap::{Arg, Command};

use super::check::DialectChoice;
use super::documented;
use super::format::Format;
use crate::plan::Dialect;

/// An argument that is a path or may hold one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PathArgument {
    /// The words of its command, without the program: `gguf show`.
    pub command: String,
    /// How it is typed, `--model`; the name of its value, where it stands alone.
    pub argument: String,
}

/// Every path that a command line may name, sorted. An option of several commands stands there for each.
#[must_use]
pub fn path_arguments() -> Vec<PathArgument> {
    let mut program = documented::command();
    program.build();
    let mut all = Vec::new();
    collect(&program, &mut Vec::new(), &mut all);
    all.sort();
    all.dedup();
    all
}

fn collect<'c>(command: &'c Command, words: &mut Vec<&'c str>, all: &mut Vec<PathArgument>) {
    for argument in command.get_arguments().filter(|argument| is_path(argument)) {
        let name = match argument.get_long() {
            Some(long) => format!("--{long}"),
            None => argument.get_id().to_string(),
        };
        all.push(PathArgument { command: words.join(" "), argument: name });
    }
    for inner in command.get_subcommands() {
        words.push(inner.get_name());
        collect(inner, words, all);
        words.pop();
    }
}

/// By the type that its value is read as, or where a text is read as a path later, by the name of the value.
fn is_path(argument: &Arg) -> bool {
    let read_as = argument.get_value_parser().type_id();
    let types = [
        TypeId::of::<PathBuf>(),
        TypeId::of::<Dialect>(),
        TypeId::of::<DialectChoice>(),
        TypeId::of::<Format>(),
    ];
    let named = |name: &str| ["FILE", "FOLDER", "PATH", "TRACE"].iter().any(|word| name.contains(word));
    let names = argument.get_value_names().unwrap_or_default();
    types.iter().any(|path| read_as == *path) || names.iter().any(|name| named(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_of_every_kind_are_found_and_nothing_else() {
        let all = path_arguments();
        let has = |command: &str, argument: &str| {
            all.iter().any(|path| path.command == command && path.argument == argument)
        };
        for (command, argument) in [
            ("run", "--model"),
            ("check", "--format"),
            ("check", "--dialect"),
            ("gguf show", "model"),
            ("explain", "--to"),
            ("docs man", "--out"),
        ] {
            assert!(has(command, argument), "{command} {argument}");
        }
        assert!(
            !has("run", "--prompt") && !has("check", "--level") && !has("gguf make", "--type"),
            "{all:?}"
        );
    }
}
