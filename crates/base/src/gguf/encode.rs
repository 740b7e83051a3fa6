//! The header as bytes.

use super::{Array, Gguf, Text, Value};

/// The first four bytes of every file.
pub(super) const MAGIC: [u8; 4] = *b"GGUF";

impl Gguf {
    /// The header as it stands in a file: magic, version, counts, metadata and tensor table,
    /// without the padding up to the data section.
    ///
    /// It writes what the fields say and checks nothing, so that broken headers can be built too;
    /// [`super::read`] checks. The alignment comes from the metadata, not from the field.
    pub fn header_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        out.extend(MAGIC);
        out.extend(self.version.to_le_bytes());
        put_count(&mut out, self.tensors.len());
        put_count(&mut out, self.metadata.len());
        for (key, value) in &self.metadata {
            put_text(&mut out, key.as_bytes());
            out.extend(value.value_type().id().to_le_bytes());
            put_value(&mut out, value);
        }
        for tensor in &self.tensors {
            put_text(&mut out, tensor.name.as_bytes());
            out.extend((tensor.dims.len() as u32).to_le_bytes());
            put_numbers(&mut out, &tensor.dims, |dim| dim.to_le_bytes());
            out.extend(tensor.dtype.id().to_le_bytes());
            out.extend(tensor.offset.to_le_bytes());
        }
        out
    }
}

fn put_count(out: &mut Vec<u8>, count: usize) {
    out.extend((count as u64).to_le_bytes());
}

fn put_text(out: &mut Vec<u8>, bytes: &[u8]) {
    put_count(out, bytes.len());
    out.extend(bytes);
}

fn put_numbers<T: Copy, const N: usize>(out: &mut Vec<u8>, items: &[T], bytes: impl Fn(T) -> [u8; N]) {
    out.reserve(items.len() * N);
    for &item in items {
        out.extend(bytes(item));
    }
}

fn put_value(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::U8(n) => out.extend(n.to_le_bytes()),
        Value::I8(n) => out.extend(n.to_le_bytes()),
        Value::U16(n) => out.extend(n.to_le_bytes()),
        Value::I16(n) => out.extend(n.to_le_bytes()),
        Value::U32(n) => out.extend(n.to_le_bytes()),
        Value::I32(n) => out.extend(n.to_le_bytes()),
        Value::F32(n) => out.extend(n.to_le_bytes()),
        Value::U64(n) => out.extend(n.to_le_bytes()),
        Value::I64(n) => out.extend(n.to_le_bytes()),
        Value::F64(n) => out.extend(n.to_le_bytes()),
        Value::Bool(b) => out.push((*b).into()),
        Value::String(Text(bytes)) => put_text(out, bytes),
        Value::Array(array) => put_array(out, array),
    }
}

fn put_array(out: &mut Vec<u8>, array: &Array) {
    out.extend(array.element_type().id().to_le_bytes());
    put_count(out, array.len());
    match array {
        Array::U8(items) => out.extend(items),
        Array::I8(items) => put_numbers(out, items, i8::to_le_bytes),
        Array::U16(items) => put_numbers(out, items, u16::to_le_bytes),
        Array::I16(items) => put_numbers(out, items, i16::to_le_bytes),
        Array::U32(items) => put_numbers(out, items, u32::to_le_bytes),
        Array::I32(items) => put_numbers(out, items, i32::to_le_bytes),
        Array::F32(items) => put_numbers(out, items, f32::to_le_bytes),
        Array::U64(items) => put_numbers(out, items, u64::to_le_bytes),
        Array::I64(items) => put_numbers(out, items, i64::to_le_bytes),
        Array::F64(items) => put_numbers(out, items, f64::to_le_bytes),
        Array::Bool(items) => put_numbers(out, items, |b| [b.into()]),
        Array::String(items) => items.iter().for_each(|Text(bytes)| put_text(out, bytes)),
        Array::Array(items) => items.iter().for_each(|item| put_array(out, item)),
    }
}
