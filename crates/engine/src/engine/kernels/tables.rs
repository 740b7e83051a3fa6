//! The kernels of each level: the generic algorithms, inlined into functions that enable the
//! level's instructions, with tiles that fit its registers.

use super::attention::{self, VectorRows};
use super::float::{self, F16, F32};
use super::small_blocks::{self, Iq4Nl, Q40, Q41, Q50, Q51, Q80};
use super::super_blocks::{Iq4Xs, Q2K, Q3K, Q4K, Q5K, Q6K};
use super::{Heads, Table, exp, super_lanes, super_rows};
use crate::engine::quant::{self, Activations, Partner};

/// Defines a level's table.
///
/// Tiles are rows × tokens: of floats; of bf16; of blocks with eight lanes, as rows × pairs of
/// tokens = tokens; and tokens for sixteen rows in lanes, of blocks of 32 and of 256.
macro_rules! table {
    (
        $table:ident, $level:ty, $features:literal,
        float $fr:literal $ft:literal, bf16 $br:literal $bt:literal,
        lanes $lr:literal $lp:literal $lt:literal, wide $wr:literal $wp:literal $wt:literal,
        rows $small:literal $large:literal
    ) => {
        pub(super) const $table: Table = {
            macro_rules! kernel {
                ($x:ty, $rows:expr) => {{
                    #[target_feature(enable = $features)]
                    fn inner(weights: &[u8], x: &$x, out: &mut [f32]) {
                        // SAFETY: the instructions are those enabled for this function.
                        let v = unsafe { <$level>::assume() };
                        $rows(v, weights, x, out);
                    }
                    // SAFETY: this table is handed out only where the instructions were detected.
                    |weights, x, out| unsafe { inner(weights, x, out) }
                }};
            }
            #[target_feature(enable = $features)]
            fn attend(heads: &Heads<'_>, out: &mut [f32]) {
                // SAFETY: the instructions are those enabled for this function.
                let v = unsafe { <$level>::assume() };
                attention::attend(VectorRows(v), heads, out);
            }
            #[target_feature(enable = $features)]
            fn swiglu(gates: &mut [f32], ups: &[f32]) {
                exp::swiglu(gates, ups);
            }
            #[target_feature(enable = $features)]
            fn activations(partner: Partner, n: usize, rows: &[f32]) -> Activations {
                Activations::new(partner, n, rows)
            }
            Table {
                f32: kernel!(quant::Float, float::rows::<_, F32, $fr, $ft>),
                f16: kernel!(quant::Halves, float::rows::<_, F16, $fr, $ft>),
                bf16: kernel!(quant::Halves, float::rows_bf16::<_, $br, $bt>),
                q8_0: kernel!(quant::Q8_0, small_blocks::lane_rows::<_, Q80, $lr, $lp, $lt>),
                q4_0: kernel!(quant::Q8_0, small_blocks::single_rows::<_, Q40, $small>),
                q4_1: kernel!(quant::Q8_1, small_blocks::lane_rows::<_, Q41, $lr, $lp, $lt>),
                q5_0: kernel!(quant::Q8_0, small_blocks::lane_rows::<_, Q50, $lr, $lp, $lt>),
                q5_1: kernel!(quant::Q8_1, small_blocks::lane_rows::<_, Q51, $lr, $lp, $lt>),
                iq4_nl: kernel!(quant::Q8_0, small_blocks::single_rows::<_, Iq4Nl, $small>),
                q2_k: kernel!(quant::Q8_K, super_rows::rows::<_, Q2K, $large>),
                q3_k: kernel!(quant::Q8_K, super_lanes::rows::<_, Q3K, $wr, $wp, $wt>),
                q4_k: kernel!(quant::Q8_K, super_rows::rows::<_, Q4K, $large>),
                q5_k: kernel!(quant::Q8_K, super_lanes::rows::<_, Q5K, $wr, $wp, $wt>),
                q6_k: kernel!(quant::Q8_K, super_lanes::rows::<_, Q6K, $wr, $wp, $wt>),
                iq4_xs: kernel!(quant::Q8_K, super_lanes::rows::<_, Iq4Xs, $wr, $wp, $wt>),
                // SAFETY: this table is handed out only where the instructions were detected.
                attend: |heads, out| unsafe { attend(heads, out) },
                // SAFETY: as above.
                swiglu: |gates, ups| unsafe { swiglu(gates, ups) },
                // SAFETY: as above.
                activations: |partner, n, rows| unsafe { activations(partner, n, rows) },
            }
        };
    };
}

#[cfg(target_arch = "x86_64")]
table!(
    AVX2, super::avx2::Avx2, "avx2,fma,f16c",
    float 3 4, bf16 2 2, lanes 4 1 2, wide 2 1 2, rows 4 2
);
#[cfg(target_arch = "x86_64")]
table!(
    AVX512, super::avx512::Avx512, "avx2,fma,f16c,avx512f,avx512bw,avx512vl,avx512vnni",
    float 6 4, bf16 3 4, lanes 4 4 8, wide 4 2 4, rows 8 8
);
#[cfg(all(target_arch = "aarch64", target_endian = "little"))]
table!(
    NEON, super::neon::Neon<false>, "neon",
    float 2 3, bf16 1 3, lanes 2 2 4, wide 2 1 2, rows 4 2
);
#[cfg(all(target_arch = "aarch64", target_endian = "little"))]
table!(
    NEON_DOTPROD, super::neon::Neon<true>, "neon,dotprod",
    float 2 3, bf16 1 3, lanes 2 2 4, wide 2 1 2, rows 4 2
);
