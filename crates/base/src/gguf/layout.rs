//! The rules that span entries: unique names, alignment, and where tensors may lie.

use super::error::ReadError;
use super::limits::{ALIGNMENT_KEY, DEFAULT_ALIGNMENT, MAX_ALIGNMENT};
use super::{TensorInfo, TensorType, Value, keys};

/// The alignment that the metadata asks for.
pub(super) fn alignment(metadata: &[(String, Value)]) -> Result<u64, ReadError> {
    match metadata.iter().find(|(key, _)| key == ALIGNMENT_KEY) {
        None => Ok(DEFAULT_ALIGNMENT),
        Some((_, Value::U32(alignment))) => {
            let alignment = u64::from(*alignment);
            if alignment.is_power_of_two() && alignment <= MAX_ALIGNMENT {
                Ok(alignment)
            } else {
                Err(ReadError::Alignment { alignment })
            }
        }
        Some((_, other)) => Err(ReadError::AlignmentType { found: keys::describe(other) }),
    }
}

/// The bytes of a tensor; nothing where its type is not listed, see [`size_unlisted`].
pub(super) fn tensor_size(name: &str, dims: &[u64], dtype: TensorType) -> Result<Option<u64>, ReadError> {
    let overflow = || ReadError::SizeOverflow { tensor: name.into(), dims: dims.into(), dtype };
    // ggml counts elements in signed numbers.
    let counted = |n: u64| i64::try_from(n).is_ok();
    let elements = match dims.contains(&0) {
        true => 0,
        false => dims.iter().try_fold(1u64, |product, &dim| product.checked_mul(dim)).ok_or_else(overflow)?,
    };
    if !counted(elements) || !dims.iter().all(|&dim| counted(dim)) {
        return Err(overflow());
    }
    let Some((block_elements, _)) = dtype.block() else { return Ok((elements == 0).then_some(0)) };
    let row = dims.first().copied().unwrap_or(1);
    if !row.is_multiple_of(block_elements) {
        return Err(ReadError::PartialBlock { tensor: name.into(), row, dtype, block_elements });
    }
    dtype.size_of(elements).map(Some).ok_or_else(overflow)
}

/// Gives the tensors at these indices, whose types are not listed, the bytes up to the next tensor, or to the
/// end of the file.
pub(super) fn size_unlisted(
    tensors: &mut [TensorInfo],
    unlisted: &[usize],
    data_offset: u64,
    file_size: u64,
) {
    if unlisted.is_empty() {
        return;
    }
    let mut starts: Vec<u64> = tensors.iter().map(|tensor| tensor.offset).collect();
    starts.sort_unstable();
    let end = file_size.saturating_sub(data_offset);
    for &index in unlisted {
        let tensor = &mut tensors[index];
        let next = starts.partition_point(|start| *start <= tensor.offset);
        let next = starts.get(next).copied().unwrap_or(end).min(end);
        tensor.size = next.saturating_sub(tensor.offset);
    }
}

/// Where the data section starts after a header of `header_end` bytes.
pub(super) fn data_offset(header_end: u64, alignment: u64) -> Result<u64, ReadError> {
    header_end.checked_next_multiple_of(alignment).ok_or(ReadError::DataOffset { header_end, alignment })
}

/// Refuses a key that occurs twice.
pub(super) fn check_unique_keys(metadata: &[(String, Value)]) -> Result<(), ReadError> {
    match first_repeat(metadata.len(), |index| &metadata[index].0) {
        None => Ok(()),
        Some((first, second)) => {
            Err(ReadError::DuplicateKey { key: metadata[first].0.clone(), first, second })
        }
    }
}

/// Refuses repeated names, misaligned or overlapping data, and data beyond the file.
pub(super) fn check_tensors(
    tensors: &[TensorInfo],
    alignment: u64,
    data_offset: u64,
    file_size: u64,
) -> Result<(), ReadError> {
    if let Some((first, second)) = first_repeat(tensors.len(), |index| &tensors[index].name) {
        return Err(ReadError::DuplicateTensor { name: tensors[first].name.clone(), first, second });
    }
    for TensorInfo { name, offset, size, .. } in tensors {
        let (offset, size) = (*offset, *size);
        if !offset.is_multiple_of(alignment) {
            return Err(ReadError::Misaligned { tensor: name.clone(), offset, alignment });
        }
        let end = data_offset.checked_add(offset).and_then(|start| start.checked_add(size));
        let Some(end) = end else {
            return Err(ReadError::OffsetOverflow { tensor: name.clone(), offset, size, data_offset });
        };
        if end > file_size {
            let ends = tensors.iter().map(|tensor| tensor.offset.saturating_add(tensor.size));
            let whole = data_offset.saturating_add(ends.max().unwrap_or_default());
            return Err(ReadError::TensorBeyondFile { tensor: name.clone(), end, file_size, whole });
        }
    }
    check_overlaps(tensors)
}

/// Refuses two tensors that share bytes; their ends are known not to overflow.
fn check_overlaps(tensors: &[TensorInfo]) -> Result<(), ReadError> {
    // One without bytes shares none, wherever it is said to lie.
    let mut order: Vec<&TensorInfo> = tensors.iter().filter(|tensor| tensor.size > 0).collect();
    order.sort_by_key(|tensor| tensor.offset);
    for pair in order.windows(2) {
        let (first, second) = (pair[0], pair[1]);
        let first_end = first.offset + first.size;
        if first_end > second.offset {
            return Err(ReadError::Overlap {
                first: first.name.clone(),
                second: second.name.clone(),
                first_end,
                second_start: second.offset,
            });
        }
    }
    Ok(())
}

/// The first two indices, by the second of them, that have the same name.
fn first_repeat<'a>(count: usize, name: impl Fn(usize) -> &'a str) -> Option<(usize, usize)> {
    let mut order: Vec<usize> = (0..count).collect();
    order.sort_by_key(|&index| (name(index), index));
    order
        .windows(2)
        .filter(|pair| name(pair[0]) == name(pair[1]))
        .map(|pair| (pair[0], pair[1]))
        .min_by_key(|&(_, second)| second)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_repeat_is_the_earliest_entry_that_is_not_new() {
        let names = ["d", "a", "b", "a", "d", "a"];
        assert_eq!(first_repeat(names.len(), |index| names[index]), Some((1, 3)));
        assert_eq!(first_repeat(3, |index| names[index]), None);
    }

    #[test]
    fn the_start_of_the_data_is_rounded_up_or_refused() {
        assert_eq!(data_offset(33, 32).unwrap(), 64);
        assert_eq!(data_offset(64, 32).unwrap(), 64);
        assert!(data_offset(u64::MAX - 3, 32).is_err());
    }
}
