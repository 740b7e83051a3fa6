//! All that is generated and kept in a checkout: compared with what the program makes, or renewed.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use similar::TextDiff;

use super::{completions, man, readme, reference, regressions, rules};
use crate::cli::exit::Exit;
use crate::cli::schema;

const README: &str = "README.md";
const JSON: &str = "docs/json.md";
const MAN: &str = "docs/man";

/// A file of a checkout: its path, with `/`, and what it has to hold; `None` if it must not be there.
struct Made {
    path: String,
    text: Option<String>,
}

/// Everything that is made, in the checkout at `root`.
fn all(root: &Path) -> Result<Vec<Made>, String> {
    let mut made = vec![
        (README.to_owned(), readme(root)?),
        (JSON.to_owned(), json(root)?),
        ("PLATFORM.md".to_owned(), crate::platform::platform_markdown()),
        ("docs/cli.md".to_owned(), reference::page()),
        ("docs/regressions.md".to_owned(), regressions(root)?),
        ("docs/rules.md".to_owned(), rules::page()),
    ];
    made.extend(schema::copies());
    made.extend(man::pages().into_iter().map(|(name, page)| (format!("{MAN}/{name}"), page)));
    made.extend(
        completions::all().into_iter().map(|(name, text)| (format!("docs/completions/{name}"), text)),
    );
    let mut made: Vec<Made> = made.into_iter().map(|(path, text)| Made { path, text: Some(text) }).collect();
    // The page of a command that is no more.
    let mut pages: Vec<String> = fs::read_dir(root.join(MAN))
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| name.starts_with("loadparity") && name.ends_with(".1"))
        .map(|name| format!("{MAN}/{name}"))
        .collect();
    pages.sort();
    pages.retain(|path| made.iter().all(|made| made.path != *path));
    made.extend(pages.into_iter().map(|path| Made { path, text: None }));
    Ok(made)
}

/// `README.md` of a checkout with its sections made anew.
pub(super) fn readme(root: &Path) -> Result<String, String> {
    with_sections(root, README, readme::README)
}

/// `docs/json.md` of a checkout with its sections made anew.
pub(super) fn json(root: &Path) -> Result<String, String> {
    with_sections(root, JSON, readme::JSON)
}

fn with_sections(root: &Path, page: &str, sections: &[readme::Section]) -> Result<String, String> {
    let path = root.join(page);
    let named = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let kept = fs::read_to_string(&path)
        .map_err(|error| format!("{}; --root names the folder of a checkout", named(&error)))?;
    readme::renewed(&kept, sections).map_err(|error| named(&error))
}

/// `docs/regressions.md`, from the fixtures of a checkout.
pub(super) fn regressions(root: &Path) -> Result<String, String> {
    let fixtures = root.join("fixtures");
    regressions::page(&fixtures)
        .map_err(|error| format!("{}: {error}; --root names the folder of a checkout", fixtures.display()))
}

/// The text of a file, if it is there. The ends of its lines are those of `\n`, whatever a checkout made of them.
fn kept(root: &Path, path: &str) -> Result<Option<String>, String> {
    match fs::read(root.join(path)) {
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).replace("\r\n", "\n"))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(format!("{}: {error}", root.join(path).display())),
    }
}

/// What is stale, with what it holds now.
fn stale(root: &Path) -> Result<Vec<(Made, Option<String>)>, String> {
    let mut stale = Vec::new();
    for made in all(root)? {
        let kept = kept(root, &made.path)?;
        if kept != made.text.as_ref().map(|text| text.replace("\r\n", "\n")) {
            stale.push((made, kept));
        }
    }
    Ok(stale)
}

/// Prints what differs; exit code 1 if anything does.
pub(super) fn verify(root: &Path, out: &mut dyn Write) -> Exit {
    let stale = match stale(root) {
        Ok(stale) => stale,
        Err(error) => return Exit::usage(error),
    };
    for (made, kept) in &stale {
        let printed = match (kept, &made.text) {
            (None, _) => writeln!(out, "{}: is not there", made.path),
            (_, None) => writeln!(out, "{}: there is no such command", made.path),
            (Some(kept), Some(text)) => {
                let diff = TextDiff::from_lines(kept.as_str(), text.as_str());
                let mut diff = diff.unified_diff();
                let (old, new) = (format!("a/{}", made.path), format!("b/{}", made.path));
                write!(out, "{}", diff.context_radius(2).header(&old, &new))
            }
        };
        if let Err(error) = printed {
            return Exit::internal(error);
        }
    }
    if stale.is_empty() {
        return Exit::Code(0);
    }
    let paths: Vec<&str> = stale.iter().map(|(made, _)| made.path.as_str()).collect();
    Exit::Failed(1, format!("stale: {}; `loadparity docs write` renews them", paths.join(", ")))
}

/// Renews what is stale and says what that was.
pub(super) fn write(root: &Path, out: &mut dyn Write) -> Exit {
    let mut all = || -> Result<(), String> {
        for (made, _) in stale(root)? {
            let path = root.join(&made.path);
            let done = match &made.text {
                Some(text) => {
                    let folder = path.parent().map_or(Ok(()), fs::create_dir_all);
                    folder.and_then(|()| fs::write(&path, text))
                }
                None => fs::remove_file(&path),
            };
            done.map_err(|error| format!("{}: {error}", path.display()))?;
            let word = if made.text.is_some() { "renewed" } else { "removed" };
            writeln!(out, "{word} {}", made.path).map_err(|error| error.to_string())?;
        }
        Ok(())
    };
    match all() {
        Ok(()) => Exit::Code(0),
        Err(error) => Exit::usage(error),
    }
}
