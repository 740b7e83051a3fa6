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
];
