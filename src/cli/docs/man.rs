//! Man pages, one a command.

use clap::Command;
use clap_mangen::Man;

use crate::cli::documented;

/// Every page with the name of its file.
pub(super) fn pages() -> Vec<(String, String)> {
    let mut command = documented::command();
    command.build();
    let mut pages = Vec::new();
    add(&command, &mut pages);
    pages
}

fn add(command: &Command, pages: &mut Vec<(String, String)>) {
    pages.push(page(command));
    for inner in command.get_subcommands().filter(|command| !command.is_hide_set()) {
        add(inner, pages);
    }
}

/// The page has neither a date nor a version, so that it changes when the command does and at no other time.
fn page(command: &Command) -> (String, String) {
    let man = Man::new(with_aliases(command.clone())).date("").source("loadparity").manual("loadparity");
    let mut page = Vec::new();
    let written = man
        .render_title(&mut page)
        .and_then(|()| man.render_name_section(&mut page))
        .and_then(|()| man.render_synopsis_section(&mut page))
        .and_then(|()| man.render_description_section(&mut page))
        .and_then(|()| man.render_options_section(&mut page))
        .and_then(|()| match command.has_subcommands() {
            true => man.render_subcommands_section(&mut page),
            false => Ok(()),
        })
        .and_then(|()| match command.get_after_help() {
            Some(_) => man.render_extra_section(&mut page),
            None => Ok(()),
        });
    written.expect("a Vec accepts every write");
    // An empty date is written as nothing, which would make the next word the date.
    let page = String::from_utf8_lossy(&page).replacen(" 1  loadparity", " 1 \"\" loadparity", 1);
    (man.get_filename(), page.chars().map(roff_letter).collect())
}

/// A letter as every roff can read it, whatever the locale.
fn roff_letter(letter: char) -> String {
    if letter.is_ascii() { letter.to_string() } else { format!("\\[u{:04X}]", u32::from(letter)) }
}

/// The same command with the aliases of an option in its help, where a page can show them.
fn with_aliases(command: Command) -> Command {
    command.mut_args(|arg| {
        let names: Vec<String> =
            arg.get_visible_aliases().unwrap_or_default().into_iter().map(documented::typed).collect();
        match (names.is_empty(), arg.get_help()) {
            (false, Some(help)) => {
                let help = format!("{help} [also: {}]", names.join(", "));
                arg.help(help)
            }
            _ => arg,
        }
    })
}
