//! What the reader allocates is bounded by the file, whatever the file claims. Every allocation of the
//! process is counted, so the test needs a process of its own, as cargo-nextest gives it.

#![allow(clippy::unwrap_used)]

use std::alloc::System;

use loadparity::gguf::{Array, ByteSource, Gguf, Text, Value, read};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// A byte of the file may cost so many of memory, all vectors' growth counted. The dearest are
/// metadata entries: 15 bytes there, 64 and a key's heap block here.
const FACTOR: usize = 10;

/// What a file of no size may cost: tables reserve 64 entries before they see the first.
const BASE: usize = 32 << 10;

/// Just past a power of two, where a vector that grew has the most room to spare.
const ENTRIES: u32 = 16_400;

/// Reads and returns the bytes allocated meanwhile, freed ones included.
fn cost(source: &dyn ByteSource) -> usize {
    let region = Region::new(ALLOCATOR);
    let result = read(source);
    let bytes = region.change().bytes_allocated;
    drop(result);
    bytes
}

fn check(file: &[u8]) {
    let bytes = cost(&file);
    let bound = BASE + FACTOR * file.len();
    assert!(bytes <= bound, "{bytes} bytes were allocated for a file of {}, allowed are {bound}", file.len());
}

fn header(metadata: Vec<(String, Value)>) -> Vec<u8> {
    let model = Gguf { version: 3, alignment: 32, metadata, tensors: vec![], data_offset: 0, file_size: 0 };
    model.header_bytes()
}

/// Files whose memory costs most for their size.
fn dearest() -> Vec<Vec<u8>> {
    let one = |value| header(vec![("k".into(), value)]);
    let entries = (0..ENTRIES).map(|n| (format!("{n:x}"), Value::U8(0))).collect();
    let mut nested = Array::Array(vec![Array::U8(vec![]); ENTRIES as usize]);
    for _ in 0..2 {
        nested = Array::Array(vec![nested]);
    }
    let mut tensors = b"GGUF\x03\0\0\0".to_vec();
    tensors.extend(u64::from(ENTRIES).to_le_bytes());
    tensors.extend(0u64.to_le_bytes());
    for n in 0..ENTRIES {
        let name = format!("{n:x}");
        tensors.extend((name.len() as u64).to_le_bytes());
        tensors.extend(name.as_bytes());
        tensors.extend([1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 24, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    }
    vec![
        header(entries),
        one(Value::Array(Array::String(vec![Text(vec![]); ENTRIES as usize]))),
        one(Value::Array(Array::String(vec![Text(vec![b'x']); ENTRIES as usize]))),
        one(Value::Array(nested)),
        tensors,
    ]
}

/// Headers that claim as much as 300 KB of zeros after them could make look true.
fn greedy() -> Vec<Vec<u8>> {
    let array = |levels: usize, kind: u32, count: u64| {
        let mut file = b"GGUF\x03\0\0\0".to_vec();
        file.extend(0u64.to_le_bytes());
        file.extend(1u64.to_le_bytes());
        file.extend(1u64.to_le_bytes());
        file.extend(b"k\x09\0\0\0");
        for _ in 1..levels {
            file.extend(9u32.to_le_bytes());
            file.extend(24_990u64.to_le_bytes());
        }
        file.extend(kind.to_le_bytes());
        file.extend(count.to_le_bytes());
        file.resize(300_000, 0);
        file
    };
    (1..=4)
        .flat_map(|levels| [array(levels, 8, 37_000), array(levels, 9, 24_990), array(levels, 0, 290_000)])
        .collect()
}

#[test]
fn memory_is_bounded_by_the_file_whatever_it_claims() {
    dearest().iter().chain(&greedy()).for_each(|file| check(file));

    // A runner counts the cases of all its runs, so each run has its own.
    let runner = || TestRunner::new(Config { cases: 1000, ..Config::default() });
    runner()
        .run(&vec(any::<u8>(), 0..400), |tail| {
            let mut file = b"GGUF\x03\0\0\0".to_vec();
            file.extend(tail);
            check(&file);
            Ok(())
        })
        .unwrap();

    let fixture = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/models/fixture-llama-q4_k_m.gguf");
    let whole = std::fs::read(fixture).unwrap()[..70_000].to_vec();
    let patches = vec((0usize..65_000, any::<u8>()), 1..8);
    runner()
        .run(&patches, |patches| {
            let mut file = whole.clone();
            patches.iter().for_each(|&(at, byte)| file[at] = byte);
            check(&file);
            Ok(())
        })
        .unwrap();
}
