//! Keys and values of past positions, in f16 as in llama.cpp's default cache.

use std::collections::TryReserveError;

use super::arch::Hyperparameters;

/// For each layer and head, room for the keys and the values of a context's positions.
#[derive(Debug)]
pub(super) struct KvCache {
    positions: usize,
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
        let side = |length: usize| -> Result<Side, TryReserveError> {
            let n = h.layers * h.kv_heads * positions * length;
            let mut bits = Vec::new();
            bits.try_reserve_exact(n)?;
            bits.resize(n, 0);
            Ok(Side { length, bits })
        };
        Ok(Self { positions, heads: h.kv_heads, keys: side(h.key_length)?, values: side(h.value_length)? })
    }

    /// Stores the keys and values of all heads at one position of one layer, as f16 bits.
    pub(super) fn store(&mut self, layer: usize, position: usize, keys: &[u16], values: &[u16]) {
        for (side, rows) in [(&mut self.keys, keys), (&mut self.values, values)] {
            for (head, row) in rows.chunks_exact(side.length).enumerate() {
                let at = ((layer * self.heads + head) * self.positions + position) * side.length;
                side.bits[at..at + side.length].copy_from_slice(row);
            }
        }
    }

    /// The first `positions` keys and values of a head.
    pub(super) fn head(&self, layer: usize, head: usize, positions: usize) -> (&[u16], &[u16]) {
        let first = (layer * self.heads + head) * self.positions;
        let rows = |side: &'_ Side| first * side.length..(first + positions) * side.length;
        (&self.keys.bits[rows(&self.keys)], &self.values.bits[rows(&self.values)])
    }
}
