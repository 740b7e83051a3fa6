//! The text of a new `loadparity.toml`.

use std::fmt::Write;

use crate::check::{FirstLook, SeenOutput};
use crate::cli::config::ConfigFile;
use crate::layout::Choice;

/// What was found out, and how.
#[derive(Default)]
pub(super) struct Found {
    pub(super) command: Vec<String>,
    pub(super) model: Vec<String>,
    pub(super) layout: Choice,
    pub(super) dialect: Option<String>,
    /// A level that all of can be seen, where that is not the highest.
    pub(super) level: Option<&'static str>,
    pub(super) timeout: Option<u64>,
    pub(super) quick: bool,
    /// Key and reason, in the order in which they were found.
    pub(super) notes: Vec<(&'static str, String)>,
}

impl Found {
    /// How far what was seen reaches.
    pub(super) fn seen(&mut self, look: &FirstLook) {
        let FirstLook { arrived, bytes, output, runs, .. } = look;
        if let Ok(how) = arrived {
            self.notes.push(("weights", format!("came by {how} in {runs} runs without load flags")));
        }
        let why = match output {
            SeenOutput::Same => {
                self.notes
                    .push(("output", format!("the same in {runs} runs: it is compared in every case (P4)")));
                return;
            }
            SeenOutput::Empty => format!("nothing on standard output in {runs} runs"),
            SeenOutput::Varies(seen) => format!("it varies by itself: {seen}"),
            SeenOutput::Constant => "it is the same with other weights in the model".to_owned(),
        };
        // What cannot be shown is not asked for, and the file says so.
        self.level = Some(if *bytes { "P3" } else { "P2" });
        let advice = "print a result that the weights decide, the same each time (a fixed seed, no time in it), and take `level` out";
        self.notes.push(("level", format!("{why}, so P4 is not observed; {advice}")));
    }

    /// The file.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "# What `loadparity check` takes where its command line says nothing. A key has the name of its flag, a path is\n\
             # relative to this file; `loadparity schema config` prints the format.\nschema = {}\n",
            quoted(ConfigFile::SCHEMA)
        );
        self.comment(&mut text, "command");
        match &self.command[..] {
            [] => text.push_str(
                "# The command to check. Without one the reference engine is checked.\n# command = [\"./loader\", \"{model}\", \"{flags}\"]\n",
            ),
            words => {
                let _ = writeln!(text, "command = {}", list(words));
            }
        }
        text.push('\n');
        self.comment(&mut text, "model");
        match &self.model[..] {
            [] => text.push_str("# model = \"model.gguf\"\n"),
            [one] => {
                let _ = writeln!(text, "model = {}", quoted(one));
            }
            several => {
                let _ = writeln!(text, "model = {}", list(several));
            }
        }
        if self.layout != Choice::Auto {
            let _ = writeln!(text, "layout = {}", quoted(&self.layout.to_string()));
        }
        text.push('\n');
        self.comment(&mut text, "dialect");
        let dialect = self
            .dialect
            .as_deref()
            .map_or("# dialect = \"reference\"".to_owned(), |d| format!("dialect = {}", quoted(d)));
        let _ = writeln!(text, "{dialect}\n");
        for key in ["weights", "output", "level"] {
            self.comment(&mut text, key);
        }
        let level =
            self.level.map_or("# level = \"P4\"".to_owned(), |level| format!("level = {}", quoted(level)));
        let _ = writeln!(text, "{level}\n");
        self.comment(&mut text, "cases");
        let _ = writeln!(text, "{}quick = true", if self.quick { "" } else { "# " });
        self.comment(&mut text, "timeout");
        let _ = match self.timeout {
            Some(seconds) => writeln!(text, "timeout = {seconds}\n"),
            None => writeln!(text, "# timeout = 120\n"),
        };
        text.push_str(REST);
        text
    }

    fn comment(&self, text: &mut String, key: &str) {
        for (_, how) in self.notes.iter().filter(|(of, _)| *of == key) {
            let _ = writeln!(text, "# {key}: {}", how.replace(['\n', '\r'], " "));
        }
    }
}

/// What nobody can find out.
const REST: &str = "\
# Known divergences, each with its reason; one that is gone fails the run.
# expect = \"known.json\"

# Golden code paths and memory needs: `loadparity baseline record` writes them, `baseline verify` compares.
# baseline = \"loadparity.baseline.json\"

# What to report beside the terminal.
# format = [\"terminal\", \"junit=junit.xml\"]

# How far `loadparity check --faults` goes.
# [faults]
# depth = 2
# time = 300
";

fn list(words: &[String]) -> String {
    format!("[{}]", words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(", "))
}

/// A basic string of TOML: as JSON writes one, which leaves DEL as it is.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string().replace('\u{7f}', "\\u007F")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_is_read_as_it_was() {
        for text in ["", "a b", "it's \"so\"", "back\\slash", "tab\tline\nreturn\r\u{1}\u{7f}\u{85}é"] {
            let line = format!("x = {}", quoted(text));
            let table: toml::Table = toml::from_str(&line).expect("TOML");
            assert_eq!(table["x"].as_str(), Some(text), "{line}");
        }
    }
}
