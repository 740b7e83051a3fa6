//! `loadparity schema`: the JSON Schema of everything that the program writes as JSON.
//!
//! Most are made from the types that are written; the copies in `fixtures/schema` are there for tools that do
//! not run the program, and `docs verify` compares them.

use std::io::Write;

use clap::Args;
use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value};

use super::config::ConfigFile;
use super::diff::DiffDocument;
use super::doctor::DoctorDocument;
use super::exit::Exit;
use super::explain::ExplainDocument;
use super::explain::bench::ExplainBenchDocument;
use super::explain_rule::ExplainRuleDocument;
use super::gguf::GgufShowDocument;
use super::import::ImportDocument;
use super::run::RunDocument;
use super::tokenize::TokenizeDocument;
use crate::bench::Comparison;
use crate::check::document::{
    BaselineDocument, CallsDocument, CheckDocument, CompareDocument, FaultsDocument, JudgeDocument,
    MergeDocument, TimelineDocument,
};
use crate::check::{ExpectDocument, MachineBits};
use crate::plan::file::DialectFile;

/// Where the copies lie in a checkout.
const FOLDER: &str = "fixtures/schema";

/// Arguments of `schema`.
#[derive(Clone, Debug, Args)]
pub struct SchemaArgs {
    /// A name of the list, such as `check-2`; `check` is the newest of its kind. Without a name: the list.
    #[arg(value_name = "NAME")]
    name: Option<String>,
}

/// One schema.
struct Known {
    /// What documents state as their `schema`.
    id: &'static str,
    source: Source,
}

/// Where a schema comes from.
enum Source {
    /// From the type that is written.
    Type(fn() -> Value),
    /// It was written by hand.
    Hand(&'static str),
}

impl Known {
    const fn of<T: JsonSchema>(id: &'static str) -> Self {
        Self { id, source: Source::Type(schema_of::<T>) }
    }

    /// A document that people write and the program reads.
    const fn read<T: JsonSchema>(id: &'static str) -> Self {
        Self { id, source: Source::Type(schema_to_read::<T>) }
    }

    const fn by_hand(id: &'static str, text: &'static str) -> Self {
        Self { id, source: Source::Hand(text) }
    }

    /// Kind and version: `check`, `2`.
    fn parts(&self) -> (&'static str, &'static str) {
        let rest = self.id.strip_prefix("loadparity.").unwrap_or(self.id);
        rest.split_once('/').unwrap_or((rest, ""))
    }

    /// `check-2`: the name of its file.
    fn name(&self) -> String {
        let (kind, version) = self.parts();
        format!("{kind}-{version}")
    }

    fn text(&self) -> String {
        let made = match self.source {
            Source::Type(made) => made(),
            Source::Hand(text) => return text.to_owned(),
        };
        let mut schema = made;
        let (kind, version) = self.parts();
        schema["$id"] = format!("urn:loadparity:{kind}:{version}").into();
        schema["properties"]["schema"] = serde_json::json!({ "const": self.id });
        let mut text = serde_json::to_string_pretty(&sorted(schema)).unwrap_or_default();
        text.push('\n');
        text
    }

    /// What it describes, in a sentence.
    fn about(&self) -> String {
        let schema: Value = serde_json::from_str(&self.text()).unwrap_or_default();
        let about = |key: &str| schema[key].as_str().map(str::to_owned);
        let about = about("description").or_else(|| about("title")).unwrap_or_default();
        let first = about.split("\n\n").next().unwrap_or_default().replace('\n', " ");
        first.split_once(". ").map_or(first.clone(), |(sentence, _)| sentence.to_owned())
    }
}

/// Every schema, those of one kind from the oldest to the newest.
fn all() -> Vec<Known> {
    vec![
        Known::of::<CheckDocument>(CheckDocument::SCHEMA),
        Known::of::<FaultsDocument>(FaultsDocument::SCHEMA),
        Known::of::<CompareDocument>(CompareDocument::SCHEMA),
        Known::of::<MergeDocument>(MergeDocument::SCHEMA),
        Known::of::<JudgeDocument>(JudgeDocument::SCHEMA),
        Known::read::<ExpectDocument>(ExpectDocument::SCHEMA),
        Known::read::<DialectFile>(DialectFile::SCHEMA),
        Known::read::<ConfigFile>(ConfigFile::SCHEMA),
        Known::read::<BaselineDocument>(BaselineDocument::SCHEMA),
        Known::of::<MachineBits>(MachineBits::SCHEMA),
        Known::of::<RunDocument>(RunDocument::SCHEMA),
        Known::of::<Comparison>(Comparison::SCHEMA),
        Known::of::<ExplainDocument>(ExplainDocument::SCHEMA),
        Known::of::<ExplainBenchDocument>(ExplainBenchDocument::SCHEMA),
        Known::of::<ExplainRuleDocument>(ExplainRuleDocument::SCHEMA),
        Known::by_hand(super::dialects::SCHEMA_ID, super::dialects::schema_text()),
        Known::of::<CallsDocument>(CallsDocument::SCHEMA),
        Known::of::<TimelineDocument>(TimelineDocument::SCHEMA),
        Known::of::<DiffDocument>(DiffDocument::SCHEMA),
        Known::of::<ImportDocument>(ImportDocument::SCHEMA),
        Known::by_hand(crate::trace::FIRST_SCHEMA_ID, include_str!("../../fixtures/schema/trace-1.json")),
        Known::by_hand(crate::trace::SCHEMA_ID, crate::trace::schema_text()),
        Known::of::<DoctorDocument>(DoctorDocument::SCHEMA),
        Known::of::<TokenizeDocument>(TokenizeDocument::SCHEMA),
        Known::of::<GgufShowDocument>(GgufShowDocument::SCHEMA),
    ]
}

/// The schema of a type as it is written: what is always there is required, and what a later version of the program
/// adds is let through.
fn schema_of<T: JsonSchema>() -> Value {
    open(SchemaSettings::draft2020_12().for_serialize().into_generator().into_root_schema_for::<T>().into())
}

/// The schema without what forbids a field that it does not name.
fn open(schema: Value) -> Value {
    match schema {
        Value::Array(items) => items.into_iter().map(open).collect(),
        Value::Object(map) => {
            let closes =
                |key: &str, value: &Value| key == "additionalProperties" && *value == Value::Bool(false);
            let kept = map.into_iter().filter(|(key, value)| !closes(key, value));
            Value::Object(kept.map(|(key, value)| (key, open(value))).collect())
        }
        other => other,
    }
}

/// The schema of a type as it is read: what has a default may be left out.
fn schema_to_read<T: JsonSchema>() -> Value {
    SchemaSettings::draft2020_12().for_deserialize().into_generator().into_root_schema_for::<T>().into()
}

/// The same with the keys of every object in one order, whatever order the JSON library keeps.
fn sorted(value: Value) -> Value {
    match value {
        Value::Array(items) => items.into_iter().map(sorted).collect(),
        Value::Object(map) => {
            let mut entries: Vec<(String, Value)> = map.into_iter().collect();
            entries.sort_by(|a, b| a.0.cmp(&b.0));
            Value::Object(entries.into_iter().map(|(key, value)| (key, sorted(value))).collect::<Map<_, _>>())
        }
        other => other,
    }
}

/// The schemas that are made from types, with their paths in a checkout.
pub(super) fn copies() -> Vec<(String, String)> {
    let made = all().into_iter().filter(|known| matches!(known.source, Source::Type(_)));
    made.map(|known| (format!("{FOLDER}/{}.json", known.name()), known.text())).collect()
}

/// The name of every schema, with what it describes in a sentence.
pub(super) fn described() -> Vec<(String, String)> {
    all().iter().map(|known| (known.name(), known.about())).collect()
}

/// The name of every schema.
pub(super) fn names() -> Vec<String> {
    all().iter().map(Known::name).collect()
}

/// Runs `schema`.
pub(super) fn run(args: &SchemaArgs, out: &mut dyn Write) -> Exit {
    let all = all();
    let text = match &args.name {
        None => list(&all),
        Some(name) => match find(&all, name) {
            Some(known) => known.text(),
            None => {
                return Exit::usage(format!(
                    "no schema is called `{name}`; there are {}",
                    names().join(", ")
                ));
            }
        },
    };
    out.write_all(text.as_bytes()).map_or_else(Exit::unwritten, |()| Exit::Code(0))
}

/// A schema by its name, its id, or its kind.
fn find<'a>(all: &'a [Known], name: &str) -> Option<&'a Known> {
    let exact = all.iter().find(|known| known.name() == name || known.id == name);
    exact.or_else(|| all.iter().rev().find(|known| known.parts().0 == name))
}

fn list(all: &[Known]) -> String {
    let width = all.iter().map(|known| known.name().len()).max().unwrap_or(0);
    all.iter().map(|known| format!("{:<width$}  {}\n", known.name(), known.about())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schema_is_found_by_name_id_and_kind() {
        let all = all();
        for name in ["trace-2", "loadparity.trace/2", "trace"] {
            assert_eq!(find(&all, name).map(|known| known.id), Some("loadparity.trace/2"), "{name}");
        }
        assert_eq!(find(&all, "trace-1").map(|known| known.id), Some("loadparity.trace/1"));
        assert!(find(&all, "nothing").is_none());
        assert!(all.iter().all(|known| !known.about().is_empty()));
    }
}
