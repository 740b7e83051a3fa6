//! Results that are read again.

use loadparity::bench::{Comparison, read};
use loadparity::check::document::{
    BaselineDocument, CheckDocument, CompareDocument, FaultsDocument, JudgeDocument, MergeDocument,
};
use loadparity::check::{Expectations, Merge, join_faults};
use loadparity::report::render::{self, Screen};
use loadparity::report::{Viewed, html};
use serde::Serialize;

/// A document: a byte that chooses what it is, and its bytes. What is accepted is shown in every format, and merged.
pub fn documents(data: &[u8]) {
    let Some((kind, bytes)) = super::choice(data) else { return };
    match kind % 6 {
        0 => CheckDocument::read(bytes).iter().for_each(|document| {
            shown(document);
            let results = vec![("a".to_owned(), document.clone()), ("b".to_owned(), document.clone())];
            let merge = Merge { results, expected: vec!["linux".to_owned()] };
            if merge.comparable().is_ok() {
                shown(&merge.run());
            }
        }),
        1 => CompareDocument::read(bytes).iter().for_each(shown),
        2 => FaultsDocument::read(bytes).iter().for_each(|document| {
            shown(document);
            let both = [("a".to_owned(), document.clone()), ("b".to_owned(), document.clone())];
            join_faults(&both).iter().for_each(shown);
        }),
        3 => JudgeDocument::read(bytes).iter().for_each(shown),
        4 => MergeDocument::read(bytes).iter().for_each(shown),
        _ => {
            if let Ok(document) = BaselineDocument::read(bytes) {
                assert!(document.fits(&document).is_ok());
            }
        }
    }
}

fn shown<D: Viewed + Serialize>(document: &D) {
    let view = document.view();
    let mut out = Vec::new();
    for screen in [
        Screen { width: Some(40), coloured: true, verbose: true, quiet: false },
        Screen { width: None, coloured: false, verbose: false, quiet: true },
    ] {
        render::terminal(&mut out, &view, screen).unwrap();
    }
    render::markdown(&mut out, &view).unwrap();
    render::junit(&mut out, &view).unwrap();
    render::json(&mut out, document).unwrap();
    render::annotations(&mut out, &view).unwrap();
    html(&mut out, &document.page()).unwrap();
    let _ = document.exit_code();
}

/// A list of known divergences: its bytes.
pub fn expectations(data: &[u8]) {
    let _ = Expectations::read(data);
}

/// Results of a benchmark in one of llama-bench's formats: its text. What is accepted is compared with itself.
pub fn bench_results(data: &[u8]) {
    let Ok(records) = read(&String::from_utf8_lossy(data)) else { return };
    let _ = Comparison::of(&records, &records, ["old", "new"]).markdown();
}
