//! `docs/cli.md`: every command, option, load flag and exit code.

use std::fmt::Write as _;

use clap::{Arg, Command};

use crate::check::Known;
use crate::cli::exit::CODES;
use crate::cli::{documented, guide, load_flags};
use crate::plan::{Dialect, render};

/// The page.
pub(super) fn page() -> String {
    let mut command = documented::command();
    command.build();
    let commands = leaf_commands(&command);
    let mut page = String::from(
        "# The command line\n\n\
         Made by `loadparity docs write` from the definition of the commands and the table of load flags\n\
         (`crates/base/src/plan/dialects/reference.toml`); held by `tests/cli/docs.rs`. `loadparity COMMAND --help` says the same. Every command\n\
         takes `-h` and `--help`.\n\n\
         | command | does |\n| --- | --- |\n",
    );
    // Writing to a String cannot fail, here and below.
    for command in &commands {
        let (name, about) = (name(command), about(command));
        let anchor = format!("loadparity-{}", name.replace(' ', "-"));
        let _ = writeln!(page, "| [`{name}`](#{anchor}) | {} |", cell(&about));
    }
    page.push_str(&environment_and_codes());
    page.push_str(&known_divergences());
    for command in &commands {
        section(command, &mut page);
    }
    page
}

/// A list for `--expect`.
const EXPECTED: &str = r#"{
  "schema": "loadparity.expect/2",
  "known": [
    {"rule": "tensors-locked", "spelling": "--mlock", "reason": "the lock is taken later, see our issue 12"},
    {"rule": "plan-taken", "pattern": "-dio*", "plan": "direct", "count": 3, "reason": "no direct I/O before 2.0"}
  ]
}"#;

/// The format of that list, from its type.
fn known_divergences() -> String {
    let schema = schemars::schema_for!(Known);
    let fields = schema.get("properties").and_then(|fields| fields.as_object());
    let needed = schema.get("required").and_then(|needed| needed.as_array());
    let is_needed = |name: &str| needed.is_some_and(|all| all.iter().any(|one| one == name));
    let mut text = format!(
        "\n## Known divergences\n\n\
         What `--expect` reads; `loadparity schema expect` prints its schema. A finding that no entry covers fails the run, and so\n\
         does an entry that covers fewer than it says.\n\n```json\n{EXPECTED}\n```\n\n| field | meaning |\n| --- | --- |\n"
    );
    for (name, field) in fields.into_iter().flatten() {
        let about = field.get("description").and_then(|about| about.as_str()).unwrap_or_default();
        let required = if is_needed(name) { "; required" } else { "" };
        let _ = writeln!(
            text,
            "| `{name}` | {}{required} |",
            cell(about.replace('\n', " ").trim_end_matches('.'))
        );
    }
    text
}

fn environment_and_codes() -> String {
    format!(
        "\n## Load flags\n\n\
         Of `run`, in the reference dialect; `explain` and `judge` take them behind `--`, and `check` tries them all.\n\
         {}\n\n{}\n\
         Every load mode, and what it asks for in each dialect that has load modes:\n\n{}\n{}\n\
         ## Load flags of `bench`\n\n\
         Each takes a list. {}\n\n{}\n\
         ## Exit codes\n\n{}\n\
         `trace` ends with the command's own exit code; see there. What else of the environment the program looks at is\n\
         in [PLATFORM.md](../PLATFORM.md).\n",
        load_flags::rules_of_run(),
        load_flags(),
        load_modes(),
        render::words_markdown(),
        load_flags::rules_of_bench(),
        bench_flags(),
        exit_codes(),
    )
}

/// A row for each sense of a load flag.
pub(super) fn load_flags() -> String {
    let mut table = String::from(
        "| flag | environment | asks to | says the same | dialects |\n| --- | --- | --- | --- | --- |\n",
    );
    for row in load_flags::rows() {
        let value = row.def.value.map(|value| format!(" {value}")).unwrap_or_default();
        let names: Vec<String> = row.names.iter().map(|name| format!("`{name}{value}`")).collect();
        let variable = row.variable.map(|name| format!("`{name}`")).unwrap_or_default();
        let same = row.same.map(|word| format!("`--load-mode {word}`")).unwrap_or_default();
        let knows = |dialect: &Dialect| dialect.rules().knows(row.def.flag);
        let dialects: Vec<&str> = Dialect::eras().iter().filter(|d| knows(d)).map(|d| d.name()).collect();
        let dialects =
            if dialects.len() == Dialect::eras().len() { "all".to_owned() } else { dialects.join(", ") };
        let _ = writeln!(table, "| {} | {variable} | {} | {same} | {dialects} |", names.join(", "), row.help);
    }
    table
}

/// A row for each load mode of the reference dialect.
pub(super) fn load_modes() -> String {
    let mut table = String::from("| load mode | asks for |\n| --- | --- |\n");
    for word in &Dialect::reference().rules().words {
        let _ = writeln!(table, "| `{}` | {} |", word.name, word.help);
    }
    table
}

fn bench_flags() -> String {
    let mut table = String::from("| flag | asks to |\n| --- | --- |\n");
    let rules = Dialect::reference().rules();
    for listed in rules.bench.iter().flat_map(|bench| &bench.flags) {
        let Some(def) = rules.table.iter().find(|def| def.flag == listed.flag) else { continue };
        let items = def.value.map_or("0|1,…".to_owned(), |value| format!("{value},…"));
        let names: Vec<String> = listed.names.iter().map(|name| format!("`{name} {items}`")).collect();
        let off = def.off_help.map(|off| format!(" (1), or {off} (0)")).unwrap_or_default();
        let _ = writeln!(table, "| {} | {}{off} |", cell(&names.join(", ")), def.help);
    }
    let _ = writeln!(
        table,
        "\n{} are 1, {} are 0.",
        rules.booleans.on[1..].join(", "),
        rules.booleans.off[1..].join(", ")
    );
    table
}

/// A row for each exit code.
pub(super) fn exit_codes() -> String {
    let mut table = String::from("| code | meaning |\n| --- | --- |\n");
    for (code, meaning) in CODES {
        let _ = writeln!(table, "| {code} | {meaning} |");
    }
    table
}

/// Every command without subcommands.
fn leaf_commands(command: &Command) -> Vec<&Command> {
    let inner = command.get_subcommands().filter(|command| !command.is_hide_set());
    inner
        .flat_map(|c| match c.has_subcommands() {
            // A command that does something by itself has a section beside its subcommands.
            true if c.is_args_conflicts_with_subcommands_set() => {
                std::iter::once(c).chain(leaf_commands(c)).collect()
            }
            true => leaf_commands(c),
            false => vec![c],
        })
        .collect()
}

fn section(command: &Command, page: &mut String) {
    let _ = write!(page, "\n## `loadparity {}`\n\n{}.\n\n```text\n", name(command), about(command));
    for line in documented::synopsis(command) {
        let _ = writeln!(page, "{line}");
    }
    page.push_str("```\n");
    let shown = |arg: &&Arg| !arg.is_hide_set() && arg.get_long() != Some("help");
    let (positional, options): (Vec<&Arg>, Vec<&Arg>) =
        command.get_arguments().filter(shown).partition(|arg| arg.is_positional());
    if !positional.is_empty() || !options.is_empty() {
        page.push_str("\n| option | meaning |\n| --- | --- |\n");
    }
    for arg in positional.into_iter().chain(options) {
        let _ = writeln!(page, "| {} | {} |", cell(&written(arg)), cell(&meaning(arg)));
    }
    if let Some(after) = command.get_after_help() {
        let _ = writeln!(page, "\n{after}");
    }
    // Of a command without a guide of its own, the page of the command above it says all.
    let Some(guide) = guide::of(&name(command)).filter(|guide| guide.command == name(command)) else {
        return;
    };
    let codes: Vec<String> = guide.exit_codes().map(|(code, meaning)| format!("{code}: {meaning}")).collect();
    let _ = writeln!(page, "\nExit codes: {}.", codes.join("; "));
    page.push_str("\n```sh\n");
    for (what, line) in guide.examples {
        let _ = writeln!(page, "# {what}\nloadparity {line}");
    }
    page.push_str("```\n");
}

/// The words of a command's name behind the program's.
fn name(command: &Command) -> String {
    let name = command.get_bin_name().unwrap_or_else(|| command.get_name());
    name.split_once(' ').map_or(name, |(_, rest)| rest).to_owned()
}

fn about(command: &Command) -> String {
    command.get_about().map(ToString::to_string).unwrap_or_default()
}

/// All names of an argument, the last with its value.
fn written(arg: &Arg) -> String {
    let value = arg.get_value_names().unwrap_or_default().join(" ");
    if arg.is_positional() {
        let value = if value.is_empty() { arg.get_id().as_str().to_uppercase() } else { value };
        let many = arg.get_num_args().is_some_and(|range| range.max_values() > 1);
        return format!(
            "`{}{value}{}`",
            if arg.is_last_set() { "-- " } else { "" },
            if many { "…" } else { "" }
        );
    }
    let short = arg.get_short_and_visible_aliases().unwrap_or_default();
    let long = arg.get_long_and_visible_aliases().unwrap_or_default();
    let short = short.into_iter().map(|name| format!("-{name}"));
    let mut names: Vec<String> = short.chain(long.into_iter().map(documented::typed)).collect();
    if let Some(last) = names.last_mut().filter(|_| arg.get_action().takes_values()) {
        match arg.is_require_equals_set() {
            true => *last = format!("{last}[={value}]"),
            false => *last = format!("{last} {value}"),
        }
    }
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// What an argument does, what it takes and what it is if it is not given.
fn meaning(arg: &Arg) -> String {
    let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
    let mut meaning = help;
    if arg.is_required_set() && !arg.is_positional() {
        meaning.push_str("; required");
    }
    if !arg.get_action().takes_values() {
        return meaning;
    }
    let values = arg.get_possible_values();
    let values = values.iter().filter(|value| !value.is_hide_set() && !arg.is_hide_possible_values_set());
    for value in values {
        let help = value.get_help().map(|help| format!(": {help}")).unwrap_or_default();
        let _ = write!(meaning, "<br>`{}`{help}", value.get_name());
    }
    let defaults = arg.get_default_values();
    if !defaults.is_empty() && !arg.is_hide_default_value_set() {
        let defaults: Vec<_> = defaults.iter().map(|value| value.to_string_lossy()).collect();
        let shown = defaults.join(",");
        let shown = if shown.is_empty() { "nothing".to_owned() } else { format!("`{shown}`") };
        let _ = write!(meaning, "<br>Default: {shown}");
    }
    meaning
}

/// Text as a cell of a Markdown table can hold it.
pub(super) fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Expectations;

    #[test]
    fn the_list_that_is_shown_can_be_read() {
        assert!(Expectations::read(EXPECTED.as_bytes()).is_ok());
        let text = known_divergences();
        for field in ["rule", "spelling", "pattern", "plan", "shows", "count", "reason"] {
            assert!(text.contains(&format!("| `{field}` | ")), "{text}");
        }
        assert_eq!(text.matches("; required").count(), 2, "{text}");
    }
}
