//! `gguf show`: a model's header, for people or for programs.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, Table};
use serde::ser::{Serialize, SerializeSeq, Serializer};

use super::GgufCommandError;
use crate::gguf::{Array, Gguf, SeekSource, TensorType, Text, Value, read};

/// Elements of an array that the text format prints.
const FIRST_ITEMS: usize = 6;

/// Characters of a string that the text format prints.
const FIRST_CHARS: usize = 72;

/// Arguments of `gguf show`.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct ShowArgs {
    /// The model file.
    model: PathBuf,
    /// Text abbreviates; JSON has everything.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Format {
    Text,
    Json,
}

pub(super) fn run(args: &ShowArgs, out: &mut dyn Write) -> Result<(), GgufCommandError> {
    let path = &args.model;
    let source = File::open(path)
        .and_then(SeekSource::new)
        .map_err(|error| GgufCommandError::Open { path: path.clone(), error })?;
    let gguf = read(&source).map_err(|error| GgufCommandError::Model { path: path.clone(), error })?;
    match args.format {
        Format::Text => text(path, &gguf, out)?,
        Format::Json => {
            serde_json::to_writer_pretty(&mut *out, &report(path, &gguf)).map_err(io::Error::from)?;
            writeln!(out)?;
        }
    }
    Ok(())
}

/// Tensors and bytes per type, by the number of the type.
fn totals(gguf: &Gguf) -> Vec<TotalReport> {
    let mut totals: BTreeMap<TensorType, (usize, u64)> = BTreeMap::new();
    for tensor in &gguf.tensors {
        let (count, bytes) = totals.entry(tensor.dtype).or_default();
        *count += 1;
        *bytes += tensor.size;
    }
    totals
        .into_iter()
        .map(|(dtype, (tensors, bytes))| TotalReport { dtype: dtype.name(), tensors, bytes })
        .collect()
}

fn text(path: &Path, gguf: &Gguf, out: &mut dyn Write) -> io::Result<()> {
    let Gguf { version, alignment, data_offset, file_size, .. } = gguf;
    writeln!(out, "{}: GGUF version {version}, {file_size} bytes", path.display())?;
    writeln!(out, "alignment {alignment}, data from byte {data_offset}")?;

    writeln!(out, "\nmetadata: {} entries", gguf.metadata.len())?;
    let mut table = Table::new();
    table.load_style(NOTHING);
    for (key, value) in &gguf.metadata {
        table.add_row([key.escape_debug().to_string(), type_name(value), brief(value)]);
    }
    print(&table, out)?;

    writeln!(out, "\ntensors: {}", gguf.tensors.len())?;
    let mut table = Table::new();
    table.load_style(NOTHING).set_header(["index", "name", "dims", "type", "offset", "size"]);
    for (index, tensor) in gguf.tensors.iter().enumerate() {
        table.add_row([
            index.to_string(),
            tensor.name.escape_debug().to_string(),
            tensor.dims.iter().map(u64::to_string).collect::<Vec<_>>().join(" × "),
            tensor.dtype.to_string(),
            tensor.offset.to_string(),
            tensor.size.to_string(),
        ]);
    }
    align_right(&mut table, &[0, 4, 5]);
    print(&table, out)?;

    writeln!(out, "\ntotals")?;
    let mut table = Table::new();
    table.load_style(NOTHING).set_header(["type", "tensors", "bytes"]);
    for total in totals(gguf) {
        table.add_row([total.dtype.to_owned(), total.tensors.to_string(), total.bytes.to_string()]);
    }
    align_right(&mut table, &[1, 2]);
    print(&table, out)
}

fn align_right(table: &mut Table, columns: &[usize]) {
    for &index in columns {
        if let Some(column) = table.column_mut(index) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
}

fn print(table: &Table, out: &mut dyn Write) -> io::Result<()> {
    if table.row_count() == 0 { Ok(()) } else { writeln!(out, "{}", table.trim_fmt()) }
}

/// The type of a value, with that of an array's elements.
fn type_name(value: &Value) -> String {
    match value {
        Value::Array(array) => format!("array of {}", array.element_type()),
        other => other.value_type().to_string(),
    }
}

/// A value in one short line.
fn brief(value: &Value) -> String {
    match value {
        Value::String(text) => brief_text(text),
        Value::Array(array) => brief_array(array),
        other => plain(other),
    }
}

/// A string in quotes, escaped so that it cannot disturb a terminal.
fn brief_text(text: &Text) -> String {
    let text = text.to_str_lossy();
    match text.char_indices().nth(FIRST_CHARS) {
        None => format!("{text:?}"),
        Some((cut, _)) => format!("{:?} … ({} bytes)", &text[..cut], text.len()),
    }
}

fn brief_array(array: &Array) -> String {
    let mut items = Vec::new();
    for_items(array, FIRST_ITEMS, &mut |item| {
        items.push(brief(&item));
        Ok::<_, std::convert::Infallible>(())
    })
    .unwrap_or_else(|never| match never {});
    let count = array.len();
    match count > items.len() {
        true => format!("[{}, … ({count} items)]", items.join(", ")),
        false => format!("[{}]", items.join(", ")),
    }
}

/// A number or a boolean.
fn plain(value: &Value) -> String {
    match value {
        Value::U8(n) => n.to_string(),
        Value::I8(n) => n.to_string(),
        Value::U16(n) => n.to_string(),
        Value::I16(n) => n.to_string(),
        Value::U32(n) => n.to_string(),
        Value::I32(n) => n.to_string(),
        Value::U64(n) => n.to_string(),
        Value::I64(n) => n.to_string(),
        Value::F32(x) => format!("{x:?}"),
        Value::F64(x) => format!("{x:?}"),
        Value::Bool(b) => b.to_string(),
        Value::String(_) | Value::Array(_) => String::new(),
    }
}

/// The first elements of an array, each as a value of its own.
fn for_items<E>(array: &Array, limit: usize, each: &mut dyn FnMut(Value) -> Result<(), E>) -> Result<(), E> {
    fn all<T: Clone, E>(
        items: &[T],
        limit: usize,
        wrap: impl Fn(T) -> Value,
        each: &mut dyn FnMut(Value) -> Result<(), E>,
    ) -> Result<(), E> {
        items.iter().take(limit).try_for_each(|item| each(wrap(item.clone())))
    }
    match array {
        Array::U8(items) => all(items, limit, Value::U8, each),
        Array::I8(items) => all(items, limit, Value::I8, each),
        Array::U16(items) => all(items, limit, Value::U16, each),
        Array::I16(items) => all(items, limit, Value::I16, each),
        Array::U32(items) => all(items, limit, Value::U32, each),
        Array::I32(items) => all(items, limit, Value::I32, each),
        Array::F32(items) => all(items, limit, Value::F32, each),
        Array::Bool(items) => all(items, limit, Value::Bool, each),
        Array::String(items) => all(items, limit, Value::String, each),
        Array::Array(items) => all(items, limit, Value::Array, each),
        Array::U64(items) => all(items, limit, Value::U64, each),
        Array::I64(items) => all(items, limit, Value::I64, each),
        Array::F64(items) => all(items, limit, Value::F64, each),
    }
}

/// The JSON report; its keys come in the order of the fields.
#[derive(serde::Serialize)]
struct Report<'a> {
    file: String,
    version: u32,
    file_size: u64,
    alignment: u64,
    data_offset: u64,
    metadata: Vec<EntryReport<'a>>,
    tensors: Vec<TensorReport<'a>>,
    totals: Vec<TotalReport>,
}

#[derive(serde::Serialize)]
struct EntryReport<'a> {
    key: &'a str,
    #[serde(rename = "type")]
    kind: String,
    value: JsonValue<&'a Value>,
}

#[derive(serde::Serialize)]
struct TensorReport<'a> {
    index: usize,
    name: &'a str,
    dims: &'a [u64],
    #[serde(rename = "type")]
    dtype: &'static str,
    offset: u64,
    file_offset: u64,
    size: u64,
}

#[derive(serde::Serialize)]
struct TotalReport {
    #[serde(rename = "type")]
    dtype: &'static str,
    tensors: usize,
    bytes: u64,
}

fn report<'a>(path: &Path, gguf: &'a Gguf) -> Report<'a> {
    let entry = |(key, value): &'a (String, Value)| EntryReport {
        key,
        kind: type_name(value),
        value: JsonValue(value),
    };
    let tensors = gguf.tensors.iter().enumerate().map(|(index, tensor)| TensorReport {
        index,
        name: &tensor.name,
        dims: &tensor.dims,
        dtype: tensor.dtype.name(),
        offset: tensor.offset,
        file_offset: gguf.file_range(tensor).start,
        size: tensor.size,
    });
    Report {
        file: path.display().to_string(),
        version: gguf.version,
        file_size: gguf.file_size,
        alignment: gguf.alignment,
        data_offset: gguf.data_offset,
        metadata: gguf.metadata.iter().map(entry).collect(),
        tensors: tensors.collect(),
        totals: totals(gguf),
    }
}

/// A value as JSON. Numbers that JSON lacks become their names, as strings.
struct JsonValue<T>(T);

impl Serialize for JsonValue<&Value> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::U8(n) => serializer.serialize_u8(*n),
            Value::I8(n) => serializer.serialize_i8(*n),
            Value::U16(n) => serializer.serialize_u16(*n),
            Value::I16(n) => serializer.serialize_i16(*n),
            Value::U32(n) => serializer.serialize_u32(*n),
            Value::I32(n) => serializer.serialize_i32(*n),
            Value::U64(n) => serializer.serialize_u64(*n),
            Value::I64(n) => serializer.serialize_i64(*n),
            Value::F32(x) if x.is_finite() => serializer.serialize_f32(*x),
            Value::F64(x) if x.is_finite() => serializer.serialize_f64(*x),
            Value::F32(x) => serializer.serialize_str(&x.to_string()),
            Value::F64(x) => serializer.serialize_str(&x.to_string()),
            Value::Bool(b) => serializer.serialize_bool(*b),
            Value::String(text) => serializer.serialize_str(&text.to_str_lossy()),
            Value::Array(array) => JsonValue(array).serialize(serializer),
        }
    }
}

impl Serialize for JsonValue<&Array> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut seq = serializer.serialize_seq(Some(self.0.len()))?;
        for_items(self.0, usize::MAX, &mut |item| seq.serialize_element(&JsonValue(&item)))?;
        seq.end()
    }
}
