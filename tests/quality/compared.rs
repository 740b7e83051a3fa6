//! Bugs that show where two runs, two builds or several machines are compared.

use loadparity::rules::Rule;
use serde_json::{Value, json};

use crate::planted::{Kind, Named, Plant, Planted};

const fn row(name: &'static str, kind: Kind, what: &'static str, rule: Rule, plant: Plant) -> Planted {
    Planted { name, kind, what, rule, named: Named::Broken, plant }
}

const fn machine(
    name: &'static str,
    kind: Kind,
    what: &'static str,
    rule: Rule,
    change: fn(&mut Value),
) -> Planted {
    row(name, kind, what, rule, Plant::Machine(change))
}

const fn build(
    variant: &'static str,
    kind: Kind,
    what: &'static str,
    rule: Rule,
    only: &'static str,
) -> Planted {
    row(variant, kind, what, rule, Plant::Build(variant, only))
}

/// The group of a plan in a result.
fn group<'v>(document: &'v mut Value, plan: &str) -> &'v mut Value {
    let groups = document["groups"].as_array_mut().unwrap();
    groups.iter_mut().find(|group| group["name"] == plan).unwrap()
}

fn turn_a_bit(hash: &mut Value) {
    let text = hash.as_str().unwrap();
    let last = u8::from_str_radix(&text[63..], 16).unwrap() ^ 1;
    *hash = json!(format!("{}{last:x}", &text[..63]));
}

fn other_model(document: &mut Value) {
    turn_a_bit(&mut document["started"]["model_hash"]);
}

fn regrouped(document: &mut Value) {
    let moved = group(document, "map+lock")["spellings"].as_array_mut().unwrap().pop().unwrap();
    group(document, "map")["spellings"].as_array_mut().unwrap().push(moved);
}

fn diverged(document: &mut Value) {
    group(document, "read")["verdict"] = json!("divergent");
    document["failures"] = json!([{
        "rule": "read-once", "spelling": "--load-mode none", "plan": "read", "message": "came twice",
        "diff": null, "reproduce": "loadparity run",
    }]);
}

fn lost_lock(document: &mut Value) {
    let group = group(document, "map+lock");
    let steps = group["semantic_steps"].as_array_mut().unwrap();
    steps.retain(|step| !step.as_str().unwrap().contains(" lock map0"));
    let text: String = steps.iter().map(|step| format!("{}\n", step.as_str().unwrap())).collect();
    let hash = blake3::hash(format!("loadparity.semantic/1\n{text}").as_bytes());
    group["semantic"] = json!(hash.to_hex().as_str());
}

/// The rows.
pub const ROWS: &[Planted] = &[
    row(
        "alias-of-another-meaning",
        Kind::Plan,
        "in a dialect an alias of a flag turns it off",
        Rule::PlanAlias,
        Plant::Dialect(
            "on = [\"-dio\", \"--direct-io\"]\noff = [\"-ndio\", \"--no-direct-io\"]\nvariable",
            "on = [\"-dio\", \"--no-direct-io\"]\noff = [\"-ndio\", \"--direct-io\"]\nvariable",
        ),
    ),
    machine(
        "other-grouping",
        Kind::Plan,
        "one machine reads a spelling as another plan",
        Rule::SameGrouping,
        regrouped,
    ),
    machine(
        "lock-lost-on-one-system",
        Kind::Path,
        "one machine takes a path without its lock",
        Rule::SameSemanticPath,
        lost_lock,
    ),
    machine(
        "divergent-by-itself",
        Kind::Path,
        "one machine diverges by itself",
        Rule::MachineParity,
        diverged,
    ),
    machine(
        "other-model",
        Kind::Bytes,
        "one machine checked another file by the same name",
        Rule::SameModel,
        other_model,
    ),
    machine(
        "other-tensors",
        Kind::Bytes,
        "one machine hashes the tensors of a plan otherwise",
        Rule::SameTensors,
        |document| turn_a_bit(&mut group(document, "map+lock")["tensors"]),
    ),
    machine(
        "other-logits",
        Kind::Bytes,
        "one machine hashes the logits of a plan otherwise",
        Rule::SameLogits,
        |document| turn_a_bit(&mut group(document, "read")["logits"]),
    ),
    build(
        "tail_not_loaded",
        Kind::Bytes,
        "the new build does not load the end of the weights",
        Rule::DataKept,
        "--no-mmap",
    ),
    build(
        "locked_after_output",
        Kind::Path,
        "the new build locks after its output",
        Rule::GuaranteeKept,
        "--mlock",
    ),
    build("lock_first_half", Kind::Path, "the new build locks half", Rule::GuaranteeKept, "--mlock"),
    build(
        "through_a_pipe",
        Kind::Path,
        "in the new build another process reads the weights",
        Rule::PolicyKept,
        "--no-mmap",
    ),
    row(
        "stale-known-divergence",
        Kind::Plan,
        "a list names a divergence that is gone",
        Rule::KnownDivergence,
        Plant::List,
    ),
];
