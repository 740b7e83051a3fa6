//! What may stand in a dialect file.

use schemars::JsonSchema;
use serde::Deserialize;
use toml::Spanned;

use crate::plan::{OnRefused, Source, Treatment};

/// A dialect file: how one loader, in one era, turns flags, variables and keywords into a load.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct DialectFile {
    /// The format that the file is written in.
    #[schemars(with = "String")]
    pub(super) schema: Spanned<String>,
    /// The name, as `--dialect` takes it: small letters, digits, dots and dashes.
    #[schemars(with = "String")]
    pub(super) name: Spanned<String>,
    /// One line on whose rules these are, and when they held.
    pub(super) about: String,
    /// The loader, where it has several eras; without it the name.
    pub(super) family: Option<String>,
    /// Where the facts come from: a commit, a page, a recording.
    #[serde(default)]
    pub(super) sources: Vec<String>,
    /// What was not read or recorded, and from what it was inferred.
    #[serde(default)]
    pub(super) inferred: Vec<String>,
    /// The programs that read these flags, by their names without a folder.
    #[serde(default)]
    pub(super) programs: Vec<String>,
    /// The builds that speak it.
    #[serde(default)]
    pub(super) builds: Vec<BuildsEntry>,
    /// The words for on and off.
    #[serde(default)]
    pub(super) booleans: BooleansEntry,
    /// How a flag can be written.
    #[serde(default)]
    pub(super) forms: FormsEntry,
    /// Whether the environment beats the command line; without it the command line wins.
    #[serde(default)]
    pub(super) environment_wins: bool,
    /// The load modes: the values of the flag that sets `mode`.
    #[serde(default)]
    pub(super) mode: Vec<ModeEntry>,
    /// The lazy modes: the values of the flag that sets `lazy`.
    #[serde(default)]
    pub(super) lazy_mode: Vec<LazyModeEntry>,
    /// How the statements of a spelling combine.
    #[schemars(with = "CombineEntry")]
    pub(super) combine: Spanned<CombineEntry>,
    /// What is printed about a spelling.
    #[serde(default)]
    pub(super) messages: MessagesEntry,
    /// The flags, in the order in which the loader registers them: the environment is applied along it.
    #[serde(default)]
    #[schemars(with = "Vec<FlagEntry>")]
    pub(super) flag: Vec<Spanned<FlagEntry>>,
    /// The grammar of the loader's benchmark.
    #[schemars(with = "Option<BenchEntry>")]
    pub(super) bench: Option<Spanned<BenchEntry>>,
    /// Arguments about loading of which this file deliberately says nothing.
    #[serde(default)]
    pub(super) unsupported: Vec<UnsupportedEntry>,
}

impl DialectFile {
    /// What a file states as its `schema`.
    pub const SCHEMA: &str = "loadparity.dialect/1";
}

/// A range of builds.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct BuildsEntry {
    /// Whose numbers these are: `llama.cpp` for build numbers such as `b8681`, else a package or an image.
    pub(super) of: String,
    /// The first build; without it there is no lower bound.
    #[schemars(with = "Option<String>")]
    pub(super) from: Option<Spanned<String>>,
    /// The first build that does not belong here any more; without it there is no upper bound.
    #[schemars(with = "Option<String>")]
    pub(super) until: Option<Spanned<String>>,
    /// Commits that are known to belong here.
    #[serde(default)]
    pub(super) commits: Vec<String>,
    /// Where the boundary comes from.
    pub(super) source: String,
}

/// The words for on and off.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct BooleansEntry {
    /// For on; without it `1`, `true`, `on`, `enabled`.
    pub(super) on: Option<Vec<String>>,
    /// For off; without it `0`, `false`, `off`, `disabled`.
    pub(super) off: Option<Vec<String>>,
    /// Whether upper and lower case are the same.
    #[serde(default)]
    pub(super) ignore_case: bool,
}

/// How a flag can be written.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub(super) struct FormsEntry {
    /// Whether the value may be the next word; without it it may.
    pub(super) separate: bool,
    /// What may stand between name and value in one word: `=`, `: `. Without it no such form is understood.
    #[schemars(with = "Option<String>")]
    pub(super) joined: Option<Spanned<String>>,
    /// Inside names that begin with two dashes `_` equals `-`.
    pub(super) underscores: bool,
    /// A beginning of a long name that fits one name alone stands for it.
    pub(super) abbreviations: bool,
}

impl Default for FormsEntry {
    fn default() -> Self {
        Self { separate: true, joined: None, underscores: false, abbreviations: false }
    }
}

/// A load mode.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct ModeEntry {
    /// What the user writes.
    #[schemars(with = "String")]
    pub(super) name: Spanned<String>,
    /// Where the weights come from.
    pub(super) source: Source,
    /// Whether they are locked.
    pub(super) lock: Option<bool>,
    /// What a refused direct load falls back to; with `source = "direct"` alone.
    pub(super) refused: Option<OnRefused>,
    /// One line on it.
    #[serde(default)]
    pub(super) help: String,
}

/// A lazy mode: which tensors are treated otherwise than the load mode says.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct LazyModeEntry {
    /// What the user writes.
    #[schemars(with = "String")]
    pub(super) name: Spanned<String>,
    /// The exceptions that it makes; the first that matches a tensor counts. Without it there are none.
    #[serde(default)]
    #[schemars(with = "Vec<ExceptionEntry>")]
    pub(super) exceptions: Vec<Spanned<ExceptionEntry>>,
    /// One line on it.
    #[serde(default)]
    pub(super) help: String,
}

/// Tensors that are treated otherwise.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct ExceptionEntry {
    /// Their names, in which `*` stands for any text; without it those of every name.
    pub(super) tensors: Option<String>,
    /// Only those of more bytes than these.
    #[serde(default)]
    pub(super) larger_than: u64,
    /// What is done with them.
    pub(super) treatment: Treatment,
    /// Whether the loader may leave the exception out where the platform does not map well.
    #[serde(default)]
    pub(super) optional: bool,
}

/// How statements combine.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct CombineEntry {
    /// Independent switches, or one field that every statement overwrites.
    pub(super) rule: Combination,
    /// The load mode when nobody speaks; with `one-field`.
    #[schemars(with = "Option<String>")]
    pub(super) start: Option<Spanned<String>>,
    /// The switches when nobody speaks; with `switches`. Without it the file is mapped.
    pub(super) switches: Option<SwitchesEntry>,
    /// Turning `on` on also turns `off` off; with `switches`.
    #[serde(default)]
    pub(super) turns_off: Vec<TurnsOff>,
    /// What a refused direct load falls back to; with `switches`. Without it it is read.
    pub(super) refused: Option<Fallback>,
    /// What a load mode says beside switches; with `switches`. Without it it decides alone.
    pub(super) mode: Option<ModeWeight>,
    /// The lazy mode when nobody speaks of one. Without it a plan has no exceptions then.
    #[schemars(with = "Option<String>")]
    pub(super) lazy: Option<Spanned<String>>,
}

/// The rule of combination.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Combination {
    /// The last statement about a switch wins inside that switch.
    Switches,
    /// The last statement wins.
    OneField,
}

/// The state of the switches.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct SwitchesEntry {
    #[serde(default)]
    pub(super) lock: bool,
    /// `map`, `read` or `auto`: what is done while the switch for direct I/O is off.
    pub(super) source: Source,
    #[serde(default)]
    pub(super) direct: bool,
}

/// A switch that turns another off.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct TurnsOff {
    pub(super) on: Decision,
    pub(super) off: Decision,
}

/// What a refused direct load falls back to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Fallback {
    /// Buffered reads.
    Read,
    /// A mapping.
    Map,
    /// Nothing: the load fails.
    Error,
    /// What would be done with direct I/O off: mapping or buffered reads.
    WithoutDirect,
}

/// What a load mode says beside switches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum ModeWeight {
    /// Everything, the lock included.
    Alone,
    /// Where the weights come from, and nothing else.
    Source,
}

/// A decision that a flag is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Decision {
    /// Whether the weights are locked.
    Lock,
    /// Whether the file is mapped.
    Map,
    /// Whether the page cache is bypassed.
    Direct,
    /// A load mode.
    Mode,
    /// A lazy mode.
    Lazy,
}

/// What is printed. Templates may hold `{name}`, `{equivalent}` and `{variable}`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct MessagesEntry {
    /// Whether each replaced switch is named once, with the equivalent of the whole combination, and
    /// then whatever had no say; else texts come as the flags are handled.
    #[serde(default)]
    pub(super) exact: bool,
    /// For a command line that has both a load mode and switches that it replaced.
    pub(super) combined: Option<String>,
    /// For a name that stands twice on the command line.
    pub(super) repeated: Option<String>,
    /// For a variable whose own flag is on the command line too.
    pub(super) overwritten: Option<String>,
}

/// A flag.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct FlagEntry {
    /// The decision it is about.
    pub(super) sets: Decision,
    /// `false` for a flag of other eras: its names are refused here and its variables are not read.
    pub(super) accepted: Option<bool>,
    /// Whether a load mode replaced it.
    #[serde(default)]
    pub(super) legacy: bool,
    /// The names that turn it on or that a value follows, the longest last. They are written as they are
    /// typed: `--mmap`, `use_mmap`, a bare word.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub(super) on: Vec<Spanned<String>>,
    /// The names that turn it off.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub(super) off: Vec<Spanned<String>>,
    /// How its value is read; without it, it takes none, or a mode where it sets one.
    #[schemars(with = "Option<Reading>")]
    pub(super) takes: Option<Spanned<Reading>>,
    /// Whether the name alone is enough and means on; a value then stands in the same word.
    #[serde(default)]
    pub(super) optional: bool,
    /// What stands for the value in lists of flags.
    pub(super) value: Option<String>,
    /// The variable of the environment.
    #[schemars(with = "Option<VariableEntry>")]
    pub(super) variable: Option<Spanned<VariableEntry>>,
    /// The variable with the negative sense.
    #[schemars(with = "Option<VariableEntry>")]
    pub(super) no_variable: Option<Spanned<VariableEntry>>,
    /// What it asks for, in a few words.
    #[serde(default)]
    pub(super) help: String,
    /// The same of its negative names.
    pub(super) off_help: Option<String>,
    /// The load mode that it writes where all statements write one field.
    #[schemars(with = "Option<String>")]
    pub(super) writes: Option<Spanned<String>>,
    /// The load mode that its negative form writes there.
    #[schemars(with = "Option<String>")]
    pub(super) off_writes: Option<Spanned<String>>,
    /// What is printed when it is used.
    pub(super) deprecated: Option<String>,
}

/// How a value is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Reading {
    /// A load mode; anything else is an error.
    Mode,
    /// A lazy mode; anything else is an error.
    Lazy,
    /// A boolean word; anything else is an error.
    Boolean,
    /// On for a word that means on; any other is ignored.
    Truthy,
    /// On whatever the value is, the empty one too.
    Presence,
    /// A number, 0 for off; anything else is an error.
    Number,
}

/// A variable of the environment.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(
    deny_unknown_fields,
    rename_all = "kebab-case",
    expecting = "a table, as `{ name = \"LLAMA_ARG_MLOCK\" }`"
)]
pub(super) struct VariableEntry {
    pub(super) name: String,
    /// How its value is read; a mode where the flag sets one, else a boolean word.
    pub(super) reads: Option<Reading>,
    /// Whether its presence keeps the other variable of the flag from being read.
    #[serde(default)]
    pub(super) hides_twin: bool,
}

/// The grammar of a benchmark, whose flags take lists.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct BenchEntry {
    /// Whether lists multiply or queue.
    pub(super) rule: ListRule,
    /// How an item of a switch's list is read.
    pub(super) items: ListItems,
    /// The items of absent lists; with `multiply`.
    pub(super) switches: Option<SwitchesEntry>,
    /// What a refused direct load falls back to; with `multiply`.
    pub(super) refused: Option<Fallback>,
    /// What the table shows of a load without a load mode: `{map}` and `{direct}` are 0 or 1.
    pub(super) label: Option<String>,
    /// The queue when nobody speaks; with `queue`.
    #[schemars(with = "Option<String>")]
    pub(super) start: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) flag: Vec<BenchFlagEntry>,
}

/// How lists combine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum ListRule {
    /// Every map value with every direct value; load modes queue beside the product.
    Multiply,
    /// Every item appends one load mode to one queue.
    Queue,
}

/// How an item is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum ListItems {
    /// A boolean word; anything else is an error.
    Words,
    /// A number as a C++ stream reads a `bool`.
    Stream,
}

/// A flag of a benchmark.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct BenchFlagEntry {
    pub(super) sets: Decision,
    /// `false` for a flag of other eras, which is refused here.
    pub(super) accepted: Option<bool>,
    #[schemars(with = "Vec<String>")]
    pub(super) names: Vec<Spanned<String>>,
    /// What is printed when it is used.
    pub(super) deprecated: Option<String>,
    /// The load mode that an item for on appends; with `queue`.
    #[schemars(with = "Option<String>")]
    pub(super) on: Option<Spanned<String>>,
    /// The load mode that an item for off appends; with `queue`.
    #[schemars(with = "Option<String>")]
    pub(super) off: Option<Spanned<String>>,
}

/// An argument of which the file deliberately says nothing.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct UnsupportedEntry {
    /// The name as it is typed.
    pub(super) name: String,
    /// Why nothing is said of it.
    pub(super) why: String,
}
