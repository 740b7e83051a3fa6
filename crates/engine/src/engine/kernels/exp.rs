//! Exponentials of many numbers at once, with the bits of `libm::expf`.
//!
//! The steps are those of FreeBSD's `e_expf.c`, which `libm` follows, without its branches: loops
//! over arrays become vector code wherever a level's instructions are enabled. Each step is one
//! rounding of IEEE arithmetic, so nothing depends on the width.

/// From here down the exponential is 0.
const NONE: f32 = -104.0;

/// Replaces sixteen numbers by their exponentials.
#[inline(always)]
pub(super) fn exp16(x: &mut [f32; 16]) {
    let mut plain = true;
    for &x in x.iter() {
        plain &= (-87.0..=88.0).contains(&x) | (x <= NONE);
    }
    if plain {
        for x in x {
            *x = exp(*x);
        }
    } else {
        x.iter_mut().for_each(|x| *x = libm::expf(*x));
    }
}

/// The exponential of a number from −87 to 88, or up to [`NONE`].
#[inline(always)]
fn exp(x: f32) -> f32 {
    const LN2_HIGH: f32 = f32::from_bits(0x3f31_7200);
    const LN2_LOW: f32 = f32::from_bits(0x35bf_be8e);
    const INVERSE_LN2: f32 = f32::from_bits(0x3fb8_aa3b);
    const P1: f32 = 1.666_662_5e-1;
    const P2: f32 = -2.766_733_2e-3;

    let magnitude = x.to_bits() & 0x7fff_ffff;
    let (half, one) = if x < 0.0 { (-0.5, -1) } else { (0.5, 1) };
    // SAFETY: a number from −104 to 88 times 1.45 fits in an i32.
    let nearest: i32 = unsafe { (INVERSE_LN2 * x.max(NONE) + half).to_int_unchecked() };
    // Above 1.5 ln 2, above 0.5 ln 2, and the rest.
    let k = if magnitude > 0x3f85_1592 {
        nearest
    } else if magnitude > 0x3eb1_7218 {
        one
    } else {
        0
    };
    let high = x - k as f32 * LN2_HIGH;
    let low = k as f32 * LN2_LOW;
    let r = high - low;
    let rr = r * r;
    let c = r - rr * (P1 + rr * P2);
    let y = 1.0 + (r * c / (2.0 - c) - low + high);
    // Up to 2⁻¹⁴.
    let y = if magnitude <= 0x3900_0000 { 1.0 + x } else { y };
    if x <= NONE { 0.0 } else { y * f32::from_bits(((k + 127) as u32) << 23) }
}

/// Replaces each gate by `silu(gate) · up`, as `swiglu` in the engine's arithmetic.
#[inline(always)]
pub(super) fn swiglu(gates: &mut [f32], ups: &[f32]) {
    let ((gates, gates_rest), (ups, ups_rest)) = (gates.as_chunks_mut::<16>(), ups.as_chunks::<16>());
    gates.iter_mut().zip(ups).for_each(|(gates, ups)| swiglu16(gates, ups));
    let (mut gates, mut ups) = ([0.0; 16], [0.0; 16]);
    gates[..gates_rest.len()].copy_from_slice(gates_rest);
    ups[..ups_rest.len()].copy_from_slice(ups_rest);
    swiglu16(&mut gates, &ups);
    gates_rest.iter_mut().zip(gates).for_each(|(to, gate)| *to = gate);
}

#[inline(always)]
fn swiglu16(gates: &mut [f32; 16], ups: &[f32; 16]) {
    let mut shrinks = [0.0; 16];
    for (shrink, gate) in shrinks.iter_mut().zip(gates.iter()) {
        *shrink = -gate;
    }
    exp16(&mut shrinks);
    for i in 0..16 {
        gates[i] = gates[i] / (1.0 + shrinks[i]) * ups[i];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every so manieth float, both signs, with neighbours of the places where the steps differ.
    #[test]
    fn the_bits_are_those_of_libm() {
        let edges =
            [0x3900_0000u32, 0x3eb1_7218, 0x3f85_1592, 0x42ae_0000, 0x42b0_0000, 0x42d0_0000, 0x7f80_0000];
        let around = edges.iter().flat_map(|&edge| (edge - 20)..(edge + 20));
        let bits: Vec<u32> = (0..=0x7fff_ffffu32).step_by(9973).chain(around).collect();
        for sign in [0, 0x8000_0000] {
            for bits in bits.chunks(16) {
                // Alone, so that one number out of range does not take the others with it.
                for &bits in bits {
                    let x = f32::from_bits(bits | sign);
                    let mut sixteen = [x; 16];
                    exp16(&mut sixteen);
                    assert_eq!(sixteen[5].to_bits(), libm::expf(x).to_bits(), "{x}");
                }
            }
        }
        let mut mixed = [0.5; 16];
        mixed[3] = 100.0;
        exp16(&mut mixed);
        assert_eq!((mixed[3], mixed[4]), (f32::INFINITY, libm::expf(0.5)));
    }
}
