//! A command as it is typed, as one with places for the model and the load flags.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::cli::exit::Exit;
use crate::cli::report_file::place;
use crate::plan::{Dialect, load_flags};

const MODEL: &str = "{model}";
const FLAGS: &str = "{flags}";

/// The words of a command with their places, and what was changed.
pub(super) struct Placed {
    pub(super) words: Vec<String>,
    pub(super) notes: Vec<String>,
}

/// The regular files that words name, by themselves or behind an equals sign.
pub(super) fn files(words: &[OsString]) -> Vec<PathBuf> {
    let values = words.iter().filter_map(|word| word.to_str()).filter_map(value);
    values.map(PathBuf::from).filter(|path| path.is_file()).collect()
}

/// A word, or what stands behind its equals sign where it is an option.
fn value(word: &str) -> Option<&str> {
    match word.split_once('=') {
        Some((_, value)) if word.starts_with('-') => Some(value),
        _ => (!word.starts_with('-')).then_some(word),
    }
}

/// Puts `{model}` where a word names the model and `{flags}` where load flags stand, or at the end. The flags of a
/// dialect that is not known yet are those of any.
pub(super) fn with_places(
    command: &[OsString],
    model: &[PathBuf],
    dialect: Option<Dialect>,
) -> Result<Placed, Exit> {
    let text = |word: &OsString| {
        word.to_str()
            .map(str::to_owned)
            .ok_or_else(|| Exit::usage(format!("{word:?} in the command is not UTF-8")))
    };
    let mut words: Vec<String> = command.iter().map(text).collect::<Result<_, _>>()?;
    let mut notes = Vec::new();
    if let Some(first) = model.first().filter(|_| !words.iter().any(|word| word.contains(MODEL))) {
        let places = words.iter_mut().skip(1).filter_map(|word| at_model(word, first).map(|to| (word, to)));
        let mut named = 0;
        for (word, to) in places {
            *word = to;
            named += 1;
        }
        if named == 0 {
            let message = format!(
                "no word of the command names {}: write {MODEL} where the model belongs",
                first.display()
            );
            return Err(Exit::usage(message));
        }
        notes.push(format!("{MODEL} stands for {}", first.display()));
    }
    if !words.iter().any(|word| word == FLAGS) {
        notes.push(place_flags(&mut words, dialect));
    }
    Ok(Placed { words, notes })
}

/// The word with `{model}` in the place of the model's path, if it names that.
fn at_model(word: &str, model: &Path) -> Option<String> {
    let named = value(word)?;
    let same = Path::new(named).is_file() && place(Path::new(named)) == place(model);
    same.then(|| format!("{}{MODEL}", &word[..word.len() - named.len()]))
}

/// Puts `{flags}` in the place of the load flags; says where.
fn place_flags(words: &mut Vec<String>, dialect: Option<Dialect>) -> String {
    let dialects = dialect.map_or_else(Dialect::eras, |dialect| vec![dialect]);
    // The dialect that knows most of the words: another would leave the value of a flag behind.
    let found = dialects.into_iter().map(|dialect| load_flags(dialect, &words[1..], |_| false));
    let ranges = found.max_by_key(|ranges| ranges.iter().map(ExactSizeIterator::len).sum::<usize>());
    let ranges = ranges.unwrap_or_default();
    let Some(first) = ranges.first().cloned() else {
        words.push(FLAGS.to_owned());
        return format!("{FLAGS} stands at the end: the command has no load flag of its own");
    };
    let mut taken = Vec::new();
    for range in ranges.into_iter().rev() {
        let own: Vec<String> = words.drain(range.start + 1..range.end + 1).collect();
        taken.splice(0..0, own);
    }
    words.insert(first.start + 1, FLAGS.to_owned());
    format!("{FLAGS} stands in the place of {}", taken.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn placed(line: &str, model: &str) -> Result<Vec<String>, String> {
        let words: Vec<OsString> = line.split(' ').map(OsString::from).collect();
        let placed = with_places(&words, &[PathBuf::from(model)], None);
        placed.map(|placed| placed.words).map_err(|exit| format!("{exit:?}"))
    }

    #[test]
    fn the_model_and_the_flags_find_their_places() {
        let folder = tempfile::tempdir().expect("a folder");
        let model = folder.path().join("m.gguf");
        std::fs::write(&model, "x").expect("a file");
        let model = model.to_str().expect("UTF-8");
        for (line, wanted) in [
            ("p -m MODEL -n 4", "p -m {model} -n 4 {flags}"),
            ("p --model=MODEL --mlock -n 4", "p --model={model} {flags} -n 4"),
            ("p -lm mmap MODEL --no-mmap x", "p {flags} {model} x"),
            ("p {model} {flags} x", "p {model} {flags} x"),
            ("p {flags} MODEL", "p {flags} {model}"),
        ] {
            let words = placed(&line.replace("MODEL", model), model).expect("places");
            assert_eq!(words.join(" "), wanted, "{line}");
        }
        assert!(placed("p -n 4", model).expect_err("no model").contains("write {model}"));
    }
}
