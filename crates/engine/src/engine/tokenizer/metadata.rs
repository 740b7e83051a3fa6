//! The forms in which a vocabulary uses metadata, on top of the typed access of [`Gguf`].

use crate::gguf::{Array, Gguf, KeyError};

use super::TokenizerError;

type Key = &'static str;

/// What a getter gives for a key that is there; nothing for one that is not.
fn optional<'g, T>(
    gguf: &'g Gguf,
    key: Key,
    getter: impl FnOnce(&'g Gguf, &str) -> Result<T, KeyError>,
) -> Result<Option<T>, TokenizerError> {
    Ok(gguf.get(key).is_some().then(|| getter(gguf, key)).transpose()?)
}

/// The string under `key`, if there is one.
pub(super) fn string(gguf: &Gguf, key: Key) -> Result<Option<&str>, TokenizerError> {
    optional(gguf, key, Gguf::str)
}

/// The flag under `key`, if there is one.
pub(super) fn flag(gguf: &Gguf, key: Key) -> Result<Option<bool>, TokenizerError> {
    optional(gguf, key, Gguf::bool)
}

/// The token id under `key`, if there is one; an error unless it is below `tokens`.
pub(super) fn token_id(gguf: &Gguf, key: Key, tokens: usize) -> Result<Option<u32>, TokenizerError> {
    match optional(gguf, key, Gguf::u32)? {
        Some(id) if (id as usize) >= tokens => Err(TokenizerError::IdOutOfRange { key, id, tokens }),
        id => Ok(id),
    }
}

/// The array of strings under `key`.
pub(super) fn strings(gguf: &Gguf, key: Key) -> Result<Vec<&str>, TokenizerError> {
    let texts = gguf.strings(key)?.iter().enumerate();
    texts.map(|(index, text)| text.as_str().ok_or(TokenizerError::NotUtf8 { key, index })).collect()
}

/// The array of single-precision numbers under `key`.
pub(super) fn floats(gguf: &Gguf, key: Key) -> Result<&[f32], TokenizerError> {
    match gguf.array(key)? {
        Array::F32(values) => Ok(values),
        other => Err(KeyError::Mismatch {
            key: key.to_owned(),
            wanted: "an array of f32s",
            found: format!("an array of {}s", other.element_type()),
        }
        .into()),
    }
}

/// The array of 32-bit integers under `key`, if there is one.
pub(super) fn integers(gguf: &Gguf, key: Key) -> Result<Option<Vec<i64>>, TokenizerError> {
    match optional(gguf, key, Gguf::array)? {
        None => Ok(None),
        Some(Array::I32(values)) => Ok(Some(values.iter().map(|&value| value.into()).collect())),
        Some(Array::U32(values)) => Ok(Some(values.iter().map(|&value| value.into()).collect())),
        Some(other) => Err(KeyError::Mismatch {
            key: key.to_owned(),
            wanted: "an array of i32s",
            found: format!("an array of {}s", other.element_type()),
        }
        .into()),
    }
}
