//! `docs/regressions.md`: the scenarios, the recordings and the evidence of the pull request, each
//! with real output.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::check::document::JudgeDocument;
use crate::check::{Recording, Scenario, Shown, ShownSide, judge};
use crate::import::{Origin, import};
use crate::plan::{Dialect, Spelling, split_args};
use crate::rules::Summary;
use crate::trace::{CodePath, Diff, DiffClass, Word};

/// Rows of the catalogue that no spelling shows, and why.
const NOT_SHOWN: &[(&str, &str, &str)] = &[
    (
        "P07",
        "`--no-mmap` did nothing in a revision of the pull request",
        "the revision was never merged, so that no dialect has it",
    ),
    ("P11", "bindings stopped compiling", "happens before there is a command line"),
    (
        "P13",
        "lazily read tensors are mapped whatever the load mode",
        "decided by another flag, which is no load flag here",
    ),
    ("P14", "lazy reading reintroduced the mapping on devices that had opted out", "as P13"),
    (
        "P17",
        "a fork takes `dio` and never opens a file for it",
        "the plan is right and the loader breaks it: `tests/cli/broken_loaders.rs` has such loaders, and `judge` shows it in a recording",
    ),
    (
        "P21",
        "some models are never mapped because they are rewritten while loading",
        "decided by the model and not by the spelling",
    ),
];

/// The builds of the recordings and their dialects.
const BUILDS: [(&str, &str, &str); 3] =
    [("a", "e3546c794", "booleans"), ("b", "4df29be4f", "enum-v3"), ("c", "0c1e57098", "enum-v4")];

/// The page, from the fixtures of a checkout.
pub(super) fn page(fixtures: &Path) -> io::Result<String> {
    let mut page = String::from(
        "# Regressions\n\n\
         Made by `loadparity docs write`; held by `tests/cli/docs.rs`. Every plan and every difference of code paths\n\
         below is what this program printed: the reference engine ran both dialects on a simulated machine. Numbers such\n\
         as P02 are those of a catalogue of reports; the sources name them.\n",
    );
    scenarios(fixtures, &mut page)?;
    let judged = recordings(fixtures)?;
    claims(&judged, &mut page);
    rules(&judged, &mut page);
    evidence(fixtures, &mut page)?;
    Ok(page)
}

/// The files of a folder with one extension, by name.
fn files(folder: &Path, extension: &str) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|e| e == extension) {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn bad(path: &Path, problem: impl std::fmt::Display) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("{}: {problem}", path.display()))
}

fn text(path: &Path) -> io::Result<String> {
    fs::read_to_string(path).map_err(|error| bad(path, error))
}

fn scenarios(fixtures: &Path, page: &mut String) -> io::Result<()> {
    for path in files(&fixtures.join("regressions"), "json")? {
        let scenario = Scenario::from_json(&text(&path)?).map_err(|error| bad(&path, error))?;
        let shown = scenario.run().map_err(|error| bad(&path, error))?;
        scenario_section(&scenario, &shown, page);
    }
    page.push_str(
        "\n## Not shown by a spelling\n\n| row | what happened | why it is not here |\n| --- | --- | --- |\n",
    );
    for (id, what, why) in NOT_SHOWN {
        let _ = writeln!(page, "| {id} | {what} | {why} |");
    }
    Ok(())
}

fn scenario_section(scenario: &Scenario, shown: &Shown, page: &mut String) {
    let _ = write!(page, "\n## {}: {}\n\n{}\n\n", scenario.id, scenario.title, scenario.story);
    let _ = writeln!(page, "Source: {}. Machine: {}.\n", scenario.source, scenario.machine.about());
    page.push_str("| | dialect | spelling | plan | effective |\n| --- | --- | --- | --- | --- |\n");
    for (word, side) in [("before", &shown.before), ("after", &shown.after)] {
        let (dialect, plan) = (side.dialect, side.plan_text());
        let _ = writeln!(page, "| {word} | `{dialect}` | {} | {plan} | {} |", code(side), side.effective);
    }
    if let Err(error) = &shown.after.plan {
        let _ = writeln!(page, "\nThe error: {error}.");
    }
    if shown.diff.is_identical() {
        page.push_str("\nThe code paths are identical.\n");
    } else {
        let _ = write!(page, "\n```diff\n{}```\n", shown.diff);
    }
}

fn code(side: &ShownSide) -> String {
    if side.spelling == Spelling::default() { "(nothing)".to_owned() } else { format!("`{}`", side.spelling) }
}

/// A recording of the index, judged.
struct Judged {
    build: String,
    case: String,
    effective: String,
    judgement: JudgeDocument,
}

fn recordings(fixtures: &Path) -> io::Result<Vec<Judged>> {
    let folder = fixtures.join("straces");
    let index = folder.join("index.tsv");
    let mut judged = Vec::new();
    for line in text(&index)?.lines().skip(1) {
        let [build, case, _, env, flags, effective] = line.split('\t').collect::<Vec<_>>()[..] else {
            return Err(bad(&index, format!("not six columns: {line}")));
        };
        let Some((_, _, dialect)) = BUILDS.iter().find(|(name, ..)| *name == build) else {
            return Err(bad(&index, format!("unknown build {build}")));
        };
        let dialect: Dialect = dialect.parse().map_err(|error| bad(&index, error))?;
        let path = folder.join(build).join(format!("{case}.strace"));
        let imported = import(&text(&path)?, Some(Origin::Strace)).map_err(|error| bad(&path, error))?;
        let log = path.with_extension("log");
        let printed: Vec<String> =
            if log.exists() { text(&log)?.lines().map(str::to_owned).collect() } else { Vec::new() };
        let (argv, _) = split_args(dialect, flags.split_whitespace().map(Into::into), |_| false);
        let env = env.split_once('=').map(|(k, v)| (k.to_owned(), v.to_owned())).into_iter().collect();
        let recording = Recording {
            ops: &imported.trace.ops,
            page_size: imported.trace.header.page_size,
            printed: Some(&printed),
            weights: None,
            ..Recording::default()
        };
        judged.push(Judged {
            build: build.to_owned(),
            case: case.to_owned(),
            effective: effective.to_owned(),
            judgement: judge(dialect, &Spelling { argv, env }, &recording),
        });
    }
    Ok(judged)
}

fn claims(judged: &[Judged], page: &mut String) {
    let agree = judged.iter().filter(|j| j.judgement.agrees).count();
    let right = judged.iter().filter(|j| j.judgement.effective == j.effective).count();
    let claims = judged.iter().flat_map(|j| j.judgement.log_claims.iter().flatten());
    let (claimed, untrue) = claims.fold((0, 0), |(all, no), claim| (all + 1, no + usize::from(!claim.holds)));
    let _ = write!(
        page,
        "\n## What recorded builds did, and what they said\n\n\
         {} recordings of three builds of llama.cpp (`fixtures/straces/`) were judged: the effective mode is the known one in\n\
         {right}, and what the dialect predicts in {agree}. Their logs make {claimed} claims; {untrue} are not true:\n\n\
         | build | spelling | line | claims that | instead |\n| --- | --- | --- | --- | --- |\n",
        judged.len(),
    );
    let mut rows: BTreeMap<(String, String, String), (String, String)> = BTreeMap::new();
    for j in judged {
        for claim in j.judgement.log_claims.iter().flatten().filter(|claim| !claim.holds) {
            let key = (build(&j.build), spelling_of(j), claim.line.clone());
            rows.insert(key, (claim.claims.clone(), claim.instead.clone()));
        }
    }
    for ((build, spelling, line), (claims, instead)) in rows {
        let _ = writeln!(page, "| {build} | {spelling} | `{line}` | {claims} | {instead} |");
    }
    page.push_str(
        "\nA log line names the mode that was asked for; it is printed before the lock is tried and not taken back. The\n\
         advice to replace a switch names one word for both of its senses. The advice for `--mlock` holds within its build and\n\
         not for what the switch had meant before (P03).\n",
    );
}

fn build(name: &str) -> String {
    BUILDS
        .iter()
        .find(|(n, ..)| *n == name)
        .map_or_else(String::new, |(_, hash, dialect)| format!("{hash} ({dialect})"))
}

fn spelling_of(judged: &Judged) -> String {
    let spelling = &judged.judgement.spelling;
    let shown = if spelling.is_empty() { "(nothing)".to_owned() } else { format!("`{spelling}`") };
    let model = judged.case.split_once('.').map(|(model, _)| format!(", {model}"));
    let place = judged.case.split_once('_').map(|(place, _)| place);
    let note = match place {
        Some("lowlim") => ", lock limit 64 KiB",
        Some("tmpfs") => ", on tmpfs",
        _ => "",
    };
    format!("{shown}{}{note}", model.unwrap_or_default())
}

fn rules(judged: &[Judged], page: &mut String) {
    page.push_str(
        "\n## Rules of the contract that recorded loads broke\n\n\
         As far as system calls alone can decide them.\n\n\
         | build | spelling | rule | seen |\n| --- | --- | --- | --- |\n",
    );
    for j in judged {
        for finding in &j.judgement.findings {
            let _ = writeln!(
                page,
                "| {} | {} | {} | {} |",
                build(&j.build),
                spelling_of(j),
                finding.rule,
                finding.message
            );
        }
    }
}

fn evidence(fixtures: &Path, page: &mut String) -> io::Result<()> {
    page.push_str(
        "\n## The evidence of the pull request\n\n\
         The author of PR #20834 showed parity with a patch that prints what the loader does, and three commands. Its lines\n\
         are `fixtures/pr20834/`; imported and compared they say:\n",
    );
    for (flag, name) in [("--mmap", "mmap"), ("--mlock", "mlock"), ("--direct-io", "dio")] {
        let mut paths = Vec::new();
        let mut notes = Vec::new();
        let mut counts = Vec::new();
        for side in ["master", "pr"] {
            let file = fixtures.join("pr20834").join(format!("{name}.{side}.log"));
            let imported = import(&text(&file)?, Some(Origin::Pr20834)).map_err(|error| bad(&file, error))?;
            let summary = Summary::of(&imported.trace.ops);
            counts.push(format!(
                "{side}: {} opens, {} of them direct, {} of these never read",
                summary.opens, summary.direct_asked, summary.direct_unread
            ));
            paths.push(CodePath::from_ops(&imported.trace.ops));
            notes = imported.report.notes;
        }
        let diff = Diff::between(&paths[0], &paths[1]);
        let verdict = if diff.is_identical() { "identical" } else { "**not identical**" };
        let _ = write!(page, "\n### `{flag}`: {verdict}\n\n");
        if name == "dio" {
            counts.iter().for_each(|count| {
                let _ = writeln!(page, "- {count}");
            });
        }
        notes.iter().for_each(|note| {
            let _ = writeln!(page, "- {note}");
        });
        if let Some(worst) = diff.worst() {
            let _ = write!(
                page,
                "\nThe worst difference is `{}`: {}\n",
                worst.word(),
                DiffClass::explanation(worst)
            );
            let _ = write!(page, "\n```diff\n{diff}```\n");
        }
    }
    Ok(())
}
