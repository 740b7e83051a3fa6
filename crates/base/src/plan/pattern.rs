//! Patterns of names and texts, in which `*` stands for any text, the empty one too.

/// Whether a text is as the pattern says.
#[must_use]
pub fn matches(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let mut last: Option<&str> = None;
    for part in parts {
        if let Some(before) = last.replace(part) {
            let Some(at) = rest.find(before) else { return false };
            rest = &rest[at + before.len()..];
        }
    }
    last.map_or(rest.is_empty(), |last| rest.ends_with(last))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_is_any_text_and_the_rest_is_itself() {
        for (pattern, text, expected) in [
            ("token_embd.weight", "token_embd.weight", true),
            ("token_embd.weight", "per_layer_token_embd.weight", false),
            ("*token_embd.weight", "per_layer_token_embd.weight", true),
            ("blk.*.ffn_*", "blk.0.ffn_up.weight", true),
            ("blk.*.ffn", "blk.0.ffn_up.weight", false),
            ("a*a", "a", false),
            ("a*a", "aa", true),
            ("*", "", true),
            ("", "", true),
            ("", "a", false),
            ("a.b", "axb", false),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
    }
}
