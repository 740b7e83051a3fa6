//! The same request in other dialects.

use std::collections::BTreeMap;
use std::io::{self, Write};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::quoted_or_nothing;
use crate::plan::equivalent::{Inexpressible, Translation, translate};
use crate::plan::{Dialect, Spelling};

/// A spelling as a document holds it.
#[derive(Serialize, Deserialize, JsonSchema)]
struct Written {
    line: String,
    argv: Vec<String>,
    env: BTreeMap<String, String>,
}

impl Written {
    fn of(spelling: &Spelling) -> Self {
        Self {
            line: spelling.to_string(),
            argv: spelling.argv.clone(),
            env: spelling.env.iter().cloned().collect(),
        }
    }
}

/// A spelling after an upgrade to another dialect.
#[derive(Serialize, Deserialize, JsonSchema)]
pub(super) struct Upgrade {
    dialect: Dialect,
    /// The line to use there; `None` when there is none.
    spelling: Option<Written>,
    /// Whether the line can stay as it is.
    unchanged: bool,
    /// Why there is no line.
    reason: Option<String>,
    /// The line that differs only in what happens after a refusal, where there is no exact one.
    nearest: Option<Written>,
    /// For a terminal.
    #[serde(skip)]
    text: String,
}

impl Upgrade {
    pub(super) fn of(spelling: &Spelling, from: Dialect, to: Dialect) -> Self {
        let translated = translate(spelling, from, to);
        let unchanged = translated.as_ref().is_ok_and(Translation::is_unchanged);
        match translated {
            Ok(translation) => {
                let there = translation.apply(spelling);
                let stays = if unchanged { " (as it is)" } else { "" };
                let text = format!("{}{stays}", quoted_or_nothing(&there));
                Self {
                    dialect: to,
                    spelling: Some(Written::of(&there)),
                    unchanged,
                    reason: None,
                    nearest: None,
                    text,
                }
            }
            Err(error) => {
                let reason = Some(error.to_string());
                let text = format!("none: {error}");
                let nearest = match &error {
                    Inexpressible::NoSpelling { nearest, .. } => nearest.as_ref().map(Written::of),
                    Inexpressible::Unreadable { .. } => None,
                };
                Self { dialect: to, spelling: None, unchanged, reason, nearest, text }
            }
        }
    }

    pub(super) fn is_possible(&self) -> bool {
        self.spelling.is_some()
    }

    pub(super) fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "{:<10} {}", format!("to {}", self.dialect), self.text)
    }
}

/// A spelling in every dialect but its own.
#[derive(Default, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub(super) struct Equivalents(BTreeMap<String, Upgrade>);

impl Equivalents {
    pub(super) fn of(spelling: &Spelling, from: Dialect) -> Self {
        let others = Dialect::eras().into_iter().filter(|to| *to != from);
        Self(others.map(|to| (to.name().to_owned(), Upgrade::of(spelling, from, to))).collect())
    }

    pub(super) fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "the same in other dialects")?;
        for dialect in Dialect::eras() {
            if let Some(upgrade) = self.0.get(dialect.name()) {
                writeln!(out, "  {:<12} {}", dialect.name(), upgrade.text)?;
            }
        }
        Ok(())
    }
}
