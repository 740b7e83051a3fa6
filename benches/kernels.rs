//! Rows of weights × activations, and whole tokens.
//!
//! `cargo bench --bench kernels` prints times; `items/s` are multiply-adds or tokens.

use std::path::Path;
use std::sync::Arc;

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use loadparity::engine::TensorBytes;
use loadparity::engine::arch::Model;
use loadparity::engine::context::Context;
use loadparity::engine::kernels::{CpuLevel, Kernels};
use loadparity::engine::quant::{Activations, Format};
use loadparity::gguf;

fn main() {
    divan::main();
}

const COLUMNS: usize = 4096;
const ROWS: usize = 256;

/// Bytes whose floats are neither huge nor subnormal, which would be slow for reasons of their own.
fn weights(format: Format) -> Vec<u8> {
    let bytes = format.row_bytes(COLUMNS) * ROWS;
    (0..bytes).map(|i| if i % 2 == 1 { 0x3c } else { (i * 37 % 251) as u8 }).collect()
}

fn multiply(bencher: Bencher<'_, '_>, format: Format, tokens: usize) {
    let kernels = Kernels::for_level(CpuLevel::detect()).expect("the detected level is available");
    let weights = weights(format);
    let x: Vec<f32> = (0..COLUMNS * tokens).map(|i| (i % 31) as f32 / 8.0 - 2.0).collect();
    let x = Activations::new(format.partner(), COLUMNS, &x);
    let mut out = vec![0.0; ROWS * tokens];
    bencher
        .counter(ItemsCount::new(COLUMNS * ROWS * tokens))
        .bench_local(|| kernels.multiply(format, black_box(&weights), black_box(&x), &mut out));
}

#[divan::bench(args = Format::ALL)]
fn one_token(bencher: Bencher<'_, '_>, format: &Format) {
    multiply(bencher, *format, 1);
}

#[divan::bench(args = Format::ALL)]
fn many_tokens(bencher: Bencher<'_, '_>, format: &Format) {
    multiply(bencher, *format, 128);
}

struct WholeFile {
    bytes: Vec<u8>,
    ranges: Vec<std::ops::Range<usize>>,
}

impl TensorBytes for WholeFile {
    fn tensor_bytes(&self, index: usize) -> &[u8] {
        &self.bytes[self.ranges[index].clone()]
    }
}

fn context(threads: usize) -> Context {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/models/fixture-llama-q4_k_m.gguf");
    let bytes = std::fs::read(path).expect("the fixture is there");
    let gguf = gguf::read(&bytes).expect("the fixture is sound");
    let ranges = gguf.tensors.iter().map(|tensor| gguf.file_range(tensor));
    let ranges = ranges.map(|range| range.start as usize..range.end as usize).collect();
    let model =
        Model::new(Arc::new(gguf), Arc::new(WholeFile { bytes, ranges })).expect("the fixture is a model");
    Context::new(Arc::new(model), 256, threads, CpuLevel::detect()).expect("256 positions")
}

#[divan::bench(args = [1, 2])]
fn prompt_of_64(bencher: Bencher<'_, '_>, threads: usize) {
    let mut context = context(threads);
    let prompt: Vec<u32> = (0..64).collect();
    bencher.counter(ItemsCount::new(64u32)).bench_local(|| {
        context.clear();
        context.decode(black_box(&prompt)).map(|logits| logits[0])
    });
}

#[divan::bench(args = [1, 2])]
fn generation_of_64(bencher: Bencher<'_, '_>, threads: usize) {
    let mut context = context(threads);
    bencher.counter(ItemsCount::new(64u32)).bench_local(|| {
        context.clear();
        for token in 0..64 {
            let _ = black_box(context.decode(black_box(&[token])));
        }
    });
}
