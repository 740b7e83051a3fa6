//! Headers of model files.

use std::collections::BTreeSet;
use std::path::Path;

use loadparity::engine::Hyperparameters;
use loadparity::gguf::{self, Gguf, Value, split};
use loadparity::layout::{Choice, FileLayout};

/// A GGUF file: its bytes.
///
/// What is accepted writes the same header again and keeps every tensor inside the file.
pub fn gguf(data: &[u8]) {
    let Ok(model) = gguf::read(&data) else { return };
    let header = model.header_bytes();
    assert_eq!(data.get(..header.len()), Some(header.as_slice()), "the header is another one");
    for tensor in &model.tensors {
        assert!(model.file_range(tensor).end <= data.len() as u64, "{} ends behind the file", tensor.name);
        let elements = tensor.dims.iter().try_fold(1u64, |product, dim| product.checked_mul(*dim));
        if let Some(size) = tensor.dtype.size_of(elements.unwrap_or(0)) {
            assert_eq!(size, tensor.size, "{}", tensor.name);
        }
    }
    let _ = gguf::remarks(&model);
    let _ = split::shard(&model);
    let _ = Hyperparameters::read(&model);
    let layout = FileLayout::of_gguf(&model);
    assert_eq!(layout.tensors.len(), model.tensors.len());
    let joined = split::join(vec![model]);
    assert!(joined.is_err() || joined.is_ok_and(|joined| joined.files.len() == 1));
}

/// A file of any format: a byte that chooses its name, and its bytes.
///
/// Tensors stay inside the file.
pub fn layout(data: &[u8]) {
    const NAMES: [&str; 6] = ["m", "m.gguf", "m.safetensors", "m.npy", "m.npz", "m.onnx"];
    let Some((name, bytes)) = super::choice(data) else { return };
    let path = Path::new(NAMES[name % NAMES.len()]);
    let Ok(layout) = FileLayout::read(&bytes, path, Choice::Auto) else { return };
    assert_eq!(layout.file_size, bytes.len() as u64);
    for tensor in &layout.tensors {
        assert!(
            tensor.range.start <= tensor.range.end && tensor.range.end <= layout.file_size,
            "{}",
            tensor.name
        );
    }
}

/// A shard's name and what its header says: number, count and tensors in eight bytes each, then the name.
///
/// Either none or as many distinct names as there are shards, and a cut that loses no tensor.
pub fn split_names(data: &[u8]) {
    let Some((numbers, name)) = data.split_at_checked(24) else { return };
    let number = |at: usize| u64::from_le_bytes(numbers[8 * at..8 * at + 8].try_into().unwrap());
    let (own, count, tensors) = (number(0), number(1), number(2));
    let header = |own: u64| Gguf {
        version: 3,
        alignment: 32,
        metadata: vec![
            ("split.no".to_owned(), Value::U64(own)),
            ("split.count".to_owned(), Value::U64(count)),
            ("split.tensors.count".to_owned(), Value::U64(tensors)),
        ],
        tensors: Vec::new(),
        data_offset: 0,
        file_size: 0,
    };
    let Ok(Some(shard)) = split::shard(&header(own)) else { return };
    assert!(shard.number < shard.count && shard.count <= u64::from(u16::MAX));
    if let Ok(paths) = split::paths(Path::new(&*String::from_utf8_lossy(name)), shard) {
        assert_eq!(paths.iter().collect::<BTreeSet<_>>().len() as u64, shard.count);
    }
    let shards = (0..shard.count.min(4)).map(header).collect();
    let joined = split::join(shards);
    assert!(joined.is_err() || shard.tensors == 0, "shards without tensors hold {tensors}");
}
