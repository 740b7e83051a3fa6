//! What a user writes: flags, faults, dialects, and files to be migrated.

use std::ffi::OsString;

use loadparity::migrate::{Kind, detect, look_through, migrate as migrated};
use loadparity::plan::{Dialect, bench, resolve, split_args, split_bench_args};
use loadparity::platform::FaultSpec;

/// A fault: its text. What is accepted is the same when it is printed and read again.
pub fn injection(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    match text.parse::<FaultSpec>() {
        Ok(spec) => assert_eq!(spec.to_string().parse::<FaultSpec>().as_ref(), Ok(&spec), "{spec}"),
        Err(error) => assert!(error.position <= text.chars().count() + 1, "{error}"),
    }
}

/// A dialect: its text. What is accepted resolves its own words.
pub fn dialect_file(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match Dialect::read(text) {
        Err(error) => assert!(!error.to_string().is_empty()),
        Ok(dialect) => {
            for spelling in loadparity::plan::spelling::units(dialect).iter().take(50) {
                let _ = spelling.resolve(dialect);
                let _ = spelling.to_string();
            }
        }
    }
}

/// A command line: a byte that chooses the dialect, then words with a zero between them. Words before an empty one
/// are variables, `NAME=VALUE`.
///
/// No word is lost, and what is not about loading is not resolved.
pub fn load_flags(data: &[u8]) {
    let Some((choice, rest)) = super::choice(data) else { return };
    let dialects = Dialect::shipped();
    let dialect = dialects[choice % dialects.len()];
    let text = String::from_utf8_lossy(rest);
    let (before, after) = text.split_once("\0\0").unwrap_or(("", &text));
    let env: Vec<(&str, &str)> = before.split('\0').filter_map(|word| word.split_once('=')).collect();
    let words: Vec<&str> = after.split('\0').collect();
    let argv = || words.iter().map(OsString::from);
    let (flags, others) = split_args(dialect, argv(), |word| word.starts_with("-p"));
    assert_eq!(flags.len() + others.len(), words.len());
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    let _ = resolve(dialect, &flags, &env).map(|resolved| resolved.plan.to_string());
    let _ = resolve(dialect, &words, &env).map_err(|error| error.to_string());
    let (flags, others) = split_bench_args(dialect, argv(), |word| word.starts_with("-p"));
    assert_eq!(flags.len() + others.len(), words.len());
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    let _ = bench::resolve(dialect, &flags).map_err(|error| error.to_string());
}

/// A file to be migrated: a byte that chooses its kind, one for the two dialects, and the file.
///
/// What is rewritten means the same, and what is refused stays as it is; a rewrite that its own check throws away is
/// a defect.
pub fn migrate(data: &[u8]) {
    let Some((kind, rest)) = super::choice(data) else { return };
    let Some((way, text)) = super::choice(rest) else { return };
    let kind = Kind::ALL[kind % Kind::ALL.len()];
    let eras = Dialect::eras();
    let (from, to) = (eras[way % eras.len()], eras[way / eras.len() % eras.len()]);
    let migration = migrated(kind, text, from, to);
    if migration.refusals.is_empty() {
        assert_eq!(migrated(kind, &migration.text, to, to).plans, migration.plans);
    } else {
        assert_eq!(migration.text, text);
        let own = migration.refusals.iter().find(|refusal| refusal.text.contains("please report"));
        assert!(own.is_none(), "{kind}: {own:?}");
    }
    let _ = detect("x", text);
    let _ = look_through(text, from, to);
}
