//! The graph against a naive transformer in f64, and what a model refuses.

use std::sync::Arc;

use super::hyperparameters::tests::small_llama;
use super::{Model, ModelError};
use crate::engine::TensorBytes;
use crate::engine::context::Context;
use crate::engine::kernels::CpuLevel;
use crate::gguf::{Gguf, TensorInfo, TensorType, Value};

const WIDTH: usize = 32;
const FEED_FORWARD: usize = 48;
const HEADS: usize = 4;
const KV_HEADS: usize = 2;
const HEAD: usize = 8;
const LAYERS: usize = 2;
const VOCABULARY: usize = 20;
const CONTEXT: u32 = 256;

struct Bytes(Vec<Vec<u8>>);

impl TensorBytes for Bytes {
    fn tensor_bytes(&self, index: usize) -> &[u8] {
        &self.0[index]
    }
}

/// A small model of some architecture: named F32 tensors with their dimensions, and keys over those
/// of the small llama, without the prefix.
#[derive(Clone)]
struct Tensors {
    architecture: &'static str,
    keys: Vec<(&'static str, f32)>,
    tensors: Vec<(String, Vec<usize>, Vec<f32>)>,
}

impl Tensors {
    /// A whole small llama with tied output, biases and rotary factors, from a fixed sequence.
    fn small() -> Self {
        let mut tensors = Tensors { architecture: "llama", keys: Vec::new(), tensors: Vec::new() };
        tensors.push("token_embd.weight", &[WIDTH, VOCABULARY], 1.0, 0.0);
        tensors.push("output_norm.weight", &[WIDTH], 0.3, 1.0);
        tensors.push("rope_freqs.weight", &[HEAD / 2], 0.5, 1.5);
        for i in 0..LAYERS {
            for (part, dims) in [
                ("attn_q", [WIDTH, HEADS * HEAD]),
                ("attn_k", [WIDTH, KV_HEADS * HEAD]),
                ("attn_v", [WIDTH, KV_HEADS * HEAD]),
                ("attn_output", [HEADS * HEAD, WIDTH]),
            ] {
                tensors.push(&format!("blk.{i}.{part}.weight"), &dims, 0.4, 0.0);
                tensors.push(&format!("blk.{i}.{part}.bias"), &dims[1..], 0.5, 0.0);
            }
            for (part, dims) in [
                ("ffn_gate", [WIDTH, FEED_FORWARD]),
                ("ffn_up", [WIDTH, FEED_FORWARD]),
                ("ffn_down", [FEED_FORWARD, WIDTH]),
            ] {
                tensors.push(&format!("blk.{i}.{part}.weight"), &dims, 0.4, 0.0);
                tensors.push(&format!("blk.{i}.{part}.bias"), &dims[1..], 0.5, 0.0);
            }
            tensors.push(&format!("blk.{i}.attn_norm.weight"), &[WIDTH], 0.3, 1.0);
            tensors.push(&format!("blk.{i}.ffn_norm.weight"), &[WIDTH], 0.3, 1.0);
        }
        tensors
    }

    /// The same weights as a model of another architecture, with what belongs to that.
    fn as_architecture(&self, architecture: &'static str) -> Self {
        let mut model = Tensors { architecture, ..self.clone() };
        if architecture == "granite" {
            model.keys = vec![
                ("embedding_scale", 3.0),
                ("residual_scale", 0.4),
                ("attention.scale", 0.5),
                ("logit_scale", 2.0),
            ];
            return model;
        }
        let keep =
            |name: &str| !(name == "rope_freqs.weight" || name.contains("ffn") && name.ends_with("bias"));
        model.tensors.retain(|(name, ..)| keep(name));
        if architecture == "qwen3" {
            for i in 0..LAYERS {
                model.push(&format!("blk.{i}.attn_q_norm.weight"), &[HEAD], 0.3, 1.5);
                model.push(&format!("blk.{i}.attn_k_norm.weight"), &[HEAD], 0.3, 1.5);
            }
        }
        model
    }

    fn key(&self, name: &str) -> Option<f64> {
        self.keys.iter().find(|(key, _)| *key == name).map(|(_, value)| f64::from(*value))
    }

    fn push(&mut self, name: &str, dims: &[usize], spread: f32, centre: f32) {
        let mut state = name.bytes().fold(7u32, |s, b| s.wrapping_mul(31).wrapping_add(b.into()));
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            centre + spread * ((state >> 8) as f32 / (1 << 23) as f32 - 1.0)
        };
        let values = (0..dims.iter().product()).map(|_| next()).collect();
        self.tensors.push((name.to_owned(), dims.to_vec(), values));
    }

    fn without(&self, name: &str) -> Self {
        let mut model = self.clone();
        model.tensors.retain(|(n, ..)| n != name);
        model
    }

    fn get(&self, name: &str) -> Option<Vec<f64>> {
        let (.., values) = self.tensors.iter().find(|(n, ..)| n == name)?;
        Some(values.iter().map(|&x| x.into()).collect())
    }

    fn header(&self) -> Gguf {
        let mut gguf = small_llama();
        for (key, value) in &mut gguf.metadata {
            if key == "llama.context_length" {
                *value = Value::U32(CONTEXT);
            }
            match key.strip_prefix("llama.") {
                Some(rest) => *key = format!("{}.{rest}", self.architecture),
                None => *value = Value::from(self.architecture),
            }
        }
        let keys = self.keys.iter();
        let keys = keys.map(|(key, value)| (format!("{}.{key}", self.architecture), Value::F32(*value)));
        gguf.metadata.extend(keys);
        let info = |(name, dims, values): &(String, Vec<usize>, Vec<f32>)| TensorInfo {
            name: name.clone(),
            dims: dims.iter().map(|&d| d as u64).collect(),
            dtype: TensorType::F32,
            offset: 0,
            size: values.len() as u64 * 4,
        };
        gguf.tensors = self.tensors.iter().map(info).collect();
        gguf
    }

    fn bytes(&self) -> Bytes {
        let bytes = |values: &Vec<f32>| values.iter().flat_map(|x| x.to_le_bytes()).collect();
        Bytes(self.tensors.iter().map(|(.., values)| bytes(values)).collect())
    }

    fn model(&self) -> Result<Model, ModelError> {
        Model::new(Arc::new(self.header()), Arc::new(self.bytes()))
    }

    fn logits(&self, tokens: &[u32]) -> Vec<f32> {
        let model = Arc::new(self.model().unwrap());
        Context::new(model, 64, 2, CpuLevel::detect()).unwrap().decode(tokens).unwrap().to_vec()
    }
}

/// Rows of a matrix × `x`, plus a bias where there is one.
fn project(tensors: &Tensors, stem: &str, x: &[f64]) -> Vec<f64> {
    let weights = tensors.get(&format!("{stem}.weight")).unwrap();
    let mut out: Vec<f64> =
        weights.chunks(x.len()).map(|row| row.iter().zip(x).map(|(w, x)| w * x).sum()).collect();
    if let Some(bias) = tensors.get(&format!("{stem}.bias")) {
        out.iter_mut().zip(bias).for_each(|(x, b)| *x += b);
    }
    out
}

fn norm(tensors: &Tensors, name: &str, x: &[f64]) -> Vec<f64> {
    let scale = 1.0 / (x.iter().map(|x| x * x).sum::<f64>() / x.len() as f64 + 1e-5).sqrt();
    x.iter().zip(tensors.get(name).unwrap()).map(|(x, w)| x * scale * w).collect()
}

/// Each head normalised, where the model has such norms.
fn norm_heads(tensors: &Tensors, name: &str, rows: &mut [f64]) {
    if tensors.get(name).is_some() {
        rows.chunks_mut(HEAD).for_each(|head| head.copy_from_slice(&norm(tensors, name, head)));
    }
}

fn rotate(tensors: &Tensors, position: usize, rows: &mut [f64]) {
    let factors = tensors.get("rope_freqs.weight").unwrap_or(vec![1.0; HEAD / 2]);
    for head in rows.chunks_mut(HEAD) {
        for (i, factor) in factors.iter().enumerate() {
            let angle = position as f64 * 10000f64.powf(-2.0 * i as f64 / HEAD as f64) / factor;
            let halves = tensors.architecture.starts_with("qwen");
            let (a, b) = if halves { (i, i + HEAD / 2) } else { (2 * i, 2 * i + 1) };
            let (x, y) = (head[a], head[b]);
            head[a] = x * angle.cos() - y * angle.sin();
            head[b] = x * angle.sin() + y * angle.cos();
        }
    }
}

/// The logits of the last token, straight from the definition.
fn naive(tensors: &Tensors, tokens: &[u32]) -> Vec<f64> {
    let mut cache = vec![Vec::<(Vec<f64>, Vec<f64>)>::new(); LAYERS];
    let mut stream = Vec::new();
    let scale = |name: &str| tensors.key(name).unwrap_or(1.0);
    let (residual, over_root) = (scale("residual_scale"), 1.0 / (HEAD as f64).sqrt());
    for (position, &token) in tokens.iter().enumerate() {
        stream = tensors.get("token_embd.weight").unwrap()[token as usize * WIDTH..][..WIDTH].to_vec();
        stream.iter_mut().for_each(|x| *x *= scale("embedding_scale"));
        for (i, cache) in cache.iter_mut().enumerate() {
            let x = norm(tensors, &format!("blk.{i}.attn_norm.weight"), &stream);
            let [mut q, mut k, v] =
                ["attn_q", "attn_k", "attn_v"].map(|part| project(tensors, &format!("blk.{i}.{part}"), &x));
            norm_heads(tensors, &format!("blk.{i}.attn_q_norm.weight"), &mut q);
            norm_heads(tensors, &format!("blk.{i}.attn_k_norm.weight"), &mut k);
            rotate(tensors, position, &mut q);
            rotate(tensors, position, &mut k);
            cache.push((k, v));
            let mut mixed = vec![0.0; HEADS * HEAD];
            for h in 0..HEADS {
                let at = h / (HEADS / KV_HEADS) * HEAD;
                let score = |k: &[f64]| (0..HEAD).map(|d| q[h * HEAD + d] * k[at + d]).sum::<f64>();
                let factor = tensors.key("attention.scale").unwrap_or(over_root);
                let weights: Vec<f64> = cache.iter().map(|(k, _)| (score(k) * factor).exp()).collect();
                let sum: f64 = weights.iter().sum();
                for (weight, (_, v)) in weights.iter().zip(cache.iter()) {
                    (0..HEAD).for_each(|d| mixed[h * HEAD + d] += weight / sum * v[at + d]);
                }
            }
            let out = project(tensors, &format!("blk.{i}.attn_output"), &mixed);
            stream.iter_mut().zip(out).for_each(|(x, y)| *x += y * residual);
            let x = norm(tensors, &format!("blk.{i}.ffn_norm.weight"), &stream);
            let [gate, up] =
                ["ffn_gate", "ffn_up"].map(|part| project(tensors, &format!("blk.{i}.{part}"), &x));
            let inner: Vec<f64> = gate.iter().zip(up).map(|(g, u)| g / (1.0 + (-g).exp()) * u).collect();
            let out = project(tensors, &format!("blk.{i}.ffn_down"), &inner);
            stream.iter_mut().zip(out).for_each(|(x, y)| *x += y * residual);
        }
    }
    let x = norm(tensors, "output_norm.weight", &stream);
    let head = if tensors.get("output.weight").is_some() { "output" } else { "token_embd" };
    let mut logits = project(tensors, head, &x);
    if let (Some(bias), "token_embd") = (tensors.get("output.bias"), head) {
        logits.iter_mut().zip(bias).for_each(|(x, b)| *x += b);
    }
    logits.iter_mut().for_each(|x| *x /= scale("logit_scale"));
    logits
}

fn distance(got: &[f32], want: &[f64]) -> f64 {
    assert_eq!(got.len(), want.len());
    got.iter().zip(want).map(|(&g, w)| (f64::from(g) - w).abs()).fold(0.0, f64::max)
}

/// The f16 of keys, values and attention sums is the only coarse rounding of an F32 model.
const NEAR: f64 = 0.01;

#[test]
fn the_graph_is_near_the_naive_transformer() {
    let tokens: Vec<u32> = (0..12).map(|i| i * 7 % VOCABULARY as u32).collect();
    let all = Tensors::small();
    let mut untied = all.clone();
    untied.push("output.weight", &[WIDTH, VOCABULARY], 1.0, 0.0);
    let mut biased = all.clone();
    biased.push("output.bias", &[VOCABULARY], 1.0, 0.0);
    let want = naive(&all, &tokens);
    assert!(distance(&all.logits(&tokens), &want) < NEAR);
    for (what, other) in [
        ("without rotary factors", all.without("rope_freqs.weight")),
        ("without a query bias", all.without("blk.0.attn_q.bias")),
        ("without a key bias", all.without("blk.1.attn_k.bias")),
        ("without a value bias", all.without("blk.1.attn_v.bias")),
        ("without an output bias", all.without("blk.0.attn_output.bias")),
        ("without a gate bias", all.without("blk.0.ffn_gate.bias")),
        ("without an up bias", all.without("blk.1.ffn_up.bias")),
        ("without a down bias", all.without("blk.0.ffn_down.bias")),
        ("with an output of its own", untied),
        ("with a bias of the output", biased),
        ("as granite", all.as_architecture("granite")),
        ("as qwen2", all.as_architecture("qwen2")),
        ("as qwen3", all.as_architecture("qwen3")),
    ] {
        let got = other.logits(&tokens);
        assert!(distance(&got, &naive(&other, &tokens)) < NEAR, "{what}");
        assert!(distance(&got, &want) > 2.0 * NEAR, "{what}: nothing changed");
    }
}

/// However a prompt is cut into batches, and its tokens are shared out among threads, the logits behind it
/// and those behind a further token are the same bits.
#[test]
fn shared_out_tokens_have_the_bits_of_one_by_one() {
    let tensors = Tensors::small().as_architecture("qwen3");
    let model = Arc::new(tensors.model().unwrap());
    let run = |tokens: &[u32], threads: usize, batch: usize| {
        let mut context =
            Context::new(Arc::clone(&model), CONTEXT as usize, threads, CpuLevel::detect()).unwrap();
        context.set_batch(batch);
        let logits = context.decode(tokens).unwrap().to_vec();
        let bits = |logits: &[f32]| logits.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
        (bits(&logits), bits(context.decode(&[3]).unwrap()), logits)
    };
    for length in [63, 64, 65, 201] {
        let tokens: Vec<u32> = (0..length).map(|i| i * i % VOCABULARY as u32).collect();
        let (want, further, logits) = run(&tokens, 1, 1);
        // The sum of each head is rounded to f16 once a position.
        assert!(distance(&logits, &naive(&tensors, &tokens)) < 6.0 * NEAR, "{length} tokens");
        for threads in [1, 2, 3, 6] {
            for batch in [length as usize, 64, 96, 33] {
                let got = run(&tokens, threads, batch);
                assert!(got.0 == want && got.1 == further, "{length} tokens by {batch}, {threads} threads");
            }
        }
    }
}

/// Each scale of granite, each half of qwen3's norms: leaving one out is a difference.
#[test]
fn every_part_of_an_architecture_counts() {
    let tokens: Vec<u32> = (0..12).map(|i| i * 7 % VOCABULARY as u32).collect();
    let granite = Tensors::small().as_architecture("granite");
    let want = naive(&granite, &tokens);
    for left_out in ["embedding_scale", "residual_scale", "attention.scale"] {
        let mut other = granite.clone();
        other.keys.retain(|(key, _)| *key != left_out);
        let got = other.logits(&tokens);
        assert!(distance(&got, &naive(&other, &tokens)) < NEAR, "{left_out}");
        assert!(distance(&got, &want) > 2.0 * NEAR, "{left_out}: nothing changed");
    }
    let qwen3 = Tensors::small().as_architecture("qwen3");
    for name in ["blk.0.attn_q_norm.weight", "blk.1.attn_k_norm.weight"] {
        let error = qwen3.without(name).model().unwrap_err();
        assert_eq!(error.to_string(), format!("the tensor `{name}` is missing"));
    }
    let error = Tensors::small().as_architecture("qwen2").without("blk.1.attn_v.bias").model().unwrap_err();
    assert_eq!(error.to_string(), "the tensor `blk.1.attn_v.bias` is missing");
}

#[test]
fn a_tensor_without_a_place_is_refused() {
    let message = |model: Tensors| model.model().unwrap_err().to_string();
    let mut more = Tensors::small();
    more.push("blk.0.attn_q_norm.weight", &[HEAD], 0.3, 1.0);
    assert_eq!(
        message(more),
        "the tensor `blk.0.attn_q_norm.weight` has no place in the architecture `llama`: \
         this is another kind of model"
    );
    let mut deeper = Tensors::small().as_architecture("qwen2");
    deeper.push("blk.2.attn_norm.weight", &[WIDTH], 0.3, 1.0);
    assert!(message(deeper).contains("`blk.2.attn_norm.weight` has no place"));
}

#[test]
fn errors_name_the_tensor() {
    let all = Tensors::small();
    let message =
        |gguf: Gguf, bytes: Bytes| Model::new(Arc::new(gguf), Arc::new(bytes)).unwrap_err().to_string();
    let edited = |name: &str, edit: &dyn Fn(&mut TensorInfo)| {
        let mut gguf = all.header();
        edit(gguf.tensors.iter_mut().find(|t| t.name == name).unwrap());
        message(gguf, all.bytes())
    };
    let missing = all.without("blk.1.ffn_up.weight");
    assert_eq!(missing.model().unwrap_err().to_string(), "the tensor `blk.1.ffn_up.weight` is missing");
    assert_eq!(
        edited("blk.1.attn_k.weight", &|t| t.dims = vec![32, 32]),
        "the tensor `blk.1.attn_k.weight` has dimensions [32, 32], but the metadata ask for [32, 16]"
    );
    assert_eq!(
        edited("blk.0.ffn_down.weight", &|t| t.dtype = TensorType::IQ2_XS),
        "the tensor `blk.0.ffn_down.weight` has type iq2_xs, which is not supported here; \
         supported: f32, f16, bf16, q4_0, q4_1, q5_0, q5_1, q8_0, q2_K, q3_K, q4_K, q5_K, q6_K, iq4_nl, iq4_xs"
    );
    assert_eq!(
        edited("output_norm.weight", &|t| t.dtype = TensorType::F16),
        "the tensor `output_norm.weight` has type f16, which is not supported here; supported: f32"
    );
    assert_eq!(
        edited("blk.0.attn_q.weight", &|t| t.dtype = TensorType::Q4_K),
        "the tensor `blk.0.attn_q.weight` has rows of 32 elements, which are not whole blocks of q4_K (256 elements)"
    );
    assert_eq!(
        edited("blk.0.attn_q.weight", &|t| t.dtype = TensorType::F16),
        "the tensor `blk.0.attn_q.weight` takes 2048 bytes, but 4096 were loaded"
    );
    // Dimensions of 1 behind the others mean nothing.
    let mut gguf = all.header();
    gguf.tensors.iter_mut().for_each(|t| t.dims.resize(4, 1));
    assert!(Model::new(Arc::new(gguf), Arc::new(all.bytes())).is_ok());
}
