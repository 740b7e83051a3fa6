//! JSON outputs against their schemas.

#![allow(dead_code, unreachable_pub, reason = "each test program uses its own part of this")]

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use jsonschema::Validator;
use serde_json::Value;

/// The committed copy of a schema, such as `check-2`.
pub fn copy(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("fixtures/schema/{name}.json"))
}

/// Holds a document against the schema of a name, such as `check-2`.
pub fn assert_valid(name: &str, document: &Value) {
    let errors: Vec<String> = validator(name)
        .iter_errors(document)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .take(5)
        .collect();
    assert!(errors.is_empty(), "not a document of {name}: {errors:#?}");
}

/// The document, which has to keep the schema that it states.
pub fn valid(document: Value) -> Value {
    let schema = document["schema"].as_str().unwrap_or_else(|| panic!("no schema is stated: {document}"));
    let name = schema.strip_prefix("loadparity.").map(|rest| rest.replace('/', "-"));
    assert_valid(&name.unwrap_or_else(|| panic!("`{schema}` is no schema of ours")), &document);
    document
}

/// The document of a program's output.
pub fn parsed(bytes: &[u8]) -> Value {
    let parsed = serde_json::from_slice(bytes);
    valid(parsed.unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(bytes))))
}

fn validator(name: &str) -> Arc<Validator> {
    static VALIDATORS: Mutex<BTreeMap<String, Arc<Validator>>> = Mutex::new(BTreeMap::new());
    let mut validators = VALIDATORS.lock().unwrap_or_else(PoisonError::into_inner);
    let made = validators.entry(name.to_owned()).or_insert_with(|| {
        let path = copy(name);
        let text = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let schema = serde_json::from_slice(&text).expect("a schema is JSON");
        Arc::new(jsonschema::validator_for(&schema).expect("a schema is a schema"))
    });
    made.clone()
}
