//! Lazy modes: which tensors are exceptions of a plan.

use toml::Spanned;

use super::{Reader, Result, meant, unwritable};
use crate::plan::file::format::{ExceptionEntry, LazyModeEntry, Reading};
use crate::plan::flags::Flag;
use crate::plan::rules::LazyMode;
use crate::plan::{Exception, Exceptions};

/// What is said of modes that another flag takes.
pub(super) const ONLY_OF_ITS_FLAG: &str = "a load mode is the value of a flag that sets 'mode', a lazy mode of one that sets 'lazy', and both of no other";

/// Which modes the value of a flag is one of.
pub(super) fn modes_of(flag: Flag) -> Option<Reading> {
    match flag {
        Flag::Mode => Some(Reading::Mode),
        Flag::Lazy => Some(Reading::Lazy),
        Flag::Lock | Flag::Map | Flag::Direct => None,
    }
}

/// Which modes a value is read as one of.
pub(super) fn modes_read(reading: Reading) -> Option<Reading> {
    matches!(reading, Reading::Mode | Reading::Lazy).then_some(reading)
}

impl Reader<'_> {
    pub(super) fn lazy_modes(&self, entries: &'static [LazyModeEntry]) -> Result<Vec<LazyMode>> {
        let mut modes: Vec<LazyMode> = Vec::new();
        for entry in entries {
            let (name, span) = (entry.name.get_ref().as_str(), entry.name.span());
            if modes.iter().any(|mode| mode.name == name) {
                return self.refuse(span, format!("the lazy mode '{name}' stands twice"));
            }
            if name.is_empty() || name.chars().any(unwritable) {
                let text =
                    format!("the lazy mode {name:?} is empty, or holds white space or a control character");
                return self.refuse(span, text);
            }
            let exceptions = entry.exceptions.iter().map(|entry| self.exception(entry));
            let exceptions = Exceptions::of(exceptions.collect::<Result<_>>()?);
            modes.push(LazyMode { name, exceptions, help: &entry.help });
        }
        Ok(modes)
    }

    fn exception(&self, entry: &'static Spanned<ExceptionEntry>) -> Result<Exception> {
        let (span, entry) = (entry.span(), entry.get_ref());
        let tensors = entry.tensors.as_deref().unwrap_or("*");
        if tensors.is_empty() || tensors.chars().any(char::is_control) {
            return self.refuse(span, "the names of 'tensors' are empty or hold a control character");
        }
        if entry.tensors.is_none() && entry.larger_than == 0 {
            let text = "an exception of every tensor leaves nothing to the plan: give 'tensors' or 'larger-than', or say \
                        so with tensors = \"*\"";
            return self.refuse(span, text);
        }
        let (larger_than, treatment, optional) = (entry.larger_than, entry.treatment, entry.optional);
        Ok(Exception { tensors, larger_than, treatment, optional })
    }

    /// The lazy mode of a name.
    pub(super) fn lazy_mode(&self, name: &Spanned<String>) -> Result<LazyMode> {
        let found = self.lazy_modes.iter().find(|mode| mode.name == name.get_ref());
        let unknown = || {
            let meant = meant(name.get_ref(), self.lazy_modes.iter().map(|mode| mode.name));
            self.error(name.span(), format!("there is no lazy mode '{}' in this file{meant}", name.get_ref()))
        };
        found.copied().ok_or_else(unknown)
    }
}
