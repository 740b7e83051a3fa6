//! ONNX: a protocol buffer whose initializers are the weights, in it or in files that it names.
//!
//! Sources: `onnx.proto` of github.com/onnx/onnx for the numbers of fields, "Protocol Buffers Encoding" for the
//! wire format. Only what leads to the initializers of the main graph is read; everything else is passed over
//! by its length, so that a file is never taken into memory.

use std::ops::Range;

use super::{External, FileLayout, Kind, LayoutError, MAX_TENSORS, Tensor, bytes_at, needs, shown};
use crate::gguf::ByteSource;

/// `ModelProto.graph`.
const GRAPH: u64 = 7;
/// The largest field of `ModelProto`.
const MODEL_FIELDS: u64 = 32;
/// `GraphProto.initializer`.
const INITIALIZER: u64 = 5;
/// `TensorProto.dims`, a number each or packed.
const DIMS: u64 = 1;
/// `TensorProto.data_type`.
const DATA_TYPE: u64 = 2;
/// `TensorProto.raw_data`, whose length follows from shape and type.
const RAW: u64 = 9;
/// `TensorProto.name`.
const NAME: u64 = 8;
/// `TensorProto.raw_data`, and the typed fields in which values may lie instead, packed.
const DATA: [u64; 6] = [RAW, 4, 5, 7, 10, 11];
/// `TensorProto.external_data`.
const EXTERNAL: u64 = 13;
/// The most fields of one message: nodes and initializers of a graph, above all.
const MAX_FIELDS: u64 = 1 << 20;
/// The longest name, key or location.
const MAX_TEXT: u64 = 1 << 16;

fn malformed(offset: u64, problem: impl Into<String>) -> LayoutError {
    super::malformed(Kind::Onnx, offset, problem)
}

/// A field: its number, and where its bytes lie; a number has none, and a value.
struct Field {
    number: u64,
    body: Option<Range<u64>>,
    value: u64,
}

/// The fields of one message, in order.
struct Fields<'a> {
    source: &'a dyn ByteSource,
    at: u64,
    end: u64,
    /// How many fields there were.
    count: u64,
}

impl<'a> Fields<'a> {
    fn new(source: &'a dyn ByteSource, range: Range<u64>) -> Self {
        Self { source, at: range.start, end: range.end, count: 0 }
    }

    /// A number of at most ten bytes, seven bits in each.
    fn varint(&mut self) -> Result<u64, LayoutError> {
        let start = self.at;
        let bytes = bytes_at(self.source, Kind::Onnx, start, self.end.saturating_sub(start).min(10))?;
        let mut value = 0u64;
        for (byte, shift) in bytes.iter().zip((0..64).step_by(7)) {
            self.at += 1;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        let problem =
            if bytes.len() < 10 { "passes the end of its message" } else { "has more than 64 bits" };
        Err(malformed(start, format!("a number {problem}")))
    }

    fn next(&mut self) -> Result<Option<Field>, LayoutError> {
        if self.at >= self.end {
            return Ok(None);
        }
        let start = self.at;
        self.count += 1;
        if self.count > MAX_FIELDS {
            return Err(malformed(start, format!("a message with more than {MAX_FIELDS} fields")));
        }
        let key = self.varint()?;
        let (number, wire) = (key >> 3, key & 7);
        let len = match wire {
            0 => {
                let value = self.varint()?;
                return Ok(Some(Field { number, body: None, value }));
            }
            1 => 8,
            2 => self.varint()?,
            5 => 4,
            _ => return Err(malformed(start, format!("wire type {wire} is not of this format"))),
        };
        let end = self.at.checked_add(len).filter(|end| *end <= self.end);
        let Some(end) = end else {
            return Err(malformed(
                start,
                format!(
                    "a field of {len} bytes passes the end of its message at {}: the file is cut short or damaged",
                    self.end
                ),
            ));
        };
        let body = self.at..end;
        self.at = end;
        Ok(Some(Field { number, body: Some(body), value: 0 }))
    }
}

fn text(source: &dyn ByteSource, range: &Range<u64>) -> Result<String, LayoutError> {
    let len = range.end - range.start;
    if len > MAX_TEXT {
        return Err(malformed(range.start, format!("a name of {len} bytes, more than {MAX_TEXT}")));
    }
    Ok(String::from_utf8_lossy(&bytes_at(source, Kind::Onnx, range.start, len)?).into_owned())
}

/// Whether all of a file is one message with the fields of a model and a graph with initializers in it.
pub(super) fn is_one(source: &dyn ByteSource) -> bool {
    let mut fields = Fields::new(source, 0..source.size());
    let mut graph = None;
    loop {
        match fields.next() {
            Err(_) => return false,
            Ok(None) => break,
            Ok(Some(field)) if !(1..=MODEL_FIELDS).contains(&field.number) => return false,
            Ok(Some(field)) if field.number == GRAPH => graph = field.body,
            Ok(Some(_)) => {}
        }
    }
    let Some(graph) = graph else { return false };
    let mut fields = Fields::new(source, graph);
    while let Ok(Some(field)) = fields.next() {
        if field.number == INITIALIZER && field.body.is_some() {
            return true;
        }
    }
    false
}

/// The layout of a model.
pub(super) fn read(source: &dyn ByteSource) -> Result<FileLayout, LayoutError> {
    let size = source.size();
    let (mut tensors, mut external) = (Vec::new(), Vec::new());
    let mut model = Fields::new(source, 0..size);
    let mut graphs = 0;
    while let Some(field) = model.next()? {
        let Some(graph) = field.body.filter(|_| field.number == GRAPH) else { continue };
        graphs += 1;
        let mut graph = Fields::new(source, graph);
        while let Some(field) = graph.next()? {
            let Some(body) = field.body.filter(|_| field.number == INITIALIZER) else { continue };
            if tensors.len() + external.len() >= MAX_TENSORS {
                return Err(malformed(body.start, format!("more than {MAX_TENSORS} initializers")));
            }
            match initializer(source, body)? {
                Weights::Here(tensor) => tensors.push(tensor),
                Weights::Elsewhere(tensor) => external.push(tensor),
            }
        }
    }
    if graphs == 0 {
        return Err(malformed(0, "no graph: this is no ONNX model"));
    }
    let first = tensors
        .iter()
        .filter(|tensor: &&Tensor| !tensor.range.is_empty())
        .map(|tensor| tensor.range.start)
        .min();
    Ok(FileLayout {
        kind: Kind::Onnx,
        file_size: size,
        data_start: first.unwrap_or(size),
        tensors,
        external,
        notes: Vec::new(),
    })
}

enum Weights {
    Here(Tensor),
    Elsewhere(External),
}

fn initializer(source: &dyn ByteSource, body: Range<u64>) -> Result<Weights, LayoutError> {
    let start = body.start;
    let mut fields = Fields::new(source, body);
    let (mut name, mut data, mut other) = (String::new(), start..start, Vec::new());
    let (mut dims, mut data_type, mut raw) = (Vec::new(), 0, false);
    while let Some(field) = fields.next()? {
        let Some(body) = field.body else {
            match field.number {
                DIMS => dims.push(field.value),
                DATA_TYPE => data_type = field.value,
                _ => {}
            }
            continue;
        };
        match field.number {
            DIMS => {
                let mut packed = Fields::new(source, body);
                while packed.at < packed.end {
                    dims.push(packed.varint()?);
                }
            }
            NAME => name = text(source, &body)?,
            EXTERNAL => other.push(entry(source, body)?),
            // An array of numbers that is not packed has each of them as a field of its own.
            number if DATA.contains(&number) => {
                raw |= number == RAW;
                if body.end - body.start > data.end - data.start {
                    data = body;
                }
            }
            _ => {}
        }
    }
    let wrong = |has: u64, told: &str| {
        let problem = format!(
            "tensor {} of type {data_type} and shape {dims:?} needs {told} and has {has}",
            shown(&name)
        );
        Err(malformed(start, problem))
    };
    // Negative numbers have the highest bit.
    if let Some(dim) = dims.iter().map(|dim| dim.cast_signed()).find(|dim| *dim < 0) {
        return Err(malformed(start, format!("tensor {} has a dimension of {dim}", shown(&name))));
    }
    let elements = dims.iter().try_fold(1u64, |product, dim| product.checked_mul(*dim));
    let needed = bits(data_type).map(|bits| needs(elements, bits));
    let Some((_, location)) = other.iter().find(|(key, _)| key == "location") else {
        let has = data.end - data.start;
        return match needed.filter(|_| raw) {
            Some((needed, told)) if needed != Some(has) => wrong(has, &told),
            _ => Ok(Weights::Here(Tensor { name, range: data })),
        };
    };
    let number = |key: &str| {
        let Some((_, text)) = other.iter().find(|(known, _)| known == key) else { return Ok(None) };
        let wrong = |_| {
            malformed(start, format!("tensor {name:?}: its external {key} is {text:?}, which is no number"))
        };
        text.trim().parse::<u64>().map(Some).map_err(wrong)
    };
    let (offset, len) = (number("offset")?.unwrap_or(0), number("length")?);
    match (&needed, len) {
        (Some((needed, told)), Some(has)) if *needed != Some(has) => return wrong(has, told),
        // Without a length all up to the end of the file would count, and the file may hold others.
        _ => {}
    }
    let len = len.or(needed.and_then(|(needed, _)| needed));
    let location = location.clone();
    Ok(Weights::Elsewhere(External { location, offset, len, name }))
}

/// Bits of one element of a `TensorProto.DataType`; none where the values have no fixed size, or the type is not known
/// here: the size is not checked then.
fn bits(data_type: u64) -> Option<u64> {
    Some(match data_type {
        // UINT4, INT4, FLOAT4E2M1.
        21..=23 => 4,
        // UINT8, INT8, BOOL, the four FLOAT8 types, FLOAT8E8M0.
        2 | 3 | 9 | 17..=20 | 24 => 8,
        // UINT16, INT16, FLOAT16, BFLOAT16.
        4 | 5 | 10 | 16 => 16,
        // FLOAT, INT32, UINT32.
        1 | 6 | 12 => 32,
        // INT64, DOUBLE, UINT64, COMPLEX64.
        7 | 11 | 13 | 14 => 64,
        // COMPLEX128.
        15 => 128,
        _ => return None,
    })
}

/// A `StringStringEntryProto`: field 1 is the key, field 2 the value.
fn entry(source: &dyn ByteSource, body: Range<u64>) -> Result<(String, String), LayoutError> {
    let mut fields = Fields::new(source, body);
    let (mut key, mut value) = (String::new(), String::new());
    while let Some(field) = fields.next()? {
        match (field.number, field.body) {
            (1, Some(body)) => key = text(source, &body)?,
            (2, Some(body)) => value = text(source, &body)?,
            _ => {}
        }
    }
    Ok((key, value))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    fn field(number: u64, body: &[u8]) -> Vec<u8> {
        let varint = |mut value: u64| {
            let mut bytes = Vec::new();
            while value >= 0x80 {
                bytes.push(value as u8 | 0x80);
                value >>= 7;
            }
            bytes.push(value as u8);
            bytes
        };
        [varint(number << 3 | 2), varint(body.len() as u64), body.to_vec()].concat()
    }

    pub(in crate::layout) fn raw(name: &str, data: &[u8]) -> Vec<u8> {
        field(INITIALIZER, &[field(NAME, name.as_bytes()), field(9, data)].concat())
    }

    fn elsewhere(name: &str, pairs: &[(&str, &str)]) -> Vec<u8> {
        let pair = |(key, value): &(&str, &str)| {
            field(EXTERNAL, &[field(1, key.as_bytes()), field(2, value.as_bytes())].concat())
        };
        field(INITIALIZER, &[field(NAME, name.as_bytes()), pairs.iter().flat_map(pair).collect()].concat())
    }

    /// A model with these initializers.
    pub(in crate::layout) fn model(initializers: &[Vec<u8>]) -> Vec<u8> {
        // An IR version of 10, a producer, the graph.
        [vec![8, 10], field(2, b"test"), field(GRAPH, &initializers.concat())].concat()
    }

    /// A model whose one tensor lies in another file.
    pub(in crate::layout) fn external(location: &str, offset: &str, length: &str) -> Vec<u8> {
        model(&[elsewhere("w", &[("location", location), ("offset", offset), ("length", length)])])
    }

    #[test]
    fn initializers_are_found_here_and_elsewhere() {
        let bytes = model(&[raw("a", b"0123"), elsewhere("b", &[("location", "w.bin"), ("offset", "64")])]);
        assert!(is_one(&bytes));
        let layout = read(&bytes).unwrap();
        let range = layout.tensors[0].range.clone();
        assert_eq!(&bytes[range.start as usize..range.end as usize], b"0123");
        assert_eq!(
            layout.external,
            [External { name: "b".to_owned(), location: "w.bin".to_owned(), offset: 64, len: None }]
        );
    }

    /// One tensor of four floats, in so many bytes here and elsewhere.
    #[test]
    fn sizes_that_do_not_fit_shape_and_type_are_refused() {
        let of = |dims: &[u8], more: Vec<u8>| {
            let body = [field(DIMS, dims), vec![DATA_TYPE as u8 * 8, 1], field(NAME, b"w"), more].concat();
            let bytes = model(&[field(INITIALIZER, &body)]);
            read(&bytes).map(|layout| (layout.tensors.len(), layout.external)).map_err(|e| e.to_string())
        };
        assert_eq!(of(&[2, 2], field(RAW, &[0; 16])).unwrap().0, 1);
        let says = "tensor \"w\" of type 1 and shape [2, 2] needs 16 bytes and has 15";
        assert!(of(&[2, 2], field(RAW, &[0; 15])).unwrap_err().contains(says));
        let minus = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 4];
        assert!(of(&minus, field(RAW, &[0; 16])).unwrap_err().contains("a dimension of -1"));
        let huge = [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x40, 4];
        assert!(of(&huge, field(RAW, &[0; 16])).unwrap_err().contains("more bytes than 64 bits"));
        let elsewhere = |pairs: &[(&str, &str)]| {
            let pair = |(key, value): &(&str, &str)| {
                field(EXTERNAL, &[field(1, key.as_bytes()), field(2, value.as_bytes())].concat())
            };
            pairs.iter().flat_map(pair).collect::<Vec<u8>>()
        };
        let told = of(&[2, 2], elsewhere(&[("location", "w.bin")])).unwrap().1;
        assert_eq!(told[0].len, Some(16));
        let long = of(&[2, 2], elsewhere(&[("location", "w.bin"), ("length", "17")])).unwrap_err();
        assert!(long.contains("needs 16 bytes and has 17"), "{long}");
    }

    #[test]
    fn a_model_cut_anywhere_is_none_or_refused() {
        let bytes = model(&[raw("a", &[7; 300]), raw("b", &[8; 40])]);
        for len in 4..bytes.len() {
            let cut = bytes[..len].to_vec();
            assert!(read(&cut).is_err(), "cut at {len}");
            assert!(!is_one(&cut), "cut at {len}");
        }
    }

    #[test]
    fn lengths_beyond_the_file_are_refused_with_their_place() {
        let endless = vec![8u8; 3 << 20];
        assert!(!is_one(&endless) && read(&endless).unwrap_err().to_string().contains("fields"));
        let mut bytes = model(&[raw("a", b"0123")]);
        bytes.extend([GRAPH as u8 * 8 + 2, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]);
        let problem = read(&bytes).unwrap_err().to_string();
        assert!(problem.starts_with("onnx: at offset ") && problem.contains("passes the end"), "{problem}");
        assert!(read(&external("w", "-1", "4").clone()).unwrap_err().to_string().contains("no number"));
    }
}
