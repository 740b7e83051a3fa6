//! safetensors: eight bytes with the length of a JSON header, the header, the tensors.
//!
//! Source: the format's description in the README of github.com/huggingface/safetensors, which also bounds the
//! header at 100 MB.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::{FileLayout, Kind, LayoutError, MAX_TENSORS, Tensor, bytes_at, needs, shown};
use crate::gguf::ByteSource;

/// Where the header begins: behind its length.
const PREFIX: u64 = 8;

/// The longest header that the format allows.
const MAX_HEADER: u64 = 100_000_000;

/// What the header says of one tensor.
#[derive(Deserialize)]
struct Entry {
    dtype: String,
    shape: Vec<u64>,
    /// From the end of the header.
    data_offsets: (u64, u64),
}

/// The header in its own order, with names that stand twice.
struct Header(Vec<(String, Entry)>);

impl<'de> Deserialize<'de> for Header {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;
        impl<'de> Visitor<'de> for Entries {
            type Value = Header;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object with one entry a tensor")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Header, A::Error> {
                let mut entries = Vec::new();
                while let Some(name) = map.next_key::<String>()? {
                    if name == "__metadata__" {
                        // Text to text, as the format has it.
                        map.next_value::<BTreeMap<String, String>>()?;
                        continue;
                    }
                    if entries.len() >= MAX_TENSORS {
                        return Err(serde::de::Error::custom(format!("more than {MAX_TENSORS} tensors")));
                    }
                    entries.push((name, map.next_value()?));
                }
                Ok(Header(entries))
            }
        }
        deserializer.deserialize_map(Entries)
    }
}

/// Whether a file of this size that starts with these bytes is one: its header has a length that the file can hold
/// and starts as an object.
pub(super) fn is_one(head: &[u8], size: u64) -> bool {
    let Some((length, [b'{', ..])) = head.split_first_chunk() else { return false };
    let length = u64::from_le_bytes(*length);
    (2..=MAX_HEADER).contains(&length) && length <= size.saturating_sub(PREFIX)
}

fn malformed(offset: u64, problem: impl Into<String>) -> LayoutError {
    super::malformed(Kind::Safetensors, offset, problem)
}

/// Bits of one element; `None` for a type that is not known here, whose size is not checked.
fn bits(dtype: &str) -> Option<u64> {
    Some(match dtype {
        "F4" => 4,
        "F6_E2M3" | "F6_E3M2" => 6,
        "BOOL" | "U8" | "I8" | "F8_E5M2" | "F8_E4M3" | "F8_E8M0" | "F8_E4M3FNUZ" | "F8_E5M2FNUZ" => 8,
        "I16" | "U16" | "F16" | "BF16" => 16,
        "I32" | "U32" | "F32" => 32,
        "I64" | "U64" | "F64" | "C64" => 64,
        _ => return None,
    })
}

/// The layout of a file.
pub(super) fn read(source: &dyn ByteSource) -> Result<FileLayout, LayoutError> {
    let size = source.size();
    let prefix = bytes_at(source, Kind::Safetensors, 0, PREFIX)?;
    let length = prefix.first_chunk().map_or(0, |length| u64::from_le_bytes(*length));
    if length > MAX_HEADER {
        return Err(malformed(
            0,
            format!("the header's length is {length} bytes, more than the {MAX_HEADER} of the format"),
        ));
    }
    let text = bytes_at(source, Kind::Safetensors, PREFIX, length)?;
    let header: Header = serde_json::from_slice(&text).map_err(|error| {
        let above: usize =
            text.split(|byte| *byte == b'\n').take(error.line().saturating_sub(1)).map(|l| l.len() + 1).sum();
        let at = PREFIX + (above + error.column().saturating_sub(1)) as u64;
        malformed(at, format!("the header is no valid JSON of this format: {error}"))
    })?;
    let data_start = PREFIX + length;
    let mut tensors = Vec::with_capacity(header.0.len());
    let mut unknown = BTreeSet::new();
    for (name, entry) in header.0 {
        if bits(&entry.dtype).is_none() {
            unknown.insert(shown(&entry.dtype));
        }
        tensors.push(Tensor { range: entry.range(&name, data_start, size)?, name });
    }
    let mut order: Vec<&Tensor> = tensors.iter().filter(|tensor| !tensor.range.is_empty()).collect();
    order.sort_by_key(|tensor| tensor.range.start);
    if let Some([first, second]) = order.windows(2).find(|pair| pair[0].range.end > pair[1].range.start) {
        let (end, start) = (first.range.end, second.range.start);
        let problem = format!(
            "tensors {:?} and {:?} overlap: the first ends at {end}, the second starts at {start}",
            first.name, second.name
        );
        return Err(malformed(start, problem));
    }
    let external = Vec::new();
    let notes = (!unknown.is_empty()).then(|| {
        let types: Vec<String> = unknown.into_iter().take(8).collect();
        format!("the size of tensors of type {} was not checked: the type is not known", types.join(", "))
    });
    let notes = notes.into_iter().collect();
    Ok(FileLayout { kind: Kind::Safetensors, file_size: size, data_start, tensors, external, notes })
}

impl Entry {
    /// Its bytes of the file.
    fn range(&self, name: &str, data_start: u64, size: u64) -> Result<std::ops::Range<u64>, LayoutError> {
        let (begin, end) = self.data_offsets;
        let place = |offset: u64| data_start.checked_add(offset).filter(|place| *place <= size);
        let (Some(from), Some(to)) = (place(begin), place(end)) else {
            let problem = format!(
                "tensor {name:?} has bytes {begin}..{end} behind the header, but the file ends at {size}: it is cut short or damaged"
            );
            return Err(malformed(data_start, problem));
        };
        if from > to {
            return Err(malformed(
                data_start,
                format!("tensor {name:?} ends at {end}, before it begins at {begin}"),
            ));
        }
        let elements = self.shape.iter().try_fold(1u64, |product, dim| product.checked_mul(*dim));
        let Some(bits) = bits(&self.dtype) else { return Ok(from..to) };
        let (needed, told) = needs(elements, bits);
        if needed != Some(to - from) {
            let problem = format!(
                "tensor {} of type {:?} and shape {:?} needs {told} and has {}",
                shown(name),
                self.dtype,
                self.shape,
                to - from
            );
            return Err(malformed(from, problem));
        }
        Ok(from..to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file with this header and so many bytes behind it.
    fn file(header: &str, data: usize) -> Vec<u8> {
        let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
        bytes.extend(header.as_bytes());
        bytes.resize(bytes.len() + data, 7);
        bytes
    }

    fn tensor(name: &str, begin: u64, end: u64) -> String {
        format!(
            r#""{name}":{{"dtype":"F32","shape":[{}],"data_offsets":[{begin},{end}]}}"#,
            (end - begin) / 4
        )
    }

    fn problem(bytes: &[u8]) -> String {
        read(&bytes).unwrap_err().to_string()
    }

    #[test]
    fn tensors_are_named_and_lie_behind_the_header() {
        let header =
            format!(r#"{{"__metadata__":{{"format":"pt"}},{},{}}}  "#, tensor("b", 8, 12), tensor("a", 0, 8));
        let bytes = file(&header, 12);
        assert!(is_one(&bytes[..9], bytes.len() as u64));
        let layout = read(&bytes).unwrap();
        let start = layout.data_start;
        assert_eq!(start, 8 + header.len() as u64);
        let found: Vec<_> = layout.tensors.iter().map(|t| (t.name.as_str(), t.range.clone())).collect();
        assert_eq!(found, [("b", start + 8..start + 12), ("a", start..start + 8)]);
    }

    #[test]
    fn a_header_that_does_not_hold_together_is_refused_with_its_place() {
        let mut huge = file("{}", 0);
        huge[..8].copy_from_slice(&(1u64 << 63).to_le_bytes());
        assert!(
            problem(&huge)
                .starts_with("safetensors: at offset 0: the header's length is 9223372036854775808")
        );
        let mut long = file("{}", 0);
        long[0] = 200;
        assert!(problem(&long).contains("at offset 8: 200 bytes are needed, but the file ends at 10"));
        assert!(problem(&[1, 2]).contains("at offset 0: 8 bytes are needed"));
        for (header, data, says) in [
            (format!("{{{},{}}}", tensor("a", 0, 8), tensor("b", 4, 12)), 12, "overlap"),
            (format!("{{{}}}", tensor("a", 0, 8)), 4, "cut short"),
            (
                r#"{"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}}"#.to_owned(),
                8,
                "needs 12 bytes and has 8",
            ),
            (
                r#"{"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,8]}}"#.to_owned(),
                8,
                "more bytes than 64 bits",
            ),
            (r#"{"a":{"dtype":"X","shape":[],"data_offsets":[8,0]}}"#.to_owned(), 8, "before it begins"),
            (
                r#"{"a":{"dtype":"X","shape":[],"data_offsets":[0,18446744073709551615]}}"#.to_owned(),
                8,
                "cut short",
            ),
            (r#"{"a":3}"#.to_owned(), 0, "no valid JSON of this format"),
            (r#"{"__metadata__":3}"#.to_owned(), 0, "no valid JSON of this format"),
            ("[[]]".to_owned(), 0, "no valid JSON"),
        ] {
            let problem = problem(&file(&header, data));
            assert!(problem.contains(says), "{header}: {problem}");
        }
    }

    #[test]
    fn a_type_that_is_not_known_is_said() {
        let layout = read(&file(r#"{"a":{"dtype":"F7","shape":[2],"data_offsets":[0,8]}}"#, 8)).unwrap();
        assert!(layout.notes[0].contains(r#"of type "F7" was not checked"#), "{:?}", layout.notes);
    }

    #[test]
    fn deep_json_ends_in_an_error_or_is_passed_over() {
        let deep = "[".repeat(1_000_000);
        assert!(problem(&file(&format!(r#"{{"__metadata__":{deep}"#), 0)).contains("JSON"));
        assert!(problem(&file(&format!(r#"{{"a":{deep}"#), 0)).contains("JSON"));
    }

    #[test]
    fn the_place_of_a_json_error_is_that_of_the_file() {
        let bytes = file("{\n\"a\": ?}", 0);
        assert!(problem(&bytes).starts_with("safetensors: at offset 15: "), "{}", problem(&bytes));
    }
}
