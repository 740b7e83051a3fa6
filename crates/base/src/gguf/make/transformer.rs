//! The metadata keys and tensors of llama.cpp's `llama` architecture and of its near relations.
//!
//! Source of the names: `src/llama-arch.cpp` in llama.cpp; of the type mixture:
//! `llama_tensor_get_type` in its `src/llama-quant.cpp`.

use super::vocabulary::Vocabulary;
use super::{Arch, Fill, MakeSpec, MatrixType, Planned};
use crate::gguf::{Array, TensorType, Value};

/// The metadata, in the order in which llama.cpp's converter writes it.
pub(super) fn metadata(spec: &MakeSpec) -> Vec<(String, Value)> {
    let vocabulary = Vocabulary::new(spec.vocab as usize);
    let arch = spec.arch.name();
    let own = |key: &str| format!("{arch}.{key}");
    let general = |key: &str| format!("general.{key}");
    let tokens = |key: &str| format!("tokenizer.ggml.{key}");
    let description = format!("Seeded weights that say nothing sensible, seed {}.", spec.seed);
    let mut metadata = vec![
        (general("architecture"), arch.into()),
        (general("type"), "model".into()),
        (general("name"), "Made".into()),
        (general("description"), description.as_str().into()),
        (own("vocab_size"), Value::U32(spec.vocab)),
        (own("context_length"), Value::U32(spec.ctx)),
        (own("embedding_length"), Value::U32(spec.embd)),
        (own("block_count"), Value::U32(spec.layers)),
        (own("feed_forward_length"), Value::U32(spec.ffn)),
        (own("attention.head_count"), Value::U32(spec.heads)),
        (own("attention.head_count_kv"), Value::U32(spec.kv_heads)),
        (own("rope.dimension_count"), Value::U32(spec.embd / spec.heads)),
        (own("rope.freq_base"), Value::F32(10_000.0)),
        (own("attention.layer_norm_rms_epsilon"), Value::F32(1e-5)),
    ];
    if spec.arch == Arch::Granite {
        metadata.extend([
            (own("embedding_scale"), Value::F32(12.0)),
            (own("residual_scale"), Value::F32(0.25)),
            (own("attention.scale"), Value::F32(0.125)),
            (own("logit_scale"), Value::F32(4.0)),
        ]);
    }
    let pre = match spec.arch {
        Arch::Llama => "gpt-2",
        Arch::Granite => "refact",
        Arch::Qwen2 | Arch::Qwen3 => "qwen2",
    };
    metadata.extend([
        (tokens("model"), "gpt2".into()),
        (tokens("pre"), pre.into()),
        (tokens("tokens"), Value::Array(Array::String(vocabulary.tokens))),
        (tokens("token_type"), Value::Array(Array::I32(vocabulary.types))),
        (tokens("merges"), Value::Array(Array::String(vocabulary.merges))),
        (tokens("bos_token_id"), Value::U32(vocabulary.bos)),
        (tokens("eos_token_id"), Value::U32(vocabulary.eos)),
        (tokens("add_bos_token"), Value::Bool(true)),
        (tokens("add_eos_token"), Value::Bool(false)),
    ]);
    if spec.matrices.base().block_elements() > 1 {
        metadata.push((general("quantization_version"), Value::U32(2)));
    }
    metadata.push((general("file_type"), Value::U32(spec.matrices.file_type())));
    metadata
}

/// The tensors, in the order in which a forward pass uses them.
pub(super) fn tensors(spec: &MakeSpec) -> Vec<Planned> {
    let (embd, ffn, vocab) = (u64::from(spec.embd), u64::from(spec.ffn), u64::from(spec.vocab));
    let kv = spec.head_dim() * u64::from(spec.kv_heads);
    let base = spec.matrices.base();
    let better = match spec.matrices {
        MatrixType::Q4_K_M => TensorType::Q6_K,
        _ => base,
    };
    let row = |name: String, length: u64, fill: Fill| Planned {
        name,
        dims: vec![length],
        dtype: TensorType::F32,
        fill,
    };
    let gain = |name: String| row(name, embd, Fill::Gain);
    let matrix = |name: String, inputs: u64, outputs: u64, dtype: TensorType| Planned {
        name,
        dims: vec![inputs, outputs],
        dtype,
        fill: Fill::Matrix,
    };

    let token_type = if spec.tied { better } else { base };
    let mut tensors = vec![matrix("token_embd.weight".into(), embd, vocab, token_type)];
    for layer in 0..spec.layers {
        let name = |part: &str| format!("blk.{layer}.{part}.weight");
        let chosen = if more_bits(layer, spec.layers) { better } else { base };
        tensors.extend([
            gain(name("attn_norm")),
            matrix(name("attn_q"), embd, embd, base),
            matrix(name("attn_k"), embd, kv, base),
            matrix(name("attn_v"), embd, kv, chosen),
            matrix(name("attn_output"), embd, embd, base),
            gain(name("ffn_norm")),
            matrix(name("ffn_gate"), embd, ffn, base),
            matrix(name("ffn_up"), embd, ffn, base),
            matrix(name("ffn_down"), ffn, embd, chosen),
        ]);
        match spec.arch {
            Arch::Llama | Arch::Granite => {}
            Arch::Qwen2 => {
                let bias = |part: &str, length| row(format!("blk.{layer}.{part}.bias"), length, Fill::Bias);
                tensors.extend([bias("attn_q", embd), bias("attn_k", kv), bias("attn_v", kv)]);
            }
            Arch::Qwen3 => {
                let norm = |part: &str| row(name(part), spec.head_dim(), Fill::Gain);
                tensors.extend([norm("attn_q_norm"), norm("attn_k_norm")]);
            }
        }
    }
    tensors.push(gain("output_norm.weight".into()));
    if !spec.tied {
        tensors.push(matrix("output.weight".into(), embd, vocab, better));
    }
    tensors
}

/// Whether a layer gets the better type: the first and the last eighth, and every third between.
fn more_bits(layer: u32, layers: u32) -> bool {
    layer < layers / 8 || layer >= 7 * layers / 8 || (layer - layers / 8) % 3 == 2
}
