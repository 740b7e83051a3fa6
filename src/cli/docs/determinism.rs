//! `docs/determinism.md`: one value a model, from the documents of `loadparity bits` of several
//! machines.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::check::{Agreement, MachineBits, ModelBits};

/// The systems that the page has to speak of: one without a document is *not run*.
const SYSTEMS: [&str; 5] =
    ["linux/x86_64", "linux/aarch64", "windows/x86_64", "macos/aarch64", "macos/x86_64"];

/// The page, and whether every model has one value.
pub(super) fn page(machines: &[MachineBits]) -> Result<(String, bool), String> {
    let [first, others @ ..] = machines else {
        return Err("no document of `loadparity bits` is given".into());
    };
    if let Some(other) = others.iter().find(|other| other.settings != first.settings) {
        return Err(format!(
            "{} and {} have not generated the same: {} and {}",
            first.machine, other.machine, first.settings, other.settings
        ));
    }
    let mut models: Vec<&str> = Vec::new();
    for model in machines.iter().flat_map(|machine| &machine.models) {
        if !models.contains(&model.model.as_str()) {
            models.push(&model.model);
        }
    }
    let mut page = format!(
        "# Determinism\n\n\
         Made by `ci/determinism`; held by `tests/cli/bits.rs`. Each model has one hash of its tensors and one of its\n\
         logits: in every load mode, with every vector level that a machine's CPU has, with every number of threads, on\n\
         every machine that was run. A mode is what was asked for; whether the system honoured it is what `loadparity check`\n\
         says. Generated was: {}.\n",
        first.settings
    );
    machine_table(&mut page, machines);
    let mut one_value = true;
    page.push_str("\n## One value a model\n\n| model | tensors | logits | runs that agree |\n| --- | --- | --- | --- |\n");
    for model in &models {
        let agreement = Agreement::of(machines, model);
        one_value &= agreement.exit_code() == 0 && everywhere(machines, model);
        let value = |values: &BTreeMap<String, u64>| match (values.len(), Agreement::most(values)) {
            (1, Some(hash)) => format!("`{hash}`"),
            (0, _) | (_, None) => "*not run*".to_owned(),
            (n, _) => format!("**{n} different values**"),
        };
        let most = agreement.logits.values().max().copied().unwrap_or(0);
        let all = agreement.logits.values().sum::<u64>();
        // Writing to a String cannot fail, here and below.
        let _ = writeln!(
            page,
            "| {model} | {} | {} | {most} of {all} |",
            value(&agreement.tensors),
            value(&agreement.logits)
        );
    }
    page.push_str(
        "\n## Every run\n\nA cell names the numbers of threads that gave the model's value. Any other value would stand there in bold.\n",
    );
    for model in &models {
        every_run(&mut page, machines, model);
    }
    Ok((page, one_value))
}

/// Whether every machine has the model.
fn everywhere(machines: &[MachineBits], name: &str) -> bool {
    machines.iter().all(|machine| machine.models.iter().any(|model| model.model == name))
}

fn machine_table(page: &mut String, machines: &[MachineBits]) {
    page.push_str("\n## Machines\n\n| machine | system | vector levels |\n| --- | --- | --- |\n");
    for machine in machines {
        let mut levels: Vec<&str> = Vec::new();
        let loads = machine.models.iter().flat_map(|m| &m.modes).filter_map(|m| m.load.as_ref().ok());
        for run in loads.flat_map(|load| &load.logits) {
            if !levels.contains(&run.level.as_str()) {
                levels.push(&run.level);
            }
        }
        let _ = writeln!(page, "| {} | {} | {} |", machine.machine, machine.target(), levels.join(", "));
    }
    for system in SYSTEMS.iter().filter(|system| machines.iter().all(|m| m.target() != **system)) {
        let _ = writeln!(page, "| | {system} | *not run* |");
    }
}

fn every_run(page: &mut String, machines: &[MachineBits], name: &str) {
    let with = |machine: &'_ MachineBits| machine.models.iter().find(|m| m.model == name).cloned();
    let Some(modes) = machines.iter().find_map(with).map(|model| model.modes) else { return };
    let agreement = Agreement::of(machines, name);
    let value = Agreement::most(&agreement.logits).unwrap_or_default().to_owned();
    let header: Vec<&str> = modes.iter().map(|mode| mode.mode.as_str()).collect();
    let _ = writeln!(page, "\n### {name}\n\n| machine | level | {} |", header.join(" | "));
    let _ = writeln!(page, "| --- | --- |{}", " --- |".repeat(header.len()));
    for machine in machines {
        let Some(model) = with(machine) else {
            let _ = writeln!(page, "| {} | |{}", machine.machine, " *not run* |".repeat(header.len()));
            continue;
        };
        for level in levels(&model) {
            let cells: Vec<String> = header.iter().map(|mode| cell(&model, mode, &level, &value)).collect();
            let _ = writeln!(page, "| {} | {level} | {} |", machine.machine, cells.join(" | "));
        }
    }
}

fn levels(model: &ModelBits) -> Vec<String> {
    let mut levels = Vec::new();
    for run in model.modes.iter().filter_map(|m| m.load.as_ref().ok()).flat_map(|load| &load.logits) {
        if !levels.contains(&run.level) {
            levels.push(run.level.clone());
        }
    }
    levels
}

fn cell(model: &ModelBits, mode: &str, level: &str, value: &str) -> String {
    let Some(mode) = model.modes.iter().find(|m| m.mode == mode) else { return "*not run*".to_owned() };
    let load = match &mode.load {
        Ok(load) => load,
        Err(reason) => return format!("*not run: {}*", reason.replace(['|', '\n'], " ")),
    };
    let runs = load.logits.iter().filter(|run| run.level == level);
    let words: Vec<String> = runs
        .map(|run| match run.hash == value {
            true => run.threads.to_string(),
            false => format!("**{}: {:.16}**", run.threads, run.hash),
        })
        .collect();
    words.join(", ")
}
