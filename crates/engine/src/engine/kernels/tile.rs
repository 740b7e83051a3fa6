//! Walks over a product in tiles of some weight rows × some activation rows.
//!
//! Every format has a tile for one token, which reads weights where they lie, and one for many,
//! whose sums stay in registers while both sides come from near caches.

use std::ops::Range;

use super::vector::Vector;

/// The product of `R` weight rows with `T` activation rows.
pub(super) trait Tile<'a, const R: usize, const T: usize> {
    /// How many groups of rows it can hold at a time, and how many tokens each of them meets before the next
    /// one does: both sides are to share the second-level cache.
    fn block(&self) -> (usize, usize) {
        (1, usize::MAX / 2)
    }
    /// Takes some rows as group `group`, unpacking them where that pays. Places behind the last row of
    /// all hold the last row again.
    fn take(&mut self, group: usize, rows: [&'a [u8]; R]);
    /// Multiplies a group with the tokens from `token` on. What is computed for tokens behind the last
    /// one does not matter.
    fn multiply(&mut self, group: usize, token: usize) -> [[f32; R]; T];
}

/// Asks for weights of the next `R` rows while step `step` of the rows in work takes `bytes` bytes of
/// each: piece `step` of `R · bytes` bytes, in the order of the file. Rows lie one behind the other, and
/// memory is handed out faster along one line than along `R` of them.
#[inline(always)]
pub(super) fn ask_ahead<V: Vector, const R: usize>(v: V, rows: &[&[u8]; R], step: usize, bytes: usize) {
    let next = R * (rows[0].len() + step * bytes);
    v.prefetch_lines(rows[0].as_ptr().wrapping_add(next), R * bytes);
}

/// How many things of so many bytes have room in a part of the second-level cache.
pub(super) fn near(bytes: usize) -> usize {
    const NEAR: usize = 1 << 17;
    (NEAR / bytes.max(1)).max(1)
}

/// Multiplies all rows of `weights`, of so many bytes each, with all tokens; the product of row `r` with
/// token `t` goes to `out[t · rows + r]`.
///
/// Rows are taken once and meet all tokens, block by block of both.
#[inline(always)]
pub(super) fn multiply<'a, const R: usize, const T: usize>(
    tile: &mut impl Tile<'a, R, T>,
    weights: &'a [u8],
    row_bytes: usize,
    tokens: usize,
    out: &mut [f32],
) {
    let rows = weights.len() / row_bytes;
    let (row_block, token_block) = (R * tile.block().0, tile.block().1.next_multiple_of(T));
    for first_row in (0..rows).step_by(row_block) {
        let end_row = rows.min(first_row + row_block);
        let groups = (first_row..end_row).step_by(R).enumerate();
        for (group, row) in groups.clone() {
            tile.take(group, rows_from(weights, row_bytes, row));
        }
        for first_token in (0..tokens).step_by(token_block) {
            let end_token = tokens.min(first_token + token_block);
            for (group, row) in groups.clone() {
                for token in (first_token..end_token).step_by(T) {
                    put(tile.multiply(group, token), row..end_row, token..end_token, rows, out);
                }
            }
        }
    }
}

/// Some rows from `row` on, the last one again where there are no more.
#[inline(always)]
pub(super) fn rows_from<X, const R: usize>(rows: &[X], length: usize, row: usize) -> [&[X]; R] {
    let last = rows.len() / length - 1;
    let mut group: [&[X]; R] = [&[]; R];
    for (i, slot) in group.iter_mut().enumerate() {
        *slot = &rows[(row + i).min(last) * length..][..length];
    }
    group
}

/// Writes the products of a tile that belong to some row and some token.
#[inline(always)]
pub(super) fn put<const R: usize, const T: usize>(
    products: [[f32; R]; T],
    row: Range<usize>,
    token: Range<usize>,
    rows: usize,
    out: &mut [f32],
) {
    for (token, products) in token.zip(&products) {
        let to = &mut out[token * rows + row.start..token * rows + row.end];
        // As one store where the tile is whole, without a call.
        match to.first_chunk_mut() {
            Some(whole) => *whole = *products,
            None => to.iter_mut().zip(products).for_each(|(to, &product)| *to = product),
        }
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
