//! What must not change a bit: cutting a prompt, the number of threads, the CPU level. And what a
//! context refuses.

#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use loadparity::engine::arch::Model;
use loadparity::engine::context::{Context, ContextError, DecodeError};
use loadparity::engine::kernels::CpuLevel;
use rstest::rstest;

use crate::support;

/// Longer than one batch through the layers, with ids from all over the vocabulary.
fn prompt(n: u32) -> Vec<u32> {
    (0..n).map(|i| (i * 773 + 2046) % 2048).collect()
}

fn context(model: &Arc<Model>, threads: usize, level: CpuLevel) -> Context {
    Context::new(Arc::clone(model), 256, threads, level).unwrap()
}

fn bits(logits: &[f32]) -> Vec<u32> {
    assert_eq!(logits.len(), 2048);
    assert!(logits.iter().all(|x| x.is_finite()));
    logits.iter().map(|x| x.to_bits()).collect()
}

/// The logits after the prompt, and after one more token.
fn run(mut context: Context, cuts: &[&[u32]]) -> [Vec<u32>; 2] {
    let mut last = Vec::new();
    for cut in cuts {
        last = bits(context.decode(cut).unwrap());
    }
    [last, bits(context.decode(&[7]).unwrap())]
}

#[rstest]
fn nothing_but_the_tokens_changes_a_bit(#[values("f16", "bf16", "q8_0", "q4_0", "q4_k_m")] format: &str) {
    let model = support::whole_file::load(format);
    let best = CpuLevel::detect();
    let prompt = prompt(70);
    let whole = run(context(&model, 1, best), &[&prompt]);
    assert_ne!(whole[0], whole[1]);

    let single: Vec<&[u32]> = prompt.chunks(1).collect();
    assert!(run(context(&model, 1, best), &single) == whole, "one token at a time");
    let uneven = [&prompt[..3], &prompt[3..68], &prompt[68..]];
    assert!(run(context(&model, 1, best), &uneven) == whole, "cut into 3, 65 and 2 tokens");
    for threads in 2..=4 {
        assert!(run(context(&model, threads, best), &uneven) == whole, "{threads} threads");
    }
    for &level in CpuLevel::ALL.iter().filter(|level| level.is_available()) {
        assert!(run(context(&model, 2, level), &[&prompt]) == whole, "{level}");
    }
}

#[test]
fn a_cleared_context_is_a_new_one() {
    let model = support::whole_file::load("q4_k_m");
    let mut context = context(&model, 1, CpuLevel::detect());
    let first = bits(context.decode(&prompt(9)).unwrap());
    assert_eq!(context.position(), 9);
    assert_ne!(bits(context.decode(&prompt(9)).unwrap()), first);
    context.clear();
    assert_eq!(context.position(), 0);
    assert_eq!(bits(context.decode(&prompt(9)).unwrap()), first);
}

#[test]
fn a_context_refuses_what_does_not_fit_and_stays_as_it_was() {
    let model = support::whole_file::load("q4_k_m");
    let mut context = Context::new(Arc::clone(&model), 8, 1, CpuLevel::detect()).unwrap();
    let before = bits(context.decode(&prompt(6)).unwrap());
    assert_eq!(context.decode(&[]), Err(DecodeError::Empty));
    assert_eq!(context.decode(&[1, 2048]), Err(DecodeError::Token { id: 2048, index: 1, vocabulary: 2048 }));
    let error = context.decode(&[1, 2, 3]).unwrap_err();
    assert_eq!(error.to_string(), "the context is full: 6 of 8 positions are used and 3 more were given");
    let after = bits(context.decode(&[1, 2]).unwrap());
    assert_eq!(context.position(), 8);
    assert_eq!(context.decode(&[1]), Err(DecodeError::Full { used: 8, n_ctx: 8, tokens: 1 }));

    let mut undisturbed = Context::new(model, 8, 1, CpuLevel::detect()).unwrap();
    assert_eq!(bits(undisturbed.decode(&prompt(6)).unwrap()), before);
    assert_eq!(bits(undisturbed.decode(&[1, 2]).unwrap()), after);
}

#[test]
fn a_context_has_bounds() {
    let model = support::whole_file::load("q4_k_m");
    let new = |n_ctx, threads| Context::new(Arc::clone(&model), n_ctx, threads, CpuLevel::Scalar).map(|_| ());
    for n_ctx in [0, 257, usize::MAX] {
        assert_eq!(new(n_ctx, 1), Err(ContextError::Size { n_ctx, max: 256 }));
    }
    for threads in [0, 257] {
        assert_eq!(new(256, threads), Err(ContextError::Threads(threads)));
    }
    assert_eq!(new(256, 256), Ok(()));
}
