//! A model: hyperparameters, and tensors used where they lie.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::Arc;

use super::error::names;
use super::{Hyperparameters, ModelError, Presence};
use crate::engine::TensorBytes;
use crate::engine::quant::Format;
use crate::gguf::{Gguf, TensorInfo};

/// A model whose tensors were found and checked. No weight is copied.
pub struct Model {
    pub(super) hyperparameters: Hyperparameters,
    pub(super) token_embedding: Matrix,
    pub(super) layers: Vec<Layer>,
    pub(super) output_norm: Vector,
    pub(super) output: Projection,
    /// What the rotary angles are divided by, read out: half a head of numbers.
    pub(super) rope_factors: Vec<f32>,
    bytes: Arc<dyn TensorBytes>,
}

/// A weight matrix: `rows` outputs of `columns` inputs each.
#[derive(Clone, Copy, Debug)]
pub(super) struct Matrix {
    index: usize,
    pub(super) format: Format,
    pub(super) rows: usize,
    pub(super) columns: usize,
}

/// A row of f32.
#[derive(Clone, Copy, Debug)]
pub(super) struct Vector {
    index: usize,
}

/// The tensors of one layer.
#[derive(Clone, Debug)]
pub(super) struct Layer {
    pub(super) attention_norm: Vector,
    pub(super) query: Projection,
    pub(super) key: Projection,
    pub(super) value: Projection,
    /// Norms of single heads.
    pub(super) query_norm: Option<Vector>,
    pub(super) key_norm: Option<Vector>,
    pub(super) attention_output: Projection,
    pub(super) feed_forward_norm: Vector,
    pub(super) gate: Projection,
    pub(super) up: Projection,
    pub(super) down: Projection,
}

/// A matrix with an optional bias.
#[derive(Clone, Copy, Debug)]
pub(super) struct Projection {
    pub(super) weight: Matrix,
    pub(super) bias: Option<Vector>,
}

impl std::fmt::Debug for Model {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Model").field("hyperparameters", &self.hyperparameters).finish_non_exhaustive()
    }
}

impl Model {
    /// Finds and checks every tensor of the architecture that the metadata name.
    ///
    /// `bytes` answers for the tensors of `gguf`, by their place in its table.
    pub fn new(gguf: Arc<Gguf>, bytes: Arc<dyn TensorBytes>) -> Result<Self, ModelError> {
        let h = Hyperparameters::read(&gguf)?;
        let tensors = Tensors { gguf: &gguf, bytes: bytes.as_ref(), used: RefCell::default() };
        let width = h.width as u64;
        // The vocabulary is as long as its embedding; a row alone is a vocabulary of one.
        let (_, info) = tensors.find("token_embd.weight")?;
        let vocabulary = info.dims.get(1).copied().unwrap_or(1);
        let token_embedding = tensors.matrix("token_embd.weight", width, vocabulary)?;
        let output = Projection {
            weight: match gguf.tensor_index("output.weight") {
                Some(_) => tensors.matrix("output.weight", width, vocabulary)?,
                None => token_embedding,
            },
            bias: tensors.optional_vector("output.bias", vocabulary, Presence::Optional)?,
        };
        let factors = if h.architecture.rope_factors { Presence::Optional } else { Presence::Never };
        let factors = tensors.optional_vector("rope_freqs.weight", h.key_length as u64 / 2, factors)?;
        let rope_factors = factors.map_or(Vec::new(), |Vector { index }| {
            let floats = bytes.tensor_bytes(index).chunks_exact(4);
            floats.map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect()
        });
        let output_norm = tensors.vector("output_norm.weight", width)?;
        let layers = (0..h.layers).map(|i| tensors.layer(&h, i)).collect::<Result<_, _>>()?;
        tensors.refuse_unused(h.architecture.name)?;
        Ok(Self { hyperparameters: h, token_embedding, layers, output_norm, output, rope_factors, bytes })
    }

    /// The numbers of the model.
    pub fn hyperparameters(&self) -> &Hyperparameters {
        &self.hyperparameters
    }

    /// How many tokens there are: ids are below it, and logits are as many.
    pub fn vocabulary(&self) -> usize {
        self.output.weight.rows
    }

    /// The bytes of some rows of a matrix.
    pub(super) fn rows(&self, matrix: Matrix, rows: std::ops::Range<usize>) -> &[u8] {
        let row_bytes = matrix.format.row_bytes(matrix.columns);
        &self.bytes.tensor_bytes(matrix.index)[rows.start * row_bytes..rows.end * row_bytes]
    }

    /// The bytes of a row of f32.
    pub(super) fn vector(&self, vector: Vector) -> &[u8] {
        self.bytes.tensor_bytes(vector.index)
    }
}

/// Looks tensors up by llama.cpp's names and checks them.
struct Tensors<'a> {
    gguf: &'a Gguf,
    bytes: &'a dyn TensorBytes,
    /// The indices of the tensors that were found.
    used: RefCell<BTreeSet<usize>>,
}

impl Tensors<'_> {
    fn find(&self, name: &str) -> Result<(usize, &TensorInfo), ModelError> {
        let index = self.gguf.tensor_index(name).ok_or_else(|| ModelError::MissingTensor(name.into()))?;
        self.used.borrow_mut().insert(index);
        Ok((index, &self.gguf.tensors[index]))
    }

    /// A tensor that nothing was done with means a model of another make, which would run and be
    /// wrong.
    fn refuse_unused(&self, architecture: &'static str) -> Result<(), ModelError> {
        let used = self.used.borrow();
        match self.gguf.tensors.iter().enumerate().find(|(index, _)| !used.contains(index)) {
            Some((_, tensor)) => Err(ModelError::UnusedTensor { name: tensor.name.clone(), architecture }),
            None => Ok(()),
        }
    }

    fn shape(&self, index: usize, expected: &[u64]) -> ModelError {
        let info = &self.gguf.tensors[index];
        ModelError::Shape { name: info.name.clone(), expected: expected.to_vec(), found: info.dims.clone() }
    }

    /// Checks shape, type and size; trailing dimensions of 1 mean nothing.
    fn check(&self, name: &str, expected: &[u64], formats: &[Format]) -> Result<Matrix, ModelError> {
        let (index, info) = self.find(name)?;
        let significant = |dims: &[u64]| dims.iter().rposition(|&d| d != 1).map_or(0, |last| last + 1);
        if info.dims[..significant(&info.dims)] != expected[..significant(expected)] {
            return Err(self.shape(index, expected));
        }
        let format = Format::of(info.dtype).filter(|format| formats.contains(format));
        let Some(format) = format else {
            let (name, found) = (name.into(), info.dtype);
            return Err(ModelError::TensorType { name, found, supported: names(formats) });
        };
        let size = |i: usize| usize::try_from(expected.get(i).copied().unwrap_or(1));
        let (Ok(columns), Ok(rows)) = (size(0), size(1)) else {
            return Err(self.shape(index, expected));
        };
        let block = format.block_elements();
        if columns % block != 0 {
            return Err(ModelError::Blocks { name: name.into(), row: columns, found: info.dtype, block });
        }
        let wanted = format.row_bytes(columns).saturating_mul(rows);
        let found = self.bytes.tensor_bytes(index).len();
        if found != wanted {
            return Err(ModelError::Bytes { name: name.into(), expected: wanted, found });
        }
        Ok(Matrix { index, format, rows, columns })
    }

    fn matrix(&self, name: &str, columns: u64, rows: u64) -> Result<Matrix, ModelError> {
        self.check(name, &[columns, rows], Format::ALL)
    }

    fn vector(&self, name: &str, n: u64) -> Result<Vector, ModelError> {
        let row = self.check(name, &[n], &[Format::F32])?;
        Ok(Vector { index: row.index })
    }

    /// A row of `n` numbers that may or must be there.
    fn optional_vector(&self, name: &str, n: u64, presence: Presence) -> Result<Option<Vector>, ModelError> {
        match presence {
            Presence::Never => Ok(None),
            Presence::Optional if self.gguf.tensor_index(name).is_none() => Ok(None),
            Presence::Optional | Presence::Required => self.vector(name, n).map(Some),
        }
    }

    /// `{stem}.weight` with `{stem}.bias`, where it belongs.
    fn projection(
        &self,
        stem: &str,
        columns: u64,
        rows: u64,
        bias: Presence,
    ) -> Result<Projection, ModelError> {
        let weight = self.matrix(&format!("{stem}.weight"), columns, rows)?;
        let bias = self.optional_vector(&format!("{stem}.bias"), rows, bias)?;
        Ok(Projection { weight, bias })
    }

    fn layer(&self, h: &Hyperparameters, i: usize) -> Result<Layer, ModelError> {
        let name = |part: &str| format!("blk.{i}.{part}");
        let a = h.architecture;
        let (width, feed_forward) = (h.width as u64, h.feed_forward as u64);
        let all = |heads: usize, length: usize| heads as u64 * length as u64;
        let (queries, keys) = (all(h.heads, h.key_length), all(h.kv_heads, h.key_length));
        let (values, mixed) = (all(h.kv_heads, h.value_length), all(h.heads, h.value_length));
        let head = h.key_length as u64;
        let inner = |part: &str, columns: u64, rows: u64| {
            self.projection(&name(part), columns, rows, a.feed_forward_bias)
        };
        Ok(Layer {
            attention_norm: self.vector(&name("attn_norm.weight"), width)?,
            query: self.projection(&name("attn_q"), width, queries, a.attention_bias)?,
            key: self.projection(&name("attn_k"), width, keys, a.attention_bias)?,
            value: self.projection(&name("attn_v"), width, values, a.attention_bias)?,
            query_norm: self.optional_vector(&name("attn_q_norm.weight"), head, a.head_norms)?,
            key_norm: self.optional_vector(&name("attn_k_norm.weight"), head, a.head_norms)?,
            attention_output: self.projection(&name("attn_output"), mixed, width, Presence::Optional)?,
            feed_forward_norm: self.vector(&name("ffn_norm.weight"), width)?,
            gate: inner("ffn_gate", width, feed_forward)?,
            up: inner("ffn_up", width, feed_forward)?,
            down: inner("ffn_down", feed_forward, width)?,
        })
    }
}
