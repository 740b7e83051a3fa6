//! Exceptions: tensors that a plan treats otherwise than the others.
//!
//! A loader may map a table of embeddings whatever its load mode is and bring rows of it in on demand
//! (llama.cpp's `--lazy-mode`: ggml-org/llama.cpp#27794, #27837, #28326), or hand tensors to a device and
//! keep nothing of them. So a plan holds, beside what is done with all weights, a list of exceptions. The
//! first one that matches a tensor counts; a tensor that none matches lies under the plan.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::pattern::matches;

/// What is done with a tensor that the plan does not speak of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Treatment {
    /// It is mapped and its pages come when they are used: not read, not locked, not brought in ahead.
    Lazy,
    /// It comes as the plan says and goes on to a device: no memory of the process has to keep it, or a lock.
    Staged,
}

/// Tensors that are treated otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Exception {
    /// Their names; `*` stands for any text.
    pub tensors: &'static str,
    /// Only those of more bytes than these.
    pub larger_than: u64,
    /// What is done with them.
    pub treatment: Treatment,
    /// Whether the loader may leave the exception out, for all of its tensors, where the platform does not map well.
    pub optional: bool,
}

impl Exception {
    /// Whether a tensor of that name and size in bytes is one of them.
    #[must_use]
    pub fn matches(&self, name: &str, bytes: u64) -> bool {
        bytes > self.larger_than && matches(self.tensors, name)
    }
}

impl fmt::Display for Exception {
    /// `*token_embd.weight over 4 GiB lazy`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.tensors)?;
        if self.larger_than > 0 {
            write!(f, " over {}", size(self.larger_than))?;
        }
        f.write_str(match self.treatment {
            Treatment::Lazy => " lazy",
            Treatment::Staged => " staged",
        })?;
        if self.optional { f.write_str(" or not") } else { Ok(()) }
    }
}

/// A size in the largest unit that it is a whole number of.
#[must_use]
pub fn size(bytes: u64) -> String {
    let units = [(30, "GiB"), (20, "MiB"), (10, "KiB")];
    let whole = units.into_iter().find(|(bits, _)| bytes > 0 && bytes.trailing_zeros() >= *bits);
    whole.map_or_else(|| format!("{bytes} bytes"), |(bits, unit)| format!("{} {unit}", bytes >> bits))
}

/// The exceptions of a plan: a handle, cheap to copy; equal where the lists are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Exceptions(&'static [Exception]);

/// Every list that was ever made, each once: there are as many as dialects have modes.
static LISTS: Mutex<BTreeSet<&'static [Exception]>> = Mutex::new(BTreeSet::new());

impl Exceptions {
    /// None: the plan speaks of every tensor.
    pub const NONE: Self = Self(&[]);

    /// The exceptions of this list. It lives as long as the program.
    #[must_use]
    pub fn of(list: Vec<Exception>) -> Self {
        if list.is_empty() {
            return Self::NONE;
        }
        let mut lists = LISTS.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = lists.get(list.as_slice()) {
            return Self(known);
        }
        let leaked: &'static [Exception] = Box::leak(list.into_boxed_slice());
        lists.insert(leaked);
        Self(leaked)
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The list.
    #[must_use]
    pub fn list(self) -> &'static [Exception] {
        self.0
    }

    /// The exception that a tensor of that name and size in bytes lies under; `None` where it lies under the plan.
    #[must_use]
    pub fn find(self, name: &str, bytes: u64) -> Option<&'static Exception> {
        self.0.iter().find(|exception| exception.matches(name, bytes))
    }

    /// Those that say something of at least one of these tensors, by name and size in bytes.
    #[must_use]
    pub fn about<'t>(self, tensors: impl Iterator<Item = (&'t str, u64)>) -> Self {
        let mut used = vec![false; self.0.len()];
        for (name, bytes) in tensors {
            if let Some(at) = self.0.iter().position(|exception| exception.matches(name, bytes)) {
                used[at] = true;
            }
        }
        Self::of(self.0.iter().zip(used).filter(|(_, used)| *used).map(|(exception, _)| *exception).collect())
    }
}

impl fmt::Display for Exceptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, exception) in self.0.iter().enumerate() {
            write!(f, "{}{exception}", if at == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}

/// An exception as documents hold it.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(rename = "Exception")]
struct Written {
    /// The names of tensors; `*` stands for any text.
    tensors: String,
    /// Only tensors of more bytes than these.
    larger_than: u64,
    /// What is done with them.
    treatment: Treatment,
    /// Whether the loader may leave the exception out where the platform does not map well.
    optional: bool,
}

impl Serialize for Exceptions {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(|exception| Written {
            tensors: exception.tensors.to_owned(),
            larger_than: exception.larger_than,
            treatment: exception.treatment,
            optional: exception.optional,
        }))
    }
}

impl<'de> Deserialize<'de> for Exceptions {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let list = Vec::<Written>::deserialize(deserializer)?;
        let exception = |written: Written| Exception {
            tensors: word(written.tensors),
            larger_than: written.larger_than,
            treatment: written.treatment,
            optional: written.optional,
        };
        Ok(Self::of(list.into_iter().map(exception).collect()))
    }
}

/// A text that lives as long as the program, each once.
fn word(text: String) -> &'static str {
    static WORDS: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());
    let mut words = WORDS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = words.get(text.as_str()) {
        return known;
    }
    let leaked: &'static str = Box::leak(text.into_boxed_str());
    words.insert(leaked);
    leaked
}

impl JsonSchema for Exceptions {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Exceptions".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Vec::<Written>::json_schema(generator)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lazy(tensors: &'static str, larger_than: u64) -> Exception {
        Exception { tensors, larger_than, treatment: Treatment::Lazy, optional: false }
    }

    #[test]
    fn the_first_that_matches_counts_and_size_is_a_filter() {
        let staged = Exception { treatment: Treatment::Staged, ..lazy("blk.*", 0) };
        let all = Exceptions::of(vec![lazy("*embd.weight", 100), staged]);
        assert_eq!(all.find("token_embd.weight", 101).map(|e| e.treatment), Some(Treatment::Lazy));
        assert_eq!(all.find("token_embd.weight", 100), None);
        assert_eq!(all.find("blk.0.embd.weight", 101).map(|e| e.treatment), Some(Treatment::Lazy));
        assert_eq!(all.find("blk.0.embd.weight", 1).map(|e| e.treatment), Some(Treatment::Staged));
        assert_eq!(Exceptions::NONE.find("blk.0", 1), None);
    }

    #[test]
    fn those_that_say_nothing_of_a_model_are_left_out() {
        let all = Exceptions::of(vec![lazy("a", 0), lazy("b", 10)]);
        assert_eq!(all.about([("a", 1), ("b", 10)].into_iter()), Exceptions::of(vec![lazy("a", 0)]));
        assert_eq!(all.about([("b", 11), ("a", 1)].into_iter()), all);
        assert_eq!(all.about(std::iter::empty()), Exceptions::NONE);
    }

    #[test]
    fn equal_lists_are_one_and_documents_give_them_back() {
        let list = || vec![lazy("*x", 4 << 30), Exception { optional: true, ..lazy("y", 3) }];
        let all = Exceptions::of(list());
        assert_eq!(all, Exceptions::of(list()));
        assert!(std::ptr::eq(all.list(), Exceptions::of(list()).list()));
        let text = serde_json::to_string(&all).unwrap();
        assert_eq!(serde_json::from_str::<Exceptions>(&text).unwrap(), all);
        assert_eq!(all.to_string(), "*x over 4 GiB lazy, y over 3 bytes lazy or not");
    }
}
