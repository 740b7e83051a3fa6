//! Keys and values of past positions, in f16 as in llama.cpp's default cache.

use std::collections::TryReserveError;

use super::arch::Hyperparameters;

/// Positions that a cache has room for at once; beyond them it doubles. A context of millions, as a file may
/// state, costs only what is used of it.
const FIRST_POSITIONS: usize = 4096;

/// For each layer and head, room for the keys and the values of a context's positions.
#[derive(Debug)]
pub(super) struct KvCache {
    /// Positions that there is room for.
    room: usize,
    /// Positions that there may be in the end.
    most: usize,
    layers: usize,
    heads: usize,
    keys: Side,
    values: Side,
}

/// Rows of f16 bits: by layer, then by head, then by position.
#[derive(Debug)]
struct Side {
    length: usize,
    bits: Vec<u16>,
}

impl KvCache {
    /// Bytes of a cache for `positions` positions, if they can be counted.
    pub(super) fn bytes(h: &Hyperparameters, positions: usize) -> Option<usize> {
        let lengths = h.key_length.checked_add(h.value_length)?;
        positions.checked_mul(h.layers)?.checked_mul(h.kv_heads)?.checked_mul(lengths)?.checked_mul(2)
    }

    /// An empty cache. [`KvCache::bytes`] must have been counted.
    pub(super) fn new(h: &Hyperparameters, positions: usize) -> Result<Self, TryReserveError> {
        let side = |length: usize| Side { length, bits: Vec::new() };
        let (keys, values) = (side(h.key_length), side(h.value_length));
        let mut cache = Self { room: 0, most: positions, layers: h.layers, heads: h.kv_heads, keys, values };
        cache.make_room(positions.min(FIRST_POSITIONS))?;
        Ok(cache)
    }

    /// Makes room for so many positions, which are no more than the cache was made for. What is stored stays.
    pub(super) fn make_room(&mut self, positions: usize) -> Result<(), TryReserveError> {
        if positions <= self.room {
            return Ok(());
        }
        let room = positions.max(self.room.saturating_mul(2)).min(self.most);
        let (rows, old) = (self.layers * self.heads, self.room);
        for side in [&mut self.keys, &mut self.values] {
            let mut bits = Vec::new();
            bits.try_reserve_exact(rows * room * side.length)?;
            for row in 0..rows {
                bits.extend_from_slice(&side.bits[row * old * side.length..(row + 1) * old * side.length]);
                bits.resize((row + 1) * room * side.length, 0);
            }
            side.bits = bits;
        }
        self.room = room;
        Ok(())
    }

    /// Stores the keys and values of all heads at one position of one layer, as f16 bits.
    pub(super) fn store(&mut self, layer: usize, position: usize, keys: &[u16], values: &[u16]) {
        for (side, rows) in [(&mut self.keys, keys), (&mut self.values, values)] {
            for (head, row) in rows.chunks_exact(side.length).enumerate() {
                let at = ((layer * self.heads + head) * self.room + position) * side.length;
                side.bits[at..at + side.length].copy_from_slice(row);
            }
        }
    }

    /// The first `positions` keys and values of a head.
    pub(super) fn head(&self, layer: usize, head: usize, positions: usize) -> (&[u16], &[u16]) {
        let first = (layer * self.heads + head) * self.room;
        let rows = |side: &'_ Side| first * side.length..(first + positions) * side.length;
        (&self.keys.bits[rows(&self.keys)], &self.values.bits[rows(&self.values)])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cache_that_grows_keeps_what_is_stored_and_one_of_millions_costs_little() {
        let side = |length| Side { length, bits: Vec::new() };
        let mut cache =
            KvCache { room: 0, most: 30_000_000, layers: 2, heads: 2, keys: side(2), values: side(1) };
        cache.make_room(3).unwrap();
        let rows = |layer: usize, position: usize| {
            let keys: Vec<u16> = (0..4).map(|i| (100 * layer + 10 * position + i) as u16).collect();
            (keys, vec![layer as u16, position as u16])
        };
        for (layer, position) in [(0, 0), (0, 2), (1, 1)] {
            let (keys, values) = rows(layer, position);
            cache.store(layer, position, &keys, &values);
        }
        let before: Vec<_> = (0..4).map(|i| cache.head(i / 2, i % 2, 3).0.to_vec()).collect();
        cache.make_room(4).unwrap();
        assert_eq!(cache.room, 6, "it doubles");
        let after: Vec<_> = (0..4).map(|i| cache.head(i / 2, i % 2, 3).0.to_vec()).collect();
        assert_eq!(before, after);
        assert_eq!(cache.head(1, 1, 2).1, [0, 1]);
        assert!(cache.keys.bits.len() < 100);
    }
}
