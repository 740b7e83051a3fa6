//! Choosing the next token from logits.
//!
//! The steps, in order: bias, penalties, top-k, typical, top-p, min-p, temperature, draw. Their rules
//! are llama.cpp's (`llama-sampling.cpp`); the draw is not, because the standard library's
//! distribution that llama.cpp draws with differs from platform to platform.
//!
//! A choice is a function of settings, logits, history and the number of draws before it, and the
//! same on every platform: candidates have one total order, exponentials come from `libm`, sums
//! run in that order in double precision, and the random numbers are [`ALGORITHM`].

mod config;
mod generator;

use std::cmp::Ordering;

use generator::Generator;

pub use config::{SampleError, SamplerConfig};

/// The name of the random numbers and of how they make a choice: ChaCha8 keyed with the seed, the
/// upper 53 bits of each 64 as a fraction, and the first token, in order of probability, at which
/// the cumulative weight passes that fraction of the whole. It changes if any of that does.
pub const ALGORITHM: &str = "chacha8-53-cumulative/1";

/// A token that may be chosen. Its logit is neither NaN nor negative infinity.
#[derive(Clone, Copy, Debug)]
struct Candidate {
    logit: f32,
    token: u32,
}

/// The best first, and of equal ones the lower id.
fn rank(a: &Candidate, b: &Candidate) -> Ordering {
    b.logit.partial_cmp(&a.logit).unwrap_or(Ordering::Equal).then(a.token.cmp(&b.token))
}

/// Chooses tokens one after the other.
#[derive(Clone, Debug)]
pub struct Sampler {
    config: SamplerConfig,
    generator: Generator,
    /// What is added to the logits of some tokens, by id.
    bias: Vec<(u32, f32)>,
    candidates: Vec<Candidate>,
    weights: Vec<f64>,
}

impl Sampler {
    /// A sampler at the start of its random numbers.
    ///
    /// # Errors
    ///
    /// [`SampleError::Parameter`] if a setting has no meaning.
    pub fn new(config: SamplerConfig) -> Result<Self, SampleError> {
        config.validate()?;
        let generator = Generator::new(config.seed);
        Ok(Sampler { config, generator, bias: Vec::new(), candidates: Vec::new(), weights: Vec::new() })
    }

    /// The sampler with something added to the logits of some tokens; several amounts for one token
    /// add up, and negative infinity forbids it. Tokens without a logit are ignored.
    ///
    /// # Errors
    ///
    /// [`SampleError::Bias`] if an amount is NaN or positive infinity.
    pub fn with_bias(mut self, bias: &[(u32, f32)]) -> Result<Self, SampleError> {
        if let Some(&(token, bias)) = bias.iter().find(|(_, bias)| bias.is_nan() || *bias == f32::INFINITY) {
            return Err(SampleError::Bias { token, bias });
        }
        self.bias = bias.to_vec();
        self.bias.sort_by_key(|(token, _)| *token);
        Ok(self)
    }

    /// Its settings.
    pub fn config(&self) -> &SamplerConfig {
        &self.config
    }

    /// Chooses a token. `logits` has one entry per token of the vocabulary; `history` is the
    /// prompt and everything generated so far, oldest first, for the penalties.
    ///
    /// NaN and negative infinity are never chosen. Positive infinities share all the probability.
    /// Equal logits stand in order of their ids, so the greedy choice is the lowest id among the
    /// best. Tokens of the history that have no logit are ignored. One random number is used for
    /// each choice at a temperature above 0, none otherwise.
    ///
    /// # Errors
    ///
    /// If there is no logit above negative infinity.
    pub fn sample(&mut self, logits: &[f32], history: &[u32]) -> Result<u32, SampleError> {
        if logits.is_empty() {
            return Err(SampleError::NoLogits);
        }
        self.collect(logits, history);
        if self.candidates.is_empty() {
            return Err(SampleError::NoCandidate { count: logits.len() });
        }
        if self.config.temperature <= 0.0 {
            let best = self.candidates.iter().min_by(|a, b| rank(a, b));
            return best.map(|best| best.token).ok_or(SampleError::NoLogits);
        }
        self.keep_top_k();
        self.keep_typical();
        self.keep_top_p();
        self.keep_min_p();
        Ok(self.draw())
    }

    /// Collects the tokens that may be chosen, with bias and penalties in their logits.
    fn collect(&mut self, logits: &[f32], history: &[u32]) {
        let mut recent = self.recent(history).to_vec();
        recent.sort_unstable();
        let config = self.config;
        let mut recent = recent.into_iter().peekable();
        let mut biases = self.bias.iter().peekable();
        self.candidates.clear();
        self.candidates.extend((0..).zip(logits).filter_map(|(token, &logit)| {
            let mut logit = logit;
            while let Some((_, bias)) = biases.next_if(|(biased, _)| *biased == token) {
                logit += bias;
            }
            let mut count = 0.0f32;
            while recent.next_if_eq(&token).is_some() {
                count += 1.0;
            }
            if count > 0.0 {
                let scaled =
                    if logit <= 0.0 { logit * config.repeat_penalty } else { logit / config.repeat_penalty };
                logit = scaled - (count * config.frequency_penalty + config.presence_penalty);
            }
            // False for NaN too.
            (logit > f32::NEG_INFINITY).then_some(Candidate { logit, token })
        }));
    }

    /// The part of the history that the penalties look at.
    fn recent<'h>(&self, history: &'h [u32]) -> &'h [u32] {
        let SamplerConfig { repeat_penalty, frequency_penalty, presence_penalty, .. } = self.config;
        if (repeat_penalty, frequency_penalty, presence_penalty) == (1.0, 0.0, 0.0) {
            return &[];
        }
        // Only -1 is negative, and it means all.
        let window = usize::try_from(self.config.repeat_last_n).unwrap_or(usize::MAX);
        &history[history.len().saturating_sub(window)..]
    }

    /// Sorts the candidates, and keeps no more than the best `top_k`.
    fn keep_top_k(&mut self) {
        let keep = self.config.top_k;
        if keep > 0 && keep < self.candidates.len() {
            self.candidates.select_nth_unstable_by(keep - 1, rank);
            self.candidates.truncate(keep);
        }
        self.candidates.sort_unstable_by(rank);
    }

    /// Keeps the fewest candidates, those whose surprise is nearest to the expected one first, whose
    /// probabilities sum to more than `typical_p` (Meister et al., "Locally typical sampling", 2022).
    fn keep_typical(&mut self) {
        if self.config.typical_p >= 1.0 {
            return;
        }
        let total = self.weigh(1.0);
        let probabilities: Vec<f64> = self.weights.iter().map(|weight| weight / total).collect();
        // What cannot happen surprises infinitely and contributes nothing.
        let surprise = |p: f64| -libm::log(p);
        let entropy: f64 = probabilities.iter().filter(|p| **p > 0.0).map(|&p| p * surprise(p)).sum();
        let mut order: Vec<(f64, usize)> =
            probabilities.iter().enumerate().map(|(i, &p)| ((surprise(p) - entropy).abs(), i)).collect();
        order.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let mut sum = 0.0;
        let enough = order.iter().position(|(_, i)| {
            sum += probabilities[*i];
            sum > f64::from(self.config.typical_p)
        });
        let kept = enough.map_or(order.len(), |last| last + 1).max(self.config.min_keep).min(order.len());
        let mut stays = vec![false; order.len()];
        order[..kept].iter().for_each(|(_, i)| stays[*i] = true);
        let mut stays = stays.into_iter();
        self.candidates.retain(|_| stays.next().unwrap_or(false));
    }

    /// Keeps the fewest of the best candidates whose probabilities sum to `top_p`.
    fn keep_top_p(&mut self) {
        if self.config.top_p >= 1.0 {
            return;
        }
        let goal = f64::from(self.config.top_p) * self.weigh(1.0);
        let reached = self.first_passing(|sum| sum >= goal);
        self.candidates.truncate(reached.saturating_add(1).max(self.config.min_keep));
    }

    /// Keeps the candidates whose probability is at least `min_p` of the best one's.
    fn keep_min_p(&mut self) {
        if self.config.min_p <= 0.0 {
            return;
        }
        let least = self.best() + libm::logf(self.config.min_p);
        let kept = self.candidates.partition_point(|candidate| candidate.logit >= least);
        self.candidates.truncate(kept.max(self.config.min_keep));
    }

    /// Draws one of the candidates by their probabilities at the set temperature.
    fn draw(&mut self) -> u32 {
        let goal = self.generator.fraction() * self.weigh(self.config.temperature);
        let last = self.candidates.len() - 1;
        self.candidates[self.first_passing(|sum| sum > goal).min(last)].token
    }

    /// The logit of the first candidate, the greatest once they are sorted.
    fn best(&self) -> f32 {
        self.candidates.first().map_or(f32::NEG_INFINITY, |candidate| candidate.logit)
    }

    /// Gives every candidate a weight in proportion to its probability at a temperature, 1 for the
    /// best. Returns their sum, which runs in the order of the candidates.
    fn weigh(&mut self, temperature: f32) -> f64 {
        let best = self.best();
        let weight = |candidate: &Candidate| {
            // Infinity less infinity is no number, but the best weighs 1 whatever it is. The
            // division comes after the subtraction, because it may overflow.
            let below = if candidate.logit == best { 0.0 } else { candidate.logit - best };
            f64::from(libm::expf(below / temperature))
        };
        self.weights.clear();
        self.weights.extend(self.candidates.iter().map(weight));
        self.weights.iter().sum()
    }

    /// The index at which the cumulative weight first satisfies a condition; one past the end if
    /// rounding keeps it from ever doing so.
    fn first_passing(&self, condition: impl Fn(f64) -> bool) -> usize {
        let mut sum = 0.0;
        let passes = |weight: &f64| {
            sum += weight;
            condition(sum)
        };
        self.weights.iter().position(passes).unwrap_or(self.weights.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GREEDY: SamplerConfig = SamplerConfig {
        temperature: 0.0,
        top_k: 0,
        typical_p: 1.0,
        top_p: 1.0,
        min_p: 0.0,
        min_keep: 1,
        repeat_penalty: 1.0,
        frequency_penalty: 0.0,
        presence_penalty: 0.0,
        repeat_last_n: 64,
        seed: 0,
    };

    fn kept(config: SamplerConfig, logits: &[f32]) -> Vec<u32> {
        let mut sampler = Sampler::new(config).unwrap();
        sampler.collect(logits, &[]);
        sampler.keep_top_k();
        sampler.keep_typical();
        sampler.keep_top_p();
        sampler.keep_min_p();
        sampler.candidates.iter().map(|candidate| candidate.token).collect()
    }

    #[test]
    fn top_k_breaks_ties_by_id() {
        let logits = [1.0, 3.0, 2.0, 3.0, 2.0];
        assert_eq!(kept(SamplerConfig { top_k: 3, ..GREEDY }, &logits), [1, 3, 2]);
        assert_eq!(kept(SamplerConfig { top_k: 0, ..GREEDY }, &logits), [1, 3, 2, 4, 0]);
        assert_eq!(kept(SamplerConfig { top_k: 9, ..GREEDY }, &logits), [1, 3, 2, 4, 0]);
    }

    /// Logits of the probabilities 1/2, 1/4, 1/8, 1/8.
    fn halves() -> [f32; 4] {
        [0.5f32, 0.25, 0.125, 0.125].map(libm::logf)
    }

    #[test]
    fn top_p_keeps_the_token_that_reaches_the_sum() {
        let of = |top_p| kept(SamplerConfig { top_p, ..GREEDY }, &halves()).len();
        assert_eq!(
            [of(0.1), of(0.49), of(0.51), of(0.74), of(0.76), of(0.88), of(1.0)],
            [1, 1, 2, 2, 3, 4, 4]
        );
        assert_eq!(kept(SamplerConfig { top_p: 0.1, min_keep: 3, ..GREEDY }, &halves()).len(), 3);
    }

    #[test]
    fn min_p_is_relative_to_the_best() {
        let of = |min_p| kept(SamplerConfig { min_p, ..GREEDY }, &halves()).len();
        assert_eq!([of(0.0), of(0.24), of(0.26), of(0.49), of(0.51), of(1.0)], [4, 4, 2, 2, 1, 1]);
        assert_eq!(kept(SamplerConfig { min_p: 1.0, min_keep: 2, ..GREEDY }, &halves()).len(), 2);
    }

    /// The entropy of 1/2, 1/4, 1/8, 1/8 is 1.75 bits: 1/4 is nearest to it with 2, then 1/2 with 1.
    #[test]
    fn typical_tokens_are_those_of_the_expected_surprise() {
        let of = |typical_p| kept(SamplerConfig { typical_p, ..GREEDY }, &halves());
        assert_eq!(of(0.2), [1]);
        assert_eq!(of(0.3), [0, 1]);
        assert_eq!(of(0.8), [0, 1, 2]);
        assert_eq!(of(1.0), [0, 1, 2, 3]);
        assert_eq!(kept(SamplerConfig { typical_p: 0.2, min_keep: 2, ..GREEDY }, &halves()), [0, 1]);
        // Top-k comes first: of two tokens of 2/3 and 1/3 the likelier is the typical one.
        assert_eq!(kept(SamplerConfig { typical_p: 0.2, top_k: 2, ..GREEDY }, &halves()), [0]);
    }

    #[test]
    fn counts_and_presence_are_taken_off_and_bias_is_added_before() {
        let config = SamplerConfig { frequency_penalty: 0.5, presence_penalty: 0.25, ..GREEDY };
        let mut sampler = Sampler::new(config).unwrap();
        sampler = sampler.with_bias(&[(2, 1.0), (3, f32::NEG_INFINITY), (2, 0.5), (9, 1.0)]).unwrap();
        sampler.collect(&[1.0, 1.0, 1.0, 1.0], &[1, 2, 2]);
        let got: Vec<(u32, f32)> = sampler.candidates.iter().map(|c| (c.token, c.logit)).collect();
        assert_eq!(got, [(0, 1.0), (1, 0.25), (2, 1.25)]);
        let refused = Sampler::new(GREEDY).unwrap().with_bias(&[(7, f32::NAN)]).unwrap_err();
        assert!(refused.to_string().starts_with("the bias of token 7 is NaN"));
    }

    #[test]
    fn the_penalty_divides_what_is_positive_and_multiplies_what_is_not() {
        let config = SamplerConfig { repeat_penalty: 2.0, repeat_last_n: 2, ..GREEDY };
        let mut sampler = Sampler::new(config).unwrap();
        sampler.collect(&[4.0, 4.0, -4.0, 0.0], &[0, 1, 2, 1, 2, 9]);
        let logits: Vec<f32> = sampler.candidates.iter().map(|candidate| candidate.logit).collect();
        assert_eq!(logits, [4.0, 4.0, -8.0, 0.0]);
        sampler.config.repeat_last_n = -1;
        sampler.collect(&[4.0, 4.0, -4.0, 0.0], &[0, 1, 2, 1, 2, 9]);
        let logits: Vec<f32> = sampler.candidates.iter().map(|candidate| candidate.logit).collect();
        assert_eq!(logits, [2.0, 2.0, -8.0, 0.0]);
        sampler.config.repeat_last_n = 0;
        assert!(sampler.recent(&[1, 2]).is_empty());
    }

    #[test]
    fn settings_without_meaning_are_refused_by_name() {
        let refused = [
            ("temperature", SamplerConfig { temperature: f32::NAN, ..GREEDY }),
            ("temperature", SamplerConfig { temperature: f32::INFINITY, ..GREEDY }),
            ("typical_p", SamplerConfig { typical_p: 0.0, ..GREEDY }),
            ("frequency_penalty", SamplerConfig { frequency_penalty: f32::NAN, ..GREEDY }),
            ("presence_penalty", SamplerConfig { presence_penalty: f32::INFINITY, ..GREEDY }),
            ("top_p", SamplerConfig { top_p: 0.0, ..GREEDY }),
            ("top_p", SamplerConfig { top_p: 1.5, ..GREEDY }),
            ("top_p", SamplerConfig { top_p: f32::NAN, ..GREEDY }),
            ("min_p", SamplerConfig { min_p: -0.1, ..GREEDY }),
            ("min_p", SamplerConfig { min_p: f32::NAN, ..GREEDY }),
            ("min_keep", SamplerConfig { min_keep: 0, ..GREEDY }),
            ("repeat_penalty", SamplerConfig { repeat_penalty: 0.0, ..GREEDY }),
            ("repeat_last_n", SamplerConfig { repeat_last_n: -2, ..GREEDY }),
        ];
        for (parameter, config) in refused {
            match Sampler::new(config) {
                Err(SampleError::Parameter { name, .. }) => assert_eq!(name, parameter),
                other => panic!("{parameter}: {other:?}"),
            }
        }
    }
}
