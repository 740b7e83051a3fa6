//! Typed access to the metadata keys of a vocabulary.

use crate::gguf::{Array, Gguf, Text, Value};

use super::TokenizerError;

type Key = &'static str;

fn utf8(text: &Text, key: Key, index: usize) -> Result<&str, TokenizerError> {
    std::str::from_utf8(&text.0).map_err(|_| TokenizerError::NotUtf8 { key, index })
}

/// The string under `key`, if there is one.
pub(super) fn string<'g>(gguf: &'g Gguf, key: Key) -> Result<Option<&'g str>, TokenizerError> {
    match gguf.get(key) {
        None => Ok(None),
        Some(Value::String(text)) => utf8(text, key, 0).map(Some),
        Some(_) => Err(TokenizerError::WrongType { key, expected: "a string" }),
    }
}

/// The flag under `key`, if there is one.
pub(super) fn flag(gguf: &Gguf, key: Key) -> Result<Option<bool>, TokenizerError> {
    match gguf.get(key) {
        None => Ok(None),
        Some(Value::Bool(flag)) => Ok(Some(*flag)),
        Some(_) => Err(TokenizerError::WrongType { key, expected: "a boolean" }),
    }
}

/// The token id under `key`, if there is one; an error unless it is below `tokens`.
pub(super) fn token_id(gguf: &Gguf, key: Key, tokens: usize) -> Result<Option<u32>, TokenizerError> {
    let id: i128 = match gguf.get(key) {
        None => return Ok(None),
        Some(Value::U8(id)) => (*id).into(),
        Some(Value::I8(id)) => (*id).into(),
        Some(Value::U16(id)) => (*id).into(),
        Some(Value::I16(id)) => (*id).into(),
        Some(Value::U32(id)) => (*id).into(),
        Some(Value::I32(id)) => (*id).into(),
        Some(Value::U64(id)) => (*id).into(),
        Some(Value::I64(id)) => (*id).into(),
        Some(_) => return Err(TokenizerError::WrongType { key, expected: "an integer" }),
    };
    match u32::try_from(id) {
        Ok(id) if (id as usize) < tokens => Ok(Some(id)),
        _ => Err(TokenizerError::IdOutOfRange { key, id, tokens }),
    }
}

/// The array of strings under `key`.
pub(super) fn strings<'g>(gguf: &'g Gguf, key: Key) -> Result<Vec<&'g str>, TokenizerError> {
    match gguf.get(key) {
        None => Err(TokenizerError::Missing { key }),
        Some(Value::Array(Array::String(texts))) => {
            texts.iter().enumerate().map(|(index, text)| utf8(text, key, index)).collect()
        }
        Some(_) => Err(TokenizerError::WrongType { key, expected: "an array of strings" }),
    }
}

/// The array of 32-bit integers under `key`, if there is one.
pub(super) fn integers(gguf: &Gguf, key: Key) -> Result<Option<Vec<i64>>, TokenizerError> {
    match gguf.get(key) {
        None => Ok(None),
        Some(Value::Array(Array::I32(values))) => Ok(Some(values.iter().map(|v| (*v).into()).collect())),
        Some(Value::Array(Array::U32(values))) => Ok(Some(values.iter().map(|v| (*v).into()).collect())),
        Some(_) => Err(TokenizerError::WrongType { key, expected: "an array of 32-bit integers" }),
    }
}
