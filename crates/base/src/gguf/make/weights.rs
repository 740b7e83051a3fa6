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

/// The root mean square of the sixteen values that a nibble of IQ4_NL or IQ4_XS chooses from.
const IQ4_SPREAD: f64 = 67.439;

/// The standard deviation of a uniform distribution over [-1, 1] is one over this, 1 / √3.
const SQRT_3: f64 = 1.732_050_807_568_877_2;

/// The weights of one tensor, from its first element on.
pub(super) struct Weights {
    random: ChaCha8Rng,
    form: Form,
    /// Bytes of a block.
    block: usize,
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
    /// The scale of scales, and that of minima, which is 7.5 times as large.
    Q4K([[[u8; 2]; 2]; SCALES]),
    Q6K([[u8; 2]; SCALES]),
    /// Scale and min of a block of 32, which are of opposite sign.
    Small([[[u8; 2]; 2]; SCALES]),
    /// Scale of a block of 32, of either sign.
    Signed([[u8; 2]; SCALES]),
    Q2K([[[u8; 2]; 2]; SCALES]),
    Q3K([[u8; 2]; SCALES]),
    Q5K([[[u8; 2]; 2]; SCALES]),
    IQ4XS([[u8; 2]; SCALES]),
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
            (Fill::Bias, _) => Form::Single { centre: 0.0, reach: 0.125 },
            (Fill::Matrix, TensorType::F16) => Form::Half(levels(deviation, |x| f16_bits(x.into()))),
            (Fill::Matrix, TensorType::BF16) => {
                Form::Half(levels(deviation, |x| bf16::from_f32_const(x).to_le_bytes()))
            }
            // The deviation of the stored integers, times their scales, is divided out.
            (Fill::Matrix, TensorType::Q8_0) => Form::Q8_0(scales(deviation * SQRT_3 / 127.0, f16_bits)),
            (Fill::Matrix, TensorType::Q4_0) => Form::Signed(scales(deviation / 4.609_772, f16_bits)),
            (Fill::Matrix, TensorType::Q4_K) => Form::Q4K(with_min(deviation / (4.609_772 * 47.5), 7.5)),
            (Fill::Matrix, TensorType::Q4_1) => Form::Small(with_min(deviation / 4.609_772, -7.5)),
            (Fill::Matrix, TensorType::Q5_1) => Form::Small(with_min(deviation / 9.233_093, -15.5)),
            (Fill::Matrix, TensorType::Q5_0) => Form::Signed(scales(deviation / 9.246_621, f16_bits)),
            (Fill::Matrix, TensorType::IQ4_NL) => Form::Signed(scales(deviation / IQ4_SPREAD, f16_bits)),
            (Fill::Matrix, TensorType::Q2_K) => Form::Q2K(with_min(deviation / (1.118_034 * 11.726), 1.5)),
            (Fill::Matrix, TensorType::Q3_K) => Form::Q3K(scales(deviation / (2.345_208 * 23.948), f16_bits)),
            (Fill::Matrix, TensorType::Q5_K) => Form::Q5K(with_min(deviation / (9.233_093 * 47.5), 15.5)),
            (Fill::Matrix, TensorType::IQ4_XS) => {
                Form::IQ4XS(scales(deviation / (IQ4_SPREAD * 23.948), f16_bits))
            }
            (Fill::Matrix, TensorType::Q6_K) => Form::Q6K(scales(deviation / (18.472_953 * 79.5), f16_bits)),
            (Fill::Matrix, _) => Form::Single { centre: 0.0, reach: (deviation * SQRT_3) as f32 },
        };
        Self { random, form, block: dtype.block_bytes() as usize }
    }

    /// The next whole blocks of the tensor; a multiple of four bytes unless they are the last.
    pub(super) fn fill(&mut self, bytes: &mut [u8]) {
        let block = self.block;
        self.random.fill_bytes(bytes);
        match &self.form {
            Form::Single { centre, reach } => single(bytes, *centre, *reach),
            Form::Half(levels) => {
                for half in bytes.as_chunks_mut::<2>().0 {
                    *half = levels[usize::from(u16::from_le_bytes(*half)) % LEVELS];
                }
            }
            Form::Q8_0(scales) => bytes.as_chunks_mut().0.iter_mut().for_each(|block| q8_0(block, scales)),
            Form::Signed(scales) => bytes.chunks_exact_mut(block).for_each(|block| signed(block, scales)),
            Form::Small(scales) => {
                for block in bytes.chunks_exact_mut(block) {
                    let pair = pick(scales, block[0]);
                    block[..4].copy_from_slice(pair.as_flattened());
                }
            }
            Form::Q2K(scales) => bytes.as_chunks_mut().0.iter_mut().for_each(|block| q2_k(block, scales)),
            Form::Q3K(scales) => bytes.as_chunks_mut().0.iter_mut().for_each(|block| q3_k(block, scales)),
            Form::Q5K(scales) => {
                bytes.as_chunks_mut::<176>().0.iter_mut().for_each(|block| q4_k(&mut block[..16], scales));
            }
            Form::IQ4XS(scales) => bytes.as_chunks_mut().0.iter_mut().for_each(|block| iq4_xs(block, scales)),
            Form::Q4K(scales) => bytes
                .as_chunks_mut()
                .0
                .iter_mut()
                .for_each(|block: &mut [u8; 144]| q4_k(&mut block[..16], scales)),
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

/// Scales as above, each with a min of so many times its size.
fn with_min(centre: f64, times: f64) -> [[[u8; 2]; 2]; SCALES] {
    scales(centre, |d| [f16_bits(d), f16_bits(times * d)])
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

/// Scale of either sign, 32 integers that are not quite about zero: the signs cancel their mean.
fn signed(block: &mut [u8], scales: &[[u8; 2]; SCALES]) {
    let [low, high] = pick(scales, block[0]);
    block[1] = high | (block[1] & 0x80);
    block[0] = low;
}

/// Sixteen 4-bit scales and minima, 256 bit pairs, scale of scales, scale of minima.
///
/// Scales are 8 to 15; minima as in Q4_K.
fn q2_k(block: &mut [u8; 84], scales: &[[[u8; 2]; 2]; SCALES]) {
    for byte in &mut block[..16] {
        let scale = 8 | (*byte & 7);
        *byte = scale | (scale ^ (*byte >> 3 & 1)) << 4;
    }
    let pair = pick(scales, block[80]);
    block[80..].copy_from_slice(pair.as_flattened());
}

/// 256 third bits and bit pairs, sixteen signed 6-bit scales of 16 to 31 either way, scale of
/// scales. The signs cancel the integers' mean of -½.
fn q3_k(block: &mut [u8; 110], scales: &[[u8; 2]; SCALES]) {
    let packed = &mut block[96..108];
    let six: [u8; 16] = std::array::from_fn(|i| {
        let size = 16 + (packed[i / 2] >> (i % 2 * 4) & 15);
        if packed[8 + i / 8] >> (i % 8) & 1 == 0 { 32 + size } else { 32 - size }
    });
    for i in 0..8 {
        packed[i] = six[i] & 15 | (six[i + 8] & 15) << 4;
    }
    for i in 0..4 {
        packed[8 + i] = (0..4).map(|k| (six[i + 4 * k] >> 4) << (2 * k)).sum();
    }
    let scale = pick(scales, block[108]);
    block[108..].copy_from_slice(&scale);
}

/// Scale of scales, eight signed 6-bit scales of 16 to 31 either way, 256 nibbles.
fn iq4_xs(block: &mut [u8; 136], scales: &[[u8; 2]; SCALES]) {
    let scale = pick(scales, block[0]);
    block[..2].copy_from_slice(&scale);
    let signs = block[2];
    let six: [u8; 8] = std::array::from_fn(|i| {
        let size = 16 + (block[4 + i / 2] >> (i % 2 * 4) & 15);
        if signs >> i & 1 == 0 { 32 + size } else { 32 - size }
    });
    let high: u16 = six.iter().enumerate().map(|(i, six)| u16::from(six >> 4) << (2 * i)).sum();
    block[2..4].copy_from_slice(&high.to_le_bytes());
    for i in 0..4 {
        block[4 + i] = six[2 * i] & 15 | (six[2 * i + 1] & 15) << 4;
    }
}

/// The head of a Q4_K or Q5_K block: scale of scales, scale of minima, eight 6-bit scales and
/// minima. 256 integers follow.
///
/// Scales are 32 to 63; a minimum differs from its scale in the lowest bit at most, so a sub-block
/// lies about zero, and yet the two are told apart.
fn q4_k(block: &mut [u8], scales: &[[[u8; 2]; 2]; SCALES]) {
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

    const MADE: [TensorType; 15] = [
        TensorType::Q4_1,
        TensorType::Q5_0,
        TensorType::Q5_1,
        TensorType::Q2_K,
        TensorType::Q3_K,
        TensorType::Q5_K,
        TensorType::IQ4_NL,
        TensorType::IQ4_XS,
        TensorType::F32,
        TensorType::F16,
        TensorType::BF16,
        TensorType::Q8_0,
        TensorType::Q4_0,
        TensorType::Q4_K,
        TensorType::Q6_K,
    ];

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
