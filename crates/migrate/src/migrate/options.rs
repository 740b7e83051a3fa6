//! Which options of llama.cpp's programs take the next word as their value.
//!
//! A load flag is only a load flag where no other option takes it for a value, and a word that is
//! not known is harmless exactly where one does. Facts from the option list of llama-server and
//! llama-bench in llama.cpp's own documentation.

use std::collections::BTreeSet;
use std::sync::LazyLock;

/// Short and long names, sorted by nothing but sense.
const WITH_VALUE: &str = "
    -t --threads -tb --threads-batch -C --cpu-mask -Cr --cpu-range --cpu-strict --prio --poll
    -Cb --cpu-mask-batch -Crb --cpu-range-batch --cpu-strict-batch --prio-batch --poll-batch
    -c --ctx-size -n --predict --n-predict -b --batch-size -ub --ubatch-size --keep
    -fa --flash-attn --rope-scaling --rope-scale --rope-freq-base --rope-freq-scale
    --yarn-orig-ctx --yarn-ext-factor --yarn-attn-factor --yarn-beta-slow --yarn-beta-fast
    -ctk --cache-type-k -ctv --cache-type-v -dt --defrag-thold --rpc -lzm --lazy-mode --numa
    -dev --device -ot --override-tensor -ncmoe --n-cpu-moe --moe-cache-mib -ncffn --n-cpu-ffn
    -ngl --gpu-layers --n-gpu-layers -sm --split-mode -ts --tensor-split -mg --main-gpu
    -fit --fit -fitt --fit-target -fitc --fit-ctx --override-kv --lora --lora-scaled
    --control-vector --control-vector-scaled --control-vector-layer-range
    -m --model -mu --model-url -dr --docker-repo -hf -hfr --hf-repo -hff --hf-file -hft --hf-token
    -hfd -hfrd --hf-repo-draft -hfv -hfrv --hf-repo-v -hffv --hf-file-v
    --log-file --log-colors -lv --verbosity --log-verbosity
    -ctkd --cache-type-k-draft -ctvd --cache-type-v-draft --spec-draft-type-k --spec-draft-type-v
    --samplers -s --seed --sampler-seq --sampling-seq --temp --temperature --top-k --top-p --min-p
    --top-nsigma --top-n-sigma --xtc-probability --xtc-threshold --typical --typical-p
    --repeat-last-n --repeat-penalty --presence-penalty --frequency-penalty
    --dry-multiplier --dry-base --dry-allowed-length --dry-penalty-last-n --dry-sequence-breaker
    --adaptive-target --adaptive-decay --dynatemp-range --dynatemp-exp
    --mirostat --mirostat-lr --mirostat-ent -l --logit-bias --grammar --grammar-file
    -j --json-schema -jf --json-schema-file -lcs --lookup-cache-static -lcd --lookup-cache-dynamic
    --kv-unified-per-slot -ctxcp --ctx-checkpoints --swa-checkpoints -cms --checkpoint-min-step
    -cram --cache-ram -r --reverse-prompt --pooling -np --parallel -mm --mmproj -mmu --mmproj-url
    -mmdev --mmproj-device --image --audio --image-min-tokens --image-max-tokens
    --mtmd-batch-max-tokens --video-fps --video-timestamp-interval --video-ffmpeg-dir
    -a --alias --tags --embd-normalize --embd-output-format --embd-separator --host --port --path
    --cors-origins --cors-methods --cors-headers --api-prefix --ui-config --webui-config
    --ui-config-file --webui-config-file --tools --tools-runtime --mcp-servers-config
    --mcp-servers-json --api-key --api-key-file --ssl-key-file --ssl-cert-file
    --chat-template-kwargs -to --timeout --sse-ping-interval --threads-http --cache-reuse
    --slot-save-path --media-path --models-dir --models-preset --models-max
    --reasoning-format -rea --reasoning --reasoning-effort --reasoning-budget
    --reasoning-budget-message --chat-template --chat-template-file
    -sps --slot-prompt-similarity --lora-init-without-apply-scale
    -td --threads-draft -tbd --threads-batch-draft -cd --ctx-size-draft -devd --device-draft
    -ngld --gpu-layers-draft --n-gpu-layers-draft -md --model-draft --draft --draft-n --draft-max
    --draft-min --draft-n-min --draft-p-min --draft-p-split -otd --override-tensor-draft
    --spec-replace --spec-type --spec-ngram-size-n --spec-ngram-size-m --spec-ngram-min-hits
    -mv --model-vocoder --tts-speaker-file
    -p --prompt -f --file -bf --binary-file -sys --system-prompt -sysf --system-prompt-file
    --prompt-cache --in-prefix --in-suffix -gan --grp-attn-n -gaw --grp-attn-w -ptc --print-token-count
    --chunks --chunk --ppl-stride --ppl-output-type -o --output --output-file --output-format
    --output-frequency --save-frequency -ofreq --dump-folder -npp -ntg -npl --junk --pos -i-chunk
    --cache-type --context-file --chunk-size --chunk-separator
    -d --n-depth -pg -r --repetitions --delay -oe
";

/// The names of [`WITH_VALUE`].
static NAMES: LazyLock<BTreeSet<&str>> = LazyLock::new(|| WITH_VALUE.split_ascii_whitespace().collect());

/// Whether the word after this option is its value. Inside long names `_` equals `-`.
pub(super) fn takes_value(word: &str) -> bool {
    if word.starts_with("--") && word.contains('_') {
        return NAMES.contains(word.replace('_', "-").as_str());
    }
    word.starts_with('-') && NAMES.contains(word)
}

/// Options without a value, and keys that presets alone have.
const SWITCHES: &str = "
    version load-on-startup stop-timeout verbose-prompt display-prompt no-display-prompt verbose v
    log-verbose log-disable log-prefix no-log-prefix log-timestamps no-log-timestamps offline kvu
    kv-unified no-kv-unified swa-full perf no-perf escape no-escape e context-shift no-context-shift
    kv-offload no-kv-offload kvo nkvo repack no-repack nr no-host op-offload no-op-offload
    check-tensors cpu-moe cmoe ignore-eos spm-infill warmup no-warmup jinja no-jinja cb cont-batching
    nocb no-cont-batching embedding embeddings rerank reranking metrics props slots no-slots webui
    no-webui ui no-ui prefill-assistant no-prefill-assistant models-autoload no-models-autoload
    mmproj-auto no-mmproj mmproj-offload no-mmproj-offload cache-prompt no-cache-prompt
    cache-idle-slots no-cache-idle-slots color co conversation cnv single-turn st
";

/// Whether a word is an option of llama.cpp's programs that is not about loading.
pub(super) fn is_option(word: &str) -> bool {
    let bare = word.trim_start_matches('-').replace('_', "-");
    word.starts_with('-') && (takes_value(word) || SWITCHES.split_ascii_whitespace().any(|name| name == bare))
}

/// Keys that say that a file is a preset and nothing else.
const OF_PRESETS: [&str; 21] = [
    "m",
    "model",
    "mu",
    "model-url",
    "hf",
    "hfr",
    "hf-repo",
    "hff",
    "hf-file",
    "dr",
    "docker-repo",
    "mm",
    "mmproj",
    "c",
    "ctx-size",
    "ngl",
    "gpu-layers",
    "n-gpu-layers",
    "fa",
    "flash-attn",
    "load-on-startup",
];

/// Whether a key may stand in a preset, and whether it says by itself that the file is one.
pub(super) fn preset_key(key: &str) -> (bool, bool) {
    if key.starts_with("LLAMA_ARG_") {
        return (true, true);
    }
    let with_value = || WITH_VALUE.split_ascii_whitespace().any(|name| name.trim_start_matches('-') == key);
    let load = || {
        super::vocabulary::flags()
            .flat_map(|def| def.on.iter().chain(&def.off))
            .any(|name| name.trim_start_matches('-') == key)
    };
    let own = OF_PRESETS.contains(&key) || matches!(key, "load-mode" | "no-mmap" | "lm");
    (own || with_value() || load() || SWITCHES.split_ascii_whitespace().any(|name| name == key), own)
}

/// Options that were switches in some builds and take a value in others.
const OPTIONAL: [&str; 6] = ["-fa", "--flash-attn", "--log-colors", "-co", "--color", "--numa"];

/// Whether an option took no value in some builds and takes one in others.
pub(super) fn value_is_optional(word: &str) -> bool {
    word.starts_with('-') && OPTIONAL.contains(&word.replace('_', "-").as_str())
}

/// Options after which nothing is loaded.
pub(super) fn prints_and_exits(word: &str) -> bool {
    ["-h", "--help", "--usage", "--version", "--list-devices", "-cl", "--cache-list", "--completion-bash"]
        .contains(&word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_told_from_switches() {
        for name in ["-m", "--ctx-size", "--ctx_size", "-p", "-ngl", "--host"] {
            assert!(takes_value(name), "{name}");
        }
        for name in ["--jinja", "--mmap", "--load-mode", "-fa_", "--metrics", "x", "--no-warmup"] {
            assert!(!takes_value(name), "{name}");
        }
    }

    #[test]
    fn no_load_flag_is_an_option_of_others() {
        for def in super::super::vocabulary::flags() {
            for name in def.on.iter().chain(&def.off) {
                assert!(!takes_value(name), "{name}");
            }
        }
    }
}
