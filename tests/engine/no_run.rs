//! A model with weights of a type that is known and not supported: it is refused by name where it
//! would have to run, and loads and is checked all the same.
#![allow(clippy::unwrap_used)] // Helpers of tests may panic.

use loadparity::gguf::{TensorType, Value, Writer};
use predicates::prelude::*;

use crate::support;

/// A header that says llama and one matrix of IQ2_XS, among what a llama needs.
fn model() -> tempfile::NamedTempFile {
    let mut writer = Writer::new(3);
    let count = |n: u32| Value::U32(n);
    for (key, value) in [
        ("general.architecture", Value::from("llama")),
        ("llama.block_count", count(1)),
        ("llama.embedding_length", count(256)),
        ("llama.feed_forward_length", count(256)),
        ("llama.attention.head_count", count(4)),
        ("llama.context_length", count(64)),
        ("llama.attention.layer_norm_rms_epsilon", Value::F32(1e-5)),
        ("tokenizer.ggml.model", Value::from("llama")),
        ("tokenizer.ggml.tokens", ["<unk>", "<s>", "</s>", "a"].as_slice().into_strings()),
        ("tokenizer.ggml.scores", Value::Array(loadparity::gguf::Array::F32(vec![0.0; 4]))),
    ] {
        writer.metadata(key, value).unwrap();
    }
    writer.tensor("token_embd.weight", &[256, 4], TensorType::F32).unwrap();
    writer.tensor("output_norm.weight", &[256], TensorType::F32).unwrap();
    writer.tensor("blk.0.attn_norm.weight", &[256], TensorType::F32).unwrap();
    writer.tensor("blk.0.attn_q.weight", &[256, 256], TensorType::IQ2_XS).unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    writer
        .write_to(file.as_file(), &mut |_, tensor, sink| sink.write_all(&vec![7; tensor.size as usize]))
        .unwrap();
    file
}

trait IntoStrings {
    fn into_strings(self) -> Value;
}

impl IntoStrings for &[&str] {
    fn into_strings(self) -> Value {
        Value::Array(loadparity::gguf::Array::String(self.iter().map(|&text| text.into()).collect()))
    }
}

#[test]
fn the_tensor_is_named_and_loading_goes_on_without_running() {
    let file = model();
    let run = |more: &[&str]| {
        let mut command = support::loadparity();
        command.arg("run").arg("-m").arg(file.path()).args(["-p", "a"]).args(more);
        command.assert()
    };
    run(&["-n", "1"]).code(2).stderr(predicate::str::contains("`blk.0.attn_q.weight` has type iq2_xs"));
    run(&["--no-run", "-lm", "none", "--json"]).success().stdout(
        predicate::str::contains("\"effective\":\"read\"").and(predicate::str::contains("\"tensors\":\"")),
    );

    let mut check = support::loadparity();
    check.arg("check").arg("-m").arg(file.path()).arg("--no-run");
    check.assert().success();
    let mut check = support::loadparity();
    check.arg("check").arg("-m").arg(file.path());
    let blocked = predicate::str::contains("verdict: blocked").and(predicate::str::contains("iq2_xs"));
    check.assert().code(3).stdout(blocked);
}
