//! What a file is that is no GGUF file, by its first bytes.

/// A kind of file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Kind {
    /// In words, with its article.
    pub(super) what: &'static str,
    /// What to do, to be set behind the message.
    pub(super) advice: &'static str,
}

const CONVERT: &str = "; convert the model to GGUF";
const UNPACK: &str = "; unpack it first";
const AGAIN: &str = "; download the model again";

/// Formats that begin with fixed bytes, as `file(1)` and their own descriptions tell them apart.
const MAGICS: &[(&[u8], &str, &str)] = &[
    (
        b"version https://git-lfs.github.com/spec/",
        "a Git LFS pointer, which stands for the model",
        "; fetch it with `git lfs pull`",
    ),
    (
        b"version https://hawser.github.com/spec/",
        "a Git LFS pointer, which stands for the model",
        "; fetch it with `git lfs pull`",
    ),
    (b"PK\x03\x04", "a zip archive, as PyTorch checkpoints are", CONVERT),
    (b"PK\x05\x06", "an empty zip archive", AGAIN),
    (b"\x1f\x8b", "compressed with gzip", UNPACK),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd", UNPACK),
    (b"\xfd7zXZ\x00", "compressed with xz", UNPACK),
    (b"BZh", "compressed with bzip2", UNPACK),
    (b"\x04\x22\x4d\x18", "compressed with lz4", UNPACK),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", UNPACK),
    (b"Rar!\x1a\x07", "a rar archive", UNPACK),
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file, as Keras writes them", CONVERT),
    (b"\x93NUMPY", "a NumPy array", CONVERT),
    (b"\x80\x02", "a Python pickle, as old PyTorch checkpoints are", CONVERT),
    (b"\x80\x03", "a Python pickle", CONVERT),
    (b"\x80\x04", "a Python pickle", CONVERT),
    (b"\x80\x05", "a Python pickle", CONVERT),
    (b"FUGG", "a GGUF file with its bytes swapped", AGAIN),
    (b"\x7fELF", "a program", ""),
    (b"MZ", "a Windows program", ""),
    (b"#!", "a script", ""),
    (b"%PDF", "a PDF document", ""),
];

/// Bytes of the start that are looked at for text.
const TEXT: usize = 512;

/// What a file with these first bytes is; nothing if it may be GGUF or is nothing known.
pub(super) fn recognise(start: &[u8], file_size: u64) -> Option<Kind> {
    let kind = |what, advice| Some(Kind { what, advice });
    if start.starts_with(b"GGUF") {
        return None;
    }
    if let Some((_, what, advice)) = MAGICS.iter().find(|(magic, ..)| start.starts_with(magic)) {
        return kind(what, advice);
    }
    if start.get(257..262) == Some(b"ustar") {
        return kind("a tar archive", UNPACK);
    }
    // A length of 64 bits, then JSON of that length, which `__metadata__` or a tensor opens.
    let length = start.first_chunk::<8>().map(|bytes| u64::from_le_bytes(*bytes));
    if length.is_some_and(|length| (2..=file_size.max(100 << 20)).contains(&length))
        && start.get(8) == Some(&b'{')
    {
        return kind("a safetensors file", CONVERT);
    }
    if start.len() >= 4 && start.iter().all(|byte| *byte == 0) {
        return kind("zeros, as in a download that has only been laid out on the disk", AGAIN);
    }
    let head = &start[..start.len().min(TEXT)];
    let text = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start().to_ascii_lowercase();
    let opens = |word: &[u8]| text.starts_with(word);
    if [&b"<!doctype html"[..], b"<html", b"<head", b"<body", b"<!--"].iter().any(|word| opens(word)) {
        return kind(
            "an HTML page, as a server sends instead of a model when it reports an error or asks to sign in",
            AGAIN,
        );
    }
    if opens(b"<?xml") || opens(b"<error") {
        return kind("an XML document, as a file server sends when it refuses a download", AGAIN);
    }
    if opens(b"{") && text.windows(12).any(|part| part == b"\"weight_map\"") {
        return kind("the index of a model of several safetensors files", CONVERT);
    }
    if opens(b"{") || opens(b"[") {
        return kind("JSON, as a server sends instead of a model when it reports an error", AGAIN);
    }
    if [
        &b"http/1."[..],
        b"access denied",
        b"not found",
        b"invalid credentials",
        b"entry not found",
        b"unauthorized",
    ]
    .iter()
    .any(|word| opens(word))
    {
        return kind("a server's error message", AGAIN);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn what(start: &[u8]) -> &'static str {
        recognise(start, start.len() as u64).map_or("", |kind| kind.what)
    }

    #[test]
    fn each_kind_is_told_by_its_start() {
        let mut safetensors = 60u64.to_le_bytes().to_vec();
        safetensors.extend(b"{\"__metadata__\":{}}");
        let mut tar = b"model.gguf".to_vec();
        tar.resize(257, 0);
        tar.extend(b"ustar\0");
        let cases: [(&[u8], &str); 12] = [
            (b"version https://git-lfs.github.com/spec/v1\noid sha256:", "Git LFS"),
            (b"PK\x03\x04", "zip"),
            (b"\x1f\x8b\x08", "gzip"),
            (&safetensors, "safetensors file"),
            (&tar, "tar"),
            (b"\n  <!DOCTYPE HTML><html>", "HTML"),
            (b"\xef\xbb\xbf<HTML>", "HTML"),
            (b"<?xml version='1.0'?><Error><Code>AccessDenied", "XML"),
            (b"{\"error\":\"Repository not found\"}", "JSON"),
            (b"{\"metadata\":{},\"weight_map\":{}}", "index"),
            (b"Entry not found", "error message"),
            (&[0; 64], "zeros"),
        ];
        for (start, word) in cases {
            assert!(what(start).contains(word), "{} for {word}", what(start));
        }
    }

    #[test]
    fn what_may_be_a_model_is_left_to_the_reader() {
        for start in [&b"GGUF\x03\0\0\0"[..], b"GG", b"tjgg", b"", b"\x01\x02\x03\x04\x05\x06\x07\x08{"] {
            assert_eq!(what(start), "");
        }
    }
}
