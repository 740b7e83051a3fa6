//! A dialect file as rules, after the checks that a schema cannot make.

mod lazy;

use std::collections::BTreeSet;
use std::ops::Range;

use toml::Spanned;

use self::lazy::{ONLY_OF_ITS_FLAG, modes_of, modes_read};
use super::error::{DialectError, meant};
use super::format::{
    BenchEntry, Combination, CombineEntry, Decision, DialectFile, Fallback, FlagEntry, FormsEntry, ListItems,
    ListRule, ModeEntry, ModeWeight, Reading, SwitchesEntry, VariableEntry,
};
use crate::plan::bench::{BenchCombine, BenchFlag, BenchRules, Items};
use crate::plan::builds::{Covered, is_build};
use crate::plan::flags::{Flag, FlagDef, Reads, Takes, VariableDef};
use crate::plan::rules::{
    Base, Booleans, Combine, Forms, LazyMode, Messages, ModeRole, Refusal, Rules, Switches, Word,
};
use crate::plan::{Exceptions, LoadPlan, OnRefused, Source};

/// The words for on and off where a file names none: those of llama.cpp.
const ON: [&str; 4] = ["1", "true", "on", "enabled"];
const OFF: [&str; 4] = ["0", "false", "off", "disabled"];

type Result<T> = std::result::Result<T, DialectError>;

/// The text, for places.
struct Reader<'t> {
    text: &'t str,
    modes: Vec<Word>,
    lazy_modes: Vec<LazyMode>,
    one_field: bool,
}

/// Makes rules of a file.
pub(super) fn rules(file: &'static DialectFile, text: &str) -> Result<Rules> {
    let one_field = file.combine.get_ref().rule == Combination::OneField;
    let mut reader = Reader { text, modes: Vec::new(), lazy_modes: Vec::new(), one_field };
    if file.schema.get_ref() != DialectFile::SCHEMA {
        let text = format!(
            "'{}' is no format of dialect files; write '{}'",
            file.schema.get_ref(),
            DialectFile::SCHEMA
        );
        return reader.refuse(file.schema.span(), text);
    }
    let name = file.name.get_ref().as_str();
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '-' | '_');
    if name.is_empty() || name == "auto" || !name.chars().all(plain) {
        return reader.refuse(
            file.name.span(),
            format!("'{name}' cannot be a name: use small letters, digits, dots and dashes, and not 'auto'"),
        );
    }
    reader.modes = reader.modes(&file.mode, file.combine.get_ref())?;
    reader.lazy_modes = reader.lazy_modes(&file.lazy_mode)?;
    let forms = reader.forms(file)?;
    let table = reader.table(&file.flag)?;
    let combine = reader.combine(&file.combine)?;
    let bench = file.bench.as_ref().map(|bench| reader.bench(bench)).transpose()?;
    let booleans = &file.booleans;
    let words = |own: &'static Option<Vec<String>>, usual: [&'static str; 4]| match own {
        Some(own) => strs(own),
        None => usual.to_vec(),
    };
    let rules = Rules {
        name,
        about: &file.about,
        family: file.family.as_deref().unwrap_or(name),
        sources: strs(&file.sources),
        inferred: strs(&file.inferred),
        words: if table.iter().any(|def| def.is_mode() && def.accepted) {
            reader.modes.clone()
        } else {
            Vec::new()
        },
        lazy_modes: if table.iter().any(|def| def.is_lazy() && def.accepted) {
            reader.lazy_modes.clone()
        } else {
            Vec::new()
        },
        exceptions: match &file.combine.get_ref().lazy {
            Some(name) => reader.lazy_mode(name)?.exceptions,
            None => Exceptions::NONE,
        },
        table,
        booleans: Booleans {
            on: words(&booleans.on, ON),
            off: words(&booleans.off, OFF),
            ignore_case: booleans.ignore_case,
        },
        forms,
        combine,
        environment_wins: file.environment_wins,
        messages: Messages {
            exact: file.messages.exact,
            combined: file.messages.combined.as_deref(),
            repeated: file.messages.repeated.as_deref(),
            overwritten: file.messages.overwritten.as_deref(),
        },
        bench,
        unsupported: file.unsupported.iter().map(|entry| (entry.name.as_str(), entry.why.as_str())).collect(),
        programs: strs(&file.programs),
        builds: reader.builds(file)?,
    };
    reader.whole(&rules, file)?;
    Ok(rules)
}

fn strs(list: &'static [String]) -> Vec<&'static str> {
    list.iter().map(String::as_str).collect()
}

fn spanned(list: &'static [Spanned<String>]) -> Vec<&'static str> {
    list.iter().map(|name| name.get_ref().as_str()).collect()
}

/// What cannot stand in a word of a command line.
fn unwritable(c: char) -> bool {
    c.is_whitespace() || c.is_control()
}

fn flag_of(decision: Decision) -> Flag {
    match decision {
        Decision::Lock => Flag::Lock,
        Decision::Map => Flag::Map,
        Decision::Direct => Flag::Direct,
        Decision::Mode => Flag::Mode,
        Decision::Lazy => Flag::Lazy,
    }
}

fn reads_of(reading: Reading) -> Reads {
    match reading {
        Reading::Mode => Reads::Mode,
        Reading::Lazy => Reads::Lazy,
        Reading::Boolean => Reads::Boolean,
        Reading::Truthy => Reads::Truthy,
        Reading::Presence => Reads::Presence,
        Reading::Number => Reads::Number,
    }
}

/// What is said of a flag of that name.
const ENDS_OPTIONS: &str = "'--' ends the options of a command line and cannot be a flag";

fn refusal_of(fallback: Option<Fallback>) -> Refusal {
    match fallback {
        None | Some(Fallback::Read) => Refusal::Always(OnRefused::Read),
        Some(Fallback::Map) => Refusal::Always(OnRefused::Map),
        Some(Fallback::Error) => Refusal::Always(OnRefused::Error),
        Some(Fallback::WithoutDirect) => Refusal::WithoutDirect,
    }
}

impl Reader<'_> {
    fn error(&self, span: Range<usize>, message: impl Into<String>) -> DialectError {
        DialectError::at(self.text, Some(span), message)
    }

    fn refuse<T>(&self, span: Range<usize>, message: impl Into<String>) -> Result<T> {
        Err(self.error(span, message))
    }

    fn modes(&self, entries: &'static [ModeEntry], combine: &CombineEntry) -> Result<Vec<Word>> {
        let beside = combine.mode == Some(ModeWeight::Source);
        let mut words: Vec<Word> = Vec::new();
        for entry in entries {
            let (name, span) = (entry.name.get_ref().as_str(), entry.name.span());
            if words.iter().any(|word| word.name == name) {
                return self.refuse(span, format!("the load mode '{name}' stands twice"));
            }
            if name.is_empty() || name.chars().any(unwritable) {
                let text =
                    format!("the load mode {name:?} is empty, or holds white space or a control character");
                return self.refuse(span, text);
            }
            if (entry.source == Source::Direct) != entry.refused.is_some() {
                let what =
                    if entry.refused.is_some() { "only a direct load has" } else { "a direct load needs" };
                return self.refuse(span, format!("{what} 'refused': what it falls back to"));
            }
            if beside && entry.lock.is_some() {
                let text = "a load mode that sets the source alone says nothing of a lock; take 'lock' out, or 'mode' out of [combine]";
                return self.refuse(span, text);
            }
            let plan = LoadPlan {
                source: entry.source,
                lock: entry.lock.unwrap_or(false),
                on_refused: entry.refused,
                exceptions: Exceptions::NONE,
            };
            words.push(Word { name, plan, help: &entry.help });
        }
        Ok(words)
    }

    /// The mode of a name.
    fn mode(&self, name: &Spanned<String>) -> Result<Word> {
        let found = self.modes.iter().find(|word| word.name == name.get_ref());
        let unknown = || {
            let meant = meant(name.get_ref(), self.modes.iter().map(|word| word.name));
            self.error(name.span(), format!("there is no load mode '{}' in this file{meant}", name.get_ref()))
        };
        found.copied().ok_or_else(unknown)
    }

    fn optional_mode(&self, name: Option<&Spanned<String>>) -> Result<Option<Word>> {
        name.map(|name| self.mode(name)).transpose()
    }

    fn forms(&self, file: &'static DialectFile) -> Result<Forms> {
        let FormsEntry { separate, joined, underscores, abbreviations } = &file.forms;
        if let Some(joined) = joined.as_ref().filter(|joined| joined.get_ref().trim().is_empty()) {
            return self
                .refuse(joined.span(), "nothing stands between name and value; write for example '='");
        }
        if !separate && joined.is_none() {
            return self.refuse(
                file.combine.span(),
                "no form is left: allow 'separate', or give 'joined' in [forms]",
            );
        }
        Ok(Forms {
            separate: *separate,
            joined: joined.as_ref().map(|joined| joined.get_ref().as_str()),
            underscores: *underscores,
            abbreviations: *abbreviations,
        })
    }

    fn table(&self, entries: &'static [Spanned<FlagEntry>]) -> Result<Vec<FlagDef>> {
        let mut seen = BTreeSet::new();
        for entry in entries {
            let entry = entry.get_ref();
            for name in entry.on.iter().chain(&entry.off) {
                if name.get_ref().chars().any(unwritable) {
                    return self.refuse(
                        name.span(),
                        format!("the name {:?} holds white space or a control character", name.get_ref()),
                    );
                }
                if name.get_ref() == "--" {
                    return self.refuse(name.span(), ENDS_OPTIONS);
                }
                if name.get_ref().is_empty() || !seen.insert(name.get_ref().as_str()) {
                    return self.refuse(
                        name.span(),
                        format!("the name '{}' is empty or stands twice", name.get_ref()),
                    );
                }
            }
            for variable in [&entry.variable, &entry.no_variable].into_iter().flatten() {
                let name = &variable.get_ref().name;
                if name.chars().any(|c| unwritable(c) || c == '=') {
                    let text = format!("the variable {name:?} holds '=', white space or a control character");
                    return self.refuse(variable.span(), text);
                }
                if variable.get_ref().name.is_empty() || !seen.insert(variable.get_ref().name.as_str()) {
                    let text = format!("the variable '{}' is empty or stands twice", variable.get_ref().name);
                    return self.refuse(variable.span(), text);
                }
            }
        }
        entries.iter().map(|entry| self.flag(entry)).collect()
    }

    fn flag(&self, entry: &'static Spanned<FlagEntry>) -> Result<FlagDef> {
        let (span, entry) = (entry.span(), entry.get_ref());
        let flag = flag_of(entry.sets);
        let is_mode = flag == Flag::Mode;
        let modes = modes_of(flag);
        let accepted = entry.accepted.unwrap_or(true);
        if entry.on.is_empty()
            && entry.off.is_empty()
            && entry.variable.is_none()
            && entry.no_variable.is_none()
        {
            return self.refuse(span, "a flag needs a name in 'on' or 'off', or a variable");
        }
        let takes = match (&entry.takes, modes) {
            (Some(takes), _) if modes != modes_read(*takes.get_ref()) => {
                return self.refuse(takes.span(), ONLY_OF_ITS_FLAG);
            }
            (Some(takes), _) if *takes.get_ref() == Reading::Presence => {
                return self
                    .refuse(takes.span(), "a flag whose presence counts takes no value: leave 'takes' out");
            }
            (Some(takes), _) => Some(reads_of(*takes.get_ref())),
            (None, modes) => modes.map(reads_of),
        };
        if entry.optional && (takes.is_none() || modes.is_some()) {
            return self.refuse(span, "'optional' is for flags that take a boolean value");
        }
        if modes.is_some() && (!entry.off.is_empty() || entry.no_variable.is_some()) {
            return self.refuse(span, "a mode has no negative form");
        }
        if is_mode && accepted && self.modes.is_empty() {
            return self.refuse(span, "no load mode is listed: add [[mode]] entries");
        }
        if flag == Flag::Lazy && accepted && self.lazy_modes.is_empty() {
            return self.refuse(span, "no lazy mode is listed: add [[lazy-mode]] entries");
        }
        if !self.one_field && (entry.writes.is_some() || entry.off_writes.is_some()) {
            return self.refuse(span, "'writes' and 'off-writes' belong to the rule 'one-field'");
        }
        if self.one_field && accepted && modes.is_none() {
            let positive = !entry.on.is_empty() || entry.variable.is_some();
            if positive && entry.writes.is_none() || !entry.off.is_empty() && entry.off_writes.is_none() {
                return self.refuse(
                    span,
                    "under the rule 'one-field' a switch needs 'writes', and its negative form 'off-writes'",
                );
            }
        }
        let placeholder = match (&entry.value, takes) {
            (Some(value), Some(_)) => Some(value.as_str()),
            (Some(_), None) => return self.refuse(span, "'value' is for flags that take one"),
            (None, Some(Reads::Mode | Reads::Lazy)) => Some("MODE"),
            (None, Some(_)) => Some("BOOLEAN"),
            (None, None) => None,
        };
        Ok(FlagDef {
            flag,
            accepted,
            legacy: entry.legacy,
            on: spanned(&entry.on),
            off: spanned(&entry.off),
            takes: takes.map(|reads| Takes { reads, optional: entry.optional }),
            value: placeholder,
            variable: self.variable(entry.variable.as_ref(), modes)?,
            no_variable: self.variable(entry.no_variable.as_ref(), modes)?,
            help: &entry.help,
            off_help: entry.off_help.as_deref(),
            writes: [
                self.optional_mode(entry.writes.as_ref())?,
                self.optional_mode(entry.off_writes.as_ref())?,
            ],
            deprecated: entry.deprecated.as_deref(),
        })
    }

    fn variable(
        &self,
        entry: Option<&'static Spanned<VariableEntry>>,
        modes: Option<Reading>,
    ) -> Result<Option<VariableDef>> {
        let Some(spanned) = entry else { return Ok(None) };
        let entry = spanned.get_ref();
        let reads = entry.reads.or(modes).unwrap_or(Reading::Boolean);
        if modes != modes_read(reads) {
            return self.refuse(spanned.span(), ONLY_OF_ITS_FLAG);
        }
        Ok(Some(VariableDef { name: &entry.name, reads: reads_of(reads), hides_twin: entry.hides_twin }))
    }

    fn switches(&self, entry: SwitchesEntry, span: Range<usize>) -> Result<Switches> {
        let base = match entry.source {
            Source::Map => Base::Map,
            Source::Read => Base::Read,
            Source::Auto => Base::Auto,
            Source::Direct => {
                return self.refuse(
                    span,
                    "'source' says what is done without direct I/O; write 'direct = true' beside it",
                );
            }
        };
        Ok(Switches { lock: entry.lock, base, direct: entry.direct })
    }

    fn combine(&self, entry: &'static Spanned<CombineEntry>) -> Result<Combine> {
        let (span, entry) = (entry.span(), entry.get_ref());
        match entry.rule {
            Combination::OneField => {
                let foreign = entry.switches.is_some()
                    || !entry.turns_off.is_empty()
                    || entry.refused.is_some()
                    || entry.mode.is_some();
                match &entry.start {
                    Some(start) if !foreign => Ok(Combine::OneField { start: self.mode(start)? }),
                    Some(_) => self.refuse(span, "the rule 'one-field' has 'start' and nothing else"),
                    None => self.refuse(span, "the rule 'one-field' needs 'start', a load mode"),
                }
            }
            Combination::Switches => {
                if entry.start.is_some() {
                    return self.refuse(span, "'start' belongs to 'one-field'; write 'switches = { … }'");
                }
                if entry
                    .turns_off
                    .iter()
                    .any(|t| modes_of(flag_of(t.on)).or(modes_of(flag_of(t.off))).is_some())
                {
                    return self.refuse(span, "a mode is no switch: 'turns-off' is for lock, map and direct");
                }
                let start = entry.switches.unwrap_or(SwitchesEntry {
                    lock: false,
                    source: Source::Map,
                    direct: false,
                });
                let mode = match entry.mode {
                    Some(ModeWeight::Source) => ModeRole::Source,
                    _ => ModeRole::Alone,
                };
                let refused = refusal_of(entry.refused);
                let auto = entry.switches.is_some_and(|s| s.source == Source::Auto)
                    || mode == ModeRole::Source && self.modes.iter().any(|w| w.plan.source == Source::Auto);
                if refused == Refusal::WithoutDirect && auto {
                    return self.refuse(
                        span,
                        "'without-direct' cannot be 'auto': a plan names what a refused direct load falls back to",
                    );
                }
                let turns_off = entry.turns_off.iter().map(|t| (flag_of(t.on), flag_of(t.off))).collect();
                Ok(Combine::Switches { start: self.switches(start, span)?, turns_off, refused, mode })
            }
        }
    }

    fn bench(&self, entry: &'static Spanned<BenchEntry>) -> Result<BenchRules> {
        let (span, entry) = (entry.span(), entry.get_ref());
        let mut flags = Vec::new();
        for flag in &entry.flag {
            if flag.sets == Decision::Lazy {
                return self.refuse(
                    span,
                    "a benchmark's list of lazy modes is not described: list the flag under [[unsupported]]",
                );
            }
            if let Some(name) = flag.names.iter().find(|name| name.get_ref() == "--") {
                return self.refuse(name.span(), ENDS_OPTIONS);
            }
            flags.push(BenchFlag {
                flag: flag_of(flag.sets),
                accepted: flag.accepted.unwrap_or(true),
                names: spanned(&flag.names),
                deprecated: flag.deprecated.as_deref(),
                appends: [self.optional_mode(flag.on.as_ref())?, self.optional_mode(flag.off.as_ref())?],
            });
        }
        let combine = match entry.rule {
            ListRule::Queue => match (&entry.start, entry.switches.is_none() && entry.refused.is_none()) {
                (Some(start), true) => BenchCombine::Queue { start: self.mode(start)? },
                _ => {
                    return self.refuse(span, "the rule 'queue' needs 'start', a load mode, and no switches");
                }
            },
            ListRule::Multiply => match (&entry.switches, &entry.start) {
                (Some(switches), None) => BenchCombine::Multiply {
                    start: self.switches(*switches, span)?,
                    refused: refusal_of(entry.refused),
                },
                _ => return self.refuse(span, "the rule 'multiply' needs 'switches', and no 'start'"),
            },
        };
        let items = match entry.items {
            ListItems::Words => Items::Words,
            ListItems::Stream => Items::Stream,
        };
        Ok(BenchRules {
            flags,
            combine,
            items,
            label: entry.label.as_deref().unwrap_or("map {map}, direct {direct}"),
        })
    }

    fn builds(&self, file: &'static DialectFile) -> Result<Vec<Covered>> {
        let mut covered = Vec::new();
        for entry in &file.builds {
            for bound in [&entry.from, &entry.until].into_iter().flatten() {
                if !is_build(bound.get_ref()) {
                    return self.refuse(
                        bound.span(),
                        format!(
                            "'{}' is no build: write b8681, or a version such as 0.3.36",
                            bound.get_ref()
                        ),
                    );
                }
            }
            covered.push(Covered {
                product: &entry.of,
                from: entry.from.as_ref().map(|bound| bound.get_ref().as_str()),
                until: entry.until.as_ref().map(|bound| bound.get_ref().as_str()),
                commits: strs(&entry.commits),
                source: &entry.source,
            });
        }
        Ok(covered)
    }

    /// What can be said of the whole alone: a default that is refused, a direct mode without a word.
    fn whole(&self, rules: &Rules, file: &DialectFile) -> Result<()> {
        if rules.booleans.on.iter().any(|word| rules.booleans.off.contains(word)) {
            return self.refuse(file.combine.span(), "a word of [booleans] means both on and off");
        }
        if let Some(first) = file.lazy_mode.first()
            && !rules.table.iter().any(FlagDef::is_lazy)
            && file.combine.get_ref().lazy.is_none()
        {
            return self.refuse(first.name.span(), "lazy modes are listed, and no flag sets 'lazy'");
        }
        if !rules.words.is_empty() || file.mode.is_empty() {
            return Ok(());
        }
        let listed = rules.table.iter().any(FlagDef::is_mode) || rules.bench.is_some() || self.one_field;
        let first = file.mode.first().map_or(0..0, |mode| mode.name.span());
        if listed { Ok(()) } else { self.refuse(first, "load modes are listed, and no flag sets 'mode'") }
    }
}
