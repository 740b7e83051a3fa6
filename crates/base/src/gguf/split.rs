//! Models in several files: which file is which, whether they belong together, and how to cut one.
//!
//! A shard is a whole GGUF file. Its keys `split.no` (from 0), `split.count` and
//! `split.tensors.count` (of all shards) say what it is a part of; the first one has the model's
//! other metadata. Source: `gguf-split` of llama.cpp, which also names the files:
//! `NAME-00001-of-0000N.gguf`.

use std::collections::BTreeSet;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Gguf, KeyError, MAX_SHARDS, Value};

/// The key with a shard's number, from 0.
pub const NUMBER_KEY: &str = "split.no";
/// The key with the number of shards.
pub const COUNT_KEY: &str = "split.count";
/// The key with the number of tensors in all shards.
pub const TENSORS_KEY: &str = "split.tensors.count";

/// What a shard says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    /// Its number, from 0.
    pub number: u64,
    /// Shards in all; more than one.
    pub count: u64,
    /// Tensors in all of them.
    pub tensors: u64,
}

/// Why files are not the shards of one model. Shards are numbered from 1, as in file names.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs)]
pub enum SplitError {
    /// A key of the split is missing or holds something else.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// More shards than their numbers can count, or a number beyond them.
    #[error(
        "{NUMBER_KEY:?} is {number} and {COUNT_KEY:?} is {count}: there can be at most {MAX_SHARDS} shards, numbered from 0"
    )]
    Count { number: u64, count: u64 },
    /// The name does not end as a shard's does.
    #[error(
        "this is shard {number} of {count}, but its name does not end in -{number:05}-of-{count:05}.gguf, so the others cannot be found"
    )]
    Name { number: u64, count: u64 },
    /// Loading starts with the first shard.
    #[error(
        "this is shard {number} of {count}; give the first one, whose name ends in -00001-of-{count:05}.gguf"
    )]
    NotFirst { number: u64, count: u64 },
    /// A file is not the shard that its name says.
    #[error(
        "the file whose name ends in -{expected:05}-of-{count:05}.gguf should be shard {expected} of {count}, but is {}",
        describe(.found)
    )]
    Foreign { expected: u64, count: u64, found: Option<Shard> },
    /// A tensor is in two shards.
    #[error("shard {number} holds the tensor `{tensor}`, which an earlier shard holds too")]
    Repeated { number: u64, tensor: String },
    /// The shards hold another number of tensors than they should.
    #[error("the {count} shards hold {found} tensors, but {TENSORS_KEY:?} says {expected}")]
    Tensors { count: u64, found: u64, expected: u64 },
}

fn describe(shard: &Option<Shard>) -> String {
    match shard {
        Some(Shard { number, count, tensors }) => {
            format!("shard {} of {count} of a model of {tensors} tensors", number + 1)
        }
        None => "no shard of a model".to_owned(),
    }
}

/// What a file says of being a shard; nothing if it is a model of its own.
///
/// # Errors
/// When it says so incompletely.
pub fn shard(gguf: &Gguf) -> Result<Option<Shard>, SplitError> {
    if gguf.get(COUNT_KEY).is_none() {
        return Ok(None);
    }
    let count = gguf.u64(COUNT_KEY)?;
    if count <= 1 {
        return Ok(None);
    }
    let number = gguf.u64(NUMBER_KEY)?;
    if count > MAX_SHARDS || number >= count {
        return Err(SplitError::Count { number, count });
    }
    Ok(Some(Shard { number, count, tensors: gguf.u64(TENSORS_KEY)? }))
}

/// The files of all shards, from the path of the first one and what that says.
///
/// # Errors
/// When it is not the first, or not named as one.
pub fn paths(first: &Path, shard: Shard) -> Result<Vec<PathBuf>, SplitError> {
    let Shard { number, count, .. } = shard;
    if number != 0 {
        return Err(SplitError::NotFirst { number: number + 1, count });
    }
    let wrong = SplitError::Name { number: 1, count };
    let name = first.file_name().and_then(|name| name.to_str());
    let Some(stem) = name.and_then(|name| name.strip_suffix(&suffix(0, count))) else { return Err(wrong) };
    Ok((0..count).map(|number| first.with_file_name(format!("{stem}{}", suffix(number, count)))).collect())
}

/// How the name of a shard ends.
pub fn suffix(number: u64, count: u64) -> String {
    format!("-{:05}-of-{count:05}.gguf", number + 1)
}

/// The headers of a model.
#[derive(Clone, Debug)]
pub struct Joined {
    /// That of the whole model: the first shard's metadata without what speaks of the split, and the tensors of
    /// all shards in order. Their offsets stay those within their own shards.
    pub whole: Arc<Gguf>,
    /// Those of its files, in order: of several without their metadata, which would be there twice; of one the
    /// same as the whole.
    pub files: Vec<Arc<Gguf>>,
}

/// Joins the headers of a model's files. Metadata is moved and never copied, as it may be large.
///
/// # Errors
/// When the shards do not belong together.
pub fn join(files: Vec<Gguf>) -> Result<Joined, SplitError> {
    let mut shards = files.into_iter();
    let Some(mut first) = shards.next() else {
        return Err(SplitError::Foreign { expected: 1, count: 1, found: None });
    };
    let Some(split) = shard(&first)? else {
        let whole = Arc::new(first);
        return Ok(Joined { files: vec![Arc::clone(&whole)], whole });
    };
    let mut metadata = std::mem::take(&mut first.metadata);
    metadata.retain(|(key, _)| ![NUMBER_KEY, COUNT_KEY, TENSORS_KEY].contains(&key.as_str()));
    let mut files = vec![Arc::new(first)];
    for (number, mut gguf) in (1..).zip(shards) {
        let wanted = Shard { number, ..split };
        let found = shard(&gguf)?;
        if found != Some(wanted) {
            return Err(SplitError::Foreign { expected: number + 1, count: split.count, found });
        }
        gguf.metadata = Vec::new();
        files.push(Arc::new(gguf));
    }
    let mut names: BTreeSet<&str> = BTreeSet::new();
    for (number, gguf) in (1..).zip(&files) {
        if let Some(twice) = gguf.tensors.iter().find(|tensor| !names.insert(&tensor.name)) {
            return Err(SplitError::Repeated { number, tensor: twice.name.clone() });
        }
    }
    let found = names.len() as u64;
    if found != split.tensors {
        return Err(SplitError::Tensors { count: split.count, found, expected: split.tensors });
    }
    let Gguf { version, alignment, data_offset, .. } = *files[0];
    let whole = Gguf {
        version,
        alignment,
        metadata,
        tensors: files.iter().flat_map(|gguf| gguf.tensors.iter().cloned()).collect(),
        data_offset,
        file_size: files.iter().fold(0, |sum, gguf| sum.saturating_add(gguf.file_size)),
    };
    Ok(Joined { whole: Arc::new(whole), files })
}

/// What a shard may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// So many tensors, at least one.
    Tensors(usize),
    /// So many bytes of tensors, unless one alone is larger.
    Bytes(u64),
}

/// Which tensors go into which shard, in order.
pub fn cut(gguf: &Gguf, limit: Limit) -> Vec<Range<usize>> {
    let mut shards: Vec<Range<usize>> = Vec::new();
    let mut bytes = 0u64;
    for (index, tensor) in gguf.tensors.iter().enumerate() {
        let fits = |shard: &Range<usize>| match limit {
            Limit::Tensors(most) => shard.len() < most.max(1),
            Limit::Bytes(most) => bytes.saturating_add(tensor.size) <= most,
        };
        match shards.last_mut() {
            Some(last) if fits(last) => {
                last.end = index + 1;
                bytes = bytes.saturating_add(tensor.size);
            }
            _ => {
                shards.push(index..index + 1);
                bytes = tensor.size;
            }
        }
    }
    shards
}

/// The metadata of shard `number` of a model that is cut into `count`.
pub fn metadata(gguf: &Gguf, number: usize, count: usize) -> Vec<(String, Value)> {
    let mut metadata = if number == 0 { gguf.metadata.clone() } else { Vec::new() };
    // Each file has an alignment of its own.
    if number > 0
        && let Some(alignment) = gguf.get(super::limits::ALIGNMENT_KEY)
    {
        metadata.push((super::limits::ALIGNMENT_KEY.to_owned(), alignment.clone()));
    }
    metadata.push((NUMBER_KEY.to_owned(), Value::U16(number as u16)));
    metadata.push((COUNT_KEY.to_owned(), Value::U16(count as u16)));
    metadata.push((TENSORS_KEY.to_owned(), Value::I32(gguf.tensors.len() as i32)));
    metadata
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gguf::{TensorInfo, TensorType};

    fn file(names: &[&str], split: Option<(u16, u16, i32)>) -> Gguf {
        let tensor = |name: &&str| TensorInfo {
            name: (*name).to_owned(),
            dims: vec![4],
            dtype: TensorType::F32,
            offset: 0,
            size: 16,
        };
        let mut metadata = vec![("general.architecture".to_owned(), Value::from("llama"))];
        if let Some((number, count, tensors)) = split {
            metadata.push((NUMBER_KEY.to_owned(), Value::U16(number)));
            metadata.push((COUNT_KEY.to_owned(), Value::U16(count)));
            metadata.push((TENSORS_KEY.to_owned(), Value::I32(tensors)));
        }
        let tensors = names.iter().map(tensor).collect();
        Gguf { version: 3, alignment: 32, metadata, tensors, data_offset: 0, file_size: 100 }
    }

    #[test]
    fn shards_join_in_order() {
        let shards = vec![file(&["a", "b"], Some((0, 2, 3))), file(&["c"], Some((1, 2, 3)))];
        let Joined { whole, files } = join(shards).unwrap();
        assert_eq!(files.iter().map(|file| file.tensors.len()).collect::<Vec<_>>(), [2, 1]);
        let names: Vec<&str> = whole.tensors.iter().map(|tensor| tensor.name.as_str()).collect();
        assert_eq!((names, whole.metadata.len()), (vec!["a", "b", "c"], 1));
        let one = join(vec![file(&["a"], None)]).unwrap();
        assert!(Arc::ptr_eq(&one.whole, &one.files[0]), "one file is not copied");
    }

    #[test]
    fn what_does_not_belong_together_is_named() {
        let first = || file(&["a"], Some((0, 2, 2)));
        let error = |second: Gguf| join(vec![first(), second]).unwrap_err().to_string();
        assert_eq!(
            error(file(&["b"], Some((0, 2, 2)))),
            "the file whose name ends in -00002-of-00002.gguf should be shard 2 of 2, but is shard 1 of 2 of a model of 2 tensors"
        );
        assert!(error(file(&["b"], Some((1, 2, 9)))).contains("a model of 9 tensors"));
        assert!(error(file(&["b"], None)).contains("no shard of a model"));
        assert_eq!(
            error(file(&["a"], Some((1, 2, 2)))),
            "shard 2 holds the tensor `a`, which an earlier shard holds too"
        );
        assert_eq!(
            error(file(&["b", "c"], Some((1, 2, 2)))),
            "the 2 shards hold 3 tensors, but \"split.tensors.count\" says 2"
        );
    }

    #[test]
    fn a_count_that_no_file_can_hold_is_refused_before_anything_is_made_of_it() {
        for (number, count) in [(0, 65_536), (0, 20_000_000), (0, u64::MAX), (2, 2), (u64::MAX, 2)] {
            let mut first = file(&["a"], Some((0, 2, 1)));
            first.metadata[1].1 = Value::U64(number);
            first.metadata[2].1 = Value::U64(count);
            assert_eq!(shard(&first), Err(SplitError::Count { number, count }));
        }
    }

    #[test]
    fn files_are_found_by_the_first_ones_name() {
        let shard = |number| Shard { number, count: 12, tensors: 99 };
        let all = paths(Path::new("dir/m-00001-of-00012.gguf"), shard(0)).unwrap();
        assert_eq!((all.len(), all[11].clone()), (12, PathBuf::from("dir/m-00012-of-00012.gguf")));
        assert!(matches!(paths(Path::new("m.gguf"), shard(0)), Err(SplitError::Name { .. })));
        assert!(matches!(
            paths(Path::new("m-00002-of-00012.gguf"), shard(1)),
            Err(SplitError::NotFirst { number: 2, count: 12 })
        ));
    }

    #[test]
    fn a_cut_keeps_every_tensor_once() {
        let model = file(&["a", "b", "c", "d", "e"], None);
        assert_eq!(cut(&model, Limit::Tensors(2)), [0..2, 2..4, 4..5]);
        assert_eq!(cut(&model, Limit::Bytes(47)), [0..2, 2..4, 4..5]);
        assert_eq!(cut(&model, Limit::Bytes(1)).len(), 5);
        assert_eq!(cut(&model, Limit::Tensors(9)).len(), 1);
    }
}
