//! Values that completions offer for options that take more than a list: a dialect may be a file too, a format may name
//! one.

use clap::builder::{PossibleValue, PossibleValuesParser};
use clap::{Arg, Command};

use super::format::FormatKind;
use crate::engine::CpuLevel;
use crate::gguf::MatrixType;
use crate::layout::Kind;
use crate::plan::Dialect;
use crate::platform::SimSystem;
use crate::rules::{Level, Rule};

/// The value name of what may be a dialect's name, a file, or a build.
pub(super) const DIALECT: &str = "NAME|FILE|BUILD";

/// The command with every value that can be listed. It is for completions: as a parser it would refuse what is not listed.
pub(super) fn with_values(command: Command) -> Command {
    let name = command.get_name().to_owned();
    let command = command.mut_args(|arg| match values(&name, &arg) {
        Some(values) => arg.value_parser(PossibleValuesParser::new(values)),
        None => arg,
    });
    command.mut_subcommands(with_values)
}

fn values(command: &str, arg: &Arg) -> Option<Vec<PossibleValue>> {
    let named = |words: Vec<String>| words.into_iter().map(PossibleValue::new).collect();
    let dialects = || Dialect::shipped().iter().map(|dialect| dialect.name().to_owned()).collect::<Vec<_>>();
    let name = arg.get_value_names().and_then(|names| names.first())?.as_str();
    if !arg.get_possible_values().is_empty() {
        return None;
    }
    Some(match (command, arg.get_id().as_str(), name) {
        // They find it out where it is not said.
        ("check" | "init", _, DIALECT) => named([vec!["auto".to_owned()], dialects()].concat()),
        (_, _, DIALECT) | ("show", "dialect", _) => named(dialects()),
        (_, "format", "FORMAT[=FILE]") => named(FormatKind::ALL.map(|kind| kind.name().to_owned()).to_vec()),
        (_, "layout", _) => {
            let kinds = Kind::ALL.iter().map(ToString::to_string);
            named(std::iter::once("auto".to_owned()).chain(kinds).collect())
        }
        (_, "level", _) => {
            let levels = Level::ALL.iter().map(ToString::to_string);
            named(levels.filter(|level| name.contains(level.as_str())).collect())
        }
        (_, "cpu", _) => named(CpuLevel::ALL.iter().map(ToString::to_string).collect()),
        ("make", _, "TYPE") => named(MatrixType::ALL.iter().map(ToString::to_string).collect()),
        ("check", "platform", _) => {
            named(SimSystem::all().iter().map(|system| system.profile.name.to_owned()).collect())
        }
        ("explain-rule", "id", _) => named(Rule::ALL.iter().map(|rule| rule.id().to_owned()).collect()),
        ("schema", _, _) => named(super::schema::names()),
        ("merge", "expect", _) => named(["linux", "windows", "macos"].map(str::to_owned).to_vec()),
        ("import", "from", _) => named(name.split('|').map(str::to_owned).collect()),
        _ => return None,
    })
}

/// A script of zsh that also takes a file where a dialect may be one.
pub(super) fn or_file_in_zsh(script: &str) -> String {
    let start = format!(":{DIALECT}:(");
    let mut whole = String::with_capacity(script.len());
    let mut rest = script;
    while let Some(at) = rest.find(&start) {
        let (before, list) = rest.split_at(at + start.len() - 1);
        let Some(end) = list.find(')') else { break };
        whole += before;
        whole += &format!("{{_alternative \"dialects:dialect:{}\" \"files:file:_files\"}}", &list[..=end]);
        rest = &list[end + 1..];
    }
    whole + rest
}

/// The same for fish, whose `-f` forbids files.
pub(super) fn or_file_in_fish(script: &str) -> String {
    let first: Vec<String> = std::iter::once("auto".to_owned())
        .chain(Dialect::shipped().first().map(|dialect| dialect.name().to_owned()))
        .collect();
    first.iter().fold(script.to_owned(), |script, name| {
        script.replace(&format!("-r -f -a \"{name}\\t"), &format!("-r -F -a \"{name}\\t"))
    })
}
