//! The random numbers of a draw.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// ChaCha with 8 rounds (Bernstein, "ChaCha, a variant of Salsa20", 2008), in the counter mode of
/// `rand_chacha`. The key is the seed in little-endian order, followed by zeros; the nonce is zero.
/// Key and fractions are made here, so that no other library's conventions reach an output.
#[derive(Clone, Debug)]
pub(super) struct Generator(ChaCha8Rng);

impl Generator {
    pub(super) fn new(seed: u64) -> Self {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        Generator(ChaCha8Rng::from_seed(key))
    }

    /// The next fraction in [0, 1): the upper 53 bits of the next 64, divided by 2⁵³.
    pub(super) fn fraction(&mut self) -> f64 {
        const STEP: f64 = 1.0 / (1u64 << 53) as f64;
        (self.0.next_u64() >> 11) as f64 * STEP
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first block of the ChaCha8 key stream under the zero key and nonce, as published in
    /// draft-strombergson-chacha-test-vectors-01, TC1 with 8 rounds and 256 bits.
    #[test]
    fn seed_zero_is_the_published_key_stream() {
        let published =
            [0x3E, 0x00, 0xEF, 0x2F, 0x89, 0x5F, 0x40, 0xD6, 0x7F, 0x5B, 0xB8, 0xE8, 0x1F, 0x09, 0xA5, 0xA1];
        let mut generator = Generator::new(0);
        for bytes in published.chunks(8) {
            let bits = u64::from_le_bytes(bytes.try_into().unwrap());
            assert_eq!(generator.fraction(), (bits >> 11) as f64 / 9_007_199_254_740_992.0);
        }
    }

    #[test]
    fn fractions_are_below_one_and_differ_by_seed() {
        let of = |seed| {
            let mut generator = Generator::new(seed);
            (0..1000).map(|_| generator.fraction()).collect::<Vec<_>>()
        };
        assert!(of(7).iter().all(|fraction| (0.0..1.0).contains(fraction)));
        assert_eq!(of(7), of(7));
        assert_ne!(of(7), of(8));
        assert_ne!(of(7), of(7 << 32));
    }
}
