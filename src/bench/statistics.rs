//! Mean and standard deviation as llama-bench has them: the deviation is that of a sample
//! (divided by n - 1) and 0 for a single value.

/// The mean of some times in nanoseconds, rounded down; 0 of none.
pub(super) fn mean_ns(samples: &[u64]) -> u64 {
    let sum: u128 = samples.iter().map(|ns| u128::from(*ns)).sum();
    let count = (samples.len() as u128).max(1);
    u64::try_from(sum / count).unwrap_or(u64::MAX)
}

/// The standard deviation of some times in nanoseconds, rounded.
pub(super) fn deviation_ns(samples: &[u64]) -> u64 {
    let values: Vec<f64> = samples.iter().map(|ns| *ns as f64).collect();
    deviation(&values).round() as u64
}

/// The mean; 0 of no value.
pub(super) fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

/// The standard deviation of a sample; 0 below two values.
pub(super) fn deviation(values: &[f64]) -> f64 {
    if values.len() < 2 {
        return 0.0;
    }
    let mean = mean(values);
    let squares: f64 = values.iter().map(|value| (value - mean) * (value - mean)).sum();
    (squares / (values.len() - 1) as f64).sqrt()
}

/// Tokens per second for each time.
pub(super) fn rates(samples_ns: &[u64], tokens: usize) -> Vec<f64> {
    // A clock that saw no time pass is taken to have seen its smallest step.
    samples_ns.iter().map(|ns| 1e9 * tokens as f64 / (*ns).max(1) as f64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_deviation_is_that_of_a_sample() {
        assert_eq!(deviation(&[2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0]), (32.0_f64 / 7.0).sqrt());
        assert_eq!(deviation_ns(&[10, 20]), 7);
        assert_eq!((deviation(&[3.0]), deviation(&[])), (0.0, 0.0));
    }

    #[test]
    fn the_mean_is_rounded_down_as_integers_divide() {
        assert_eq!(mean_ns(&[1, 2]), 1);
        assert_eq!(mean_ns(&[u64::MAX, u64::MAX]), u64::MAX);
        assert_eq!(mean_ns(&[]), 0);
        assert_eq!(mean(&[1.0, 2.0]), 1.5);
    }

    #[test]
    fn a_rate_counts_all_tokens_of_a_repetition() {
        assert_eq!(rates(&[500_000_000, 2_000_000_000], 10), [20.0, 5.0]);
        assert!(rates(&[0], 1)[0].is_finite());
    }
}
