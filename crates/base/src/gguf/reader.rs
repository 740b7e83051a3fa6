//! The header parser.

use std::ops::RangeInclusive;

use super::cursor::Cursor;
use super::encode::MAGIC;
use super::error::{Place, ReadError};
use super::limits::{
    MAX_ARRAY_DEPTH, MAX_DIMS, MAX_ENTRIES, MAX_KEY_BYTES, MAX_TENSOR_NAME_BYTES, MIN_ENTRY_BYTES,
    MIN_TENSOR_BYTES,
};
use super::recognise::{Kind, recognise};
use super::source::ByteSource;
use super::{Array, Gguf, TensorInfo, TensorType, Text, Value, ValueType, layout};

/// Entries reserved for at once; longer tables grow as their entries prove to be there.
const FIRST_CAPACITY: u64 = 64;

/// Reads and validates the header of a GGUF file.
///
/// The source is read from its start in adjoining pieces of 64 KiB, 64 KiB, 128 KiB … 1 MiB, each
/// byte once, up to the piece that holds the header's end. Tensor data is not looked at.
///
/// # Errors
/// When the source fails, or the file is not a well-formed little-endian GGUF of version 2 or 3
/// that holds all of its tensors' data. The memory taken up to then, as on success, is bounded by
/// a small multiple of the header's true size.
pub fn read(source: &dyn ByteSource) -> Result<Gguf, ReadError> {
    let mut cursor = Cursor::new(source);
    let version = read_version(&mut cursor)?;
    let counts_at = cursor.offset();
    let tensor_count = cursor.u64("the tensor count")?;
    let entry_count = cursor.u64("the metadata count")?;
    cursor.check_count(tensor_count, MIN_TENSOR_BYTES, "tensors", counts_at)?;
    cursor.check_count(entry_count, MIN_ENTRY_BYTES, "metadata entries", counts_at + 8)?;
    for (count, what, offset) in
        [(tensor_count, "tensors", counts_at), (entry_count, "metadata entries", counts_at + 8)]
    {
        if count > MAX_ENTRIES {
            let place = Place::Header;
            return Err(ReadError::TooMany { place, what, offset, count, most: MAX_ENTRIES });
        }
    }

    let mut metadata = Vec::with_capacity(entry_count.min(FIRST_CAPACITY) as usize);
    for index in 0..entry_count {
        cursor.place = Place::Entry(index);
        metadata.push(read_entry(&mut cursor)?);
    }
    layout::check_unique_keys(&metadata)?;
    let alignment = layout::alignment(&metadata)?;

    let mut tensors = Vec::with_capacity(tensor_count.min(FIRST_CAPACITY) as usize);
    let mut unlisted = Vec::new();
    for index in 0..tensor_count {
        cursor.place = Place::TensorEntry(index);
        let (tensor, sized) = read_tensor(&mut cursor)?;
        if !sized {
            unlisted.push(tensors.len());
        }
        tensors.push(tensor);
    }
    let data_offset = layout::data_offset(cursor.offset(), alignment)?;
    let file_size = cursor.file_size();
    layout::size_unlisted(&mut tensors, &unlisted, data_offset, file_size);
    layout::check_tensors(&tensors, alignment, data_offset, file_size)?;
    Ok(Gguf { version, alignment, metadata, tensors, data_offset, file_size })
}

/// The magic and the version.
fn read_version(cursor: &mut Cursor<'_>) -> Result<u32, ReadError> {
    // What a file is instead shows in its first bytes, however few there are.
    let file_size = cursor.file_size();
    let kind = recognise(cursor.peek()?, file_size);
    let magic: [u8; 4] = match (cursor.array("the magic"), kind) {
        (Err(ReadError::Truncated { .. }), Some(kind)) => return Err(other_file(kind, cursor.peek()?)),
        (magic, _) => magic?,
    };
    if magic != MAGIC {
        let hint = match &magic {
            b"lmgg" | b"fmgg" | b"tjgg" | b"algg" => "; it is of an older ggml format: convert it to GGUF",
            _ => "",
        };
        if let (Some(kind), "") = (kind, hint) {
            return Err(other_file(kind, &magic));
        }
        let found = format!("\"{}\"", magic.escape_ascii());
        return Err(ReadError::Magic { found, what: String::new(), hint });
    }
    let version = cursor.u32("the version")?;
    match version {
        2 | 3 => Ok(version),
        // A big-endian file has the same magic, so the version is the first number to show it.
        _ if (1..=0xffff).contains(&version.swap_bytes()) && version > 0xffff => {
            Err(ReadError::BigEndian { version: version.swap_bytes() })
        }
        1 => Err(ReadError::Version { version, hint: ": it has 32-bit counts, convert it to version 3" }),
        _ => Err(ReadError::Version { version, hint: "" }),
    }
}

/// The error for a file that is something else.
fn other_file(kind: Kind, start: &[u8]) -> ReadError {
    let found = format!("\"{}\"", start.get(..4).unwrap_or(start).escape_ascii());
    ReadError::Magic { found, what: format!("this is {}; ", kind.what), hint: kind.advice }
}

/// A key or a tensor name.
fn read_name(
    cursor: &mut Cursor<'_>,
    what: &'static str,
    allowed: RangeInclusive<u64>,
) -> Result<String, ReadError> {
    let offset = cursor.offset();
    let length = cursor.u64(what)?;
    if !allowed.contains(&length) {
        return Err(ReadError::NameLength { place: cursor.place.clone(), what, offset, length, allowed });
    }
    String::from_utf8(cursor.bytes(length, what)?).map_err(|error| ReadError::NameEncoding {
        place: cursor.place.clone(),
        what,
        offset,
        bytes: error.into_bytes(),
    })
}

/// One key-value pair.
fn read_entry(cursor: &mut Cursor<'_>) -> Result<(String, Value), ReadError> {
    let key = read_name(cursor, "key", 1..=MAX_KEY_BYTES)?;
    cursor.place = Place::Key(key);
    let kind = read_type(cursor)?;
    let value = read_value(cursor, kind)?;
    match std::mem::replace(&mut cursor.place, Place::Header) {
        Place::Key(key) => Ok((key, value)),
        _ => unreachable!("reading a value leaves the place at its key"),
    }
}

fn read_type(cursor: &mut Cursor<'_>) -> Result<ValueType, ReadError> {
    let offset = cursor.offset();
    let id = cursor.u32("value type")?;
    ValueType::from_id(id).ok_or_else(|| ReadError::ValueType { place: cursor.place.clone(), offset, id })
}

fn read_value(cursor: &mut Cursor<'_>, kind: ValueType) -> Result<Value, ReadError> {
    Ok(match kind {
        ValueType::U8 => Value::U8(u8::from_le_bytes(cursor.array("value")?)),
        ValueType::I8 => Value::I8(i8::from_le_bytes(cursor.array("value")?)),
        ValueType::U16 => Value::U16(u16::from_le_bytes(cursor.array("value")?)),
        ValueType::I16 => Value::I16(i16::from_le_bytes(cursor.array("value")?)),
        ValueType::U32 => Value::U32(cursor.u32("value")?),
        ValueType::I32 => Value::I32(i32::from_le_bytes(cursor.array("value")?)),
        ValueType::F32 => Value::F32(f32::from_le_bytes(cursor.array("value")?)),
        ValueType::Bool => Value::Bool(read_bool(cursor)?),
        ValueType::String => Value::String(read_text(cursor)?),
        ValueType::Array => Value::Array(read_array(cursor, 1)?),
        ValueType::U64 => Value::U64(cursor.u64("value")?),
        ValueType::I64 => Value::I64(i64::from_le_bytes(cursor.array("value")?)),
        ValueType::F64 => Value::F64(f64::from_le_bytes(cursor.array("value")?)),
    })
}

fn read_bool(cursor: &mut Cursor<'_>) -> Result<bool, ReadError> {
    let offset = cursor.offset();
    match cursor.array("value")? {
        [0] => Ok(false),
        [1] => Ok(true),
        [value] => Err(ReadError::Bool { place: cursor.place.clone(), offset, value }),
    }
}

fn read_text(cursor: &mut Cursor<'_>) -> Result<Text, ReadError> {
    let length = cursor.u64("string length")?;
    cursor.bytes(length, "string").map(Text)
}

/// An array at `depth` levels of nesting, its element type and count first.
fn read_array(cursor: &mut Cursor<'_>, depth: usize) -> Result<Array, ReadError> {
    let offset = cursor.offset();
    if depth > MAX_ARRAY_DEPTH {
        return Err(ReadError::ArrayDepth { place: cursor.place.clone(), offset });
    }
    let kind = read_type(cursor)?;
    let count_at = cursor.offset();
    let count = cursor.u64("array count")?;
    cursor.check_count(count, kind.min_bytes(), "array elements", count_at)?;
    if matches!(kind, ValueType::String | ValueType::Array) {
        cursor.spend(count, count_at)?;
    }
    Ok(match kind {
        ValueType::U8 => Array::U8(cursor.bytes(count, "array")?),
        ValueType::I8 => Array::I8(read_items(cursor, count, |c| c.array("array").map(i8::from_le_bytes))?),
        ValueType::U16 => {
            Array::U16(read_items(cursor, count, |c| c.array("array").map(u16::from_le_bytes))?)
        }
        ValueType::I16 => {
            Array::I16(read_items(cursor, count, |c| c.array("array").map(i16::from_le_bytes))?)
        }
        ValueType::U32 => {
            Array::U32(read_items(cursor, count, |c| c.array("array").map(u32::from_le_bytes))?)
        }
        ValueType::I32 => {
            Array::I32(read_items(cursor, count, |c| c.array("array").map(i32::from_le_bytes))?)
        }
        ValueType::F32 => {
            Array::F32(read_items(cursor, count, |c| c.array("array").map(f32::from_le_bytes))?)
        }
        ValueType::U64 => {
            Array::U64(read_items(cursor, count, |c| c.array("array").map(u64::from_le_bytes))?)
        }
        ValueType::I64 => {
            Array::I64(read_items(cursor, count, |c| c.array("array").map(i64::from_le_bytes))?)
        }
        ValueType::F64 => {
            Array::F64(read_items(cursor, count, |c| c.array("array").map(f64::from_le_bytes))?)
        }
        ValueType::Bool => Array::Bool(read_items(cursor, count, read_bool)?),
        ValueType::String => Array::String(read_items(cursor, count, read_text)?),
        ValueType::Array => Array::Array(read_arrays(cursor, count, depth + 1)?),
    })
}

/// The elements of an array, whose count was checked against what is left of the header. Scalars and
/// strings get their memory at once, so that a vocabulary does not move while it is read: each of
/// them takes at most three times its bytes in the file, and the heap blocks of strings.
fn read_items<T>(
    cursor: &mut Cursor<'_>,
    count: u64,
    item: impl FnMut(&mut Cursor<'_>) -> Result<T, ReadError>,
) -> Result<Vec<T>, ReadError> {
    read_into(Vec::with_capacity(count as usize), cursor, count, item)
}

/// The arrays of an array. Their vector grows with the elements that are there, so that a count
/// claimed at several levels of nesting cannot add up.
fn read_arrays(cursor: &mut Cursor<'_>, count: u64, depth: usize) -> Result<Vec<Array>, ReadError> {
    let items = Vec::with_capacity(count.min(FIRST_CAPACITY) as usize);
    read_into(items, cursor, count, |cursor| read_array(cursor, depth))
}

fn read_into<T>(
    mut items: Vec<T>,
    cursor: &mut Cursor<'_>,
    count: u64,
    mut item: impl FnMut(&mut Cursor<'_>) -> Result<T, ReadError>,
) -> Result<Vec<T>, ReadError> {
    for _ in 0..count {
        items.push(item(cursor)?);
    }
    items.shrink_to_fit();
    Ok(items)
}

/// One entry of the tensor table; what depends on other entries is checked later.
/// Beside it, whether its size is known by now.
fn read_tensor(cursor: &mut Cursor<'_>) -> Result<(TensorInfo, bool), ReadError> {
    let name = read_name(cursor, "name", 0..=MAX_TENSOR_NAME_BYTES)?;
    cursor.place = Place::Tensor(name.clone());
    let offset = cursor.offset();
    let count = cursor.u32("dimension count")?;
    if count > MAX_DIMS {
        return Err(ReadError::DimCount { place: cursor.place.clone(), offset, count });
    }
    let mut dims = Vec::with_capacity(count as usize);
    for _ in 0..count {
        dims.push(cursor.u64("dimension")?);
    }
    let dtype = TensorType::from_id(cursor.u32("tensor type")?);
    let offset = cursor.u64("data offset")?;
    let size = layout::tensor_size(&name, &dims, dtype)?;
    Ok((TensorInfo { name, dims, dtype, offset, size: size.unwrap_or_default() }, size.is_some()))
}
