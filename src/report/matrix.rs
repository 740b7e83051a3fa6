//! The words of a report, whatever it is drawn with: the matrix, the notes, the last lines.

use super::collected::Collected;
use super::compare;
use crate::check::{Facts, Failure, Finished, GroupFinished, MergeFinished, ModelMerged, Started, Verdict};

/// Spellings that a row names; the rest are counted.
const SHOWN_SPELLINGS: usize = 2;

/// Digits of a hash that a table shows.
const SHOWN_DIGITS: usize = 12;

/// A table of texts.
pub(super) struct Matrix {
    pub(super) header: Vec<String>,
    pub(super) rows: Vec<Vec<String>>,
    /// Columns of numbers.
    pub(super) right: &'static [usize],
}

/// The line above the matrix.
pub(super) fn title(collected: &Collected) -> String {
    if let Some(started) = &collected.compare {
        return compare::title(started);
    }
    match (&collected.started, &collected.merge) {
        (Some(started), _) => check_title(started),
        (None, Some(merge)) => format!("{}: merge of {}", merge.tool, merge.columns.join(", ")),
        (None, None) => String::new(),
    }
}

/// The line above the matrix of a check, after the tool's name.
pub(super) fn check_title(started: &Started) -> String {
    let Started { tool, subject, platform, arch, model, dialect, level, .. } = started;
    format!("{tool}: {subject} on {platform} {arch}, model {model}, dialect {dialect}, level {level:?}")
}

/// The matrix of a check or of a merge, or the table of a comparison.
pub(super) fn matrix(collected: &Collected) -> Matrix {
    if collected.compare.is_some() {
        return compare::table(collected);
    }
    if collected.merge.is_some() { merged(collected) } else { checked(&collected.groups) }
}

fn checked(groups: &[GroupFinished]) -> Matrix {
    let header = [
        "plan",
        "spellings",
        "opens",
        "direct",
        "map",
        "lock",
        "reads",
        "fallback",
        "path",
        "output",
        "verdict",
    ];
    Matrix {
        header: header.map(str::to_owned).to_vec(),
        rows: groups.iter().map(row).collect(),
        right: &[2, 3, 4, 5, 6],
    }
}

fn row(group: &GroupFinished) -> Vec<String> {
    let s: &Facts = &group.facts;
    let plan = if group.name == group.resolved {
        group.name.clone()
    } else {
        format!("{} → {}", group.name, group.resolved)
    };
    let dash = || "–".to_owned();
    vec![
        plan,
        spellings(group),
        s.opens.to_string(),
        if s.direct_asked == 0 { dash() } else { format!("{} of {}", s.direct_held, s.direct_asked) },
        if s.maps == 0 { dash() } else { size(s.mapped_bytes) },
        match (s.locked_bytes, s.locks_refused) {
            (0, 0) => dash(),
            (locked, 0) => size(locked),
            (locked, _) => format!("{}, refused", size(locked)),
        },
        format!("{}: {}", s.reads, size(s.read_bytes)),
        if s.fallbacks.is_empty() { dash() } else { s.fallbacks.join(", ") },
        group.path.clone(),
        group
            .logits
            .as_ref()
            .or(group.text.as_ref())
            .or(group.tensors.as_ref())
            .map_or_else(dash, |hash| digits(hash).to_owned()),
        group.verdict.to_string(),
    ]
}

fn spellings(group: &GroupFinished) -> String {
    let names: Vec<&str> = group.spellings.iter().take(SHOWN_SPELLINGS).map(|s| shown(s)).collect();
    let rest = group.spellings.len().saturating_sub(SHOWN_SPELLINGS);
    let mut text = names.join(", ");
    if rest > 0 {
        text += &format!(" +{rest}");
    }
    text
}

/// One row a plan, one column a machine; a cell holds the verdict and the semantic path.
fn merged(collected: &Collected) -> Matrix {
    let columns = collected.merge.iter().flat_map(|m| m.columns.iter().cloned());
    let several = collected.models.len() > 1;
    let mut header: Vec<String> = if several { vec!["model".to_owned()] } else { Vec::new() };
    header.push("plan".to_owned());
    header.extend(columns);
    let rows = collected.rows.iter().map(|row| {
        let mut cells = if several { vec![row.model.clone()] } else { Vec::new() };
        cells.push(row.plan.clone());
        cells.extend(row.cells.iter().map(|cell| match &cell.semantic {
            Some(path) => format!("{} {}", cell.verdict, digits(path)),
            None => cell.verdict.to_string(),
        }));
        cells
    });
    Matrix { header, rows: rows.collect(), right: &[] }
}

/// One line a model: its hashes and how many machines have them.
pub(super) fn model_line(model: &ModelMerged) -> String {
    let hash = |name: &str, hash: &Option<String>, with: u64| match (hash, with) {
        (_, 0) => format!("{name} not hashed"),
        (Some(hash), n) => format!("{name} {hash} on {n} of {} machines", model.machines),
        (None, n) => format!("{name} DIFFER among {n} machines"),
    };
    format!(
        "{}: {}; {}",
        model.model,
        hash("tensors", &model.tensors, model.with_tensors),
        hash("logits", &model.logits, model.with_logits)
    )
}

/// What a verdict needs to be understood, each once.
pub(super) fn notes(collected: &Collected) -> Vec<String> {
    let mut notes = Vec::new();
    for group in &collected.groups {
        notes.extend(group.notes.iter().map(|note| format!("{}: {note}", group.name)));
    }
    for row in &collected.rows {
        for cell in row.cells.iter().filter(|cell| cell.verdict.0 != Some(Verdict::Pass)) {
            notes.extend(cell.notes.iter().map(|note| format!("{}, {}: {note}", cell.machine, row.plan)));
        }
    }
    for missing in collected.merge.iter().flat_map(|m| &m.missing) {
        notes.push(format!("{missing}: not run: no result of this platform was given"));
    }
    notes.extend(collected.merged.iter().flat_map(|m| m.notes.iter().cloned()));
    notes.extend(collected.compared.iter().flat_map(|f| f.notes.iter().cloned()));
    notes.extend(collected.finished.iter().flat_map(|f| f.notes.iter().cloned()));
    let mut seen = std::collections::BTreeSet::new();
    notes.retain(|note| seen.insert(note.clone()));
    notes
}

/// What stands behind the rule of a failure: the spelling, or the machine, and the plan.
pub(super) fn place(failure: &Failure) -> String {
    let plan = failure.plan.as_deref().unwrap_or("no plan");
    match &failure.across {
        Some(across) => format!("{}, {}, {plan}", across.machine, across.model),
        None => format!("{} ({plan})", shown(&failure.spelling)),
    }
}

/// What was counted.
pub(super) fn totals(collected: &Collected) -> String {
    if let Some(Finished { totals: t, .. }) = &collected.finished {
        if t.faults > 0 {
            let (met, faults) = (t.loaded, t.faults);
            return format!(
                "{faults} faults and pairs of faults planned, {met} met a call; {} plans, {} failures",
                t.groups, t.failures
            );
        }
        return format!(
            "{} spellings planned: {} resolved, {} refused as usage errors; {} really loaded, {} really \
             generated; {} plans, {} failures",
            t.planned, t.resolved, t.rejected, t.loaded, t.generated, t.groups, t.failures
        );
    }
    if let Some(finished) = &collected.compared {
        return compare::totals(finished);
    }
    collected.merged.as_ref().map_or_else(String::new, |MergeFinished { totals: t, .. }| {
        format!(
            "{} machines, {} expected and not run; {} plans, {} cells not run; {} differences",
            t.machines, t.missing, t.plans, t.not_run, t.failures
        )
    })
}

/// The last word, and the verdict that colours it.
pub(super) fn last_word(collected: &Collected) -> (String, Option<Verdict>) {
    if let Some(finished) = &collected.compared {
        return (compare::last_word(finished.verdict).to_owned(), Some(finished.verdict));
    }
    let verdict = match (&collected.finished, &collected.merged) {
        (Some(finished), _) => Some(finished.verdict),
        (None, Some(merged)) => merged.verdict.0,
        (None, None) => None,
    };
    let word = match verdict {
        _ if collected.merged.as_ref().is_some_and(|m| m.totals.plans == 0) => {
            "nothing was selected".to_owned()
        }
        None => "not run: what was compared agrees, and something expected is missing".to_owned(),
        Some(Verdict::Pass) => "parity".to_owned(),
        Some(verdict @ (Verdict::Unsupported | Verdict::Expected)) => {
            format!("parity where it could be tried; {verdict}: {}", limited(collected).join(", "))
        }
        Some(Verdict::Blocked) => "blocked: a machine lacks what a required case needs".to_owned(),
        Some(Verdict::Divergent) => "divergent".to_owned(),
    };
    (word, verdict)
}

/// The names of what is no pass, each once, whatever the number of models.
fn limited(collected: &Collected) -> Vec<String> {
    let groups = collected.groups.iter().filter(|g| g.verdict != Verdict::Pass).map(|g| g.name.clone());
    let cells = collected.rows.iter().flat_map(|row| {
        let cells = row.cells.iter().filter(|cell| cell.verdict.0 != Some(Verdict::Pass));
        cells.map(|cell| format!("{} on {}", row.plan, cell.machine))
    });
    let mut seen = std::collections::BTreeSet::new();
    groups.chain(cells).filter(|name| seen.insert(name.clone())).collect()
}

/// A spelling as a person wants to see it.
pub(super) fn shown(spelling: &str) -> &str {
    if spelling.is_empty() { "(no flag)" } else { spelling }
}

/// The first digits of a hash.
fn digits(hash: &str) -> &str {
    hash.get(..SHOWN_DIGITS).unwrap_or(hash)
}

/// Bytes with a binary unit.
fn size(bytes: u64) -> String {
    indicatif::BinaryBytes(bytes).to_string()
}
