//! The section of `docs/quality.md` that is made from the counts in `fuzz/executions.tsv`.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::Path;

use crate::targets::ALL;

const START: &str = "<!-- made by tests/fuzz -->\n";
const END: &str = "<!-- end of what tests/fuzz made -->\n";

/// What was run of a target.
#[derive(Default)]
struct Ran {
    executions: u64,
    seconds: u64,
    last: String,
}

fn ran(counts: &str) -> BTreeMap<&str, Ran> {
    let mut all: BTreeMap<&str, Ran> = BTreeMap::new();
    for (number, line) in (1..).zip(counts.lines()) {
        let fields: Vec<&str> = line.split('\t').collect();
        let [target, executions, seconds, date] = fields[..] else { panic!("line {number} has four fields") };
        let ran = all.entry(target).or_default();
        ran.executions += executions.parse::<u64>().expect("a number of executions");
        ran.seconds += seconds.parse::<u64>().expect("a number of seconds");
        ran.last = ran.last.as_str().max(date).to_owned();
    }
    all
}

fn section(root: &Path) -> String {
    let counts = fs::read_to_string(root.join("fuzz/executions.tsv")).expect("the counts");
    let all = ran(&counts);
    let strays: Vec<_> = all.keys().filter(|name| ALL.iter().all(|(target, _)| target != *name)).collect();
    assert!(strays.is_empty(), "counts of what is no target: {strays:?}");
    let mut page = String::from("\n| target | executions | minutes | last run | fixtures |\n");
    page.push_str("| --- | ---: | ---: | --- | ---: |\n");
    let (mut executions, mut seconds, mut crashes) = (0, 0, 0);
    for (name, _) in ALL {
        let entries = fs::read_dir(root.join("fuzz/corpus").join(name)).expect("a folder of inputs");
        let names = entries.map(|entry| entry.expect("an input").file_name());
        let found = names.filter(|name| name.to_string_lossy().starts_with("crash-")).count();
        crashes += found;
        let _ = match all.get(name) {
            Some(ran) => {
                executions += ran.executions;
                seconds += ran.seconds;
                let minutes = ran.seconds.div_ceil(60);
                writeln!(page, "| `{name}` | {} | {minutes} | {} | {found} |", ran.executions, ran.last)
            }
            None => writeln!(page, "| `{name}` | not run | | | {found} |"),
        };
    }
    let _ = writeln!(page, "| all | {executions} | {} | | {crashes} |\n", seconds.div_ceil(60));
    page
}

#[test]
fn the_page_has_the_counts() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let path = root.join("docs/quality.md");
    let kept = fs::read_to_string(&path).expect("the page").replace("\r\n", "\n");
    let (before, rest) = kept.split_once(START).expect("the page has a section of counts");
    let (_, after) = rest.split_once(END).expect("the section has an end");
    let made = format!("{before}{START}{}{END}{after}", section(root));
    if std::env::var_os("LOADPARITY_RENEW").is_some() {
        fs::write(&path, made).expect("the page can be written");
        return;
    }
    assert!(made == kept, "docs/quality.md has other counts; LOADPARITY_RENEW=1 renews it");
}
