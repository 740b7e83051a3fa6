//! Man pages, one a command.

use clap::Command;
use clap_mangen::Man;

use crate::cli::{documented, guide};

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
    let page =
        String::from_utf8_lossy(&page).replacen(" 1  loadparity", " 1 \"\" loadparity", 1) + &beside(command);
    (man.get_filename(), page.chars().map(roff_letter).collect())
}

/// The sections that clap knows nothing of: examples, exit codes, files and further reading, in the order of `man(7)`.
fn beside(command: &Command) -> String {
    let name = command.get_bin_name().unwrap_or_else(|| command.get_name());
    let Some(guide) = guide::of(name.split_once(' ').map_or("", |(_, rest)| rest)) else {
        return String::new();
    };
    let mut page = String::from(".SH \"EXIT STATUS\"\n");
    let tagged = |tag: &str, text: &str, page: &mut String| {
        *page += &format!(".TP\n\\fB{}\\fR\n{}\n", roff(tag), roff(text));
    };
    if guide.command == "trace" {
        page += "The command\\*(Aqs own, 128 and the number of the signal that ended it, or:\n";
    }
    for (code, meaning) in guide.exit_codes() {
        tagged(&code.to_string(), meaning, &mut page);
    }
    if !guide.files.is_empty() {
        page += ".SH FILES\n";
        for (path, what) in guide.files {
            tagged(path, what, &mut page);
        }
    }
    page += ".SH EXAMPLES\n";
    for (what, line) in guide.examples {
        tagged(&documented::sentence(what), "", &mut page);
        page.pop();
        page += &format!(".nf\nloadparity {}\n.fi\n", roff(line));
    }
    let see: Vec<String> = guide
        .see
        .iter()
        .filter_map(|name| name.split_once('('))
        .map(|(name, section)| format!("\\fB{}\\fR({section}", roff(name)))
        .collect();
    page + &format!(".SH \"SEE ALSO\"\n{}\n", see.join(", "))
}

/// Text that roff reads as it stands.
fn roff(text: &str) -> String {
    let text = text.replace('\\', "\\e").replace('-', "\\-").replace('\'', "\\*(Aq");
    if text.starts_with(['.', '\'']) { format!("\\&{text}") } else { text }
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
