//! Taking the load flags out of a longer command line, so that another parser can have the rest.

use std::ffi::OsString;

use super::flags;
use super::parse::split_inline;

/// Splits a command line into the load flags with their values and everything else, both in order.
///
/// Every name of the flag table counts, whichever dialect is in force, so that a flag its dialect
/// does not know gets that dialect's own error. Nothing is taken after `--`. A word that follows
/// another program's option cannot be told from a flag: `-p --mlock` gives up its `--mlock`.
/// A value that is not UTF-8 is passed on with replacement characters and fails as a value.
#[must_use]
pub fn split_args(argv: impl IntoIterator<Item = OsString>) -> (Vec<String>, Vec<OsString>) {
    let mut argv = argv.into_iter();
    let (mut load, mut rest) = (Vec::new(), Vec::new());
    while let Some(token) = argv.next() {
        if token == "--" {
            rest.push(token);
            rest.extend(argv.by_ref());
            break;
        }
        let text = token.to_string_lossy();
        let (name, inline) = split_inline(&text);
        match flags::find(name) {
            Some(named) => {
                let wants_value = named.flag.def().value.is_some() && inline.is_none();
                load.push(text.into_owned());
                if wants_value && let Some(value) = argv.next() {
                    load.push(value.to_string_lossy().into_owned());
                }
            }
            None => rest.push(token),
        }
    }
    (load, rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(line: &str) -> (String, String) {
        let (load, rest) = split_args(line.split(' ').map(OsString::from));
        let rest: Vec<_> = rest.iter().map(|token| token.to_string_lossy()).collect();
        (load.join(" "), rest.join(" "))
    }

    #[test]
    fn load_flags_leave_with_their_values() {
        assert_eq!(
            split("run -m x.gguf --no_mmap -lm none -p hello --load-mode=dio -dio -n 4"),
            ("--no_mmap -lm none --load-mode=dio -dio".into(), "run -m x.gguf -p hello -n 4".into())
        );
        // The word after a mode flag is its value, whatever it looks like.
        assert_eq!(split("-lm --mlock -n 4"), ("-lm --mlock".into(), "-n 4".into()));
        assert_eq!(split("-n 4 -lm"), ("-lm".into(), "-n 4".into()));
    }

    #[test]
    fn nothing_is_taken_after_the_double_dash() {
        assert_eq!(split("--mlock -- --mmap -lm none"), ("--mlock".into(), "-- --mmap -lm none".into()));
    }

    #[test]
    fn similar_words_stay() {
        for line in ["--mmap-file x", "-lmx none", "mlock", "--n=--mlock", "-d -io"] {
            assert_eq!(split(line), (String::new(), line.into()));
        }
    }
}
