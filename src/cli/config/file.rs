//! What may stand in a `loadparity.toml`.

use std::fmt;

use schemars::JsonSchema;
use serde::de::{self, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use toml::Spanned;

/// `loadparity.toml`: the options of `check` and `baseline` for one loader. A key has the name of its flag, a path is
/// relative to the file, and what the command line says comes first.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct ConfigFile {
    /// The format that the file is written in.
    #[schemars(with = "String")]
    pub(super) schema: Spanned<String>,
    /// The command to check, with `{model}` and `{flags}` in their places: a list of its words, or one line in the
    /// words of a shell. It runs in the folder of the file. Without it the reference engine is checked.
    #[schemars(with = "Option<Words>")]
    pub(super) command: Option<Spanned<Words>>,
    /// The model, or the list of its files.
    #[schemars(with = "Option<Words>")]
    pub(super) model: Option<Spanned<Words>>,
    /// Where the weights lie in the model's files, as `--layout` takes it.
    #[schemars(with = "Option<String>")]
    pub(super) layout: Option<Spanned<String>>,
    /// The dialect of the command: a name, a dialect file, a build, or `auto`.
    #[schemars(with = "Option<String>")]
    pub(super) dialect: Option<Spanned<String>>,
    /// How far to go: `P1`, `P2`, `P3` or `P4`; a level that is named has to be observed.
    #[schemars(with = "Option<String>")]
    pub(super) level: Option<Spanned<String>>,
    /// Run one spelling of each plan only.
    #[schemars(with = "Option<bool>")]
    pub(super) quick: Option<Spanned<bool>>,
    /// Run every ordered triple of flags.
    #[schemars(with = "Option<bool>")]
    pub(super) exhaustive: Option<Spanned<bool>>,
    /// The file of known divergences.
    #[schemars(with = "Option<String>")]
    pub(super) expect: Option<Spanned<String>>,
    /// The golden code paths of the command, for `baseline record` and `baseline verify`.
    #[schemars(with = "Option<String>")]
    pub(super) baseline: Option<Spanned<String>>,
    /// What to report, as `--format` takes it: one format or a list, each with `=FILE` to write there.
    #[schemars(with = "Option<Words>")]
    pub(super) format: Option<Spanned<Words>>,
    /// How many cases run side by side.
    #[schemars(with = "Option<u16>")]
    pub(super) jobs: Option<Spanned<u16>>,
    /// Seconds after which a run of the command is ended.
    #[schemars(with = "Option<f64>")]
    pub(super) timeout: Option<Spanned<f64>>,
    /// How often the command is run again before what it does is believed.
    #[schemars(with = "Option<u32>")]
    pub(super) retries: Option<Spanned<u32>>,
    /// Milliseconds to wait before every run.
    #[schemars(with = "Option<u64>")]
    pub(super) settle: Option<Spanned<u64>>,
    /// Do not compare the command's memory with the model: P3 is then not observed.
    #[schemars(with = "Option<bool>")]
    pub(super) no_memory: Option<Spanned<bool>>,
    /// How far `check --faults` goes.
    #[serde(default)]
    pub(super) faults: FaultsEntry,
}

impl ConfigFile {
    /// What a file states as its `schema`.
    pub(crate) const SCHEMA: &str = "loadparity.config/1";
}

/// How far `check --faults` goes; of no account without that flag.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct FaultsEntry {
    /// Faults in one schedule at most.
    #[schemars(with = "Option<u32>")]
    pub(super) depth: Option<Spanned<u32>>,
    /// Schedules to run at most.
    #[schemars(with = "Option<u64>")]
    pub(super) cases: Option<Spanned<u64>>,
    /// Seconds in which schedules are begun.
    #[schemars(with = "Option<u64>")]
    pub(super) time: Option<Spanned<u64>>,
    /// The file of divergences that are known under faults, instead of `expect`.
    #[schemars(with = "Option<String>")]
    pub(super) expect: Option<Spanned<String>>,
}

/// One text, or a list of texts.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema)]
#[serde(untagged)]
pub(super) enum Words {
    /// One.
    One(String),
    /// Several.
    Many(Vec<String>),
}

impl<'de> Deserialize<'de> for Words {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = Words;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string or a list of strings")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Words, E> {
                Ok(Words::One(text.to_owned()))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Words, A::Error> {
                let mut words = Vec::new();
                while let Some(word) = items.next_element()? {
                    words.push(word);
                }
                Ok(Words::Many(words))
            }
        }
        deserializer.deserialize_any(Either)
    }
}
