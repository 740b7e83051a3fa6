//! What the generic kernels ask of a set of instructions: sixteen 32-bit lanes at a time.
//!
//! A level with narrower registers holds a vector in several of them. Nothing here rounds but what
//! says so, and every level rounds alike; operations on integers are exact as long as their stated
//! ranges are kept.

/// A set of instructions. A value is the token of a CPU that has them: it is made only behind a
/// run-time check, and every operation takes it.
///
/// Operations are inlined into the functions of a level's table, which alone enable the
/// instructions.
pub(super) trait Vector: Copy {
    /// Sixteen f32. The first eight are the low half.
    type F: Copy;
    /// Some of the sixteen, as many as one register holds.
    type P: Copy;
    /// Sixteen i32.
    type I: Copy;
    /// 32 bytes.
    type H: Copy;
    /// 64 bytes: two times 32, or sixteen groups of four.
    type B: Copy;
    /// 32 i16.
    type S: Copy;
    /// 64 signed bytes on their way to be weights of [`Vector::dot4_signed`].
    type W: Copy;
    /// 64 signed bytes above −128 on their way to be activations of [`Vector::dot4_signed`].
    type X: Copy;

    /// Asks for the cache line at an address that will be read soon; any address will do.
    fn prefetch(self, at: *const u8);
    /// Asks for the lines of `bytes` bytes.
    #[inline(always)]
    fn prefetch_lines(self, at: *const u8, bytes: usize) {
        for line in (0..bytes).step_by(64) {
            self.prefetch(at.wrapping_add(line));
        }
    }
    /// # Safety
    /// `from` is readable for sixteen f32; no alignment is asked for.
    unsafe fn load(self, from: *const f32) -> Self::F;
    /// Little-endian f16 as f32, exactly.
    ///
    /// # Safety
    /// `from` is readable for sixteen f16.
    unsafe fn load_f16(self, from: *const u8) -> Self::F;
    /// The odd and the even ones of 32 little-endian bf16 as f32, exactly.
    ///
    /// # Safety
    /// `from` is readable for 32 bf16.
    unsafe fn load_bf16(self, from: *const u8) -> [Self::F; 2];
    fn store(self, x: Self::F) -> [f32; 16];
    /// How many parts the sixteen lanes have.
    const PARTS: usize;
    fn splat_part(self, x: f32) -> Self::P;
    /// # Safety
    /// `to` is writable for the f32 of a part.
    unsafe fn store_part(self, x: Self::P, to: *mut f32);
    /// # Safety
    /// `from` is readable for the f32 of a part; no alignment is asked for.
    unsafe fn load_part(self, from: *const f32) -> Self::P;
    /// Little-endian f16 as f32, exactly.
    ///
    /// # Safety
    /// `from` is readable for the f16 of a part.
    unsafe fn load_f16_part(self, from: *const u8) -> Self::P;
    /// `a · b + c` in one rounding.
    fn fma_part(self, a: Self::P, b: Self::P, c: Self::P) -> Self::P;
    fn splat(self, x: f32) -> Self::F;
    /// One number in the low half and one in the high half.
    fn halves(self, low: f32, high: f32) -> Self::F;
    fn add(self, a: Self::F, b: Self::F) -> Self::F;
    fn mul(self, a: Self::F, b: Self::F) -> Self::F;
    /// `a · b + c` in one rounding.
    fn fma(self, a: Self::F, b: Self::F, c: Self::F) -> Self::F;
    /// To the nearest f16, ties to even, and back.
    fn round_f16(self, x: Self::F) -> Self::F;
    /// Integers to the nearest f32.
    fn convert(self, x: Self::I) -> Self::F;
    /// The sixteen lanes folded in halves: `+ 8`, `+ 4`, `+ 2`, `+ 1`.
    fn fold16(self, x: Self::F) -> f32;
    /// Lane `i` is vector `i`, folded in halves.
    #[inline(always)]
    fn fold16_each(self, x: &[Self::F; 16]) -> Self::F {
        let mut folded = [0.0; 16];
        for (folded, &x) in folded.iter_mut().zip(x) {
            *folded = self.fold16(x);
        }
        // SAFETY: the array holds sixteen f32.
        unsafe { self.load(folded.as_ptr()) }
    }
    /// Each half folded in halves: `+ 4`, `+ 2`, `+ 1`.
    fn fold8(self, x: Self::F) -> [f32; 2];
    /// A factor for all lanes as it is kept in memory: where the registers hold less than sixteen lanes, many
    /// times, since spreading it out costs more than a load.
    type Factor: Copy;
    fn factor(self, x: f32) -> Self::Factor;
    /// Multiplies all lanes with a factor.
    fn mul_factor(self, a: Self::F, b: &Self::Factor) -> Self::F;
    /// `a · b + c` of one lane in one rounding.
    #[inline(always)]
    fn fma1(self, a: f32, b: f32, c: f32) -> f32 {
        self.store(self.fma(self.splat(a), self.splat(b), self.splat(c)))[0]
    }
    /// One f16, exactly.
    fn half(self, bits: u16) -> f32;

    /// # Safety
    /// `from` is readable for sixteen i32.
    unsafe fn load_i32(self, from: *const i32) -> Self::I;
    /// Rows become columns.
    #[inline(always)]
    fn transpose(self, rows: &[[i32; 16]; 16], columns: &mut [[i32; 16]; 16]) {
        for (r, row) in rows.iter().enumerate() {
            for (column, &x) in columns.iter_mut().zip(row) {
                column[r] = x;
            }
        }
    }
    /// # Safety
    /// `to` is writable for sixteen i32.
    unsafe fn store_i32(self, x: Self::I, to: *mut i32);
    fn splat_i32(self, x: i32) -> Self::I;
    fn add_i32(self, a: Self::I, b: Self::I) -> Self::I;
    fn sub_i32(self, a: Self::I, b: Self::I) -> Self::I;
    fn mul_i32(self, a: Self::I, b: Self::I) -> Self::I;
    /// Lane `j` of the low half is `a[j] + a[j + 8]`, of the high half `b[j] + b[j + 8]`.
    fn fold_halves(self, a: Self::I, b: Self::I) -> Self::I;
    /// Lane `j` of the low half is `a[2j] + a[2j + 1]`, of the high half `b[2j] + b[2j + 1]`.
    fn fold_pairs(self, a: Self::I, b: Self::I) -> Self::I;
    /// Lane `i` is the sum of the low half of vector `i`, lane `i + 8` of its high half.
    fn sums8(self, x: &[Self::I; 8]) -> Self::I;
    /// The sum of the low half and that of the high half.
    #[inline(always)]
    fn sums_of_halves(self, x: Self::I) -> [i32; 2] {
        let mut lanes = [0; 16];
        // SAFETY: the array holds sixteen i32.
        unsafe { self.store_i32(x, lanes.as_mut_ptr()) };
        [lanes[..8].iter().sum(), lanes[8..].iter().sum()]
    }

    /// # Safety
    /// `from` is readable for 32 bytes.
    unsafe fn load_h(self, from: *const u8) -> Self::H;
    /// # Safety
    /// `to` is writable for 32 bytes.
    unsafe fn store_h(self, x: Self::H, to: *mut u8);
    fn splat_h(self, x: u8) -> Self::H;
    fn and(self, a: Self::H, b: Self::H) -> Self::H;
    fn or(self, a: Self::H, b: Self::H) -> Self::H;
    /// Differences of bytes, modulo 256.
    fn sub_h(self, a: Self::H, b: Self::H) -> Self::H;
    /// Shifts bytes (0-7 places) right; bits that would come from a neighbour are not specified.
    fn shr<const N: i32>(self, x: Self::H) -> Self::H;
    /// Shifts bytes (0-7 places) left; bits that would come from a neighbour are not specified.
    fn shl<const N: i32>(self, x: Self::H) -> Self::H;
    /// The low nibbles of sixteen bytes, then their high nibbles.
    ///
    /// # Safety
    /// `from` is readable for sixteen bytes.
    unsafe fn nibbles(self, from: *const u8) -> Self::H;
    /// For each byte (0-15) its value in a table.
    fn look_up(self, x: Self::H, table: &[i8; 16]) -> Self::H;
    /// Byte `j` is `value` where bit `j` is set, else 0.
    fn where_set(self, bits: u32, value: u8) -> Self::H;
    fn join(self, low: Self::H, high: Self::H) -> Self::B;

    /// # Safety
    /// `from` is readable for 64 bytes.
    unsafe fn load_b(self, from: *const u8) -> Self::B;
    /// Four bytes in each of the sixteen groups.
    fn splat_b(self, four: i32) -> Self::B;
    /// Adds the sum of each group of four products: unsigned bytes up to 127 with signed ones.
    fn dot4_unsigned(self, sum: Self::I, a: Self::B, b: Self::B) -> Self::I;
    fn weights(self, x: Self::B) -> Self::W;
    fn activations(self, x: Self::B) -> Self::X;
    /// The sum of each group of four products.
    fn dot4_signed(self, w: Self::W, x: Self::X) -> Self::I;
    /// How much too large [`Vector::dot4_biased`] takes each weight to be.
    const BIAS: i32;
    /// Adds the sum of each group of four products with weights that are `BIAS` too large.
    fn dot4_biased(self, sum: Self::I, w: Self::W, x: Self::B) -> Self::I;

    /// # Safety
    /// `from` is readable for 32 i16.
    unsafe fn load_s(self, from: *const i16) -> Self::S;
    /// # Safety
    /// `to` is writable for 32 i16.
    unsafe fn store_s(self, x: Self::S, to: *mut i16);
    /// The bytes of two little-endian words as i16.
    fn widen_words(self, low: u64, high: u64) -> [i16; 16];
    /// Two i16 in each of the sixteen pairs.
    fn splat_s(self, two: i32) -> Self::S;
    /// Signed bytes as i16.
    fn widen(self, x: Self::H) -> Self::S;
    /// One i16 in the low sixteen places and one in the high sixteen.
    fn halves_s(self, low: i16, high: i16) -> Self::S;
    /// Scales `4 · quarter` to `4 · quarter + 3`, each in eight places.
    fn spread(self, scales: &[i16; 16], quarter: usize) -> Self::S;
    /// Scales `2 · quarter` and `2 · quarter + 1`, each in sixteen places.
    fn spread_two(self, scales: &[i16; 16], quarter: usize) -> Self::S;
    /// The low sixteen bits of products.
    fn mul_i16(self, a: Self::S, b: Self::S) -> Self::S;
    /// Adds the sum of each pair of products.
    fn dot2(self, sum: Self::I, a: Self::S, b: Self::S) -> Self::I;
    /// Adds the sum of each group of four products, each pair of them multiplied with its scale:
    /// unsigned bytes with signed ones, where a pair fits in an i16.
    fn dot4_scaled(self, sum: Self::I, a: Self::B, b: Self::B, scales: Self::S) -> Self::I;
}

/// Defines operations that are a few instructions which touch no memory.
macro_rules! operations {
    ($($(#[$meta:meta])* $vis:vis fn $name:ident($self:ident $(, $arg:ident: $type:ty)* $(,)?) -> $result:ty $body:block)*) => {
        $(
            $(#[$meta])*
            // Where registers come in pairs, some operations are no instruction at all.
            #[allow(unused_unsafe)]
            #[inline(always)]
            $vis fn $name($self $(, $arg: $type)*) -> $result {
                // SAFETY: `self` is the token of these instructions.
                unsafe { $body }
            }
        )*
    };
}

/// Defines loads and stores.
macro_rules! accesses {
    ($($(#[$meta:meta])* $vis:vis fn $name:ident($self:ident $(, $arg:ident: $type:ty)* $(,)?) $(-> $result:ty)? $body:block)*) => {
        $(
            $(#[$meta])*
            #[inline(always)]
            $vis unsafe fn $name($self $(, $arg: $type)*) $(-> $result)? {
                // SAFETY: `self` is the token of these instructions, and the caller vouches for the
                // memory; the accesses are unaligned ones.
                unsafe { $body }
            }
        )*
    };
}
pub(super) use {accesses, operations};
