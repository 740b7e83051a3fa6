//! Ways of asking: one spelling, every way to write one thing, and all sequences of them.

use std::fmt;

use super::dialect::Dialect;
use super::flags::{FlagDef, Reads, VariableDef};
use super::rules::Rules;
use super::{Resolved, UsageError, resolve};

/// One way of asking: load flags and load variables. `Display` gives a line a shell understands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Spelling {
    /// The load flags, in order.
    pub argv: Vec<String>,
    /// The load variables.
    pub env: Vec<(String, String)>,
}

impl Spelling {
    /// A spelling of flags alone.
    #[must_use]
    pub fn flags<S: Into<String>>(argv: impl IntoIterator<Item = S>) -> Self {
        Self { argv: argv.into_iter().map(Into::into).collect(), env: Vec::new() }
    }

    /// A spelling of one variable.
    #[must_use]
    pub fn variable(name: impl Into<String>, value: impl Into<String>) -> Self {
        Self { argv: Vec::new(), env: vec![(name.into(), value.into())] }
    }

    /// Writes several spellings one after the other.
    #[must_use]
    pub fn join(parts: &[&Self]) -> Self {
        Self {
            argv: parts.iter().flat_map(|part| part.argv.iter().cloned()).collect(),
            env: parts.iter().flat_map(|part| part.env.iter().cloned()).collect(),
        }
    }

    /// What the spelling means under a dialect.
    ///
    /// # Errors
    ///
    /// As [`resolve`].
    pub fn resolve(&self, dialect: Dialect) -> Result<Resolved, UsageError> {
        resolve_joined(dialect, &[self])
    }
}

/// The same as `Spelling::join(parts).resolve(dialect)`, without copying the words.
///
/// # Errors
///
/// As [`resolve`].
pub fn resolve_joined(dialect: Dialect, parts: &[&Spelling]) -> Result<Resolved, UsageError> {
    let argv: Vec<&str> = parts.iter().flat_map(|part| part.argv.iter().map(String::as_str)).collect();
    let env: Vec<(&str, &str)> =
        parts.iter().flat_map(|part| part.env.iter().map(|(k, v)| (k.as_str(), v.as_str()))).collect();
    resolve(dialect, &argv, &env)
}

impl fmt::Display for Spelling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let variables = self.env.iter().map(|(name, value)| format!("{name}={}", shell_word(value, false)));
        let words = variables.chain(self.argv.iter().map(|word| shell_word(word, true)));
        for (i, word) in words.enumerate() {
            write!(f, "{}{word}", if i == 0 { "" } else { " " })?;
        }
        Ok(())
    }
}

/// Quotes a word for a POSIX shell when it needs it. An empty value needs none after `NAME=`. What a terminal would not
/// show stands in the escaped form of POSIX.1-2024, so that the line can be copied from one.
fn shell_word(word: &str, quote_empty: bool) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"_@%+=:,./-".contains(&b);
    if word.bytes().all(plain) && !(word.is_empty() && quote_empty) {
        return word.to_owned();
    }
    let hidden = |c: char| !matches!(c, '\'' | '"' | '\\') && c.escape_debug().len() > 1;
    if !word.contains(hidden) {
        return format!("'{}'", word.replace('\'', r"'\''"));
    }
    let mut text = "$'".to_owned();
    for c in word.chars() {
        match c {
            '\'' | '\\' => text.extend(['\\', c]),
            _ if hidden(c) => {
                text.extend(c.encode_utf8(&mut [0; 4]).bytes().map(|byte| format!("\\{byte:03o}")));
            }
            _ => text.push(c),
        }
    }
    text + "'"
}

/// Every single way to write each thing a dialect accepts about the load as a whole: all names, underscore
/// forms, `=` forms where they exist, each load mode in each form, each variable with each boolean word.
/// What it accepts about single tensors stands beside all of them: [`lazy_units`].
#[must_use]
pub fn units(dialect: Dialect) -> Vec<Spelling> {
    units_of(dialect, |def| !def.is_lazy())
}

/// Every single way to write each lazy mode; none in most dialects.
#[must_use]
pub fn lazy_units(dialect: Dialect) -> Vec<Spelling> {
    units_of(dialect, FlagDef::is_lazy)
}

fn units_of(dialect: Dialect, wanted: impl Fn(&FlagDef) -> bool) -> Vec<Spelling> {
    let rules = dialect.rules();
    let defs = || rules.flags().filter(|def| wanted(def));
    let mut units = Vec::new();
    for def in defs() {
        for name in def.on.iter().flat_map(|name| typed_forms(rules, name)) {
            if !def.needs_value() {
                units.push(Spelling::flags([name.as_str()]));
            }
            for value in values(rules, def) {
                if rules.forms.separate && def.needs_value() {
                    units.push(Spelling::flags([name.as_str(), value]));
                }
                if let Some(joined) = rules.forms.joined {
                    units.push(Spelling::flags([format!("{name}{joined}{value}")]));
                }
            }
        }
        units.extend(
            def.off.iter().flat_map(|name| typed_forms(rules, name)).map(|name| Spelling::flags([name])),
        );
    }
    for def in defs() {
        let variables = [def.variable, def.no_variable].into_iter().flatten();
        units.extend(variables.flat_map(|variable| variable_units(rules, variable)));
    }
    units
}

/// A name with dashes and, for a long name with dashes inside, with underscores.
fn typed_forms(rules: &Rules, name: &str) -> Vec<String> {
    let mut forms = vec![name.to_owned()];
    let long = name.strip_prefix("--").filter(|bare| bare.contains('-') && rules.forms.underscores);
    forms.extend(long.map(|bare| format!("--{}", bare.replace('-', "_"))));
    forms
}

/// The values that a flag accepts, one by one; none for a switch.
fn values(rules: &Rules, def: &FlagDef) -> Vec<&'static str> {
    def.takes.map(|takes| words_of(rules, takes.reads)).unwrap_or_default()
}

fn words_of(rules: &Rules, reads: Reads) -> Vec<&'static str> {
    match reads {
        Reads::Mode => rules.words.iter().map(|word| word.name).collect(),
        Reads::Lazy => rules.lazy_modes.iter().map(|mode| mode.name).collect(),
        Reads::Number => vec!["1", "0"],
        Reads::Boolean | Reads::Truthy | Reads::Presence => {
            rules.booleans.on.iter().chain(&rules.booleans.off).copied().collect()
        }
    }
}

fn variable_units(rules: &Rules, variable: VariableDef) -> Vec<Spelling> {
    let VariableDef { name, reads, .. } = variable;
    let mut values = words_of(rules, reads);
    // Where presence alone counts, an empty value is one more way to write it.
    if reads == Reads::Presence {
        values.push("");
    }
    values.into_iter().map(|value| Spelling::variable(name, value)).collect()
}

/// The canonical flags of a dialect: one spelling for each flag, sense and load mode; those of
/// [`lazy_flags`] stand beside them.
#[must_use]
pub fn flags(dialect: Dialect) -> Vec<Spelling> {
    senses(dialect, |def| !def.is_lazy(), |names| names.first())
}

/// One spelling for each lazy mode, by the canonical name; none in most dialects.
#[must_use]
pub fn lazy_flags(dialect: Dialect) -> Vec<Spelling> {
    senses(dialect, FlagDef::is_lazy, |names| names.first())
}

/// One spelling for each sense and mode of the wanted flags, by the name that `pick` takes of several.
pub(super) fn senses(
    dialect: Dialect,
    wanted: impl Fn(&FlagDef) -> bool,
    pick: impl for<'n> Fn(&'n [&'static str]) -> Option<&'n &'static str>,
) -> Vec<Spelling> {
    let rules = dialect.rules();
    let mut flags = Vec::new();
    for def in rules.flags().filter(|def| wanted(def)) {
        let (on, off) = (pick(&def.on).copied(), pick(&def.off).copied());
        let alone = on.filter(|_| !def.needs_value()).into_iter().chain(off);
        let valued = on.into_iter().flat_map(|name| {
            let senses = match def.takes.map(|takes| takes.reads) {
                None => Vec::new(),
                Some(reads @ (Reads::Mode | Reads::Lazy)) => words_of(rules, reads),
                Some(Reads::Number) => vec!["1", "0"],
                Some(_) => {
                    rules.booleans.on.first().into_iter().chain(rules.booleans.off.first()).copied().collect()
                }
            };
            // The name alone says on already.
            let said = def.takes.is_some_and(|takes| takes.optional);
            senses.into_iter().skip(usize::from(said)).map(move |value| (name, value)).collect::<Vec<_>>()
        });
        let valued: Vec<Spelling> = valued
            .map(|(name, value)| match (def.needs_value(), rules.forms.joined) {
                (false, Some(joined)) => Spelling::flags([format!("{name}{joined}{value}")]),
                _ => Spelling::flags(rules.with_value(name, value)),
            })
            .collect();
        flags.extend(alone.map(|name| Spelling::flags([name])));
        flags.extend(valued);
    }
    flags
}

/// All ordered sequences of up to `longest` units, with repetition, the empty one first, shorter
/// before longer: the sum of `units.len().pow(k)` for `k` in `0..=longest`. Made as they are asked
/// for.
#[must_use]
pub fn sequences(units: &[Spelling], longest: usize) -> Sequences<'_> {
    Sequences { units, longest, next: Some(Vec::new()) }
}

/// The [`sequences`] that a process can be started with: an environment has no order and holds a name
/// once, so that of the sequences that differ in nothing else the one is kept whose variables stand
/// first, by name.
pub fn lines(units: &[Spelling], longest: usize) -> impl Iterator<Item = Vec<&Spelling>> {
    fn name(unit: &Spelling) -> Option<&str> {
        unit.env.first().map(|(name, _)| name.as_str())
    }
    sequences(units, longest).filter(|parts| {
        parts.windows(2).all(|pair| match (name(pair[0]), name(pair[1])) {
            (_, None) => true,
            (None, Some(_)) => false,
            (Some(first), Some(second)) => first < second,
        })
    })
}

/// The iterator of [`sequences`].
#[derive(Clone, Debug)]
pub struct Sequences<'u> {
    units: &'u [Spelling],
    longest: usize,
    next: Option<Vec<usize>>,
}

impl<'u> Iterator for Sequences<'u> {
    type Item = Vec<&'u Spelling>;

    fn next(&mut self) -> Option<Self::Item> {
        let indices = self.next.as_mut()?;
        let sequence = indices.iter().map(|&i| &self.units[i]).collect();
        // An odometer: the last index that has a successor steps on, those behind it start over.
        let steps = indices.iter().rposition(|&i| i + 1 < self.units.len());
        if let Some(steps) = steps {
            indices[steps] += 1;
            indices[steps + 1..].fill(0);
        } else if indices.len() < self.longest && !self.units.is_empty() {
            indices.fill(0);
            indices.push(0);
        } else {
            self.next = None;
        }
        Some(sequence)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::dialect::era;

    #[test]
    fn a_line_can_be_copied_from_a_terminal() {
        let words =
            ["a b", "it's", "", "new\nline", "\u{1b}[2J'\\", "é漢\u{202e}"].map(str::to_owned).to_vec();
        let line = Spelling { argv: words, env: Vec::new() }.to_string();
        assert_eq!(line, r"'a b' 'it'\''s' '' $'new\012line' $'\033[2J\'\\' $'é漢\342\200\256'");
    }

    #[test]
    fn sequences_are_complete_and_distinct() {
        let units = flags(era("booleans"));
        assert_eq!(units.len(), 5);
        let all: Vec<_> = sequences(&units, 3).map(|s| Spelling::join(&s)).collect();
        assert_eq!(all.len(), 1 + 5 + 25 + 125);
        assert!(all.is_sorted_by_key(|s| s.argv.len()));
        let distinct: std::collections::BTreeSet<_> = all.iter().collect();
        assert_eq!(distinct.len(), all.len());
        assert_eq!(sequences(&[], 3).count(), 1);
        assert_eq!(sequences(&units, 0).count(), 1);
    }

    #[test]
    fn lines_are_the_sequences_up_to_the_order_of_variables() {
        for dialect in [era("booleans"), era("enum-v4")] {
            let units = units(dialect);
            let variables = units.iter().filter(|unit| !unit.env.is_empty()).count();
            let flags = units.len() - variables;
            let same_name = units.iter().flat_map(|a| units.iter().map(move |b| (a, b)));
            let same_name =
                same_name.filter(|(a, b)| !a.env.is_empty() && !b.env.is_empty() && a.env[0].0 == b.env[0].0);
            let pairs = (variables * variables - same_name.count()) / 2;
            let all: Vec<Spelling> = lines(&units, 2).map(|parts| Spelling::join(&parts)).collect();
            assert_eq!(all.len(), 1 + units.len() + flags * flags + variables * flags + pairs, "{dialect}");
            // Every sequence whose names are distinct is there once, with its variables sorted.
            let known: std::collections::BTreeSet<_> = all.iter().cloned().collect();
            assert_eq!(known.len(), all.len());
            for parts in sequences(&units, 2) {
                let mut line = Spelling::join(&parts);
                line.env.sort();
                let distinct = line.env.windows(2).all(|pair| pair[0].0 != pair[1].0);
                assert_eq!(known.contains(&line), distinct, "{line}");
            }
        }
    }

    #[test]
    fn units_are_distinct_and_accepted() {
        for dialect in Dialect::shipped() {
            let units = units(dialect);
            let distinct: std::collections::BTreeSet<_> = units.iter().collect();
            assert_eq!(distinct.len(), units.len());
            for unit in units.iter().chain(&flags(dialect)) {
                assert!(unit.resolve(dialect).is_ok(), "{dialect}: {unit}");
            }
        }
    }

    #[test]
    fn units_hold_every_form() {
        let shown: Vec<_> = units(Dialect::reference()).iter().map(ToString::to_string).collect();
        for form in [
            "--no_mmap",
            "--no_direct_io",
            "-ndio",
            "--load_mode=none+mlock",
            "-lm=auto",
            "-lm mmap+mlock",
            "LLAMA_ARG_NO_DIO=enabled",
            "LLAMA_ARG_LOAD_MODE=dio",
            "LLAMA_ARG_MLOCK=0",
        ] {
            assert!(shown.iter().any(|unit| unit == form), "{form}");
        }
        // 1 + 3 + 6 switches, 8 words in 3 names and 2 forms, 5 variables of 8 words, 8 words.
        assert_eq!(shown.len(), 10 + 8 * 3 * 2 + 5 * 8 + 8);
        let v1: Vec<_> = units(era("enum-v1")).iter().map(ToString::to_string).collect();
        assert!(v1.iter().all(|unit| unit.starts_with("LLAMA") || !unit.contains('=')), "{v1:?}");
        assert!(v1.iter().any(|unit| unit == "LLAMA_ARG_NO_MMAP="));
    }

    #[test]
    fn a_line_survives_a_shell() {
        let spelling = Spelling {
            argv: vec!["--mlock".into(), String::new(), "it's".into(), "a b".into(), "-lm=mmap+mlock".into()],
            env: vec![
                ("LLAMA_ARG_MMAP".into(), "0".into()),
                ("X".into(), "$y".into()),
                ("E".into(), String::new()),
            ],
        };
        assert_eq!(
            spelling.to_string(),
            r"LLAMA_ARG_MMAP=0 X='$y' E= --mlock '' 'it'\''s' 'a b' -lm=mmap+mlock"
        );
    }
}
