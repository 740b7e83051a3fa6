//! The generated sections of `README.md`, and putting them in their places.

use std::fmt::Write as _;

use super::reference;
use crate::cli::documented;

/// The names of the sections, each of which has to be there once.
const SECTIONS: [&str; 3] = ["commands", "load flags", "exit codes"];

const END: &str = "<!-- end -->";

fn start(section: &str) -> String {
    format!("<!-- generated: {section} -->")
}

fn section(name: &str) -> String {
    match name {
        "commands" => commands(),
        "load flags" => format!("{}\n{}", reference::load_flags(), reference::load_modes()),
        _ => reference::exit_codes(),
    }
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
pub(super) fn renewed(text: &str) -> Result<String, String> {
    let mut renewed = String::with_capacity(text.len());
    let mut missing: Vec<&str> = SECTIONS.to_vec();
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
            let at = missing.iter().position(|section| *section == name);
            let at = at.ok_or_else(|| {
                let known = SECTIONS.join("`, `");
                format!("`{marker}`: the generated sections are `{known}`, each once")
            })?;
            let name = missing.swap_remove(at);
            let end = if line.ends_with("\r\n") { "\r\n" } else { "\n" };
            renewed.push_str(&section(name).replace('\n', end));
            inside = Some(name);
        }
    }
    match (inside, missing.first()) {
        (Some(name), _) => Err(format!("the section `{name}` has no `{END}`")),
        (_, Some(name)) => Err(format!("there is no `{}`", start(name))),
        _ => Ok(renewed),
    }
}
