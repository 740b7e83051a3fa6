//! What a page holds, and what it must not.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use sha2::{Digest, Sha256};

use super::html;
use crate::report::page::Page;
use crate::report::render::samples;
use crate::report::view::Viewed;

fn written(page: &Page) -> String {
    let mut out = Vec::new();
    html(&mut out, page).unwrap();
    String::from_utf8(out).unwrap().replace(env!("CARGO_PKG_VERSION"), "VERSION")
}

fn pages() -> Vec<(&'static str, Page)> {
    vec![
        ("check", samples::check().page()),
        ("passed", samples::passed().page()),
        ("blocked", samples::blocked().page()),
        ("compare", samples::compare().page()),
        ("faults", samples::faults().page()),
        ("judge", samples::judge().page()),
        ("merge", samples::merge().page()),
    ]
}

/// What stands between two marks, the first time.
fn between<'t>(text: &'t str, from: &str, to: &str) -> &'t str {
    let rest = text.split_once(from).map_or("", |(_, rest)| rest);
    rest.split_once(to).map_or("", |(inside, _)| inside)
}

#[test]
fn every_document_is_a_page() {
    for (name, page) in pages() {
        let text = written(&page);
        let body = format!("<body>{}</body>", between(&text, "<body>", "<script>"));
        insta::assert_snapshot!(format!("{name}_page"), body.replace("><", ">\n<"));
    }
}

#[test]
fn the_policy_names_the_one_style_and_the_one_script_and_nothing_else_is_loaded() {
    for (name, page) in pages() {
        let text = written(&page);
        assert_eq!((text.matches("<style").count(), text.matches("<script").count()), (1, 1), "{name}");
        let policy = between(&text, "Content-Security-Policy\" content=\"", "\"").replace("&#39;", "'");
        assert!(policy.starts_with("default-src 'none';"), "{policy}");
        for (directive, part) in [
            ("style-src", between(&text, "<style>", "</style>")),
            ("script-src", between(&text, "<script>", "</script>")),
        ] {
            let hash = BASE64_STANDARD.encode(Sha256::digest(part.as_bytes()));
            assert!(policy.contains(&format!("{directive} 'sha256-{hash}'")), "{name}: {policy}");
        }
        for loads in [" src=", "<link", "<img", "<iframe", "@import", "url(", " style=", " onclick="] {
            assert!(!text.contains(loads), "{name}: {loads}");
        }
        let links = text.match_indices(" href=\"").map(|(at, mark)| &text[at + mark.len()..]);
        assert!(links.into_iter().all(|link| link.starts_with('#')), "{name}");
    }
}

#[test]
fn ids_are_unique_and_links_lead_somewhere() {
    for (name, page) in pages() {
        let text = written(&page);
        let values = |attribute: &str| -> Vec<String> {
            let found = text.match_indices(attribute).map(|(at, mark)| &text[at + mark.len()..]);
            found.filter_map(|rest| Some(rest.split_once('"')?.0.to_owned())).collect()
        };
        let mut ids = values(" id=\"");
        let count = ids.len();
        for link in values(" href=\"#").into_iter().chain(
            values(" aria-labelledby=\"")
                .iter()
                .flat_map(|ids| ids.split(' ').map(str::to_owned).collect::<Vec<_>>()),
        ) {
            assert!(ids.contains(&link), "{name}: {link}");
        }
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), count, "{name}");
    }
}

#[test]
fn text_of_others_is_text() {
    let hostile = "</script><!--<img src=x onerror=alert(1)>\u{202e}\u{1b}[31m\u{fffe}\"'&";
    let mut check = samples::check();
    check.started.header.model = hostile.to_owned();
    check.started.subject = hostile.to_owned();
    check.groups[0].spellings[0] = hostile.to_owned();
    check.groups[0].notes = vec![hostile.to_owned()];
    check.groups[0].steps = vec![hostile.to_owned()];
    check.cases[0].spelling = hostile.to_owned();
    check.failures[0].message = hostile.to_owned();
    check.failures[0].diff = Some(format!("-{hostile}\n+{hostile}\n"));
    check.failures[0].reproduce = hostile.to_owned();
    let timeline = check.groups[3].timeline.as_mut().unwrap();
    timeline.files[0].path = hostile.to_owned();
    timeline.marks[0].text = hostile.to_owned();
    let mut compare = samples::compare();
    compare.started.old = hostile.to_owned();
    compare.spellings[3].what = vec![hostile.to_owned()];
    let mut faults = samples::faults();
    faults.cases[0].faults = vec![hostile.to_owned()];
    faults.cases[0].message = hostile.to_owned();
    let mut judge = samples::judge();
    judge.spelling = hostile.to_owned();
    judge.log_claims.as_mut().unwrap()[0].line = hostile.to_owned();
    let mut merge = samples::merge();
    merge.started.columns[0] = hostile.to_owned();
    merge.rows[0].cells[0].notes = vec![hostile.to_owned()];
    for page in [check.page(), compare.page(), faults.page(), judge.page(), merge.page()] {
        let text = written(&page);
        assert!(text.contains("&lt;/script&gt;&lt;!--&lt;img"), "it is there, as text");
        assert!(!text.contains("<img") && !text.contains("<!--"), "{}", page.view.command);
        assert!(!text.contains(['\u{202e}', '\u{1b}', '\u{fffe}']), "{}", page.view.command);
    }
}

#[test]
fn the_same_document_is_the_same_page_and_a_long_text_is_whole() {
    let mut document = samples::check();
    document.groups[0].notes = vec!["n".repeat(10_000)];
    let page = written(&document.page());
    assert_eq!(page, written(&document.page()));
    assert!(page.contains(&"n".repeat(10_000)));
}
