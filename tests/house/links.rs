//! Links between the pages of a checkout lead somewhere: to a file that is there and a heading that it has.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

fn checkout() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The pages, by their paths in the checkout: those at the root, in `docs`, and those that readers are sent to.
fn pages() -> BTreeMap<PathBuf, String> {
    let mut pages = BTreeMap::new();
    for folder in ["", "docs", "benches", "fixtures/models"] {
        for entry in std::fs::read_dir(checkout().join(folder)).expect("a folder of pages") {
            let path = entry.expect("an entry").path();
            if path.extension().is_some_and(|extension| extension == "md") {
                let text = std::fs::read_to_string(&path).expect("a page");
                pages.insert(path.strip_prefix(checkout()).expect("inside").to_owned(), text);
            }
        }
    }
    pages
}

/// The links of a page, and the anchors of its headings.
fn read(text: &str) -> (Vec<String>, Vec<String>) {
    let (mut links, mut anchors, mut heading) = (Vec::new(), Vec::new(), None);
    for event in Parser::new_ext(text, Options::ENABLE_TABLES) {
        match event {
            Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                links.push(dest_url.to_string())
            }
            Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
            Event::End(TagEnd::Heading(_)) => {
                let anchor = anchor(&heading.take().unwrap_or_default());
                // A second heading of the same words has a number.
                let before = anchors.iter().filter(|known| **known == anchor).count();
                anchors.push(if before == 0 { anchor } else { format!("{anchor}-{before}") });
            }
            Event::Text(text) | Event::Code(text) => {
                if let Some(heading) = &mut heading {
                    heading.push_str(&text);
                }
            }
            _ => {}
        }
    }
    (links, anchors)
}

/// The anchor that GitHub and mdBook give to a heading.
fn anchor(heading: &str) -> String {
    let kept = heading
        .to_lowercase()
        .chars()
        .filter(|c| c.is_alphanumeric() || "-_ ".contains(*c))
        .collect::<String>();
    kept.replace(' ', "-")
}

/// A path without `..`.
fn plain(path: &Path) -> PathBuf {
    path.components().fold(PathBuf::new(), |mut plain, part| {
        match part {
            Component::ParentDir => _ = plain.pop(),
            Component::CurDir => {}
            part => plain.push(part),
        }
        plain
    })
}

/// Links of a page that lead nowhere.
fn broken(page: &Path, text: &str, pages: &BTreeMap<PathBuf, String>) -> Vec<String> {
    // The contents of the book are read from its root.
    let folder = if page.ends_with("SUMMARY.md") { Path::new("") } else { page.parent().expect("a folder") };
    let leads = |link: &str| {
        if link.contains("://") || link.starts_with("mailto:") {
            return true;
        }
        let (path, wanted) = link.split_once('#').map_or((link, None), |(path, anchor)| (path, Some(anchor)));
        let target = if path.is_empty() { page.to_owned() } else { plain(&folder.join(path)) };
        match (pages.get(&target), wanted) {
            (Some(text), Some(wanted)) => read(text).1.iter().any(|anchor| anchor == wanted),
            _ => checkout().join(target).exists(),
        }
    };
    read(text)
        .0
        .into_iter()
        .filter(|link| !leads(link))
        .map(|link| format!("{}: {link}", page.display()))
        .collect()
}

#[test]
fn every_link_leads_somewhere() {
    let pages = pages();
    assert!(pages.len() > 15, "{}", pages.len());
    let broken: Vec<String> = pages.iter().flat_map(|(page, text)| broken(page, text, &pages)).collect();
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn a_link_that_leads_nowhere_is_found() {
    let pages = pages();
    let wrong = "[a](nothing.md) [b](README.md#no-such-heading) [c](https://x.org/) [d](docs/../README.md)";
    let found = broken(Path::new("x.md"), wrong, &pages);
    assert_eq!(found, ["x.md: nothing.md", "x.md: README.md#no-such-heading"]);
    assert_eq!(anchor("`trace`: what it *does*, and why"), "trace-what-it-does-and-why");
}

/// A page that no reader of the book can come to is lost.
#[test]
fn every_page_stands_in_the_contents_of_the_book() {
    let pages = pages();
    let listed = read(&pages[Path::new("docs/SUMMARY.md")]).0;
    for page in pages.keys().filter(|page| !page.starts_with("benches") && !page.starts_with("fixtures")) {
        let name = page.to_str().expect("UTF-8").replace('\\', "/");
        assert!(name == "docs/SUMMARY.md" || listed.contains(&name), "{name} is not in docs/SUMMARY.md");
    }
}
