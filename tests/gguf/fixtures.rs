//! The reference models, as their own tools wrote them.

#![allow(clippy::unwrap_used)]

use std::fs::File;
use std::path::Path;

use loadparity::gguf::{Gguf, SeekSource, TensorType, read};
use rstest::rstest;

fn fixture(kind: &str) -> Gguf {
    let path = format!("fixtures/models/fixture-llama-{kind}.gguf");
    let file = File::open(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap();
    read(&SeekSource::new(file).unwrap()).unwrap()
}

#[rstest]
#[case::bf16("bf16", 32, &[(TensorType::F32, 13), (TensorType::BF16, 44)])]
#[case::f16("f16", 1, &[(TensorType::F32, 13), (TensorType::F16, 44)])]
#[case::q8_0("q8_0", 7, &[(TensorType::F32, 13), (TensorType::Q8_0, 44)])]
#[case::q4_0("q4_0", 2, &[(TensorType::F32, 13), (TensorType::Q4_0, 43), (TensorType::Q6_K, 1)])]
#[case::q4_k_m("q4_k_m", 15, &[(TensorType::F32, 13), (TensorType::Q4_K, 39), (TensorType::Q6_K, 5)])]
fn a_reference_model_has_what_it_is_known_to_have(
    #[case] kind: &str,
    #[case] file_type: u32,
    #[case] types: &[(TensorType, usize)],
) {
    let model = fixture(kind);
    assert_eq!((model.version, model.alignment, model.tensors.len()), (3, 32, 57));
    assert_eq!(model.str("general.architecture"), Ok("llama"));
    assert_eq!(model.u32("llama.block_count"), Ok(6));
    assert_eq!(model.f32("llama.rope.freq_base"), Ok(10_000.0));
    assert_eq!(model.bool("tokenizer.ggml.add_bos_token"), Ok(true));
    assert_eq!(model.strings("tokenizer.ggml.tokens").unwrap().len(), 2048);
    assert_eq!(model.strings("tokenizer.ggml.merges").unwrap().len(), 1790);
    assert_eq!(model.array("tokenizer.ggml.token_type").unwrap().len(), 2048);
    assert_eq!(model.u32("general.file_type"), Ok(file_type));
    for &(dtype, count) in types {
        let found = model.tensors.iter().filter(|tensor| tensor.dtype == dtype).count();
        assert_eq!(found, count, "{dtype}");
    }
    assert_eq!(types.iter().map(|(_, count)| count).sum::<usize>(), model.tensors.len());
    let end = model.tensors.iter().map(|tensor| model.file_range(tensor).end).max();
    assert_eq!(end.map(|end| end.next_multiple_of(32)), Some(model.file_size));
}

#[test]
fn the_mixed_model_lies_where_its_header_ends() {
    let model = fixture("q4_k_m");
    assert_eq!(model.metadata.len(), 25);
    assert_eq!((model.data_offset, model.file_size), (64_928, 3_575_712));
    let index = model.tensor_index("blk.2.attn_v.weight").unwrap();
    let tensor = &model.tensors[index];
    assert_eq!((index, tensor.dtype, tensor.dims.as_slice()), (25, TensorType::Q6_K, &[256, 128][..]));
    assert_eq!(model.file_range(tensor), 1_772_960..1_799_840);
}
