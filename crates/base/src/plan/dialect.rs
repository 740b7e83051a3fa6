//! Dialects: handles to rules, and the ones that are shipped.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;
use std::sync::LazyLock;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::file::{self, DialectError};
use super::flags::Flag;
use super::rules::{Combine, ModeRole, Rules};
use super::{LoadPlan, shipped};

/// The rules by which one era of a loader turns a spelling into a plan: a handle, cheap to copy.
///
/// Dialects are equal when they are the same one; they are ordered as they are shipped, and those of a
/// user's files come behind, by name.
#[derive(Clone, Copy)]
pub struct Dialect {
    rules: &'static Rules,
    /// The place among the shipped ones.
    place: usize,
    /// The file of a user's own.
    file: Option<&'static str>,
}

/// The shipped dialects, read once.
static SHIPPED: LazyLock<Vec<Dialect>> = LazyLock::new(|| {
    let read = |(place, (name, text)): (usize, &(&str, &str))| match file::read(text) {
        Ok(rules) => Dialect { rules: Box::leak(Box::new(rules)), place, file: None },
        // Every file is read by a test, so that a broken one is not shipped.
        Err(error) => unreachable!("the shipped dialect {name}: {error}"),
    };
    shipped::FILES.iter().enumerate().map(read).collect()
});

impl Dialect {
    /// This project's own rules, in which every plan that it knows can be said.
    #[must_use]
    pub fn reference() -> Self {
        SHIPPED[0]
    }

    /// Every dialect that is shipped: the reference, the eras of llama.cpp from old to new, then those
    /// of other loaders.
    #[must_use]
    pub fn shipped() -> Vec<Self> {
        SHIPPED.clone()
    }

    /// The reference and the eras of its family, from old to new.
    #[must_use]
    pub fn eras() -> Vec<Self> {
        let family = Self::reference().rules.family;
        SHIPPED.iter().copied().filter(|dialect| dialect.rules.family == family).collect()
    }

    /// The dialect of a file's text. It lives as long as the program.
    ///
    /// # Errors
    ///
    /// What is wrong with the text, and at which line and column. A name that a shipped dialect of other
    /// rules has is refused, because reports would say it of both.
    pub fn read(text: &str) -> Result<Self, DialectError> {
        let rules = file::read(text)?;
        let taken = SHIPPED.iter().zip(shipped::FILES).find(|(other, _)| other.name() == rules.name);
        match taken {
            Some((same, (_, shipped))) if *shipped == text => Ok(*same),
            Some(_) => Err(DialectError::name_taken(text, rules.name)),
            None => Ok(Self { rules: Box::leak(Box::new(rules)), place: usize::MAX, file: None }),
        }
    }

    /// The same dialect, read from this file.
    #[must_use]
    pub fn of_file(mut self, path: &str) -> Self {
        if self.place == usize::MAX {
            self.file = Some(Box::leak(path.into()));
        }
        self
    }

    /// What `--dialect` takes for it: its name, or the file of one that is not shipped.
    #[must_use]
    pub fn argument(self) -> &'static str {
        self.file.unwrap_or_else(|| self.name())
    }

    /// The text of the file of a shipped dialect.
    #[must_use]
    pub fn text(self) -> Option<&'static str> {
        shipped::FILES.get(self.place).map(|(_, text)| *text)
    }

    /// The rules.
    #[must_use]
    pub fn rules(self) -> &'static Rules {
        self.rules
    }

    /// The name, as reports say it.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.rules.name
    }

    /// Whether the order between different switches never matters.
    #[must_use]
    pub fn is_order_free(self) -> bool {
        let both = self.rules.knows(Flag::Map) && self.rules.knows(Flag::Mode);
        match &self.rules.combine {
            Combine::Switches { turns_off, mode: ModeRole::Source, .. } => turns_off.is_empty() && !both,
            Combine::Switches { turns_off, .. } => turns_off.is_empty(),
            Combine::OneField { .. } => false,
        }
    }

    /// The shipped dialect that says the same of the load as a whole, and nothing of single tensors: what
    /// this one adds are lazy modes. Itself where there is none.
    #[must_use]
    pub fn as_a_whole(self) -> Self {
        let whole = |other: &Self| !other.rules.knows(Flag::Lazy) && other.rules.is_whole_of(self.rules);
        if !self.rules.knows(Flag::Lazy) {
            return self;
        }
        SHIPPED.iter().copied().find(whole).unwrap_or(self)
    }

    /// The shipped dialect that says the same of the load as a whole, and more of single tensors; itself
    /// where there is none.
    #[must_use]
    pub fn by_tensor(self) -> Self {
        let more = |other: &Self| *other != self && other.as_a_whole() == self;
        SHIPPED.iter().copied().find(more).unwrap_or(self)
    }

    /// The first load mode of this dialect that asks for exactly `plan`.
    #[must_use]
    pub fn word_for(self, plan: LoadPlan) -> Option<&'static str> {
        let whole = self.rules.mode_is_whole();
        self.rules.words.iter().find(|word| whole && word.plan == plan).map(|word| word.name)
    }
}

impl Default for Dialect {
    fn default() -> Self {
        Self::reference()
    }
}

impl PartialEq for Dialect {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self.rules, other.rules)
    }
}

impl Eq for Dialect {}

impl Hash for Dialect {
    fn hash<H: Hasher>(&self, state: &mut H) {
        std::ptr::hash(self.rules, state);
    }
}

impl Ord for Dialect {
    fn cmp(&self, other: &Self) -> Ordering {
        let key = |dialect: &Self| (dialect.place, dialect.rules.name, std::ptr::from_ref(dialect.rules));
        key(self).cmp(&key(other))
    }
}

impl PartialOrd for Dialect {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Debug for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Dialect({})", self.name())
    }
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl Serialize for Dialect {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

/// Only shipped dialects: a name says nothing of the rules of somebody's file.
impl<'de> Deserialize<'de> for Dialect {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for Dialect {
    fn schema_name() -> Cow<'static, str> {
        "Dialect".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "description": "The name of a dialect, shipped or of a file." })
    }
}

/// A dialect name that is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "unknown dialect '{name}': accepted are {names}, and a dialect file, a path that ends in .toml{meant}",
    names = Dialect::shipped().iter().map(|d| d.name()).collect::<Vec<_>>().join(", "),
    meant = file::meant(name, Dialect::shipped().iter().map(|d| d.name()))
)]
pub struct UnknownDialect {
    /// What was typed.
    pub name: String,
}

impl FromStr for Dialect {
    type Err = UnknownDialect;

    fn from_str(name: &str) -> Result<Self, UnknownDialect> {
        let found = SHIPPED.iter().copied().find(|dialect| dialect.name() == name);
        found.ok_or_else(|| UnknownDialect { name: name.to_owned() })
    }
}

/// The shipped dialect of that name, where the name is written in code.
///
/// # Panics
///
/// If no dialect of that name is shipped; a name that somebody typed is parsed instead.
pub fn era(name: &str) -> Dialect {
    name.parse().unwrap_or_else(|error| panic!("{error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip_and_an_unknown_one_lists_them() {
        for (dialect, (file, _)) in Dialect::shipped().into_iter().zip(shipped::FILES) {
            assert_eq!(dialect.to_string().parse(), Ok(dialect));
            assert_eq!(dialect.name(), *file, "the name of the file");
        }
        let text = "enum-v5".parse::<Dialect>().unwrap_err().to_string();
        assert!(Dialect::shipped().iter().all(|d| text.contains(d.name())), "{text}");
        assert!(text.contains("did you mean"), "{text}");
        assert!("Reference".parse::<Dialect>().is_err());
    }

    #[test]
    fn a_file_of_a_users_own_is_another_dialect() {
        let text = Dialect::reference().text().expect("a shipped dialect has a file");
        assert_eq!(Dialect::read(text).ok(), Some(Dialect::reference()));
        let taken = text.replace("reads past the page cache", "reads around the page cache");
        let error = Dialect::read(&taken).unwrap_err();
        assert!(error.to_string().contains("another name"), "{error}");
        let own = text.replace("name = \"reference\"", "name = \"own\"");
        let (own, again) = (Dialect::read(&own).expect("a dialect"), Dialect::read(&own).expect("a dialect"));
        assert_eq!(own.name(), "own");
        assert_ne!(own, Dialect::reference());
        assert_ne!(own, again, "two files are two dialects");
        assert!(own > Dialect::reference() && own.text().is_none());
        assert_eq!((own.argument(), own.of_file("my own.toml").argument()), ("own", "my own.toml"));
        assert_eq!(Dialect::reference().of_file("x.toml").argument(), "reference");
    }

    #[test]
    fn a_dialect_has_one_or_two_dimensions() {
        let (whole, lazy) = (era("enum-v4"), era("enum-v4-lazy"));
        assert_eq!((lazy.as_a_whole(), whole.by_tensor()), (whole, lazy));
        for dialect in Dialect::shipped() {
            assert_eq!(dialect.as_a_whole() == dialect, dialect != lazy, "{dialect}");
            assert_eq!(dialect.by_tensor() == dialect, dialect != whole, "{dialect}");
        }
    }

    #[test]
    fn the_eras_are_the_family_of_the_reference() {
        let eras = Dialect::eras();
        assert_eq!(eras[0], Dialect::reference());
        assert_eq!(eras.len(), 7);
        assert!(eras.is_sorted());
        for dialect in eras {
            assert_eq!(dialect.rules().knows(Flag::Mode), !dialect.rules().words.is_empty(), "{dialect}");
        }
    }
}
