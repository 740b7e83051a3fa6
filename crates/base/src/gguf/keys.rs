//! Typed access to metadata, with errors that name the key and what was found.

use super::{Array, Gguf, Text, Value};

/// Why a metadata key does not give what was wanted of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs)]
pub enum KeyError {
    /// The file has no such key.
    #[error("the model has no key {key:?}, which must be {wanted}")]
    Missing { key: String, wanted: &'static str },
    /// The key holds something else.
    #[error("the model's key {key:?} must be {wanted}, but it is {found}")]
    Mismatch { key: String, wanted: &'static str, found: String },
}

impl Gguf {
    /// The value of a key, converted.
    fn typed<'a, T>(
        &'a self,
        key: &str,
        wanted: &'static str,
        convert: impl FnOnce(&'a Value) -> Option<T>,
    ) -> Result<T, KeyError> {
        let value = self.get(key).ok_or_else(|| KeyError::Missing { key: key.into(), wanted })?;
        convert(value).ok_or_else(|| KeyError::Mismatch { key: key.into(), wanted, found: describe(value) })
    }

    /// An integer of any width that fits 32 bits.
    ///
    /// # Errors
    /// When the key is missing or is no such integer; so it is with the getters below.
    pub fn u32(&self, key: &str) -> Result<u32, KeyError> {
        self.typed(key, "an unsigned 32-bit integer", Value::as_u32)
    }

    /// An integer of any width that is not negative.
    ///
    /// # Errors
    /// See [`Gguf::u32`].
    pub fn u64(&self, key: &str) -> Result<u64, KeyError> {
        self.typed(key, "an unsigned integer", Value::as_u64)
    }

    /// A single-precision number.
    ///
    /// # Errors
    /// See [`Gguf::u32`].
    pub fn f32(&self, key: &str) -> Result<f32, KeyError> {
        self.typed(key, "an f32", Value::as_f32)
    }

    /// A boolean.
    ///
    /// # Errors
    /// See [`Gguf::u32`].
    pub fn bool(&self, key: &str) -> Result<bool, KeyError> {
        self.typed(key, "a bool", Value::as_bool)
    }

    /// A string that is UTF-8.
    ///
    /// # Errors
    /// See [`Gguf::u32`].
    pub fn str(&self, key: &str) -> Result<&str, KeyError> {
        self.typed(key, "a UTF-8 string", Value::as_str)
    }

    /// An array of any element type.
    ///
    /// # Errors
    /// See [`Gguf::u32`].
    pub fn array(&self, key: &str) -> Result<&Array, KeyError> {
        self.typed(key, "an array", Value::as_array)
    }

    /// An array of strings.
    ///
    /// # Errors
    /// See [`Gguf::u32`].
    pub fn strings(&self, key: &str) -> Result<&[Text], KeyError> {
        self.typed(key, "an array of strings", |value| value.as_array()?.as_strings())
    }
}

/// A value in a few words; never the whole of a long one.
pub(super) fn describe(value: &Value) -> String {
    match value {
        Value::U8(n) => format!("the u8 {n}"),
        Value::I8(n) => format!("the i8 {n}"),
        Value::U16(n) => format!("the u16 {n}"),
        Value::I16(n) => format!("the i16 {n}"),
        Value::U32(n) => format!("the u32 {n}"),
        Value::I32(n) => format!("the i32 {n}"),
        Value::U64(n) => format!("the u64 {n}"),
        Value::I64(n) => format!("the i64 {n}"),
        Value::F32(x) => format!("the f32 {x}"),
        Value::F64(x) => format!("the f64 {x}"),
        Value::Bool(b) => format!("the bool {b}"),
        Value::String(text) => match text.as_str() {
            Some(text) if text.len() <= 64 => format!("the string {text:?}"),
            Some(text) => format!("a string of {} bytes", text.len()),
            None => format!("a string of {} bytes that is not UTF-8", text.0.len()),
        },
        Value::Array(array) => format!("an array of {} {}s", array.len(), array.element_type()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model() -> Gguf {
        let metadata = [
            ("count", Value::U64(1 << 33)),
            ("scale", Value::F32(0.5)),
            ("name", Value::from("x")),
            ("raw", Value::String(Text(vec![0xff]))),
            ("words", Value::Array(Array::String(vec!["a".into()]))),
            ("ids", Value::Array(Array::I32(vec![1, 2, 3]))),
        ];
        Gguf {
            version: 3,
            alignment: 32,
            metadata: metadata.map(|(key, value)| (key.to_owned(), value)).into(),
            tensors: Vec::new(),
            data_offset: 0,
            file_size: 0,
        }
    }

    #[test]
    fn a_key_gives_its_value() {
        let model = model();
        assert_eq!(model.u64("count"), Ok(1 << 33));
        assert_eq!(model.f32("scale"), Ok(0.5));
        assert_eq!(model.str("name"), Ok("x"));
        assert_eq!(model.strings("words").map(<[_]>::len), Ok(1));
        assert_eq!(model.array("ids").map(Array::len), Ok(3));
    }

    #[test]
    fn a_key_that_does_not_is_named_with_what_it_holds() {
        let model = model();
        let cases = [
            (model.bool("absent").unwrap_err(), "the model has no key \"absent\", which must be a bool"),
            (
                model.u32("count").unwrap_err(),
                "the model's key \"count\" must be an unsigned 32-bit integer, but it is the u64 8589934592",
            ),
            (
                model.str("raw").unwrap_err(),
                "the model's key \"raw\" must be a UTF-8 string, but it is a string of 1 bytes that is not UTF-8",
            ),
            (
                model.strings("ids").unwrap_err(),
                "the model's key \"ids\" must be an array of strings, but it is an array of 3 i32s",
            ),
        ];
        for (error, message) in cases {
            assert_eq!(error.to_string(), message);
        }
    }
}
