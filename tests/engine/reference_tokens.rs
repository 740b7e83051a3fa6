//! Greedy tokens against those that llama.cpp gave for the same files.
//!
//! The rule: all tokens are equal, or the first difference stands at a step where llama.cpp's own
//! two best logits were less than 0.05 apart. F16 and BF16 may have no difference at all, a
//! quantised type one prompt in four. Today no prompt of any fixture differs, and since the bits are
//! the same everywhere, none may begin to.

#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::sync::Arc;

use loadparity::engine::arch::Model;
use loadparity::engine::context::Context;
use loadparity::engine::kernels::CpuLevel;
use rstest::rstest;
use serde_json::Value;

use crate::support;

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

/// What came of one model.
struct Comparison {
    prompts: usize,
    different: usize,
    /// Of these, where llama.cpp's two best logits were not close.
    sure: usize,
    /// The largest distance of a first-step logit, and of a gap between the two best.
    furthest: f64,
    furthest_gap: f64,
}

/// Generates what the reference has. Two equal best logits of llama.cpp's leave nothing to compare.
fn compare(name: &str, model: Arc<Model>, reference: &Value) -> Comparison {
    let mut context = Context::new(model, 256, 1, CpuLevel::detect()).unwrap();
    let prompts = reference["generation"].as_array().unwrap();
    let mut found =
        Comparison { prompts: prompts.len(), different: 0, sure: 0, furthest: 0.0, furthest_gap: 0.0 };
    for prompt in prompts {
        context.clear();
        let (ids, gaps) = (numbers(&prompt["ids"]), prompt["top2_gaps"].as_array().unwrap());
        let mut logits = context.decode(&numbers(&prompt["prompt_ids"])).unwrap();
        for best in prompt["first_step_top10"].as_array().unwrap() {
            let id = best["id"].as_u64().unwrap() as usize;
            found.furthest =
                found.furthest.max((f64::from(logits[id]) - best["logit"].as_f64().unwrap()).abs());
        }
        for (step, (&want, reference_gap)) in ids.iter().zip(gaps).enumerate() {
            let (token, reference_gap) = (argmax(logits), reference_gap.as_f64().unwrap());
            if token != want && reference_gap == 0.0 {
                println!("{name}, {}: step {step} has no best token", prompt["prompt"]);
                break;
            }
            if token != want {
                let place = format!("{name}, {}: step {step} differs, gap {reference_gap}", prompt["prompt"]);
                println!("{place}");
                found.sure += usize::from(reference_gap >= CLOSE);
                found.different += 1;
                break;
            }
            found.furthest_gap = found.furthest_gap.max((gap(logits) - reference_gap).abs());
            logits = context.decode(&[token]).unwrap();
        }
    }
    let Comparison { prompts, different, furthest, furthest_gap, .. } = found;
    println!(
        "{name}: {different} of {prompts} prompts differ; first-step logits within {furthest:.2e}, gaps within {furthest_gap:.2e}"
    );
    found
}

fn read(path: &Path) -> Value {
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

#[rstest]
#[case("f16", 1e-3)]
#[case("bf16", 1e-2)]
#[case("q8_0", 1e-5)]
#[case("q4_0", 1e-5)]
#[case("q4_k_m", 5e-2)]
#[case("granite-f16", 1e-3)]
#[case("qwen2-bf16", 2e-2)]
#[case("granite-iq4_xs", 1e-4)]
#[case("qwen2-q3_k_m", 1e-4)]
fn greedy_tokens_are_the_reference_ones(#[case] name: &str, #[case] tolerance: f64) {
    let found = compare(name, support::whole_file::load(name), &read(&support::reference(name)));
    assert!(found.prompts >= 8);
    assert_eq!(found.different, 0, "prompts differ");
    assert!(found.furthest <= tolerance, "a first-step logit is {} away", found.furthest);
}

/// The rule for models that are no fixtures; see `support::reference_set`.
#[test]
fn greedy_tokens_of_a_further_set_are_near_the_reference_ones() {
    let mut failures = Vec::new();
    for (model, reference) in support::reference_set() {
        let (name, reference) = (model.display().to_string(), read(&reference));
        if reference["generation"].as_array().unwrap().is_empty() {
            continue;
        }
        let model = support::whole_file::load_file(&model);
        let whole = ["f16", "bf16", "f32"].iter().any(|word| name.contains(word));
        let found = compare(&name, model, &reference);
        let allowed = if whole { 0 } else { found.prompts / 4 };
        if found.different > allowed || found.sure > 0 {
            failures
                .push(format!("{name}: {} prompts differ, {} of them clearly", found.different, found.sure));
        }
    }
    assert!(failures.is_empty(), "{failures:#?}");
}
