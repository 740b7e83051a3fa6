//! The generated sections of pages that people write, and putting them in their places.

use std::fmt::Write as _;

use super::reference;
use crate::cli::guide::{self, Guide};
use crate::cli::{documented, schema};

/// A section: its name, and what makes it.
pub(super) type Section = (&'static str, fn() -> String);

/// Those of `README.md`, each of which has to be there once.
pub(super) const README: &[Section] =
    &[("commands", commands), ("load flags", load_flags), ("exit codes", reference::exit_codes)];

/// Those of `docs/json.md`.
pub(super) const JSON: &[Section] = &[("documents", documents), ("exit codes", reference::exit_codes)];

const END: &str = "<!-- end -->";

fn start(section: &str) -> String {
    format!("<!-- generated: {section} -->")
}

fn load_flags() -> String {
    format!("{}\n{}", reference::load_flags(), reference::load_modes())
}

/// A row for each schema: what it describes, and who writes and reads it.
fn documents() -> String {
    let mut table = String::from("| schema | is | written by | read by |\n| --- | --- | --- | --- |\n");
    for (name, about) in schema::described() {
        let commands = |of: fn(&Guide) -> &'static [&'static str]| {
            let named = guide::ALL.iter().filter(|guide| of(guide).contains(&name.as_str()));
            let commands: Vec<String> = named
                .map(|guide| {
                    format!("[`{0}`](cli.md#loadparity-{1})", guide.command, guide.command.replace(' ', "-"))
                })
                .collect();
            commands.join(", ")
        };
        let (writes, reads) = (commands(|guide| guide.writes), commands(|guide| guide.reads));
        // Writing to a String cannot fail.
        let _ = writeln!(
            table,
            "| [`{name}`](../fixtures/schema/{name}.json) | {} | {writes} | {reads} |",
            reference::cell(about.trim_end_matches('.'))
        );
    }
    table
}

/// A row for each command: how to write it, and what it does.
fn commands() -> String {
    let mut command = documented::command();
    command.build();
    let mut table = String::from("| command | does |\n| --- | --- |\n");
    for command in documented::leaves(&command) {
        let own = |line: String| line.strip_prefix("loadparity ").map_or(line.clone(), str::to_owned);
        let ways: Vec<String> =
            documented::synopsis(command).into_iter().map(|line| format!("`{}`", own(line))).collect();
        let about = command.get_about().map(ToString::to_string).unwrap_or_default();
        // Writing to a String cannot fail.
        let _ = writeln!(table, "| {} | {} |", reference::cell(&ways.join("<br>")), reference::cell(&about));
    }
    table
}

/// The text with its sections made anew; every byte outside of them stays.
///
/// # Errors
///
/// What is wrong with the markers.
pub(super) fn renewed(text: &str, sections: &[Section]) -> Result<String, String> {
    let mut renewed = String::with_capacity(text.len());
    let mut missing: Vec<&Section> = sections.iter().collect();
    let mut inside: Option<&str> = None;
    for line in text.split_inclusive('\n') {
        let marker = line.trim_end();
        if let Some(name) = inside {
            if marker == END {
                inside = None;
                renewed.push_str(line);
            } else if marker.starts_with("<!-- generated:") {
                return Err(format!("the section `{name}` has no `{END}` before `{marker}`"));
            }
            continue;
        }
        renewed.push_str(line);
        if let Some(name) = marker.strip_prefix("<!-- generated: ").and_then(|name| name.strip_suffix(" -->"))
        {
            let at = missing.iter().position(|section| section.0 == name);
            let at = at.ok_or_else(|| {
                let known: Vec<&str> = sections.iter().map(|section| section.0).collect();
                format!("`{marker}`: the generated sections are `{}`, each once", known.join("`, `"))
            })?;
            let (name, made) = missing.swap_remove(at);
            let end = if line.ends_with("\r\n") { "\r\n" } else { "\n" };
            renewed.push_str(&made().replace('\n', end));
            inside = Some(name);
        }
    }
    match (inside, missing.first()) {
        (Some(name), _) => Err(format!("the section `{name}` has no `{END}`")),
        (_, Some((name, _))) => Err(format!("there is no `{}`", start(name))),
        _ => Ok(renewed),
    }
}
