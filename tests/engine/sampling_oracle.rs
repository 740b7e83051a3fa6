//! The sampler against an oracle that sorts everything and computes in double precision.
#![allow(clippy::unwrap_used)] // Helpers of tests may panic.

use loadparity::engine::sampling::{SampleError, Sampler, SamplerConfig};
use proptest::prelude::*;

/// The tokens that a draw may give, with their probabilities, best first.
fn naive(config: &SamplerConfig, logits: &[f32], history: &[u32]) -> Vec<(u32, f64)> {
    let window = if config.repeat_last_n < 0 { history.len() } else { config.repeat_last_n as usize };
    let recent = &history[history.len() - window.min(history.len())..];
    let mut tokens: Vec<(u32, f64)> = Vec::new();
    for (token, &logit) in (0..).zip(logits) {
        let penalty = if recent.contains(&token) { config.repeat_penalty } else { 1.0 };
        let logit = if logit > 0.0 { logit / penalty } else { logit * penalty };
        if !logit.is_nan() && logit != f32::NEG_INFINITY {
            tokens.push((token, f64::from(logit)));
        }
    }
    tokens.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    if config.top_k > 0 {
        tokens.truncate(config.top_k);
    }
    let best = tokens[0].1;
    let total: f64 = tokens.iter().map(|(_, logit)| (logit - best).exp()).sum();
    let mut sum = 0.0;
    let enough = tokens.iter().position(|(_, logit)| {
        sum += (logit - best).exp() / total;
        sum >= f64::from(config.top_p)
    });
    if config.top_p < 1.0 {
        tokens.truncate((enough.unwrap_or(tokens.len()) + 1).max(config.min_keep));
    }
    let likely = tokens.iter().filter(|(_, logit)| (logit - best).exp() >= f64::from(config.min_p)).count();
    tokens.truncate(likely.max(config.min_keep));
    let weight = |logit: f64| ((logit - best) / f64::from(config.temperature)).exp();
    let total: f64 = tokens.iter().map(|(_, logit)| weight(*logit)).sum();
    tokens.into_iter().map(|(token, logit)| (token, weight(logit) / total)).collect()
}

/// Logits far enough apart, or equal, that single precision orders and cuts them as double does.
fn logits() -> impl Strategy<Value = Vec<f32>> {
    prop::collection::vec(prop_oneof![9 => (-40..40i8).prop_map(|n| f32::from(n) / 4.0), 1 => Just(f32::NEG_INFINITY), 1 => Just(f32::NAN)], 1..80)
        .prop_filter("something to choose", |logits| logits.iter().any(|logit| logit.is_finite()))
}

fn config() -> impl Strategy<Value = SamplerConfig> {
    let cuts = (0..50usize, 0.05f32..=1.0, prop_oneof![Just(0.0f32), 0.01f32..0.9], 1..4usize);
    let penalty = (prop_oneof![Just(1.0f32), Just(1.5), Just(0.5)], -1..6i64);
    (0.1f32..3.0, cuts, penalty, any::<u64>()).prop_map(|(temperature, cuts, penalty, seed)| SamplerConfig {
        temperature,
        top_k: cuts.0,
        top_p: cuts.1,
        min_p: cuts.2,
        min_keep: cuts.3,
        repeat_penalty: penalty.0,
        repeat_last_n: penalty.1,
        seed,
        ..SamplerConfig::default()
    })
}

/// A cut so close to the sum it compares with that rounding decides is no test of the rule.
fn on_edge(config: &SamplerConfig, logits: &[f32], history: &[u32]) -> bool {
    [1.0 - 1e-4, 1.0 + 1e-4].iter().any(|nudge| {
        let nudged =
            SamplerConfig { top_p: (config.top_p * nudge).min(1.0), min_p: config.min_p * nudge, ..*config };
        naive(&nudged, logits, history).len() != naive(config, logits, history).len()
    })
}

proptest! {
    #[test]
    fn every_choice_is_one_the_oracle_allows(
        config in config(), logits in logits(), history in prop::collection::vec(0..90u32, 0..12)
    ) {
        prop_assume!(!on_edge(&config, &logits, &history));
        let allowed = naive(&config, &logits, &history);
        let mut sampler = Sampler::new(config).unwrap();
        for _ in 0..20 {
            let token = sampler.sample(&logits, &history).unwrap();
            prop_assert!(allowed.iter().any(|(other, _)| *other == token), "{} not in {:?}", token, allowed);
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_tokens(config in config(), logits in logits()) {
        let choose = |config| -> Vec<u32> {
            let mut sampler = Sampler::new(config).unwrap();
            (0..8).map(|_| sampler.sample(&logits, &[]).unwrap()).collect()
        };
        prop_assert_eq!(choose(config), choose(config));
    }

    #[test]
    fn one_candidate_is_the_greedy_choice(config in config(), logits in logits()) {
        let one = SamplerConfig { top_k: 1, ..config };
        let greedy = SamplerConfig { temperature: 0.0, ..config };
        let mut one = Sampler::new(one).unwrap();
        let mut greedy = Sampler::new(greedy).unwrap();
        let best = naive(&config, &logits, &[1, 2])[0].0;
        prop_assert_eq!(one.sample(&logits, &[1, 2]), Ok(best));
        prop_assert_eq!(greedy.sample(&logits, &[1, 2]), Ok(best));
    }

    /// Which token holds which logit changes names, not the place in the order.
    #[test]
    fn a_permutation_of_the_vocabulary_permutes_the_choice(
        config in config(),
        order in Just((0..40u32).collect::<Vec<_>>()).prop_shuffle(),
    ) {
        let config = SamplerConfig { repeat_penalty: 1.0, ..config };
        let logit = |place: u32| place as f32 * 0.37 - 6.0;
        let sorted: Vec<f32> = (0..40).map(logit).collect();
        let shuffled: Vec<f32> = order.iter().map(|&place| logit(place)).collect();
        let mut first = Sampler::new(config).unwrap();
        let mut second = Sampler::new(config).unwrap();
        for _ in 0..10 {
            let token = first.sample(&sorted, &[]).unwrap();
            prop_assert_eq!(order[second.sample(&shuffled, &[]).unwrap() as usize], token);
        }
    }
}

/// Of 20,000 draws, each token's share is within five standard deviations of its probability. The
/// seed is fixed, so this either always holds or never.
#[test]
fn shares_are_the_probabilities() {
    let config =
        SamplerConfig { temperature: 0.7, top_p: 0.9, min_p: 0.02, seed: 11, ..SamplerConfig::default() };
    let logits: Vec<f32> = (0..30).map(|token| ((token * 7) % 30) as f32 / 6.0).collect();
    let expected = naive(&config, &logits, &[]);
    let mut sampler = Sampler::new(config).unwrap();
    let mut counts = vec![0u32; logits.len()];
    let draws = 20_000;
    for _ in 0..draws {
        counts[sampler.sample(&logits, &[]).unwrap() as usize] += 1;
    }
    assert!(expected.len() > 5);
    for (token, probability) in expected {
        let share = f64::from(counts[token as usize]) / f64::from(draws);
        let deviation = (probability * (1.0 - probability) / f64::from(draws)).sqrt();
        assert!((share - probability).abs() < 5.0 * deviation, "{token}: {share} for {probability}");
    }
}

#[test]
fn fixed_seeds_give_fixed_tokens() {
    let logits: Vec<f32> = (0..64u32).map(|token| ((token * 37) % 64) as f32 / 8.0 - 4.0).collect();
    let tokens = |seed| {
        let mut sampler = Sampler::new(SamplerConfig { seed, ..SamplerConfig::default() }).unwrap();
        let mut history = Vec::new();
        for _ in 0..12 {
            history.push(sampler.sample(&logits, &history).unwrap());
        }
        history
    };
    assert_eq!([tokens(0), tokens(1), tokens(u64::MAX)], PINNED);
}

/// Recorded once. They change if and only if `ALGORITHM` does.
const PINNED: [[u32; 12]; 3] = [
    [17, 5, 38, 19, 38, 19, 19, 38, 57, 5, 5, 12],
    [57, 57, 62, 29, 36, 19, 43, 62, 12, 12, 36, 38],
    [24, 38, 5, 12, 31, 31, 62, 50, 50, 31, 19, 38],
];

#[test]
fn logits_that_are_no_numbers_are_never_chosen() {
    let mut sampler = Sampler::new(SamplerConfig::default()).unwrap();
    let logits = [f32::NAN, -1e30, f32::NEG_INFINITY, -f32::NAN];
    assert_eq!(sampler.sample(&logits, &[]), Ok(1));
    let mut greedy = Sampler::new(SamplerConfig { temperature: -1.0, ..SamplerConfig::default() }).unwrap();
    assert_eq!(greedy.sample(&logits, &[]), Ok(1));
    let nothing = [f32::NAN, f32::NEG_INFINITY];
    for sampler in [&mut sampler, &mut greedy] {
        assert_eq!(sampler.sample(&nothing, &[]), Err(SampleError::NoCandidate { count: 2 }));
        assert_eq!(sampler.sample(&[], &[]), Err(SampleError::NoLogits));
    }
}

#[test]
fn infinities_share_the_probability() {
    let config = SamplerConfig { temperature: 1e-40, ..SamplerConfig::default() };
    let mut sampler = Sampler::new(config).unwrap();
    let logits = [0.0, f32::INFINITY, 3.0, f32::INFINITY];
    let chosen: Vec<u32> = (0..50).map(|_| sampler.sample(&logits, &[]).unwrap()).collect();
    assert!(chosen.contains(&1) && chosen.contains(&3) && chosen.iter().all(|token| token % 2 == 1));
    assert_eq!(sampler.sample(&[-5.0, -4.9], &[]), Ok(1), "a temperature near zero is nearly greedy");
}

#[test]
fn a_strong_penalty_moves_on() {
    let config = SamplerConfig {
        temperature: 0.0,
        repeat_penalty: 10.0,
        repeat_last_n: 2,
        ..SamplerConfig::default()
    };
    let mut sampler = Sampler::new(config).unwrap();
    let mut history = Vec::new();
    for _ in 0..6 {
        history.push(sampler.sample(&[3.0, 2.0, 1.0, -1.0], &history).unwrap());
    }
    assert_eq!(history, [0, 1, 2, 0, 1, 2]);
}
