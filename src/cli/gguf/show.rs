//! `gguf show`: a model's header, for people or for programs.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, Table};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::GgufCommandError;
use crate::gguf::{Array, Gguf, SeekSource, TensorInfo, TensorType, Text, Value, read, remarks};

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
    let source = crate::layout::regular(path)
        .and_then(|()| File::open(path))
        .and_then(SeekSource::new)
        .map_err(|error| GgufCommandError::Open { path: path.clone(), error })?;
    let gguf = read(&source).map_err(|error| GgufCommandError::Model { path: path.clone(), error })?;
    match args.format {
        Format::Text => text(path, &gguf, out)?,
        Format::Json => {
            serde_json::to_writer_pretty(&mut *out, &GgufShowDocument::of(path, &gguf))
                .map_err(io::Error::from)?;
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
        *bytes = bytes.saturating_add(tensor.size);
    }
    totals
        .into_iter()
        .map(|(dtype, (tensors, bytes))| TotalReport { dtype: dtype.name().into_owned(), tensors, bytes })
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
            shown_size(tensor),
        ]);
    }
    align_right(&mut table, &[0, 4, 5]);
    print(&table, out)?;

    writeln!(out, "\ntotals")?;
    let mut table = Table::new();
    table.load_style(NOTHING).set_header(["type", "tensors", "bytes"]);
    for total in totals(gguf) {
        table.add_row([total.dtype.clone(), total.tensors.to_string(), total.bytes.to_string()]);
    }
    align_right(&mut table, &[1, 2]);
    print(&table, out)?;
    let remarks = remarks(gguf);
    if !remarks.is_empty() {
        writeln!(out, "\nremarks")?;
    }
    remarks.iter().try_for_each(|remark| writeln!(out, "{remark}"))
}

/// The bytes of a tensor; `≤` where they reach to the next tensor, since its type has no known size.
fn shown_size(tensor: &TensorInfo) -> String {
    match has_known_size(tensor) {
        true => tensor.size.to_string(),
        false => format!("≤ {}", tensor.size),
    }
}

fn has_known_size(tensor: &TensorInfo) -> bool {
    tensor.dtype.block().is_some() || tensor.dims.contains(&0)
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

/// What `gguf show --format json` prints: a model's header. Its keys come in the order of the fields.
#[derive(Serialize, Deserialize, JsonSchema)]
pub(in crate::cli) struct GgufShowDocument {
    schema: String,
    file: String,
    /// The version of the format.
    version: u32,
    file_size: u64,
    /// Where tensors may begin.
    alignment: u64,
    /// Where the data of the tensors begins.
    data_offset: u64,
    metadata: Vec<EntryReport>,
    tensors: Vec<TensorReport>,
    totals: Vec<TotalReport>,
    /// What llama.cpp says of the file and this program does not mind, in sentences.
    #[serde(default)]
    remarks: Vec<String>,
}

/// An entry of the metadata.
#[derive(Serialize, Deserialize, JsonSchema)]
struct EntryReport {
    key: String,
    /// `u32`, `string`, `array of f32` …
    #[serde(rename = "type")]
    kind: String,
    value: Shown,
}

/// A tensor.
#[derive(Serialize, Deserialize, JsonSchema)]
struct TensorReport {
    index: usize,
    name: String,
    dims: Vec<u64>,
    #[serde(rename = "type")]
    dtype: String,
    /// From the beginning of the data.
    offset: u64,
    /// From the beginning of the file.
    file_offset: u64,
    /// Bytes.
    size: u64,
    /// Where the size is from: `type`, or `next-offset` for a type that is not known, whose bytes reach to the
    /// next tensor or to the end of the file.
    #[serde(default = "of_type")]
    size_from: String,
}

fn of_type() -> String {
    "type".to_owned()
}

/// All tensors of a type.
#[derive(Serialize, Deserialize, JsonSchema)]
struct TotalReport {
    #[serde(rename = "type")]
    dtype: String,
    tensors: usize,
    bytes: u64,
}

/// A value of the metadata. Numbers that JSON lacks are their names, as strings.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
enum Shown {
    Bool(bool),
    Unsigned(u64),
    Signed(i64),
    Double(f64),
    // Behind the wider one, which reads everything; a value of 32 bits is written with its own digits.
    Single(f32),
    Text(String),
    List(Vec<Self>),
}

impl Shown {
    fn of(value: &Value) -> Self {
        match value {
            Value::U8(n) => Self::Unsigned((*n).into()),
            Value::I8(n) => Self::Signed((*n).into()),
            Value::U16(n) => Self::Unsigned((*n).into()),
            Value::I16(n) => Self::Signed((*n).into()),
            Value::U32(n) => Self::Unsigned((*n).into()),
            Value::I32(n) => Self::Signed((*n).into()),
            Value::U64(n) => Self::Unsigned(*n),
            Value::I64(n) => Self::Signed(*n),
            Value::F32(x) if x.is_finite() => Self::Single(*x),
            Value::F64(x) if x.is_finite() => Self::Double(*x),
            Value::F32(x) => Self::Text(x.to_string()),
            Value::F64(x) => Self::Text(x.to_string()),
            Value::Bool(b) => Self::Bool(*b),
            Value::String(text) => Self::Text(text.to_str_lossy().into_owned()),
            Value::Array(array) => {
                let mut items = Vec::with_capacity(array.len());
                for_items(array, usize::MAX, &mut |item| {
                    items.push(Self::of(&item));
                    Ok::<_, std::convert::Infallible>(())
                })
                .unwrap_or_else(|never| match never {});
                Self::List(items)
            }
        }
    }
}

impl GgufShowDocument {
    pub(in crate::cli) const SCHEMA: &str = "loadparity.gguf-show/1";

    fn of(path: &Path, gguf: &Gguf) -> Self {
        let entry = |(key, value): &(String, Value)| EntryReport {
            key: key.clone(),
            kind: type_name(value),
            value: Shown::of(value),
        };
        let tensors = gguf.tensors.iter().enumerate().map(|(index, tensor)| TensorReport {
            index,
            name: tensor.name.clone(),
            dims: tensor.dims.clone(),
            dtype: tensor.dtype.name().into_owned(),
            offset: tensor.offset,
            file_offset: gguf.file_range(tensor).start,
            size: tensor.size,
            size_from: if has_known_size(tensor) { of_type() } else { "next-offset".to_owned() },
        });
        Self {
            schema: Self::SCHEMA.to_owned(),
            file: path.display().to_string(),
            version: gguf.version,
            file_size: gguf.file_size,
            alignment: gguf.alignment,
            data_offset: gguf.data_offset,
            metadata: gguf.metadata.iter().map(entry).collect(),
            tensors: tensors.collect(),
            totals: totals(gguf),
            remarks: remarks(gguf),
        }
    }
}
