//! The section of `docs/quality.md` that is made from what the catalogue came to.

use std::fmt::Write;
use std::path::Path;

use loadparity::rules::Rule;

use crate::catalogue::{NO_BUG, Results, is_named};
use crate::planted::{Kind, Named};

const START: &str = "<!-- made by tests/quality -->\n";
const END: &str = "<!-- end -->\n";

fn section(results: &Results) -> String {
    let mut page = String::new();
    let count = |of: &dyn Fn(&crate::planted::Planted) -> bool| {
        let own: Vec<_> = results.came.iter().filter(|(row, _)| of(row)).collect();
        (own.len(), own.iter().filter(|(row, came)| is_named(row, came)).count())
    };
    page.push_str("\n| kind | planted | named by their rule |\n| --- | ---: | ---: |\n");
    for kind in Kind::ALL {
        let (planted, named) = count(&|row| row.kind == kind);
        let _ = writeln!(page, "| {} | {planted} | {named} |", kind.words());
    }
    let (planted, named) = count(&|_| true);
    let _ = writeln!(page, "| all | {planted} | {named} |");
    page.push_str("\n| rule | planted | named | escapes without the rule |\n| --- | ---: | ---: | --- |\n");
    for rule in Rule::ALL {
        if let Some((_, why)) = NO_BUG.iter().find(|(other, _)| other == rule) {
            let _ = writeln!(page, "| `{rule}` | | | {why} |");
            continue;
        }
        let (planted, named) = count(&|row| row.rule == *rule);
        let escape = results
            .escapes
            .get(rule)
            .map_or_else(String::new, |row| format!("{}: {}", row.place(), row.name));
        let _ = writeln!(page, "| `{rule}` | {planted} | {named} | {escape} |");
    }
    for kind in Kind::ALL {
        let _ = write!(
            page,
            "\n### {}\n\n| where | name | planted | rule |\n| --- | --- | --- | --- |\n",
            kind.words()
        );
        for (row, _) in results.came.iter().filter(|(row, _)| row.kind == kind) {
            let unseen = if row.named == Named::NotObserved { ", as *not observed*" } else { "" };
            let _ =
                writeln!(page, "| {} | {} | {} | `{}`{unseen} |", row.place(), row.name, row.what, row.rule);
        }
    }
    page.push('\n');
    page
}

/// Compares the kept section with what the catalogue came to; with `LOADPARITY_RENEW=1` it is written instead.
pub fn holds(results: &Results) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/quality.md");
    let kept = std::fs::read_to_string(&path).unwrap().replace("\r\n", "\n");
    let (before, rest) = kept.split_once(START).expect("docs/quality.md has a made section");
    let (_, after) = rest.split_once(END).expect("the made section has an end");
    let made = format!("{before}{START}{}{END}{after}", section(results));
    if std::env::var_os("LOADPARITY_RENEW").is_some() {
        std::fs::write(&path, made).unwrap();
        return;
    }
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    let stale = lines(&made).into_iter().zip(lines(&kept)).find(|(made, kept)| made != kept);
    assert!(made == kept, "docs/quality.md is stale; LOADPARITY_RENEW=1 renews it: {stale:?}");
}
