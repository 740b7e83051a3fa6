//! No bytes make the reader panic, and what it accepts is what the bytes say.

#![allow(clippy::unwrap_used)]

use loadparity::gguf::{Array, Gguf, TensorInfo, TensorType, Value, read};
use proptest::collection::vec;
use proptest::prelude::*;

/// A small file with every kind of entry, for mutation.
fn seed_file() -> Vec<u8> {
    let tensor = |name: &str, dims: &[u64], dtype, offset, size| TensorInfo {
        name: name.into(),
        dims: dims.into(),
        dtype,
        offset,
        size,
    };
    let model = Gguf {
        version: 3,
        alignment: 32,
        metadata: vec![
            ("general.alignment".into(), Value::U32(32)),
            ("a".into(), Value::from("text")),
            ("b".into(), Value::Array(Array::String(vec!["x".into(), "yz".into()]))),
            ("c".into(), Value::Array(Array::Array(vec![Array::Bool(vec![true]), Array::I16(vec![-1, 2])]))),
            ("d".into(), Value::F64(0.5)),
        ],
        tensors: vec![
            tensor("t", &[32, 3], TensorType::Q4_0, 0, 54),
            tensor("u", &[2, 1, 1, 2], TensorType::F16, 64, 8),
        ],
        data_offset: 0,
        file_size: 0,
    };
    let mut file = model.header_bytes();
    file.resize(file.len().next_multiple_of(32) + 72, 0);
    file
}

/// One change to a file.
#[derive(Clone, Debug)]
enum Mutation {
    Byte(prop::sample::Index, u8),
    Word(prop::sample::Index, u64),
    Cut(prop::sample::Index),
    Insert(prop::sample::Index, Vec<u8>),
}

fn mutations() -> impl Strategy<Value = Mutation> {
    let telling = prop_oneof![
        any::<u64>(),
        (0u32..64).prop_map(|shift| 1 << shift),
        (0u32..64).prop_map(|shift| u64::MAX >> shift),
        0u64..300,
    ];
    let at = any::<prop::sample::Index>;
    prop_oneof![
        4 => (at(), any::<u8>()).prop_map(|(at, byte)| Mutation::Byte(at, byte)),
        4 => (at(), telling).prop_map(|(at, word)| Mutation::Word(at, word)),
        1 => at().prop_map(Mutation::Cut),
        1 => (at(), vec(any::<u8>(), 1..20)).prop_map(|(at, bytes)| Mutation::Insert(at, bytes)),
    ]
}

fn apply(file: &mut Vec<u8>, mutation: &Mutation) {
    if file.is_empty() {
        return;
    }
    match mutation {
        Mutation::Byte(at, byte) => {
            let at = at.index(file.len());
            file[at] = *byte;
        }
        Mutation::Word(at, word) => {
            let at = at.index(file.len());
            let end = file.len().min(at + 8);
            file[at..end].copy_from_slice(&word.to_le_bytes()[..end - at]);
        }
        Mutation::Cut(at) => file.truncate(at.index(file.len())),
        Mutation::Insert(at, bytes) => {
            let at = at.index(file.len());
            file.splice(at..at, bytes.iter().copied());
        }
    }
}

/// Reads; what is accepted must write the same header and keep every tensor in the file.
fn check(file: &[u8]) -> Result<(), TestCaseError> {
    let Ok(model) = read(&file) else { return Ok(()) };
    let header = model.header_bytes();
    prop_assert_eq!(&file[..header.len()], header.as_slice());
    for tensor in &model.tensors {
        prop_assert!(model.file_range(tensor).end <= file.len() as u64);
        // Of a type that is not known the next offset says how long it is.
        let none = tensor.dims.contains(&0);
        let elements = tensor.dims.iter().try_fold(1u64, |product, dim| product.checked_mul(*dim));
        prop_assert!(none || elements.is_some());
        let known = tensor.dtype.size_of(elements.filter(|_| !none).unwrap_or(0));
        prop_assert!(known.is_none_or(|size| size == tensor.size), "{:?} {}", known, tensor.size);
        prop_assert!(known.is_some() || tensor.dtype.block_bytes() == 0);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, ..ProptestConfig::default() })]

    #[test]
    fn random_bytes_never_panic(file in vec(any::<u8>(), 0..200)) {
        check(&file)?;
    }

    #[test]
    fn random_bytes_behind_a_magic_never_panic(tail in vec(any::<u8>(), 0..200)) {
        let mut file = b"GGUF\x03\0\0\0\x01\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0".to_vec();
        file.extend(tail);
        check(&file)?;
    }

    #[test]
    fn a_mutated_file_never_panics(mutations in vec(mutations(), 1..6)) {
        let mut file = seed_file();
        mutations.iter().for_each(|mutation| apply(&mut file, mutation));
        check(&file)?;
    }
}

#[test]
fn every_single_byte_of_a_file_may_take_some_other_values() {
    let whole = seed_file();
    read(&whole).unwrap();
    for at in 0..whole.len() {
        for byte in [0, 1, 9, 0x7f, 0x80, 0xff] {
            let mut file = whole.clone();
            file[at] = byte;
            check(&file).unwrap();
        }
    }
}
