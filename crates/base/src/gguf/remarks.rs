//! What ggml says of a file that this reader takes: it would refuse most of it.

use super::limits::MAX_TENSOR_NAME_BYTES;
use super::{Array, Gguf, TensorInfo, Value};

/// What is odd about a file, each in a sentence, each kind once with its first place and how often. Nothing for
/// one that ggml reads as it stands. Source: `gguf_init_from_reader` in ggml's `gguf.cpp`.
pub fn remarks(gguf: &Gguf) -> Vec<String> {
    let names =
        |tensors: Vec<&TensorInfo>| first_of(tensors.iter().map(|tensor| format!("{:?}", tensor.name)));
    let tensors_that = |test: &dyn Fn(&TensorInfo) -> bool| {
        names(gguf.tensors.iter().filter(|tensor| test(tensor)).collect())
    };
    let nested = gguf.metadata.iter().filter(|(_, value)| matches!(value, Value::Array(Array::Array(_))));
    let mut remarks = Vec::new();
    let mut add = |found: Option<String>, rest: &str| {
        if let Some(found) = found {
            remarks.push(format!("{found} {rest}"));
        }
    };
    add(
        first_of(nested.map(|(key, _)| format!("key {key:?}"))),
        "holds arrays of arrays, which llama.cpp refuses",
    );
    add(
        tensors_that(&|tensor| tensor.dtype.is_removed()).map(|names| format!("tensor {names}")),
        "is of a type that ggml has removed: llama.cpp refuses it; its size is the distance to the next tensor",
    );
    add(
        tensors_that(&|tensor| tensor.dtype.block().is_none() && !tensor.dtype.is_removed())
            .map(|names| format!("tensor {names}")),
        "is of a type without a name here, a fork's or a newer ggml's; its size is the distance to the next tensor",
    );
    add(
        tensors_that(&|tensor| tensor.name.len() as u64 >= MAX_TENSOR_NAME_BYTES)
            .map(|names| format!("tensor {names}")),
        "has a name of 64 bytes, of which llama.cpp takes 63",
    );
    add(
        tensors_that(&|tensor| tensor.dims.contains(&0)).map(|names| format!("tensor {names}")),
        "has no elements",
    );
    if let Some((tensor, expected)) = out_of_place(gguf) {
        remarks.push(format!(
            "tensor {:?} is at offset {} of the data, where llama.cpp expects {expected} and refuses the file: \
             there is a gap before it, or it stands out of order",
            tensor.name, tensor.offset
        ));
    }
    remarks
}

/// The first of some things, and how many more there are.
fn first_of(mut things: impl Iterator<Item = String>) -> Option<String> {
    let first = things.next()?;
    Some(match things.count() {
        0 => first,
        more => format!("{first} (and {more} more)"),
    })
}

/// The first tensor that does not begin where the one before it ends, padded.
fn out_of_place(gguf: &Gguf) -> Option<(&TensorInfo, u64)> {
    let mut expected = 0u64;
    for tensor in &gguf.tensors {
        if tensor.offset != expected {
            return Some((tensor, expected));
        }
        expected = expected.checked_add(tensor.size)?.checked_next_multiple_of(gguf.alignment)?;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gguf::TensorType;

    fn file(tensors: Vec<TensorInfo>, metadata: Vec<(String, Value)>) -> Gguf {
        Gguf { version: 3, alignment: 32, metadata, tensors, data_offset: 0, file_size: 1 << 20 }
    }

    fn tensor(name: &str, dtype: TensorType, dims: &[u64], offset: u64, size: u64) -> TensorInfo {
        TensorInfo { name: name.into(), dims: dims.into(), dtype, offset, size }
    }

    #[test]
    fn a_file_of_ggml_gives_no_remark() {
        let tensors =
            vec![tensor("a", TensorType::F32, &[3], 0, 12), tensor("b", TensorType::NVFP4, &[64], 32, 36)];
        let metadata = vec![("k".into(), Value::Array(Array::U8(vec![1])))];
        assert_eq!(remarks(&file(tensors, metadata)), [""; 0]);
    }

    #[test]
    fn what_ggml_refuses_is_told_once_a_kind() {
        let tensors = vec![
            tensor("old", TensorType::Unlisted(4), &[32], 0, 32),
            tensor("new", TensorType::Unlisted(142), &[32], 32, 32),
            tensor("newer", TensorType::Unlisted(143), &[32], 64, 32),
            tensor(&"n".repeat(64), TensorType::F32, &[0], 96, 0),
            tensor("far", TensorType::F32, &[1], 128, 4),
        ];
        let metadata = vec![("k".into(), Value::Array(Array::Array(vec![])))];
        let said = remarks(&file(tensors, metadata)).join("\n");
        for part in [
            "key \"k\" holds arrays of arrays",
            "tensor \"old\" is of a type that ggml has removed",
            "tensor \"new\" (and 1 more) is of a type without a name here",
            "has a name of 64 bytes",
            "has no elements",
            "tensor \"far\" is at offset 128 of the data, where llama.cpp expects 96",
        ] {
            assert!(said.contains(part), "{part}\n{said}");
        }
    }
}
