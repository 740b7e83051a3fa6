//! A model: hyperparameters, and tensors used where they lie.

use std::sync::Arc;

use super::error::names;
use super::{Bias, Hyperparameters, ModelError};
use crate::engine::TensorBytes;
use crate::engine::quant::Format;
use crate::gguf::{Gguf, TensorInfo};

/// A model whose tensors were found and checked. No weight is copied.
pub struct Model {
    pub(super) hyperparameters: Hyperparameters,
    pub(super) token_embedding: Matrix,
    pub(super) layers: Vec<Layer>,
    pub(super) output_norm: Vector,
    pub(super) output: Matrix,
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
    pub(super) attention_output: Projection,
    pub(super) feed_forward_norm: Vector,
    pub(super) gate: Matrix,
    pub(super) up: Matrix,
    pub(super) down: Matrix,
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
        let tensors = Tensors { gguf: &gguf, bytes: bytes.as_ref() };
        let width = h.width as u64;
        // The vocabulary is as long as its embedding; a row alone is a vocabulary of one.
        let (_, info) = tensors.find("token_embd.weight")?;
        let vocabulary = info.dims.get(1).copied().unwrap_or(1);
        let token_embedding = tensors.matrix("token_embd.weight", width, vocabulary)?;
        let output = match gguf.tensor_index("output.weight") {
            Some(_) => tensors.matrix("output.weight", width, vocabulary)?,
            None => token_embedding,
        };
        let rope_factors = match gguf.tensor_index("rope_freqs.weight") {
            Some(index) => {
                tensors.vector("rope_freqs.weight", h.rope_dimensions as u64 / 2)?;
                let floats = bytes.tensor_bytes(index).chunks_exact(4);
                floats.map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect()
            }
            None => Vec::new(),
        };
        let output_norm = tensors.vector("output_norm.weight", width)?;
        let layers = (0..h.layers).map(|i| tensors.layer(&h, i)).collect::<Result<_, _>>()?;
        Ok(Self { hyperparameters: h, token_embedding, layers, output_norm, output, rope_factors, bytes })
    }

    /// The numbers of the model.
    pub fn hyperparameters(&self) -> &Hyperparameters {
        &self.hyperparameters
    }

    /// How many tokens there are: ids are below it, and logits are as many.
    pub fn vocabulary(&self) -> usize {
        self.output.rows
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
}

impl Tensors<'_> {
    fn find(&self, name: &str) -> Result<(usize, &TensorInfo), ModelError> {
        let index = self.gguf.tensor_index(name).ok_or_else(|| ModelError::MissingTensor(name.into()))?;
        Ok((index, &self.gguf.tensors[index]))
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

    /// `{stem}.weight` with `{stem}.bias`, where it belongs.
    fn projection(&self, stem: &str, columns: u64, rows: u64, bias: Bias) -> Result<Projection, ModelError> {
        let weight = self.matrix(&format!("{stem}.weight"), columns, rows)?;
        let name = format!("{stem}.bias");
        let bias = match bias {
            Bias::Optional if self.gguf.tensor_index(&name).is_none() => None,
            Bias::Optional | Bias::Required => Some(self.vector(&name, rows)?),
        };
        Ok(Projection { weight, bias })
    }

    fn layer(&self, h: &Hyperparameters, i: usize) -> Result<Layer, ModelError> {
        let name = |part: &str| format!("blk.{i}.{part}");
        let bias = h.architecture.attention_bias;
        let (width, feed_forward) = (h.width as u64, h.feed_forward as u64);
        let all = |heads: usize, length: usize| heads as u64 * length as u64;
        let (queries, keys) = (all(h.heads, h.key_length), all(h.kv_heads, h.key_length));
        let (values, mixed) = (all(h.kv_heads, h.value_length), all(h.heads, h.value_length));
        let output = name("attn_output");
        Ok(Layer {
            attention_norm: self.vector(&name("attn_norm.weight"), width)?,
            query: self.projection(&name("attn_q"), width, queries, bias)?,
            key: self.projection(&name("attn_k"), width, keys, bias)?,
            value: self.projection(&name("attn_v"), width, values, bias)?,
            attention_output: self.projection(&output, mixed, width, Bias::Optional)?,
            feed_forward_norm: self.vector(&name("ffn_norm.weight"), width)?,
            gate: self.matrix(&name("ffn_gate.weight"), width, feed_forward)?,
            up: self.matrix(&name("ffn_up.weight"), width, feed_forward)?,
            down: self.matrix(&name("ffn_down.weight"), feed_forward, width)?,
        })
    }
}
