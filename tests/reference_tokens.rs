//! Greedy tokens against those that llama.cpp gave for the same files.
//!
//! The rule: all tokens are equal, or the first difference stands at a step where llama.cpp's own
//! two best logits were less than 0.05 apart. F16 and BF16 may have no difference at all, a
//! quantised type one prompt in four. Today no prompt of any type differs, and since the bits are
//! the same everywhere, none may begin to.

#![allow(clippy::unwrap_used)]

mod support;

use loadparity::engine::context::Context;
use loadparity::engine::kernels::CpuLevel;
use rstest::rstest;
use serde_json::Value;

const CLOSE: f64 = 0.05;

/// The id of the largest logit, the lowest of equals.
fn argmax(logits: &[f32]) -> u32 {
    (0..logits.len()).fold(0, |best, i| if logits[i] > logits[best] { i } else { best }) as u32
}

/// The distance of the two largest logits.
fn gap(logits: &[f32]) -> f64 {
    let best = argmax(logits) as usize;
    let others = logits.iter().enumerate().filter(|(i, _)| *i != best).map(|(_, &x)| x);
    f64::from(logits[best] - others.fold(f32::MIN, f32::max))
}

fn numbers(value: &Value) -> Vec<u32> {
    value.as_array().unwrap().iter().map(|id| id.as_u64().unwrap() as u32).collect()
}

#[rstest]
#[case("f16", 1e-3)]
#[case("bf16", 1e-2)]
#[case("q8_0", 1e-5)]
#[case("q4_0", 1e-5)]
#[case("q4_k_m", 5e-2)]
fn greedy_tokens_are_the_reference_ones(#[case] name: &str, #[case] tolerance: f64) {
    let reference = std::fs::read_to_string(support::reference(name)).unwrap();
    let reference: Value = serde_json::from_str(&reference).unwrap();
    let mut context = Context::new(support::whole_file::load(name), 256, 1, CpuLevel::detect()).unwrap();
    let (mut different, mut furthest, mut furthest_gap) = (0, 0.0f64, 0.0f64);
    let prompts = reference["generation"].as_array().unwrap();
    assert_eq!(prompts.len(), 8);
    for prompt in prompts {
        context.clear();
        let (ids, gaps) = (numbers(&prompt["ids"]), prompt["top2_gaps"].as_array().unwrap());
        let mut logits = context.decode(&numbers(&prompt["prompt_ids"])).unwrap();
        for best in prompt["first_step_top10"].as_array().unwrap() {
            let id = best["id"].as_u64().unwrap() as usize;
            furthest = furthest.max((f64::from(logits[id]) - best["logit"].as_f64().unwrap()).abs());
        }
        for (step, (&want, reference_gap)) in ids.iter().zip(gaps).enumerate() {
            let (token, reference_gap) = (argmax(logits), reference_gap.as_f64().unwrap());
            if token != want {
                println!("{name}, {}: step {step} differs, gap {reference_gap}", prompt["prompt"]);
                assert!(
                    reference_gap < CLOSE,
                    "step {step} of {} differs: gap {reference_gap}",
                    prompt["prompt"]
                );
                different += 1;
                break;
            }
            furthest_gap = furthest_gap.max((gap(logits) - reference_gap).abs());
            logits = context.decode(&[token]).unwrap();
        }
    }
    println!(
        "{name}: {different} of {} prompts differ; first-step logits within {furthest:.2e}, gaps within {furthest_gap:.2e}",
        prompts.len()
    );
    assert_eq!(different, 0, "prompts differ");
    assert!(furthest <= tolerance, "a first-step logit is {furthest} away");
}
