//! x86-64 with AVX2, FMA and F16C: a vector is two registers.

use std::arch::x86_64::*;

use super::vector::{Vector, accesses, operations};

/// The token of a CPU with these instructions.
#[derive(Clone, Copy)]
pub(super) struct Avx2(());

const NEAREST: i32 = _MM_FROUND_TO_NEAREST_INT;

/// Operations on one register, which AVX-512 has as well.
impl Avx2 {
    /// # Safety
    /// The CPU has AVX2, FMA and F16C.
    #[inline(always)]
    pub(super) unsafe fn assume() -> Self {
        Self(())
    }

    operations! {
        /// Folds eight lanes in halves.
        pub(super) fn fold_half(self, lanes: __m256) -> f32 {
            let four = _mm_add_ps(_mm256_castps256_ps128(lanes), _mm256_extractf128_ps::<1>(lanes));
            let two = _mm_add_ps(four, _mm_movehl_ps(four, four));
            _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)))
        }
        /// Lane `i` is register `i`, folded in halves.
        fn fold_half_each(self, x: [__m256; 8]) -> __m256 {
            let fours = [
                self.add_fours(x[0], x[4]), self.add_fours(x[1], x[5]),
                self.add_fours(x[2], x[6]), self.add_fours(x[3], x[7]),
            ];
            let (even, odd) = (self.add_twos(fours[0], fours[2]), self.add_twos(fours[1], fours[3]));
            let (low, high) = (_mm256_unpacklo_ps(even, odd), _mm256_unpackhi_ps(even, odd));
            _mm256_add_ps(
                _mm256_shuffle_ps::<0b01_00_01_00>(low, high),
                _mm256_shuffle_ps::<0b11_10_11_10>(low, high),
            )
        }
        /// In the low half the sum of the halves of `a`, in the high one that of `b`.
        fn add_fours(self, a: __m256, b: __m256) -> __m256 {
            _mm256_add_ps(_mm256_permute2f128_ps::<0x20>(a, b), _mm256_permute2f128_ps::<0x31>(a, b))
        }
        /// In each half the sum of the pairs of `a`, then that of the pairs of `b`.
        fn add_twos(self, a: __m256, b: __m256) -> __m256 {
            let first = _mm256_shuffle_ps::<0b01_00_01_00>(a, b);
            _mm256_add_ps(first, _mm256_shuffle_ps::<0b11_10_11_10>(a, b))
        }
        pub(super) fn half_from(self, bits: u16) -> f32 {
            _mm_cvtss_f32(_mm_cvtph_ps(_mm_cvtsi32_si128(i32::from(bits))))
        }
        pub(super) fn half_look_up(self, x: __m256i, table: &[i8; 16]) -> __m256i {
            _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(_mm_loadu_si128(table.as_ptr().cast())), x)
        }
        pub(super) fn half_widen_words(self, low: u64, high: u64) -> [i16; 16] {
            let mut out = [0; 16];
            let words = _mm256_cvtepu8_epi16(_mm_set_epi64x(high as i64, low as i64));
            _mm256_storeu_si256(out.as_mut_ptr().cast(), words);
            out
        }
        /// The four products of each group, summed: two signed bytes fit in 16 bits as long as one
        /// of them is above −128, since 2 · 128 · 127 < 2¹⁵.
        fn dot4_half(self, magnitude: __m256i, w: __m256i, x: __m256i) -> __m256i {
            let pairs = _mm256_maddubs_epi16(magnitude, _mm256_sign_epi8(x, w));
            _mm256_madd_epi16(pairs, _mm256_set1_epi16(1))
        }
        /// Sums of neighbours: of `a` in the low half, of `b` in the high one.
        fn pairs_half(self, a: __m256i, b: __m256i) -> __m256i {
            // The instruction works on halves of its own: a, b, a, b.
            _mm256_permute4x64_epi64::<0b11_01_10_00>(_mm256_hadd_epi32(a, b))
        }
        /// The sums of eight registers.
        fn sums_half(self, x: [__m256i; 8]) -> __m256i {
            let first = _mm256_hadd_epi32(_mm256_hadd_epi32(x[0], x[1]), _mm256_hadd_epi32(x[2], x[3]));
            let second = _mm256_hadd_epi32(_mm256_hadd_epi32(x[4], x[5]), _mm256_hadd_epi32(x[6], x[7]));
            let low = _mm256_permute2x128_si256::<0x20>(first, second);
            _mm256_add_epi32(low, _mm256_permute2x128_si256::<0x31>(first, second))
        }
        /// Two of sixteen scales, each in eight places.
        fn spread_half(self, scales: &[i16; 16], first: usize) -> __m256i {
            let (low, high) = (_mm_set1_epi16(scales[first]), _mm_set1_epi16(scales[first + 1]));
            _mm256_set_m128i(high, low)
        }
    }

    accesses! {
        /// # Safety
        /// `from` is readable for 32 bytes.
        pub(super) fn load_half(self, from: *const u8) -> __m256i { _mm256_loadu_si256(from.cast()) }
        /// # Safety
        /// `to` is writable for 32 bytes.
        pub(super) fn store_half(self, x: __m256i, to: *mut u8) { _mm256_storeu_si256(to.cast(), x) }
        /// # Safety
        /// `from` is readable for 16 bytes.
        pub(super) fn half_nibbles(self, from: *const u8) -> __m256i {
            let packed = _mm_loadu_si128(from.cast());
            _mm256_and_si256(_mm256_set_m128i(_mm_srli_epi16::<4>(packed), packed), _mm256_set1_epi8(15))
        }
    }

    #[inline(always)]
    pub(super) fn shift_right<const N: i32>(self, x: __m256i) -> __m256i {
        // SAFETY: `self` is the token of these instructions.
        unsafe { _mm256_srli_epi16::<N>(x) }
    }

    #[inline(always)]
    pub(super) fn shift_left<const N: i32>(self, x: __m256i) -> __m256i {
        // SAFETY: `self` is the token of these instructions.
        unsafe { _mm256_slli_epi16::<N>(x) }
    }
}

impl Vector for Avx2 {
    type F = [__m256; 2];
    type P = __m256;
    type Factor = [f32; 8];
    type I = [__m256i; 2];
    type H = __m256i;
    type B = [__m256i; 2];
    type S = [__m256i; 2];
    /// And their magnitudes: the instruction wants one factor unsigned.
    type W = [[__m256i; 2]; 2];
    type X = [__m256i; 2];

    const BIAS: i32 = 0;

    const PARTS: usize = 2;

    accesses! {
        fn load_part(self, from: *const f32) -> __m256 { _mm256_loadu_ps(from) }
        fn store_part(self, x: __m256, to: *mut f32) { _mm256_storeu_ps(to, x) }
        fn load_f16_part(self, from: *const u8) -> __m256 { _mm256_cvtph_ps(_mm_loadu_si128(from.cast())) }
        fn load(self, from: *const f32) -> [__m256; 2] { [_mm256_loadu_ps(from), _mm256_loadu_ps(from.add(8))] }
        fn load_f16(self, from: *const u8) -> [__m256; 2] {
            let from = from.cast::<__m128i>();
            [_mm256_cvtph_ps(_mm_loadu_si128(from)), _mm256_cvtph_ps(_mm_loadu_si128(from.add(1)))]
        }
        fn load_bf16(self, from: *const u8) -> [[__m256; 2]; 2] {
            let pairs = self.load_b(from);
            let mask = _mm256_set1_epi32(0xffff_0000u32 as i32);
            let odd = [_mm256_and_si256(pairs[0], mask), _mm256_and_si256(pairs[1], mask)];
            let even = [_mm256_slli_epi32::<16>(pairs[0]), _mm256_slli_epi32::<16>(pairs[1])];
            [
                [_mm256_castsi256_ps(odd[0]), _mm256_castsi256_ps(odd[1])],
                [_mm256_castsi256_ps(even[0]), _mm256_castsi256_ps(even[1])],
            ]
        }
        fn load_i32(self, from: *const i32) -> [__m256i; 2] { self.load_b(from.cast()) }
        fn store_i32(self, x: [__m256i; 2], to: *mut i32) { self.store_s(x, to.cast()) }
        fn load_h(self, from: *const u8) -> __m256i { self.load_half(from) }
        fn store_h(self, x: __m256i, to: *mut u8) { self.store_half(x, to) }
        fn nibbles(self, from: *const u8) -> __m256i { self.half_nibbles(from) }
        fn load_b(self, from: *const u8) -> [__m256i; 2] { [self.load_half(from), self.load_half(from.add(32))] }
        fn load_s(self, from: *const i16) -> [__m256i; 2] { self.load_b(from.cast()) }
        fn store_s(self, x: [__m256i; 2], to: *mut i16) {
            self.store_half(x[0], to.cast());
            self.store_half(x[1], to.cast::<u8>().add(32));
        }
    }

    operations! {
        fn splat_part(self, x: f32) -> __m256 { _mm256_set1_ps(x) }
        fn fma_part(self, a: __m256, b: __m256, c: __m256) -> __m256 { _mm256_fmadd_ps(a, b, c) }
        fn store(self, x: [__m256; 2]) -> [f32; 16] {
            let mut out = [0.0; 16];
            _mm256_storeu_ps(out.as_mut_ptr(), x[0]);
            _mm256_storeu_ps(out.as_mut_ptr().add(8), x[1]);
            out
        }
        fn splat(self, x: f32) -> [__m256; 2] { [_mm256_set1_ps(x); 2] }
        fn halves(self, low: f32, high: f32) -> [__m256; 2] { [_mm256_set1_ps(low), _mm256_set1_ps(high)] }
        fn add(self, a: [__m256; 2], b: [__m256; 2]) -> [__m256; 2] {
            [_mm256_add_ps(a[0], b[0]), _mm256_add_ps(a[1], b[1])]
        }
        fn mul(self, a: [__m256; 2], b: [__m256; 2]) -> [__m256; 2] {
            [_mm256_mul_ps(a[0], b[0]), _mm256_mul_ps(a[1], b[1])]
        }
        fn fma(self, a: [__m256; 2], b: [__m256; 2], c: [__m256; 2]) -> [__m256; 2] {
            [_mm256_fmadd_ps(a[0], b[0], c[0]), _mm256_fmadd_ps(a[1], b[1], c[1])]
        }
        fn round_f16(self, x: [__m256; 2]) -> [__m256; 2] {
            let halves = [_mm256_cvtps_ph::<NEAREST>(x[0]), _mm256_cvtps_ph::<NEAREST>(x[1])];
            [_mm256_cvtph_ps(halves[0]), _mm256_cvtph_ps(halves[1])]
        }
        fn convert(self, x: [__m256i; 2]) -> [__m256; 2] { [_mm256_cvtepi32_ps(x[0]), _mm256_cvtepi32_ps(x[1])] }
        fn fold16(self, x: [__m256; 2]) -> f32 { self.fold_half(_mm256_add_ps(x[0], x[1])) }
        fn fold16_each(self, x: &[[__m256; 2]; 16]) -> [__m256; 2] {
            let mut halves = [_mm256_setzero_ps(); 16];
            for (half, x) in halves.iter_mut().zip(x) {
                *half = _mm256_add_ps(x[0], x[1]);
            }
            let (eights, _) = halves.as_chunks::<8>();
            [self.fold_half_each(eights[0]), self.fold_half_each(eights[1])]
        }
        fn fold8(self, x: [__m256; 2]) -> [f32; 2] { [self.fold_half(x[0]), self.fold_half(x[1])] }
        fn half(self, bits: u16) -> f32 { self.half_from(bits) }

        fn splat_i32(self, x: i32) -> [__m256i; 2] { [_mm256_set1_epi32(x); 2] }
        fn add_i32(self, a: [__m256i; 2], b: [__m256i; 2]) -> [__m256i; 2] {
            [_mm256_add_epi32(a[0], b[0]), _mm256_add_epi32(a[1], b[1])]
        }
        fn sub_i32(self, a: [__m256i; 2], b: [__m256i; 2]) -> [__m256i; 2] {
            [_mm256_sub_epi32(a[0], b[0]), _mm256_sub_epi32(a[1], b[1])]
        }
        fn mul_i32(self, a: [__m256i; 2], b: [__m256i; 2]) -> [__m256i; 2] {
            [_mm256_mullo_epi32(a[0], b[0]), _mm256_mullo_epi32(a[1], b[1])]
        }
        fn fold_halves(self, a: [__m256i; 2], b: [__m256i; 2]) -> [__m256i; 2] {
            [_mm256_add_epi32(a[0], a[1]), _mm256_add_epi32(b[0], b[1])]
        }
        fn fold_pairs(self, a: [__m256i; 2], b: [__m256i; 2]) -> [__m256i; 2] {
            [self.pairs_half(a[0], a[1]), self.pairs_half(b[0], b[1])]
        }
        fn sums8(self, x: &[[__m256i; 2]; 8]) -> [__m256i; 2] {
            let low = [x[0][0], x[1][0], x[2][0], x[3][0], x[4][0], x[5][0], x[6][0], x[7][0]];
            let high = [x[0][1], x[1][1], x[2][1], x[3][1], x[4][1], x[5][1], x[6][1], x[7][1]];
            [self.sums_half(low), self.sums_half(high)]
        }

        fn splat_h(self, x: u8) -> __m256i { _mm256_set1_epi8(x as i8) }
        fn and(self, a: __m256i, b: __m256i) -> __m256i { _mm256_and_si256(a, b) }
        fn or(self, a: __m256i, b: __m256i) -> __m256i { _mm256_or_si256(a, b) }
        fn sub_h(self, a: __m256i, b: __m256i) -> __m256i { _mm256_sub_epi8(a, b) }
        fn look_up(self, x: __m256i, table: &[i8; 16]) -> __m256i { self.half_look_up(x, table) }
        fn where_set(self, bits: u32, value: u8) -> __m256i {
            // Byte j of eight takes byte j / 8 of the bits, and keeps bit j mod 8 of it.
            let bytes = _mm256_setr_epi64x(
                0, 0x0101_0101_0101_0101, 0x0202_0202_0202_0202, 0x0303_0303_0303_0303,
            );
            let spread = _mm256_shuffle_epi8(_mm256_set1_epi32(bits as i32), bytes);
            let single = _mm256_set1_epi64x(0x8040_2010_0804_0201u64 as i64);
            let set = _mm256_cmpeq_epi8(_mm256_and_si256(spread, single), single);
            _mm256_and_si256(set, _mm256_set1_epi8(value as i8))
        }
        fn join(self, low: __m256i, high: __m256i) -> [__m256i; 2] { [low, high] }
        fn splat_b(self, four: i32) -> [__m256i; 2] { [_mm256_set1_epi32(four); 2] }
        fn dot4_unsigned(self, sum: [__m256i; 2], a: [__m256i; 2], b: [__m256i; 2]) -> [__m256i; 2] {
            let one = _mm256_set1_epi16(1);
            let low = _mm256_madd_epi16(_mm256_maddubs_epi16(a[0], b[0]), one);
            let high = _mm256_madd_epi16(_mm256_maddubs_epi16(a[1], b[1]), one);
            self.add_i32(sum, [low, high])
        }
        fn weights(self, x: [__m256i; 2]) -> [[__m256i; 2]; 2] {
            [x, [_mm256_abs_epi8(x[0]), _mm256_abs_epi8(x[1])]]
        }
        fn activations(self, x: [__m256i; 2]) -> [__m256i; 2] { x }
        fn dot4_signed(self, w: [[__m256i; 2]; 2], x: [__m256i; 2]) -> [__m256i; 2] {
            [self.dot4_half(w[1][0], w[0][0], x[0]), self.dot4_half(w[1][1], w[0][1], x[1])]
        }
        fn dot4_biased(self, sum: [__m256i; 2], w: [[__m256i; 2]; 2], x: [__m256i; 2]) -> [__m256i; 2] {
            self.add_i32(sum, self.dot4_signed(w, x))
        }

        fn widen_words(self, low: u64, high: u64) -> [i16; 16] { self.half_widen_words(low, high) }
        fn splat_s(self, two: i32) -> [__m256i; 2] { [_mm256_set1_epi32(two); 2] }
        fn widen(self, x: __m256i) -> [__m256i; 2] {
            let high = _mm256_extracti128_si256::<1>(x);
            [_mm256_cvtepi8_epi16(_mm256_castsi256_si128(x)), _mm256_cvtepi8_epi16(high)]
        }
        fn halves_s(self, low: i16, high: i16) -> [__m256i; 2] { [_mm256_set1_epi16(low), _mm256_set1_epi16(high)] }
        fn spread(self, scales: &[i16; 16], quarter: usize) -> [__m256i; 2] {
            [self.spread_half(scales, 4 * quarter), self.spread_half(scales, 4 * quarter + 2)]
        }
        fn spread_two(self, scales: &[i16; 16], quarter: usize) -> [__m256i; 2] {
            self.halves_s(scales[2 * quarter], scales[2 * quarter + 1])
        }
        fn mul_i16(self, a: [__m256i; 2], b: [__m256i; 2]) -> [__m256i; 2] {
            [_mm256_mullo_epi16(a[0], b[0]), _mm256_mullo_epi16(a[1], b[1])]
        }
        fn dot2(self, sum: [__m256i; 2], a: [__m256i; 2], b: [__m256i; 2]) -> [__m256i; 2] {
            self.add_i32(sum, [_mm256_madd_epi16(a[0], b[0]), _mm256_madd_epi16(a[1], b[1])])
        }
        fn dot4_scaled(self, sum: [__m256i; 2], a: [__m256i; 2], b: [__m256i; 2], scales: [__m256i; 2]) -> [__m256i; 2] {
            let pairs = [_mm256_maddubs_epi16(a[0], b[0]), _mm256_maddubs_epi16(a[1], b[1])];
            self.dot2(sum, pairs, scales)
        }
    }

    #[inline(always)]
    fn factor(self, x: f32) -> [f32; 8] {
        [x; 8]
    }

    #[inline(always)]
    fn mul_factor(self, a: [__m256; 2], b: &[f32; 8]) -> [__m256; 2] {
        // SAFETY: the array holds eight f32.
        let b = unsafe { self.load_part(b.as_ptr()) };
        self.mul(a, [b; 2])
    }

    #[inline(always)]
    fn prefetch(self, at: *const u8) {
        // SAFETY: a hint reads nothing that the program could notice, whatever the address.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(at.cast()) }
    }

    #[inline(always)]
    fn shr<const N: i32>(self, x: __m256i) -> __m256i {
        self.shift_right::<N>(x)
    }

    #[inline(always)]
    fn shl<const N: i32>(self, x: __m256i) -> __m256i {
        self.shift_left::<N>(x)
    }
}
