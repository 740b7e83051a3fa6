//! Walks over a product in tiles of some weight rows × some activation rows.
//!
//! Every format has a tile for one token, which reads weights where they lie, and one for many,
//! whose sums stay in registers while both sides come from near caches.

use std::ops::Range;

use super::vector::Vector;

/// The product of `R` weight rows with `T` activation rows.
pub(super) trait Tile<'a, const R: usize, const T: usize> {
    /// Takes the next rows, unpacking them where that pays. Places behind the last row of all hold
    /// the last row again.
    fn take(&mut self, rows: [&'a [u8]; R]);
    /// Multiplies them with the tokens from `token` on. What is computed for tokens behind the last
    /// one does not matter.
    fn multiply(&mut self, token: usize) -> [[f32; R]; T];
}

/// Asks for weights of the next `R` rows while step `step` of the rows in work takes `bytes` bytes of
/// each: piece `step` of `R · bytes` bytes, in the order of the file. Rows lie one behind the other, and
/// memory is handed out faster along one line than along `R` of them.
#[inline(always)]
pub(super) fn ask_ahead<V: Vector, const R: usize>(v: V, rows: &[&[u8]; R], step: usize, bytes: usize) {
    let next = R * (rows[0].len() + step * bytes);
    v.prefetch_lines(rows[0].as_ptr().wrapping_add(next), R * bytes);
}

/// Bytes of one side that share the second-level cache with the other side.
pub(super) const NEAR: usize = 1 << 19;

/// The rows and tokens of a product, and how many of them are worked on together.
#[derive(Clone, Copy)]
pub(super) struct Extent {
    /// Bytes of a row of weights.
    pub(super) row_bytes: usize,
    /// Rows of activations.
    pub(super) tokens: usize,
    /// Tokens whose activations stay near while all rows of a block pass.
    pub(super) token_block: usize,
    /// Whether a tile of tokens meets all rows of a block before the next one does: for rows that
    /// cost nothing to take.
    pub(super) tokens_first: bool,
}

impl Extent {
    /// With activations of so many bytes a token kept near.
    pub(super) fn near(row_bytes: usize, tokens: usize, token_bytes: usize) -> Self {
        Self { row_bytes, tokens, token_block: (NEAR / token_bytes.max(1)).max(1), tokens_first: true }
    }

    /// With all tokens in one block, so that rows are taken once.
    pub(super) fn whole(row_bytes: usize, tokens: usize) -> Self {
        Self { row_bytes, tokens, token_block: tokens, tokens_first: false }
    }
}

/// Multiplies all rows of `weights` with all tokens; the product of row `r` with token `t` goes to
/// `out[t · rows + r]`.
#[inline(always)]
pub(super) fn multiply<'a, const R: usize, const T: usize>(
    tile: &mut impl Tile<'a, R, T>,
    weights: &'a [u8],
    extent: Extent,
    out: &mut [f32],
) {
    let (row_bytes, tokens) = (extent.row_bytes, extent.tokens);
    let rows = weights.len() / row_bytes;
    let row_block = (NEAR / row_bytes).next_multiple_of(R).max(R);
    let token_block = extent.token_block.next_multiple_of(T);
    for first_row in (0..rows).step_by(row_block) {
        let end_row = rows.min(first_row + row_block);
        for first_token in (0..tokens).step_by(token_block) {
            let end_token = tokens.min(first_token + token_block);
            let (block_rows, block_tokens) = (first_row..end_row, first_token..end_token);
            if extent.tokens_first {
                for token in block_tokens.step_by(T) {
                    for row in block_rows.clone().step_by(R) {
                        tile.take(group(weights, row_bytes, row));
                        put(tile.multiply(token), row..end_row, token..end_token, rows, out);
                    }
                }
            } else {
                for row in block_rows.step_by(R) {
                    tile.take(group(weights, row_bytes, row));
                    for token in block_tokens.clone().step_by(T) {
                        put(tile.multiply(token), row..end_row, token..end_token, rows, out);
                    }
                }
            }
        }
    }
}

/// Some rows from `row` on, the last one again where there are no more.
#[inline(always)]
fn group<const R: usize>(weights: &[u8], row_bytes: usize, row: usize) -> [&[u8]; R] {
    let last = weights.len() / row_bytes - 1;
    let mut group: [&[u8]; R] = [&[]; R];
    for (i, slot) in group.iter_mut().enumerate() {
        *slot = &weights[(row + i).min(last) * row_bytes..][..row_bytes];
    }
    group
}

/// Writes the products of a tile that belong to some row and some token.
#[inline(always)]
fn put<const R: usize, const T: usize>(
    products: [[f32; R]; T],
    row: Range<usize>,
    token: Range<usize>,
    rows: usize,
    out: &mut [f32],
) {
    let width = R.min(row.len());
    for (token, products) in token.zip(&products) {
        let to = &mut out[token * rows + row.start..][..width];
        to.iter_mut().zip(products).for_each(|(to, &product)| *to = product);
    }
}

/// Puts `width` rows side by side: item `k` of row `width · i + j` goes to
/// `[(i · per_row + k) · width + j]`. Rows that are missing at the end are zero; there are as many
/// as fill tiles of `tile` rows, a multiple of `width`.
pub(super) fn interleave<T: Copy + Default>(from: &[T], per_row: usize, width: usize, tile: usize) -> Vec<T> {
    let rows = from.len() / per_row;
    let mut out = vec![T::default(); rows.next_multiple_of(tile) * per_row];
    for (row, items) in from.chunks_exact(per_row).enumerate() {
        let (i, j) = (row / width, row % width);
        let to = &mut out[i * per_row * width..][..per_row * width];
        for (to, &item) in to.iter_mut().skip(j).step_by(width).zip(items) {
            *to = item;
        }
    }
    out
}

/// Groups of four bytes as they lie in memory.
pub(super) fn fours(bytes: &[i8]) -> Vec<i32> {
    let (fours, rest) = bytes.as_chunks::<4>();
    debug_assert!(rest.is_empty(), "blocks are a multiple of four bytes");
    fours.iter().map(|four| i32::from_ne_bytes(four.map(|x| x as u8))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interleaved_rows_lie_side_by_side() {
        let rows = [1, 2, 3, 11, 12, 13, 21, 22, 23];
        assert_eq!(interleave(&rows, 3, 2, 4), [1, 11, 2, 12, 3, 13, 21, 0, 22, 0, 23, 0]);
        assert_eq!(interleave(&rows, 3, 1, 1), rows);
    }
}
