//! The type tags of metadata values.

/// Declares the types once: number in the file, name, fewest bytes of an element.
macro_rules! value_types {
    ($($variant:ident = $id:literal, $name:literal, $bytes:expr;)*) => {
        /// The type of a metadata value, by the format's names and numbers.
        #[allow(missing_docs)]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(u32)]
        pub enum ValueType { $($variant = $id,)* }

        impl ValueType {
            /// Every type, in the order of their numbers.
            pub const ALL: &[ValueType] = &[$(ValueType::$variant,)*];

            /// The type with this number in a file.
            pub fn from_id(id: u32) -> Option<Self> {
                match id { $($id => Some(ValueType::$variant),)* _ => None }
            }

            /// Its number in a file.
            pub fn id(self) -> u32 {
                self as u32
            }

            /// The lower-case name, such as `u32`.
            pub fn name(self) -> &'static str {
                match self { $(ValueType::$variant => $name,)* }
            }

            /// The fewest bytes that one value of this type takes in a file.
            pub(super) fn min_bytes(self) -> u64 {
                match self { $(ValueType::$variant => $bytes,)* }
            }
        }
    };
}

value_types! {
    U8 = 0, "u8", 1;
    I8 = 1, "i8", 1;
    U16 = 2, "u16", 2;
    I16 = 3, "i16", 2;
    U32 = 4, "u32", 4;
    I32 = 5, "i32", 4;
    F32 = 6, "f32", 4;
    Bool = 7, "bool", 1;
    String = 8, "string", super::limits::MIN_STRING_BYTES;
    Array = 9, "array", super::limits::MIN_ARRAY_BYTES;
    U64 = 10, "u64", 8;
    I64 = 11, "i64", 8;
    F64 = 12, "f64", 8;
}

impl std::fmt::Display for ValueType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_leads_back_to_its_type() {
        assert_eq!(ValueType::ALL.len(), 13);
        for (id, &kind) in ValueType::ALL.iter().enumerate() {
            assert_eq!(kind.id() as usize, id);
            assert_eq!(ValueType::from_id(id as u32), Some(kind));
        }
        assert_eq!(ValueType::from_id(13), None);
    }
}
