//! Made models: the same bytes on every machine, in the shape that llama.cpp's tools give.

#![allow(clippy::unwrap_used)]

use std::fs::File;
use std::io;
use std::path::Path;

use loadparity::gguf::{Gguf, MakeSpec, MatrixType, SeekSource, Sink, TensorType, make, read};
use rstest::rstest;

/// A model that is quick to make and has every kind of tensor.
fn small(matrices: MatrixType) -> MakeSpec {
    MakeSpec {
        layers: 2,
        heads: 4,
        kv_heads: 2,
        ffn: 512,
        vocab: 300,
        ctx: 64,
        matrices,
        ..MakeSpec::default()
    }
}

fn made(spec: &MakeSpec) -> (Vec<u8>, Gguf) {
    let mut file = Vec::new();
    let gguf = make(spec, &mut file, &mut |_, _| {}).unwrap();
    assert_eq!(read(&file).unwrap(), gguf);
    (file, gguf)
}

#[rstest]
#[case::f32(MatrixType::F32, "9708d77989b62c9829f2b835916958ce9d6e6754bc7b9cab6d4efb04d8c916d1")]
#[case::f16(MatrixType::F16, "d767173ec2c223478058638bc50a6abe218f2c57924fe76865b7bb244f5cc070")]
#[case::bf16(MatrixType::BF16, "a81ad1100f8ceb4ccb211fe35e95325da24a2385cb432b877e571e3ad76df236")]
#[case::q8_0(MatrixType::Q8_0, "a0a788c4b7d32529e9c532e8a97f1d34807af4e354f6f01f0fac39b10e7f5202")]
#[case::q4_0(MatrixType::Q4_0, "8e67934ecbb793e4bf5dd0226b7f6f6a7b3df69b79f4076ccbcc88e7e39eb427")]
#[case::q4_k(MatrixType::Q4_K, "8c203e8e5b3f84f987858300708c46ff13fafb4c4bfaba178cad3a603677d29c")]
#[case::q6_k(MatrixType::Q6_K, "95191e0d361d9b4a4b7a3385f51fbaf5631761743ef6b41ba9aea0b4132f7d25")]
#[case::q4_k_m(MatrixType::Q4_K_M, "1bfaaf1e533f2ce8581c2cbaa275079313bdc17426bd853b07a9121ab3036e7f")]
fn a_made_model_has_the_same_bytes_everywhere(#[case] matrices: MatrixType, #[case] hash: &str) {
    let (file, _) = made(&small(matrices));
    assert_eq!(blake3::hash(&file).to_hex().as_str(), hash);
}

#[test]
fn seed_and_shape_reach_the_bytes() {
    let spec = small(MatrixType::Q8_0);
    let (file, _) = made(&spec);
    let (other, _) = made(&MakeSpec { seed: 43, ..spec.clone() });
    assert_eq!(file.len(), other.len());
    let differing = file.iter().zip(&other).filter(|(a, b)| a != b).count();
    assert!(differing > file.len() / 2, "{differing} of {} bytes differ", file.len());
}

#[test]
fn the_tensors_of_the_mixture_are_those_that_llama_quantize_made() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/models/fixture-llama-q4_k_m.gguf");
    let fixture = read(&SeekSource::new(File::open(path).unwrap()).unwrap()).unwrap();
    let (_, gguf) = made(&MakeSpec { matrices: MatrixType::Q4_K_M, ..MakeSpec::default() });
    let table = |gguf: &Gguf| {
        let mut rows: Vec<_> =
            gguf.tensors.iter().map(|t| (t.name.clone(), t.dims.clone(), t.dtype)).collect();
        rows.sort();
        rows
    };
    assert_eq!(table(&gguf), table(&fixture));
    let keys = |gguf: &Gguf| {
        let mut keys: Vec<_> =
            gguf.metadata.iter().map(|(key, value)| (key.clone(), value.value_type())).collect();
        keys.sort();
        keys
    };
    assert_eq!(keys(&gguf), keys(&fixture));
}

#[test]
fn a_tied_model_has_no_output_matrix_and_a_better_embedding() {
    let (_, gguf) = made(&MakeSpec { tied: true, ..small(MatrixType::Q4_K_M) });
    assert_eq!(gguf.tensor_index("output.weight"), None);
    let embedding = &gguf.tensors[gguf.tensor_index("token_embd.weight").unwrap()];
    assert_eq!(embedding.dtype, TensorType::Q6_K);
    let (_, untied) = made(&small(MatrixType::Q4_K_M));
    assert_eq!(untied.tensors[0].dtype, TensorType::Q4_K);
}

/// A sink that keeps what is written and counts what is skipped.
#[derive(Default)]
struct Holes {
    bytes: Vec<u8>,
    written: u64,
    skipped: u64,
}

impl Sink for Holes {
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.written += bytes.len() as u64;
        self.bytes.write_all(bytes)
    }

    fn skip(&mut self, count: u64) -> io::Result<()> {
        self.skipped += count;
        self.bytes.skip(count)
    }
}

#[test]
fn a_sparse_model_is_the_full_one_with_holes() {
    let spec = MakeSpec { vocab: 4096, ..small(MatrixType::Q6_K) };
    let (full, gguf) = made(&spec);
    let mut sparse = Holes::default();
    assert_eq!(make(&MakeSpec { sparse: true, ..spec }, &mut sparse, &mut |_, _| {}).unwrap(), gguf);
    assert_eq!(sparse.bytes.len(), full.len());
    assert!(sparse.skipped > full.len() as u64 / 2, "{} bytes of holes", sparse.skipped);
    for tensor in &gguf.tensors {
        let range = gguf.file_range(tensor);
        let (full, sparse) =
            (&full[range.start as usize..range.end as usize], &sparse.bytes[range.start as usize..]);
        let matrix = tensor.dtype == TensorType::Q6_K;
        let seeded = if matrix { full.len().min((64 << 10) / 210 * 210) } else { full.len() };
        assert_eq!(sparse[..seeded], full[..seeded], "{}", tensor.name);
        assert!(sparse[seeded..full.len()].iter().all(|&byte| byte == 0), "{}", tensor.name);
    }
}

/// A sink that only counts.
#[derive(Default)]
struct Count {
    written: u64,
    skipped: u64,
}

impl Sink for Count {
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.written += bytes.len() as u64;
        Ok(())
    }

    fn skip(&mut self, count: u64) -> io::Result<()> {
        self.skipped += count;
        Ok(())
    }
}

#[test]
fn gigabytes_of_a_sparse_model_cost_almost_nothing() {
    let spec = MakeSpec {
        layers: 32,
        embd: 4096,
        heads: 32,
        kv_heads: 8,
        ffn: 14_336,
        vocab: 32_000,
        matrices: MatrixType::F16,
        sparse: true,
        ..MakeSpec::default()
    };
    let mut count = Count::default();
    let mut progress = Vec::new();
    let gguf = make(&spec, &mut count, &mut |done, total| progress.push((done, total))).unwrap();
    assert!(gguf.file_size > 13 << 30);
    assert_eq!(count.written + count.skipped, gguf.file_size);
    assert!(count.written < 32 << 20, "{} bytes were written", count.written);
    assert!(progress.is_sorted());
    assert!(progress.iter().all(|&(_, total)| total == gguf.file_size));
    assert_eq!(progress.last(), Some(&(gguf.file_size, gguf.file_size)));
}

#[test]
fn weights_of_a_tensor_do_not_depend_on_the_tensors_before_it() {
    let (narrow, narrow_table) = made(&small(MatrixType::F16));
    let (wide, wide_table) = made(&MakeSpec { vocab: 600, ..small(MatrixType::F16) });
    let name = "blk.1.ffn_down.weight";
    let bytes = |file: &[u8], table: &Gguf| {
        let range = table.file_range(&table.tensors[table.tensor_index(name).unwrap()]);
        file[range.start as usize..range.end as usize].to_vec()
    };
    assert_eq!(bytes(&narrow, &narrow_table), bytes(&wide, &wide_table));
}

/// Weights of every type, decoded by the engine, lie about zero with the spread that keeps a
/// signal's size: one over the root of the row's length.
#[test]
fn every_type_holds_centred_weights_of_the_spread_that_keeps_signals_their_size() {
    use loadparity::engine::quant::{Format, dequantize};
    use loadparity::gguf::MatrixType;

    for matrices in MatrixType::ALL {
        let spec = MakeSpec { layers: 1, vocab: 300, matrices, ..MakeSpec::default() };
        let mut bytes = Vec::new();
        let gguf = make(&spec, &mut bytes, &mut |_, _| ()).expect("a model");
        for tensor in gguf.tensors.iter().filter(|tensor| tensor.dims.len() == 2) {
            let format = Format::of(tensor.dtype).expect("a type that runs");
            let range = gguf.file_range(tensor);
            let mut values = vec![0.0; (tensor.dims[0] * tensor.dims[1]) as usize];
            dequantize(format, &bytes[range.start as usize..range.end as usize], &mut values);
            let inputs = tensor.dims[0] as f64;
            let scaled = || values.iter().map(|&value| f64::from(value) * inputs.sqrt());
            let mean = scaled().sum::<f64>() / values.len() as f64;
            let square = scaled().map(|value| value * value).sum::<f64>() / values.len() as f64;
            assert!(mean.abs() < 0.04, "{matrices}, {}: mean {mean}", tensor.name);
            assert!((0.9..1.2).contains(&square), "{matrices}, {}: mean square {square}", tensor.name);
            assert!(scaled().all(|value| value.abs() < 8.0), "{matrices}, {}: an outlier", tensor.name);
        }
    }
}
