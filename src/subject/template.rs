//! A command line with places for the model and the load flags.

use std::ffi::OsString;
use std::fmt;
use std::path::Path;

use crate::plan::Spelling;

const MODEL: &str = "{model}";
const FLAGS: &str = "{flags}";

/// The words of a command. `{model}`, anywhere in a word, stands for the model file; `{flags}`, a word
/// of its own, for the words of a spelling.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template(Vec<OsString>);

/// A command that is no template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// No word at all.
    #[error("no command was given; write it as `CMD {{model}} {{flags}}`")]
    Empty,
    /// A place is missing.
    #[error("the command `{command}` has no `{place}`: write it in the place of {what}")]
    Missing {
        /// The command.
        command: String,
        /// Which place.
        place: &'static str,
        /// What goes there.
        what: &'static str,
    },
    /// `{flags}` inside a longer word.
    #[error(
        "in the word `{word}` of the command: `{{flags}}` stands for several words and must be one of its own"
    )]
    FlagsInside {
        /// The word.
        word: String,
    },
    /// Quotes that do not close.
    #[error("the command `{line}` ends inside quotes or behind a backslash")]
    Quotes {
        /// The line.
        line: String,
    },
}

impl Template {
    /// A template of words; one without a place for flags is one case, where that is allowed.
    ///
    /// # Errors
    /// When a place is missing or `{flags}` is no word of its own.
    pub fn new(words: Vec<OsString>, without_flags: bool) -> Result<Self, TemplateError> {
        if words.is_empty() {
            return Err(TemplateError::Empty);
        }
        let template = Self(words);
        let texts = || template.0.iter().filter_map(|word| word.to_str());
        if let Some(word) = texts().find(|word| word.contains(FLAGS) && *word != FLAGS) {
            return Err(TemplateError::FlagsInside { word: word.to_owned() });
        }
        for (place, what) in [(MODEL, "the model file"), (FLAGS, "the load flags")] {
            let needed = place == MODEL || !without_flags;
            if needed && !texts().any(|word| word.contains(place)) {
                return Err(TemplateError::Missing { command: template.to_string(), place, what });
            }
        }
        Ok(template)
    }

    /// A template of one line, split into words as a POSIX shell does; nothing is expanded.
    ///
    /// # Errors
    /// As [`Template::new`], and when a quote does not close.
    pub fn from_line(line: &str, without_flags: bool) -> Result<Self, TemplateError> {
        let words = shlex::split(line).ok_or_else(|| TemplateError::Quotes { line: line.to_owned() })?;
        Self::new(words.into_iter().map(OsString::from).collect(), without_flags)
    }

    /// Whether it has a place for flags.
    #[must_use]
    pub fn takes_flags(&self) -> bool {
        self.0.iter().any(|word| word == FLAGS)
    }

    /// The command line for a model and some flags.
    #[must_use]
    pub fn fill(&self, model: &Path, flags: &[String]) -> Vec<OsString> {
        let mut argv = Vec::with_capacity(self.0.len() + flags.len());
        for word in &self.0 {
            match word.to_str() {
                Some(FLAGS) => argv.extend(flags.iter().map(OsString::from)),
                Some(text) if text.contains(MODEL) => argv.push(with_model(text, model)),
                _ => argv.push(word.clone()),
            }
        }
        argv
    }
}

fn with_model(word: &str, model: &Path) -> OsString {
    let mut filled = OsString::new();
    for (i, part) in word.split(MODEL).enumerate() {
        if i > 0 {
            filled.push(model);
        }
        filled.push(part);
    }
    filled
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plain = |word: &OsString| {
            let word = word.to_string_lossy();
            if word == FLAGS || word == MODEL {
                word.into_owned()
            } else {
                Spelling::flags([word.as_ref()]).to_string()
            }
        };
        f.write_str(&self.0.iter().map(plain).collect::<Vec<_>>().join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(line: &str, flags: &[&str]) -> Vec<String> {
        let flags: Vec<String> = flags.iter().map(|f| (*f).to_owned()).collect();
        let argv = Template::from_line(line, false).unwrap().fill(Path::new("/a b/m.gguf"), &flags);
        argv.into_iter().map(|word| word.into_string().unwrap()).collect()
    }

    #[test]
    fn places_are_filled() {
        let line = "'my prog' -m {model} --url=file:{model}?x {flags} -p 'a  b'";
        assert_eq!(
            filled(line, &["--mmap", ""]),
            ["my prog", "-m", "/a b/m.gguf", "--url=file:/a b/m.gguf?x", "--mmap", "", "-p", "a  b"]
        );
        assert_eq!(filled("p {model} {flags}", &[]), ["p", "/a b/m.gguf"]);
    }

    #[test]
    fn a_line_that_is_shown_reads_as_itself() {
        let template = Template::from_line("p -m {model} 'x y' {flags} \"it's\"", false).unwrap();
        assert_eq!(template.to_string(), r"p -m {model} 'x y' {flags} 'it'\''s'");
        assert_eq!(Template::from_line(&template.to_string(), false), Ok(template));
    }

    #[test]
    fn what_is_missing_is_named() {
        let error = |line| Template::from_line(line, false).unwrap_err().to_string();
        assert!(error("").contains("CMD {model} {flags}"));
        assert!(error("p {flags}").contains("no `{model}`"));
        assert!(error("p {model}").contains("no `{flags}`"));
        assert!(error("sh -c 'p {model} {flags}'").contains("one of its own"));
        assert!(error("p 'x").contains("quotes"));
    }
}
