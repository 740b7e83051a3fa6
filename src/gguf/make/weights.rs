//! Seeded weights, straight in the form in which they are stored.
//!
//! Everything is derived from a ChaCha8 stream by integer operations, table look-ups, and single
//! multiplications and square roots, which IEEE 754 rounds in one way only.
//!
//! Block layouts: `ggml-common.h` in ggml.

use half::{bf16, f16};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use super::Fill;
use crate::gguf::TensorType;

/// Values of a half-precision matrix: so many, evenly spread.
const LEVELS: usize = 1 << 12;

/// Scales among which the blocks of a quantised matrix choose.
const SCALES: usize = 1 << 6;

/// The standard deviation of a uniform distribution over [-1, 1] is one over this, 1 / √3.
const SQRT_3: f64 = 1.732_050_807_568_877_2;

/// The weights of one tensor, from its first element on.
pub(super) struct Weights {
    random: ChaCha8Rng,
    form: Form,
}

/// How random bits become stored bytes.
enum Form {
    /// F32 `centre` ± `reach`.
    Single {
        centre: f32,
        reach: f32,
    },
    /// F16 or BF16, by table.
    Half(Box<[[u8; 2]; LEVELS]>),
    /// F16 scales of blocks, by table.
    Q8_0([[u8; 2]; SCALES]),
    Q4_0([[u8; 2]; SCALES]),
    /// The scale of scales, and that of minima, which is 7.5 times as large.
    Q4K([[[u8; 2]; 2]; SCALES]),
    Q6K([[u8; 2]; SCALES]),
}

impl Weights {
    /// The weights of tensor `index` of the model, whose rows have `inputs` elements.
    ///
    /// A matrix has a standard deviation of about 1 / √inputs, so signals keep their size.
    pub(super) fn new(seed: u64, index: u64, dtype: TensorType, fill: Fill, inputs: u64) -> Self {
        let mut key = *b"loadparity gguf make weights v1.";
        key[..8].copy_from_slice(&seed.to_le_bytes());
        let mut random = ChaCha8Rng::from_seed(key);
        random.set_stream(index);
        let deviation = 1.0 / libm::sqrt(inputs as f64);
        let form = match (fill, dtype) {
            (Fill::Gain, _) => Form::Single { centre: 1.0, reach: 0.125 },
            (Fill::Matrix, TensorType::F16) => Form::Half(levels(deviation, |x| f16_bits(x.into()))),
            (Fill::Matrix, TensorType::BF16) => {
                Form::Half(levels(deviation, |x| bf16::from_f32_const(x).to_le_bytes()))
            }
            // The deviation of the stored integers, times their scales, is divided out.
            (Fill::Matrix, TensorType::Q8_0) => Form::Q8_0(scales(deviation * SQRT_3 / 127.0, f16_bits)),
            (Fill::Matrix, TensorType::Q4_0) => Form::Q4_0(scales(deviation / 4.609_772, f16_bits)),
            (Fill::Matrix, TensorType::Q4_K) => {
                Form::Q4K(scales(deviation / (4.609_772 * 47.5), |d| [f16_bits(d), f16_bits(7.5 * d)]))
            }
            (Fill::Matrix, TensorType::Q6_K) => Form::Q6K(scales(deviation / (18.472_953 * 79.5), f16_bits)),
            (Fill::Matrix, _) => Form::Single { centre: 0.0, reach: (deviation * SQRT_3) as f32 },
        };
        Self { random, form }
    }

    /// The next whole blocks of the tensor; a multiple of four bytes unless they are the last.
    pub(super) fn fill(&mut self, bytes: &mut [u8]) {
        self.random.fill_bytes(bytes);
        match &self.form {
            Form::Single { centre, reach } => single(bytes, *centre, *reach),
            Form::Half(levels) => {
                for half in bytes.as_chunks_mut::<2>().0 {
                    *half = levels[usize::from(u16::from_le_bytes(*half)) % LEVELS];
                }
            }
            Form::Q8_0(scales) => bytes.as_chunks_mut().0.iter_mut().for_each(|block| q8_0(block, scales)),
            Form::Q4_0(scales) => bytes.as_chunks_mut().0.iter_mut().for_each(|block| q4_0(block, scales)),
            Form::Q4K(scales) => bytes.as_chunks_mut().0.iter_mut().for_each(|block| q4_k(block, scales)),
            Form::Q6K(scales) => bytes.as_chunks_mut().0.iter_mut().for_each(|block| q6_k(block, scales)),
        }
    }
}

/// Little-endian F16, by the software conversion: a processor's own may treat subnormals its way.
fn f16_bits(x: f64) -> [u8; 2] {
    f16::from_f64_const(x).to_le_bytes()
}

/// Evenly spread values of this standard deviation, in their stored form.
fn levels(deviation: f64, store: impl Fn(f32) -> [u8; 2]) -> Box<[[u8; 2]; LEVELS]> {
    let half = LEVELS as f64 / 2.0;
    let value = |level: usize| (level as f64 + 0.5 - half) / half * (deviation * SQRT_3);
    Box::new(std::array::from_fn(|level| store(value(level) as f32)))
}

/// Scales from ¾ to 1¼ of `centre`, in their stored form.
fn scales<T>(centre: f64, store: impl Fn(f64) -> T) -> [T; SCALES] {
    std::array::from_fn(|step| store(centre * (0.75 + step as f64 / (2 * SCALES) as f64)))
}

/// The scale that a block's first random bytes choose.
fn pick<T: Copy>(scales: &[T; SCALES], random: u8) -> T {
    scales[usize::from(random) % SCALES]
}

/// 24 random bits, centred, times the reach.
fn single(bytes: &mut [u8], centre: f32, reach: f32) {
    let step = reach / (1 << 23) as f32;
    for word in bytes.as_chunks_mut::<4>().0 {
        let signed = (u32::from_le_bytes(*word) >> 8) as i32 - (1 << 23);
        *word = (centre + signed as f32 * step).to_le_bytes();
    }
}

/// Scale, 32 signed bytes. The quantiser never yields -128.
fn q8_0(block: &mut [u8; 34], scales: &[[u8; 2]; SCALES]) {
    let scale = pick(scales, block[0]);
    block[..2].copy_from_slice(&scale);
    for quant in &mut block[2..] {
        *quant = if *quant == 0x80 { 0x81 } else { *quant };
    }
}

/// Scale of either sign, 32 nibbles about 8. The signs cancel the nibbles' mean of -½.
fn q4_0(block: &mut [u8; 18], scales: &[[u8; 2]; SCALES]) {
    let [low, high] = pick(scales, block[0]);
    block[1] = high | (block[1] & 0x80);
    block[0] = low;
}

/// Scale of scales, scale of minima, eight 6-bit scales and minima, 256 nibbles.
///
/// Scales are 32 to 63; a minimum differs from its scale in the lowest bit at most, so a sub-block
/// lies about zero, and yet the two are told apart.
fn q4_k(block: &mut [u8; 144], scales: &[[[u8; 2]; 2]; SCALES]) {
    let [d, d_min] = pick(scales, block[0]);
    let flips = block[1];
    block[..2].copy_from_slice(&d);
    block[2..4].copy_from_slice(&d_min);
    let packed = &mut block[4..16];
    let scale: [u8; 8] = std::array::from_fn(|i| 32 | (packed[i] & 31));
    let min: [u8; 8] = std::array::from_fn(|i| scale[i] ^ ((flips >> i) & 1));
    for i in 0..4 {
        packed[i] = scale[i] | ((scale[i + 4] >> 4) << 6);
        packed[i + 4] = min[i] | ((min[i + 4] >> 4) << 6);
        packed[i + 8] = (scale[i + 4] & 15) | ((min[i + 4] & 15) << 4);
    }
}

/// 256 6-bit values about 32, sixteen signed scales of 32 to 127 either way, scale of scales.
fn q6_k(block: &mut [u8; 210], scales: &[[u8; 2]; SCALES]) {
    for scale in &mut block[192..208] {
        let size = 32 + (u16::from(*scale & 0x7f) * 96 / 128) as i8;
        *scale = if *scale & 0x80 == 0 { size } else { -size } as u8;
    }
    let scale = pick(scales, block[208]);
    block[208..].copy_from_slice(&scale);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn half(bytes: &[u8]) -> f64 {
        f16::from_le_bytes([bytes[0], bytes[1]]).to_f64()
    }

    /// The values of a block, read as `ggml-quants.c` reads it.
    fn dequantise(dtype: TensorType, block: &[u8]) -> Vec<f64> {
        match dtype {
            TensorType::F32 => vec![f32::from_le_bytes(block.try_into().unwrap()).into()],
            TensorType::F16 => vec![half(block)],
            TensorType::BF16 => vec![bf16::from_le_bytes([block[0], block[1]]).to_f64()],
            TensorType::Q8_0 => block[2..].iter().map(|&q| half(block) * f64::from(q as i8)).collect(),
            TensorType::Q4_0 => {
                let value = |q: u8| half(block) * (f64::from(q) - 8.0);
                let (low, high) = (block[2..].iter().map(|q| q & 15), block[2..].iter().map(|q| q >> 4));
                low.chain(high).map(value).collect()
            }
            TensorType::Q4_K => {
                let packed = &block[4..16];
                let scale_and_min = |i: usize| {
                    if i < 4 {
                        (packed[i] & 63, packed[i + 4] & 63)
                    } else {
                        let (scale, min) = (packed[i + 4] & 15, packed[i + 4] >> 4);
                        (scale | ((packed[i - 4] >> 6) << 4), min | ((packed[i] >> 6) << 4))
                    }
                };
                let value = |i: usize| {
                    let (scale, min) = scale_and_min(i / 32);
                    let quant = (block[16 + i / 64 * 32 + i % 32] >> (i / 32 % 2 * 4)) & 15;
                    half(block) * f64::from(scale) * f64::from(quant) - half(&block[2..]) * f64::from(min)
                };
                (0..256).map(value).collect()
            }
            TensorType::Q6_K => {
                let value = |i: usize| {
                    let (part, row, column) = (i / 128, i % 128 / 32, i % 32);
                    let low = block[part * 64 + row % 2 * 32 + column] >> (row / 2 * 4) & 15;
                    let high = block[128 + part * 32 + column] >> (row * 2) & 3;
                    let scale = block[192 + part * 8 + row * 2 + column / 16] as i8;
                    half(&block[208..]) * f64::from(scale) * (f64::from(low | high << 4) - 32.0)
                };
                (0..256).map(value).collect()
            }
            _ => unreachable!("no matrix is made of {dtype}"),
        }
    }

    const MADE: [TensorType; 7] = [
        TensorType::F32,
        TensorType::F16,
        TensorType::BF16,
        TensorType::Q8_0,
        TensorType::Q4_0,
        TensorType::Q4_K,
        TensorType::Q6_K,
    ];

    #[test]
    fn every_type_holds_centred_weights_of_the_spread_that_keeps_signals_their_size() {
        for dtype in MADE {
            for inputs in [256, 16_384] {
                let mut bytes = vec![0; dtype.size_of(1 << 16).unwrap() as usize];
                Weights::new(1, 2, dtype, Fill::Matrix, inputs).fill(&mut bytes);
                let values: Vec<f64> = bytes
                    .chunks_exact(dtype.block_bytes() as usize)
                    .flat_map(|block| dequantise(dtype, block))
                    .map(|value| value * libm::sqrt(inputs as f64))
                    .collect();
                assert_eq!(values.len(), 1 << 16);
                let mean = values.iter().sum::<f64>() / values.len() as f64;
                let square = values.iter().map(|value| value * value).sum::<f64>() / values.len() as f64;
                assert!(mean.abs() < 0.02, "{dtype}: mean {mean}");
                assert!((0.9..1.15).contains(&square), "{dtype}: mean square {square}");
                assert!(values.iter().all(|value| value.abs() < 8.0), "{dtype}: an outlier");
            }
        }
    }

    #[test]
    fn pieces_of_whole_words_join_into_the_stream() {
        for dtype in MADE {
            let block = dtype.block_bytes() as usize;
            let mut whole = vec![0; block * 36];
            Weights::new(7, 0, dtype, Fill::Matrix, 256).fill(&mut whole);
            let mut pieces = vec![0; block * 36];
            let mut weights = Weights::new(7, 0, dtype, Fill::Matrix, 256);
            pieces.chunks_mut(block * 4).for_each(|piece| weights.fill(piece));
            assert_eq!(pieces, whole, "{dtype}");
        }
    }

    #[test]
    fn gains_lie_about_one_and_streams_differ_by_seed_and_by_tensor() {
        let gains = |seed, index| {
            let mut bytes = vec![0; 4096];
            Weights::new(seed, index, TensorType::F32, Fill::Gain, 1024).fill(&mut bytes);
            bytes
        };
        for word in gains(1, 1).as_chunks::<4>().0 {
            assert!((0.875..=1.125).contains(&f32::from_le_bytes(*word)));
        }
        assert_ne!(gains(1, 1), gains(1, 2));
        assert_ne!(gains(1, 1), gains(2, 1));
        assert_eq!(gains(1, 1), gains(1, 1));
    }
}
