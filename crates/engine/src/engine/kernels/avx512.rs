//! x86-64 with AVX-512 (F, BW, VL, VNNI): a vector is a register.

use std::arch::x86_64::*;

use super::avx2::Avx2;
use super::vector::{Vector, accesses, operations};

/// The token of a CPU with these instructions.
#[derive(Clone, Copy)]
pub(super) struct Avx512 {
    half: Avx2,
}

impl Avx512 {
    /// # Safety
    /// The CPU has AVX-512 F, BW, VL and VNNI besides AVX2, FMA and F16C.
    #[inline(always)]
    pub(super) unsafe fn assume() -> Self {
        // SAFETY: the caller vouches for all of it.
        Self { half: unsafe { Avx2::assume() } }
    }

    /// In the low half the sum of the halves of `a`, in the high one that of `b`.
    #[inline(always)]
    fn add_eights(self, a: __m512, b: __m512) -> __m512 {
        // SAFETY: `self` is the token of these instructions.
        unsafe {
            let first = _mm512_shuffle_f32x4::<0b01_00_01_00>(a, b);
            _mm512_add_ps(first, _mm512_shuffle_f32x4::<0b11_10_11_10>(a, b))
        }
    }

    /// In each quarter the sum of the pairs of `a`, then that of the pairs of `b`.
    #[inline(always)]
    fn add_twos(self, a: __m512, b: __m512) -> __m512 {
        // SAFETY: `self` is the token of these instructions.
        unsafe {
            let first = _mm512_shuffle_ps::<0b01_00_01_00>(a, b);
            _mm512_add_ps(first, _mm512_shuffle_ps::<0b11_10_11_10>(a, b))
        }
    }

    /// In each group of four lanes, two sums of two lanes of `a` next to two of `b`.
    #[inline(always)]
    fn add_singles(self, a: __m512i, b: __m512i) -> __m512i {
        // SAFETY: `self` is the token of these instructions.
        unsafe { _mm512_add_epi32(_mm512_unpacklo_epi32(a, b), _mm512_unpackhi_epi32(a, b)) }
    }

    /// In each group of four lanes, the sum of the pairs of `a`, then that of the pairs of `b`.
    #[inline(always)]
    fn add_pairs(self, a: __m512i, b: __m512i) -> __m512i {
        // SAFETY: `self` is the token of these instructions.
        unsafe { _mm512_add_epi32(_mm512_unpacklo_epi64(a, b), _mm512_unpackhi_epi64(a, b)) }
    }
}

const NEAREST: i32 = _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC;

impl Vector for Avx512 {
    type F = __m512;
    type P = __m512;
    type Factor = f32;
    type I = __m512i;
    type H = __m256i;
    type B = __m512i;
    type S = __m512i;
    /// With the sign bit turned over: unsigned bytes, 128 too large.
    type W = __m512i;
    /// And what the 128 add up to, negated.
    type X = (__m512i, __m512i);

    const BIAS: i32 = 128;

    const PARTS: usize = 1;

    accesses! {
        fn load_part(self, from: *const f32) -> __m512 { _mm512_loadu_ps(from) }
        fn store_part(self, x: __m512, to: *mut f32) { _mm512_storeu_ps(to, x) }
        fn load_f16_part(self, from: *const u8) -> __m512 { _mm512_cvtph_ps(_mm256_loadu_si256(from.cast())) }
        fn load(self, from: *const f32) -> __m512 { _mm512_loadu_ps(from) }
        fn load_f16(self, from: *const u8) -> __m512 { _mm512_cvtph_ps(_mm256_loadu_si256(from.cast())) }
        fn load_bf16(self, from: *const u8) -> [__m512; 2] {
            let pairs = _mm512_loadu_si512(from.cast());
            let odd = _mm512_and_si512(pairs, _mm512_set1_epi32(0xffff_0000u32 as i32));
            [_mm512_castsi512_ps(odd), _mm512_castsi512_ps(_mm512_slli_epi32::<16>(pairs))]
        }
        fn load_i32(self, from: *const i32) -> __m512i { _mm512_loadu_si512(from.cast()) }
        fn store_i32(self, x: __m512i, to: *mut i32) { _mm512_storeu_si512(to.cast(), x) }
        fn load_h(self, from: *const u8) -> __m256i { self.half.load_half(from) }
        fn store_h(self, x: __m256i, to: *mut u8) { self.half.store_half(x, to) }
        fn nibbles(self, from: *const u8) -> __m256i { self.half.half_nibbles(from) }
        fn load_b(self, from: *const u8) -> __m512i { _mm512_loadu_si512(from.cast()) }
        fn load_s(self, from: *const i16) -> __m512i { _mm512_loadu_si512(from.cast()) }
        fn store_s(self, x: __m512i, to: *mut i16) { _mm512_storeu_si512(to.cast(), x) }
    }

    operations! {
        fn splat_part(self, x: f32) -> __m512 { _mm512_set1_ps(x) }
        fn fma_part(self, a: __m512, b: __m512, c: __m512) -> __m512 { _mm512_fmadd_ps(a, b, c) }
        fn store(self, x: __m512) -> [f32; 16] {
            let mut out = [0.0; 16];
            _mm512_storeu_ps(out.as_mut_ptr(), x);
            out
        }
        fn splat(self, x: f32) -> __m512 { _mm512_set1_ps(x) }
        fn halves(self, low: f32, high: f32) -> __m512 {
            _mm512_mask_blend_ps(0xff00, _mm512_set1_ps(low), _mm512_set1_ps(high))
        }
        fn add(self, a: __m512, b: __m512) -> __m512 { _mm512_add_ps(a, b) }
        fn mul(self, a: __m512, b: __m512) -> __m512 { _mm512_mul_ps(a, b) }
        fn fma(self, a: __m512, b: __m512, c: __m512) -> __m512 { _mm512_fmadd_ps(a, b, c) }
        fn round_f16(self, x: __m512) -> __m512 { _mm512_cvtph_ps(_mm512_cvtps_ph::<NEAREST>(x)) }
        fn convert(self, x: __m512i) -> __m512 { _mm512_cvtepi32_ps(x) }
        fn fold16(self, x: __m512) -> f32 {
            let high = _mm256_castpd_ps(_mm512_extractf64x4_pd::<1>(_mm512_castps_pd(x)));
            self.half.fold_half(_mm256_add_ps(_mm512_castps512_ps256(x), high))
        }
        fn fold16_each(self, x: &[__m512; 16]) -> __m512 {
            let mut fours = [_mm512_setzero_ps(); 4];
            for (k, fours) in fours.iter_mut().enumerate() {
                let (a, b) = (self.add_eights(x[k], x[k + 4]), self.add_eights(x[k + 8], x[k + 12]));
                let first = _mm512_shuffle_f32x4::<0b10_00_10_00>(a, b);
                *fours = _mm512_add_ps(first, _mm512_shuffle_f32x4::<0b11_01_11_01>(a, b));
            }
            let (even, odd) = (self.add_twos(fours[0], fours[2]), self.add_twos(fours[1], fours[3]));
            let (low, high) = (_mm512_unpacklo_ps(even, odd), _mm512_unpackhi_ps(even, odd));
            let first = _mm512_shuffle_ps::<0b01_00_01_00>(low, high);
            _mm512_add_ps(first, _mm512_shuffle_ps::<0b11_10_11_10>(low, high))
        }
        fn fold8(self, x: __m512) -> [f32; 2] {
            let high = _mm256_castpd_ps(_mm512_extractf64x4_pd::<1>(_mm512_castps_pd(x)));
            [self.half.fold_half(_mm512_castps512_ps256(x)), self.half.fold_half(high)]
        }
        fn half(self, bits: u16) -> f32 { self.half.half_from(bits) }

        fn splat_i32(self, x: i32) -> __m512i { _mm512_set1_epi32(x) }
        fn add_i32(self, a: __m512i, b: __m512i) -> __m512i { _mm512_add_epi32(a, b) }
        fn sub_i32(self, a: __m512i, b: __m512i) -> __m512i { _mm512_sub_epi32(a, b) }
        fn mul_i32(self, a: __m512i, b: __m512i) -> __m512i { _mm512_mullo_epi32(a, b) }
        fn fold_halves(self, a: __m512i, b: __m512i) -> __m512i {
            let low = _mm512_shuffle_i64x2::<0b01_00_01_00>(a, b);
            _mm512_add_epi32(low, _mm512_shuffle_i64x2::<0b11_10_11_10>(a, b))
        }
        fn fold_pairs(self, a: __m512i, b: __m512i) -> __m512i {
            let even = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
            let odd = _mm512_add_epi32(even, _mm512_set1_epi32(1));
            let (even, odd) = (_mm512_permutex2var_epi32(a, even, b), _mm512_permutex2var_epi32(a, odd, b));
            _mm512_add_epi32(even, odd)
        }
        fn sums8(self, x: &[__m512i; 8]) -> __m512i {
            let fours = [
                self.add_singles(x[0], x[1]),
                self.add_singles(x[2], x[3]),
                self.add_singles(x[4], x[5]),
                self.add_singles(x[6], x[7]),
            ];
            let first = self.add_pairs(fours[0], fours[1]);
            let second = self.add_pairs(fours[2], fours[3]);
            let even = _mm512_permutex2var_epi64(first, _mm512_setr_epi64(0, 1, 8, 9, 4, 5, 12, 13), second);
            let odd = _mm512_permutex2var_epi64(first, _mm512_setr_epi64(2, 3, 10, 11, 6, 7, 14, 15), second);
            _mm512_add_epi32(even, odd)
        }

        fn splat_h(self, x: u8) -> __m256i { _mm256_set1_epi8(x as i8) }
        fn and(self, a: __m256i, b: __m256i) -> __m256i { _mm256_and_si256(a, b) }
        fn or(self, a: __m256i, b: __m256i) -> __m256i { _mm256_or_si256(a, b) }
        fn sub_h(self, a: __m256i, b: __m256i) -> __m256i { _mm256_sub_epi8(a, b) }
        fn look_up(self, x: __m256i, table: &[i8; 16]) -> __m256i { self.half.half_look_up(x, table) }
        fn where_set(self, bits: u32, value: u8) -> __m256i {
            _mm256_maskz_set1_epi8(bits, value as i8)
        }
        fn join(self, low: __m256i, high: __m256i) -> __m512i {
            _mm512_inserti64x4::<1>(_mm512_castsi256_si512(low), high)
        }
        fn splat_b(self, four: i32) -> __m512i { _mm512_set1_epi32(four) }
        fn dot4_unsigned(self, sum: __m512i, a: __m512i, b: __m512i) -> __m512i {
            _mm512_dpbusd_epi32(sum, a, b)
        }
        fn weights(self, x: __m512i) -> __m512i { _mm512_xor_si512(x, _mm512_set1_epi8(-128)) }
        fn activations(self, x: __m512i) -> (__m512i, __m512i) {
            let zero = _mm512_setzero_si512();
            (x, _mm512_sub_epi32(zero, _mm512_dpbusd_epi32(zero, _mm512_set1_epi8(-128), x)))
        }
        fn dot4_signed(self, w: __m512i, x: (__m512i, __m512i)) -> __m512i {
            _mm512_dpbusd_epi32(x.1, w, x.0)
        }
        fn dot4_biased(self, sum: __m512i, w: __m512i, x: __m512i) -> __m512i { _mm512_dpbusd_epi32(sum, w, x) }

        fn widen_words(self, low: u64, high: u64) -> [i16; 16] { self.half.half_widen_words(low, high) }
        fn splat_s(self, two: i32) -> __m512i { _mm512_set1_epi32(two) }
        fn widen(self, x: __m256i) -> __m512i { _mm512_cvtepi8_epi16(x) }
        fn halves_s(self, low: i16, high: i16) -> __m512i {
            _mm512_mask_blend_epi16(0xffff_0000, _mm512_set1_epi16(low), _mm512_set1_epi16(high))
        }
        fn spread(self, scales: &[i16; 16], quarter: usize) -> __m512i {
            let scales = _mm512_castsi256_si512(_mm256_loadu_si256(scales.as_ptr().cast()));
            let places = _mm512_set_epi64(3, 3, 2, 2, 1, 1, 0, 0);
            // The four places as i16: 0x0001_0001_0001_0001 times the place.
            let ones = _mm512_set1_epi16(4 * quarter as i16);
            let places = _mm512_or_si512(places, _mm512_slli_epi64::<16>(places));
            let places = _mm512_or_si512(places, _mm512_slli_epi64::<32>(places));
            _mm512_permutexvar_epi16(_mm512_add_epi16(places, ones), scales)
        }
        fn spread_two(self, scales: &[i16; 16], quarter: usize) -> __m512i {
            let scales = _mm512_castsi256_si512(_mm256_loadu_si256(scales.as_ptr().cast()));
            let first = 2 * quarter as i16;
            _mm512_permutexvar_epi16(self.halves_s(first, first + 1), scales)
        }
        fn mul_i16(self, a: __m512i, b: __m512i) -> __m512i { _mm512_mullo_epi16(a, b) }
        fn dot2(self, sum: __m512i, a: __m512i, b: __m512i) -> __m512i { _mm512_dpwssd_epi32(sum, a, b) }
        fn dot4_scaled(self, sum: __m512i, a: __m512i, b: __m512i, scales: __m512i) -> __m512i {
            _mm512_dpwssd_epi32(sum, _mm512_maddubs_epi16(a, b), scales)
        }
    }

    #[inline(always)]
    fn transpose(self, rows: &[[i32; 16]; 16], columns: &mut [[i32; 16]; 16]) {
        // SAFETY: `self` is the token of these instructions; rows and columns are sixteen i32.
        unsafe {
            let mut x = [_mm512_setzero_si512(); 16];
            for (x, row) in x.iter_mut().zip(rows) {
                *x = _mm512_loadu_si512(row.as_ptr().cast());
            }
            // Vector 4g + c: in its 128-bit group L, rows 4g to 4g + 3 of column 4L + c.
            for four in x.as_chunks_mut::<4>().0 {
                let (low, high) =
                    (_mm512_unpacklo_epi32(four[0], four[1]), _mm512_unpackhi_epi32(four[0], four[1]));
                let (low2, high2) =
                    (_mm512_unpacklo_epi32(four[2], four[3]), _mm512_unpackhi_epi32(four[2], four[3]));
                *four = [
                    _mm512_unpacklo_epi64(low, low2),
                    _mm512_unpackhi_epi64(low, low2),
                    _mm512_unpacklo_epi64(high, high2),
                    _mm512_unpackhi_epi64(high, high2),
                ];
            }
            for c in 0..4 {
                let even = _mm512_shuffle_i32x4::<0x88>(x[c], x[c + 4]);
                let odd = _mm512_shuffle_i32x4::<0xdd>(x[c], x[c + 4]);
                let even2 = _mm512_shuffle_i32x4::<0x88>(x[c + 8], x[c + 12]);
                let odd2 = _mm512_shuffle_i32x4::<0xdd>(x[c + 8], x[c + 12]);
                let groups = [
                    _mm512_shuffle_i32x4::<0x88>(even, even2),
                    _mm512_shuffle_i32x4::<0x88>(odd, odd2),
                    _mm512_shuffle_i32x4::<0xdd>(even, even2),
                    _mm512_shuffle_i32x4::<0xdd>(odd, odd2),
                ];
                for (group, x) in groups.into_iter().enumerate() {
                    _mm512_storeu_si512(columns[4 * group + c].as_mut_ptr().cast(), x);
                }
            }
        }
    }

    #[inline(always)]
    fn factor(self, x: f32) -> f32 {
        x
    }

    #[inline(always)]
    fn mul_factor(self, a: __m512, b: &f32) -> __m512 {
        self.mul(a, self.splat(*b))
    }

    #[inline(always)]
    fn prefetch(self, at: *const u8) {
        // SAFETY: a hint reads nothing that the program could notice, whatever the address.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(at.cast()) }
    }

    #[inline(always)]
    fn shr<const N: i32>(self, x: __m256i) -> __m256i {
        self.half.shift_right::<N>(x)
    }

    #[inline(always)]
    fn shl<const N: i32>(self, x: __m256i) -> __m256i {
        self.half.shift_left::<N>(x)
    }
}
