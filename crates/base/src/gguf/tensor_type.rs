//! The element types of tensors.

use std::borrow::Cow;
use std::cmp::Ordering;

/// Declares the types once: name in the format, number in the file, elements and bytes of a block.
macro_rules! tensor_types {
    ($($variant:ident = $id:literal, $name:literal, $elements:literal, $bytes:literal;)*) => {
        /// The type of a tensor's elements, by ggml's names and numbers.
        ///
        /// Source: `enum ggml_type` and the block structs in ggml's `ggml.h` and `ggml-common.h`.
        #[allow(non_camel_case_types, missing_docs)]
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum TensorType {
            $($variant,)*
            /// A number without a row here: ggml has removed the type, or it is a fork's, or newer than
            /// this table. The size of its blocks is not known.
            Unlisted(u32),
        }

        impl TensorType {
            /// Every type, in the order of their numbers.
            pub const ALL: &[TensorType] = &[$(TensorType::$variant,)*];

            /// The type with this number in a file.
            pub fn from_id(id: u32) -> Self {
                match id { $($id => TensorType::$variant,)* _ => TensorType::Unlisted(id) }
            }

            /// Its number in a file.
            pub fn id(self) -> u32 {
                match self { $(TensorType::$variant => $id,)* TensorType::Unlisted(id) => id }
            }

            /// ggml's lower-case name, such as `q4_K`; that of a removed type, where it had one; else the
            /// number, as `type 77`.
            pub fn name(self) -> Cow<'static, str> {
                match self {
                    $(TensorType::$variant => Cow::Borrowed($name),)*
                    TensorType::Unlisted(id) => match removed(id) {
                        Some(name) => Cow::Borrowed(name),
                        None => Cow::Owned(format!("type {id}")),
                    },
                }
            }

            /// Elements and bytes of one block, where they are known.
            pub fn block(self) -> Option<(u64, u64)> {
                match self {
                    $(TensorType::$variant => Some(($elements, $bytes)),)*
                    TensorType::Unlisted(_) => None,
                }
            }
        }
    };
}

tensor_types! {
    F32 = 0, "f32", 1, 4;
    F16 = 1, "f16", 1, 2;
    Q4_0 = 2, "q4_0", 32, 18;
    Q4_1 = 3, "q4_1", 32, 20;
    Q5_0 = 6, "q5_0", 32, 22;
    Q5_1 = 7, "q5_1", 32, 24;
    Q8_0 = 8, "q8_0", 32, 34;
    Q8_1 = 9, "q8_1", 32, 36;
    Q2_K = 10, "q2_K", 256, 84;
    Q3_K = 11, "q3_K", 256, 110;
    Q4_K = 12, "q4_K", 256, 144;
    Q5_K = 13, "q5_K", 256, 176;
    Q6_K = 14, "q6_K", 256, 210;
    Q8_K = 15, "q8_K", 256, 292;
    IQ2_XXS = 16, "iq2_xxs", 256, 66;
    IQ2_XS = 17, "iq2_xs", 256, 74;
    IQ3_XXS = 18, "iq3_xxs", 256, 98;
    IQ1_S = 19, "iq1_s", 256, 50;
    IQ4_NL = 20, "iq4_nl", 32, 18;
    IQ3_S = 21, "iq3_s", 256, 110;
    IQ2_S = 22, "iq2_s", 256, 82;
    IQ4_XS = 23, "iq4_xs", 256, 136;
    I8 = 24, "i8", 1, 1;
    I16 = 25, "i16", 1, 2;
    I32 = 26, "i32", 1, 4;
    I64 = 27, "i64", 1, 8;
    F64 = 28, "f64", 1, 8;
    IQ1_M = 29, "iq1_m", 256, 56;
    BF16 = 30, "bf16", 1, 2;
    TQ1_0 = 34, "tq1_0", 256, 54;
    TQ2_0 = 35, "tq2_0", 256, 66;
    MXFP4 = 39, "mxfp4", 32, 17;
    NVFP4 = 40, "nvfp4", 64, 36;
    Q1_0 = 41, "q1_0", 128, 18;
    Q2_0 = 42, "q2_0", 64, 18;
}

/// The name of a type that ggml once had and whose number it keeps free.
fn removed(id: u32) -> Option<&'static str> {
    Some(match id {
        4 => "q4_2",
        5 => "q4_3",
        31 => "q4_0_4_4",
        32 => "q4_0_4_8",
        33 => "q4_0_8_8",
        36 => "iq4_nl_4_4",
        37 => "iq4_nl_4_8",
        38 => "iq4_nl_8_8",
        _ => return None,
    })
}

impl TensorType {
    /// The bytes of a run of elements; `None` when it is no whole number of blocks, too large, or of a type
    /// whose blocks are not known. No elements are no bytes of any type.
    pub fn size_of(self, elements: u64) -> Option<u64> {
        if elements == 0 {
            return Some(0);
        }
        let (block_elements, block_bytes) = self.block()?;
        if !elements.is_multiple_of(block_elements) {
            return None;
        }
        (elements / block_elements).checked_mul(block_bytes)
    }

    /// Elements of one block; 1 where that is not known.
    pub fn block_elements(self) -> u64 {
        self.block().map_or(1, |(elements, _)| elements)
    }

    /// Bytes of one block; 0 where that is not known.
    pub fn block_bytes(self) -> u64 {
        self.block().map_or(0, |(_, bytes)| bytes)
    }

    /// Whether ggml once had this type and has it no longer.
    pub fn is_removed(self) -> bool {
        removed(self.id()).is_some()
    }
}

impl Ord for TensorType {
    /// By the numbers in a file.
    fn cmp(&self, other: &Self) -> Ordering {
        self.id().cmp(&other.id())
    }
}

impl PartialOrd for TensorType {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl std::fmt::Display for TensorType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_leads_back_to_its_type() {
        for &dtype in TensorType::ALL {
            assert_eq!(TensorType::from_id(dtype.id()), dtype);
            assert!(dtype.block().is_some() && !dtype.is_removed(), "{dtype}");
        }
        for id in [4, 5, 31, 32, 33, 36, 37, 38, 43, 142, u32::MAX] {
            assert_eq!(TensorType::from_id(id), TensorType::Unlisted(id));
        }
    }

    #[test]
    fn a_type_without_a_row_has_a_name_and_no_size() {
        let (removed, unknown) = (TensorType::Unlisted(31), TensorType::Unlisted(142));
        assert_eq!((removed.to_string(), unknown.to_string()), ("q4_0_4_4".into(), "type 142".into()));
        assert!(removed.is_removed() && !unknown.is_removed());
        assert_eq!((unknown.size_of(32), unknown.size_of(0)), (None, Some(0)));
        assert!(TensorType::Q4_0 < removed && removed < unknown);
    }

    #[test]
    fn sizes_are_whole_blocks_or_nothing() {
        assert_eq!(TensorType::F32.size_of(3), Some(12));
        assert_eq!(TensorType::Q8_0.size_of(64), Some(68));
        assert_eq!(TensorType::Q8_0.size_of(65), None);
        assert_eq!(TensorType::Q4_K.size_of(0), Some(0));
        assert_eq!(TensorType::NVFP4.size_of(128), Some(72));
        assert_eq!(TensorType::F32.size_of(u64::MAX / 2), None);
    }
}
