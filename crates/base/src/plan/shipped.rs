//! The dialect files that are part of the program, in the order in which they are listed.

/// Name and text of each.
pub(super) const FILES: &[(&str, &str)] = &[
    ("reference", include_str!("dialects/reference.toml")),
    ("booleans", include_str!("dialects/booleans.toml")),
    ("dio-default", include_str!("dialects/dio-default.toml")),
    ("enum-v1", include_str!("dialects/enum-v1.toml")),
    ("enum-v2", include_str!("dialects/enum-v2.toml")),
    ("enum-v3", include_str!("dialects/enum-v3.toml")),
    ("enum-v4", include_str!("dialects/enum-v4.toml")),
    ("enum-v4-lazy", include_str!("dialects/enum-v4-lazy.toml")),
    ("llama-cpp-python", include_str!("dialects/llama-cpp-python.toml")),
    ("llama-cpp-python-server", include_str!("dialects/llama-cpp-python-server.toml")),
    ("node-llama-cpp", include_str!("dialects/node-llama-cpp.toml")),
    ("ollama", include_str!("dialects/ollama.toml")),
    ("koboldcpp-1.76", include_str!("dialects/koboldcpp-1.76.toml")),
    ("koboldcpp", include_str!("dialects/koboldcpp.toml")),
    ("llamafile", include_str!("dialects/llamafile.toml")),
    ("textgen", include_str!("dialects/textgen.toml")),
    ("lmstudio", include_str!("dialects/lmstudio.toml")),
    ("llama-cpp-rs", include_str!("dialects/llama-cpp-rs.toml")),
    ("whisper.cpp", include_str!("dialects/whisper.cpp.toml")),
    ("stable-diffusion.cpp", include_str!("dialects/stable-diffusion.cpp.toml")),
    ("load-mode-numbers-v1", include_str!("dialects/load-mode-numbers-v1.toml")),
    ("load-mode-numbers", include_str!("dialects/load-mode-numbers.toml")),
];
