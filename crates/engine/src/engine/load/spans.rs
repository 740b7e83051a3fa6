//! Which parts of the file hold tensors.

use std::ops::Range;

use crate::gguf::Gguf;

/// Gaps up to this many bytes between two tensors are brought in with them: one longer read is
/// cheaper than two.
pub(super) const LARGEST_KEPT_GAP: u64 = 64 << 10;

/// The file ranges that hold the wanted tensors, by index, front to back, small gaps included. A gap in which a
/// tensor lies that is not wanted is none to keep, unless a block of `grain` bytes holds all of it.
pub(super) fn spans(gguf: &Gguf, grain: u64, wanted: impl Fn(usize) -> bool) -> Vec<Range<u64>> {
    // A tensor without bytes may lie anywhere, and there is nothing to bring in.
    let tensors = gguf.tensors.iter().enumerate().map(|(index, t)| (gguf.file_range(t), wanted(index)));
    let mut ranges: Vec<_> = tensors.filter(|(range, _)| !range.is_empty()).collect();
    ranges.sort_by_key(|(range, _)| range.start);
    let mut spans: Vec<Range<u64>> = Vec::new();
    let mut apart = false;
    for (range, wanted) in ranges {
        if !wanted {
            apart = true;
            continue;
        }
        let apart = std::mem::take(&mut apart);
        match spans.last_mut() {
            Some(last) if apart && floor(range.start, grain) >= ceil(last.end, grain) => spans.push(range),
            Some(last) if range.start <= last.end.saturating_add(LARGEST_KEPT_GAP) => {
                last.end = last.end.max(range.end);
            }
            _ => spans.push(range),
        }
    }
    spans
}

/// Where each tensor lies, by index: the span that holds it and the offset within that span. Nothing for one
/// without bytes, which is in no memory, and for one that is in no span.
pub(super) fn places(gguf: &Gguf, spans: &[Range<u64>]) -> Vec<Option<(usize, u64)>> {
    let place = |Range { start, end }: Range<u64>| {
        if start == end {
            return None;
        }
        let span = spans.partition_point(|s| s.start <= start).checked_sub(1)?;
        (end <= spans[span].end).then(|| (span, start - spans[span].start))
    };
    gguf.tensors.iter().map(|t| place(gguf.file_range(t))).collect()
}

/// The largest multiple of `grain` that is not above `at`.
pub(super) fn floor(at: u64, grain: u64) -> u64 {
    at - at % grain
}

/// The smallest multiple of `grain` that is not below `at`.
pub(super) fn ceil(at: u64, grain: u64) -> u64 {
    at.div_ceil(grain) * grain
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gguf::{TensorInfo, TensorType};

    fn gguf(tensors: &[(u64, u64)]) -> Gguf {
        let tensor = |(i, &(offset, size)): (usize, &(u64, u64))| TensorInfo {
            name: format!("t{i}"),
            dims: vec![size],
            dtype: TensorType::I8,
            offset,
            size,
        };
        Gguf {
            version: 3,
            alignment: 32,
            metadata: Vec::new(),
            tensors: tensors.iter().enumerate().map(tensor).collect(),
            data_offset: 1000,
            file_size: 1 << 40,
        }
    }

    #[test]
    fn neighbours_merge_and_distant_tensors_do_not() {
        let far = LARGEST_KEPT_GAP + 65;
        let model = gguf(&[(far, 10), (0, 32), (32, 32)]);
        let spans = spans(&model, 1, |_| true);
        assert_eq!(spans, [1000..1064, 1000 + far..1010 + far]);
        assert_eq!(places(&model, &spans), [Some((1, 0)), Some((0, 0)), Some((0, 32))]);
    }

    #[test]
    fn a_tensor_without_bytes_is_in_no_span_wherever_it_is_said_to_lie() {
        let model = gguf(&[(0, 0), (64, 32), (1 << 30, 0)]);
        let spans = spans(&model, 1, |_| true);
        assert_eq!(spans, vec![(1064..1096)]);
        assert_eq!(places(&model, &spans), [None, Some((0, 0)), None]);
    }

    #[test]
    fn a_tensor_that_is_not_wanted_keeps_spans_apart_unless_a_block_holds_it() {
        let model = gguf(&[(0, 32), (32, 64), (96, 32), (128, 5000), (5128, 32)]);
        let wanted = |index: usize| index != 1 && index != 3;
        assert_eq!(spans(&model, 1, wanted), [1000..1032, 1096..1128, 6128..6160]);
        assert_eq!(spans(&model, 4096, wanted), [1000..1128, 6128..6160]);
        let of_blocks = spans(&model, 4096, wanted);
        assert_eq!(
            places(&model, &of_blocks),
            [Some((0, 0)), Some((0, 32)), Some((0, 96)), None, Some((1, 0))]
        );
    }

    #[test]
    fn no_tensors_no_spans() {
        assert!(spans(&gguf(&[]), 1, |_| true).is_empty());
    }
}
