//! Which model a recording is judged by, where a program loads several.
//!
//! A vision projector is read by code of its own, whatever the load mode, and a draft model comes after the
//! model it drafts for; both may be larger in bytes than a small main model. So the model that counts is
//! the one whose load began first, and with it the other shards of its name
//! (`…-00001-of-0000N.gguf`).

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use crate::trace::{Call, FileId, Op, Phase, RegionId};

/// The files of one path.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Model {
    path: String,
    files: BTreeSet<FileId>,
}

/// The operations about the model that counts: its files, their mappings, and memory of no file.
pub(super) fn main_model(ops: &[Op]) -> Cow<'_, [Op]> {
    let models = models(ops);
    let Some(first) = models.first() else { return Cow::Borrowed(ops) };
    if models.iter().all(|model| name(&model.path) == name(&first.path)) {
        return Cow::Borrowed(ops);
    }
    let same = models.iter().filter(|model| name(&model.path) == name(&first.path));
    let files = same.flat_map(|model| model.files.iter().copied()).collect();
    Cow::Owned(of_files(&before_others(ops, &files), &files))
}

/// Without the memory that came into sight after another model's load had begun: models are loaded
/// one after another, so it is that one's.
fn before_others(ops: &[Op], files: &BTreeSet<FileId>) -> Vec<Op> {
    let other =
        |op: &Op| op.phase == Phase::Load && op.call.file().is_some_and(|file| !files.contains(&file));
    let began = ops.iter().position(other).unwrap_or(ops.len());
    let earlier: BTreeSet<RegionId> = ops[..began].iter().filter_map(|op| op.call.region()).collect();
    let own = |(i, op): &(usize, &Op)| {
        *i < began
            || op.call.file().is_some()
            || op.call.region().is_none_or(|region| earlier.contains(&region))
    };
    ops.iter().enumerate().filter(own).map(|(_, op)| op.clone()).collect()
}

/// The models that something was done with in the load phase, in the order in which that began.
fn models(ops: &[Op]) -> Vec<Model> {
    let mut paths: BTreeMap<FileId, &str> = BTreeMap::new();
    let mut models: Vec<Model> = Vec::new();
    for op in ops {
        if let Call::Open { file, path, .. } = &op.call {
            paths.insert(*file, path);
        }
        let (Phase::Load, Some(file)) = (op.phase, op.call.file()) else { continue };
        if matches!(op.call, Call::Close { .. }) {
            continue;
        }
        let path = paths.get(&file).map_or_else(|| format!("\0{}", file.0), |path| (*path).to_owned());
        if !models.iter().any(|model| model.path == path) {
            models.push(Model { path, files: BTreeSet::new() });
        }
    }
    for (file, path) in paths {
        if let Some(model) = models.iter_mut().find(|model| model.path == path) {
            model.files.insert(file);
        }
    }
    for model in &mut models {
        if let Some(number) = model.path.strip_prefix('\0').and_then(|number| number.parse().ok()) {
            model.files.insert(FileId(number));
        }
    }
    models
}

/// A path without the number of a shard.
fn name(path: &str) -> &str {
    let shard = path.strip_suffix(".gguf").and_then(|stem| {
        let (rest, count) = stem.rsplit_once("-of-")?;
        let (name, number) = rest.rsplit_once('-')?;
        let numeral = |text: &str| text.len() == 5 && text.bytes().all(|byte| byte.is_ascii_digit());
        (numeral(count) && numeral(number)).then_some(name)
    });
    shard.unwrap_or(path)
}

fn of_files(ops: &[Op], files: &BTreeSet<FileId>) -> Vec<Op> {
    let mut elsewhere: BTreeSet<RegionId> = BTreeSet::new();
    for op in ops {
        if let Call::Map { file, region, .. } = &op.call
            && !files.contains(file)
        {
            elsewhere.insert(*region);
        }
    }
    let about = |op: &&Op| match (op.call.file(), op.call.region()) {
        (Some(file), _) => files.contains(&file),
        (None, Some(region)) => !elsewhere.contains(&region),
        (None, None) => true,
    };
    ops.iter().filter(about).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_of_one_model_have_one_name() {
        assert_eq!(name("/m/a-00001-of-00003.gguf"), "/m/a");
        assert_eq!(name("/m/a-00003-of-00003.gguf"), "/m/a");
        for other in ["/m/a.gguf", "/m/a-1-of-3.gguf", "/m/a-00001-of-00003.bin", "-of-.gguf"] {
            assert_eq!(name(other), other);
        }
    }
}
