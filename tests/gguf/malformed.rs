//! Malformed model files: each kind is refused with a message that says what is wrong and where.

use loadparity::gguf::{Array, ByteSource, Gguf, MAX_HEADER_BYTES, TensorInfo, TensorType, Value, read};
use rstest::rstest;

/// Bytes put together by hand.
struct Raw(Vec<u8>);

impl Raw {
    fn header(version: u32, tensors: u64, entries: u64) -> Self {
        Raw(b"GGUF".to_vec()).u32(version).u64(tensors).u64(entries)
    }

    fn bytes(mut self, bytes: &[u8]) -> Self {
        self.0.extend(bytes);
        self
    }

    fn u32(self, n: u32) -> Self {
        self.bytes(&n.to_le_bytes())
    }

    fn u64(self, n: u64) -> Self {
        self.bytes(&n.to_le_bytes())
    }

    fn text(self, text: &[u8]) -> Self {
        self.u64(text.len() as u64).bytes(text)
    }

    /// A file whose one entry is the key `k` of this type, its value to follow.
    fn entry(value_type: u32) -> Self {
        Self::header(3, 0, 1).text(b"k").u32(value_type)
    }

    /// A file whose one tensor is `t`, its dimensions to follow.
    fn tensor(dims: u32) -> Self {
        Self::header(3, 1, 0).text(b"t").u32(dims)
    }

    /// Enough zeros to be no shorter than any claim of a well-formed header.
    fn zeros(self) -> Vec<u8> {
        self.bytes(&[0; 256]).0
    }
}

/// A well-formed model of two tensors.
fn model() -> Gguf {
    let tensor = |name: &str, dims: &[u64], dtype, offset, size| TensorInfo {
        name: name.into(),
        dims: dims.into(),
        dtype,
        offset,
        size,
    };
    Gguf {
        version: 3,
        alignment: 32,
        metadata: vec![
            ("general.architecture".into(), Value::from("llama")),
            ("general.alignment".into(), Value::U32(32)),
            ("flags".into(), Value::Array(Array::Bool(vec![true, false]))),
        ],
        tensors: vec![
            tensor("first", &[32, 2], TensorType::Q8_0, 0, 68),
            tensor("second", &[5], TensorType::F32, 96, 20),
        ],
        data_offset: 0,
        file_size: 0,
    }
}

/// The file of a model, its data all ones.
fn file_of(model: &Gguf) -> Vec<u8> {
    let mut bytes = model.header_bytes();
    bytes.resize(bytes.len().next_multiple_of(32), 0);
    bytes.resize(bytes.len() + 96 + 20, 1);
    bytes
}

/// The file of the well-formed model after a change to it.
fn changed(change: impl FnOnce(&mut Gguf)) -> Vec<u8> {
    let mut model = model();
    change(&mut model);
    file_of(&model)
}

/// A model whose first tensor has this shape.
fn shaped(dims: &[u64], dtype: TensorType) -> Vec<u8> {
    changed(|model| {
        model.tensors[0].dims = dims.into();
        model.tensors[0].dtype = dtype;
    })
}

/// A model that asks for this alignment.
fn aligned(value: Value) -> Vec<u8> {
    changed(|model| model.metadata[1].1 = value)
}

/// The well-formed file with its last `count` bytes cut off.
fn cut(count: usize) -> Vec<u8> {
    let mut bytes = file_of(&model());
    bytes.truncate(bytes.len() - count);
    bytes
}

/// The well-formed file with other bytes at an offset.
fn patched(offset: usize, bytes: &[u8]) -> Vec<u8> {
    let mut file = file_of(&model());
    file[offset..offset + bytes.len()].copy_from_slice(bytes);
    file
}

/// `levels` arrays, one within the other.
fn nested(levels: usize) -> Vec<u8> {
    let innermost = Array::U8(vec![7]);
    let array = (1..levels).fold(innermost, |array, _| Array::Array(vec![array]));
    changed(|model| model.metadata[2].1 = Value::Array(array))
}

#[test]
fn the_file_that_the_cases_damage_is_well_formed() {
    let parsed = read(&file_of(&model())).unwrap();
    assert_eq!(parsed.tensors, model().tensors);
    assert_eq!(parsed.metadata, model().metadata);
    assert!(read(&nested(4)).is_ok());
}

#[rstest]
// Magic and version.
#[case::empty(vec![], "header: the magic at offset 0 needs 4 bytes, but the file ends at 0")]
#[case::other_magic(b"PK\x03\x04".to_vec(), "not a GGUF file: this is a zip archive, as PyTorch checkpoints are; it starts with \"PK\\x03\\x04\"")]
#[case::older_ggml(b"tjgg....".to_vec(), "it is of an older ggml format")]
#[case::no_version(b"GGUF".to_vec(), "header: the version at offset 4 needs 4 bytes")]
#[case::version_0(Raw::header(0, 0, 0).0, "GGUF version 0 is not supported, only 2 and 3 are")]
#[case::version_1(Raw::header(1, 0, 0).0, "GGUF version 1 is not supported, only 2 and 3 are: it has 32-bit counts")]
#[case::version_4(Raw::header(4, 0, 0).0, "GGUF version 4 is not supported")]
#[case::big_endian(Raw::header(3u32.swap_bytes(), 0, 0).0, "the file is big-endian (GGUF version 3")]
// Counts.
#[case::no_counts(b"GGUF\x03\0\0\0\0\0\0".to_vec(), "header: the tensor count at offset 8 needs 8 bytes")]
#[case::absurd_tensor_count(
    Raw::header(3, u64::MAX, 0).zeros(),
    "the count of tensors at offset 8 is 18446744073709551615, which needs at least 24 bytes each, but only 256"
)]
#[case::absurd_metadata_count(
    Raw::header(3, 0, 1 << 60).zeros(),
    "the count of metadata entries at offset 16 is 1152921504606846976, which needs at least 14 bytes each"
)]
#[case::tensor_count_one_too_many(
    patched(8, &3u64.to_le_bytes()),
    "tensor"
)]
#[case::metadata_count_one_too_many(
    patched(16, &4u64.to_le_bytes()),
    "tensor entry 0: the name at offset 152 is 562949953421312 bytes long, allowed are 0 to 64"
)]
// Keys.
#[case::empty_key(Raw::header(3, 0, 1).u64(0).zeros(), "metadata entry 0: the key at offset 24 is 0 bytes long")]
#[case::endless_key(
    Raw::header(3, 0, 1).u64(65_536).zeros(),
    "metadata entry 0: the key at offset 24 is 65536 bytes long, allowed are 1 to 65535"
)]
#[case::cut_key(
    Raw::header(3, 0, 1).u64(9).bytes(b"short").0,
    "the count of metadata entries at offset 16 is 1, which needs at least 14 bytes each, but only 13"
)]
#[case::key_past_the_end(
    Raw::header(3, 0, 1).u64(300).zeros(),
    "metadata entry 0: key at offset 32 needs 300 bytes, but the file ends at 288"
)]
#[case::key_not_utf_8(
    Raw::header(3, 0, 1).text(b"a\xff").zeros(),
    "metadata entry 0: the key at offset 24 is not UTF-8: \"a\\xff\""
)]
#[case::key_twice(
    changed(|m| m.metadata.push(("flags".into(), Value::U8(1)))),
    "key \"flags\" occurs twice, as metadata entries 2 and 3"
)]
// Values.
#[case::unknown_value_type(Raw::entry(13).zeros(), "key \"k\": unknown value type 13 at offset 33, known are 0 to 12")]
#[case::unknown_element_type(Raw::entry(9).u32(77).zeros(), "key \"k\": unknown value type 77 at offset 37")]
#[case::odd_bool(Raw::entry(7).bytes(&[2]).zeros(), "key \"k\": the boolean at offset 37 is 2, neither 0 nor 1")]
#[case::odd_bool_in_array(
    Raw::entry(9).u32(7).u64(3).bytes(&[1, 0, 255]).zeros(),
    "key \"k\": the boolean at offset 51 is 255"
)]
#[case::cut_value(Raw::entry(10).u32(1).0, "key \"k\": value at offset 37 needs 8 bytes, but the file ends at 41")]
#[case::unbounded_metadata_string(
    Raw::entry(8).u64(u64::MAX).zeros(),
    "key \"k\": string at offset 45 needs 18446744073709551615 bytes, but the file ends at 301, 256 bytes further"
)]
#[case::unbounded_string_in_array(
    Raw::entry(9).u32(8).u64(2).text(b"x").u64(1 << 40).zeros(),
    "key \"k\": string at offset 66 needs 1099511627776 bytes"
)]
#[case::absurd_array_count(
    Raw::entry(9).u32(0).u64(257).zeros(),
    "key \"k\": the count of array elements at offset 41 is 257, which needs at least 1 bytes each, but only 256"
)]
#[case::array_count_that_wraps_in_bytes(
    Raw::entry(9).u32(10).u64(1 << 61).zeros(),
    "key \"k\": the count of array elements at offset 41 is 2305843009213693952, which needs at least 8 bytes each"
)]
#[case::absurd_string_array_count(
    Raw::entry(9).u32(8).u64(33).zeros(),
    "the count of array elements at offset 41 is 33, which needs at least 8 bytes each, but only 256"
)]
#[case::arrays_too_deep(nested(5), "key \"flags\": arrays nest deeper than 4 levels at offset")]
// Alignment.
#[case::alignment_u64(aligned(Value::U64(32)), "key \"general.alignment\" is the u64 32, it must be a u32")]
#[case::alignment_zero(
    aligned(Value::U32(0)),
    "\"general.alignment\" is 0, it must be a power of two of at most"
)]
#[case::alignment_odd(aligned(Value::U32(48)), "\"general.alignment\" is 48, it must be a power of two")]
#[case::alignment_huge(aligned(Value::U32(1 << 31)), "\"general.alignment\" is 2147483648, it must be a power of two")]
// Tensor entries.
#[case::endless_tensor_name(
    changed(|m| m.tensors[1].name = "n".repeat(65)),
    "tensor entry 1: the name at offset"
)]
#[case::tensor_name_not_utf_8(
    Raw::header(3, 1, 0).text(b"\xc3").zeros(),
    "tensor entry 0: the name at offset 24 is not UTF-8: \"\\xc3\""
)]
#[case::tensor_twice(
    changed(|m| m.tensors[1].name = "first".into()),
    "tensor \"first\" occurs twice, as tensor entries 0 and 1"
)]
#[case::five_dimensions(Raw::tensor(5).zeros(), "tensor \"t\": 5 dimensions at offset 33, allowed are at most 4")]
#[case::overflowing_dimensions(
    shaped(&[1 << 32, 1 << 32], TensorType::F32),
    "tensor \"first\": [4294967296, 4294967296] elements of type f32 overflow 64 bits"
)]
#[case::dimensions_that_wrap_to_little(
    shaped(&[1 << 33, 1 << 31, 1, 3], TensorType::I8),
    "tensor \"first\": [8589934592, 2147483648, 1, 3] elements of type i8 overflow 64 bits"
)]
#[case::overflowing_bytes(
    shaped(&[1 << 62], TensorType::F32),
    "tensor \"first\": [4611686018427387904] elements of type f32 overflow 64 bits"
)]
#[case::partial_blocks(
    shaped(&[48, 2], TensorType::Q8_0),
    "tensor \"first\": rows of 48 elements do not divide into q8_0 blocks of 32 elements"
)]
#[case::cut_tensor_table(
    Raw::header(3, 1, 0).text(b"a name that is long enough").u32(4).u64(1).0,
    "tensor \"a name that is long enough\": dimension at offset 70 needs 8 bytes, but the file ends at 70"
)]
// Data.
#[case::misaligned(
    changed(|m| m.tensors[1].offset = 100),
    "tensor \"second\": its data offset 100 is not a multiple of the alignment 32"
)]
#[case::wrapped_offset(
    changed(|m| m.tensors[1].offset = u64::MAX - 31),
    "tensor \"second\": 20 bytes at offset 18446744073709551584 of the data section, which starts at"
)]
#[case::wrapped_end(
    changed(|m| m.tensors[0].offset = u64::MAX - 31 - 224),
    "tensor \"first\": 68 bytes at offset 18446744073709551360 of the data section, which starts at 224, overflow"
)]
#[case::beyond_the_file(
    changed(|m| m.tensors[1].offset = 128),
    "tensor \"second\": its data ends at byte 372, but the file has 340 bytes"
)]
#[case::data_cut_by_a_byte(
    cut(1),
    "tensor \"second\": its data ends at byte 340, but the file has 339 bytes"
)]
#[case::no_data_at_all(cut(116), "tensor \"first\": its data ends at byte 292, but the file has 224 bytes")]
#[case::overlap(
    changed(|m| m.tensors[1].offset = 64),
    "tensors \"first\" and \"second\" overlap: the first ends at 68 of the data section, the second starts at 64"
)]
#[case::same_place(changed(|m| m.tensors[1].offset = 0), "overlap")]
fn a_malformed_file_is_refused(#[case] file: Vec<u8>, #[case] message: &str) {
    let error = read(&file).unwrap_err().to_string();
    assert!(error.contains(message), "\n got: {error}\nwant: {message}");
}

/// The first tensor of a file that is read.
fn first(file: &[u8]) -> TensorInfo {
    read(&file).unwrap_or_else(|error| panic!("{error}")).tensors.remove(0)
}

#[test]
fn what_ggml_reads_is_read() {
    // No name, no dimensions: a number.
    let number = first(&Raw::header(3, 1, 0).u64(0).zeros());
    assert_eq!((number.name.as_str(), number.dims.len(), number.size), ("", 0, 4));
    for dims in [&[32, 0][..], &[0]] {
        assert_eq!(first(&shaped(dims, TensorType::Q8_0)).size, 0, "no elements are no bytes");
    }
    // Without bytes it shares none, wherever it is said to lie.
    let within = changed(|m| (m.tensors[1].dims, m.tensors[1].offset) = (vec![0], 32));
    assert_eq!(read(&within).unwrap().tensors.len(), 2);
}

#[test]
fn a_type_that_is_not_listed_hides_nothing_and_reaches_to_the_next_tensor() {
    for id in [4, 38, 142, u32::MAX] {
        let file = changed(|m| m.tensors[0].dtype = TensorType::Unlisted(id));
        let tensors = read(&file).unwrap().tensors;
        assert_eq!((tensors[0].dtype, tensors[0].size), (TensorType::Unlisted(id), 96));
        assert_eq!(tensors[1], model().tensors[1]);
        let last = changed(|m| m.tensors[1].dtype = TensorType::Unlisted(id));
        assert_eq!(read(&last).unwrap().tensors[1].size, 20, "the last one reaches to the end of the file");
        // Its place is held against the file all the same.
        let beyond =
            changed(|m| (m.tensors[1].dtype, m.tensors[1].offset) = (TensorType::Unlisted(id), 1 << 20));
        assert!(read(&beyond).unwrap_err().to_string().contains("it is cut short"));
    }
}

#[test]
fn a_download_that_did_not_finish_is_told_with_its_share() {
    let message = read(&cut(68)).unwrap_err().to_string();
    assert!(message.contains("its tensors reach to byte 340, so 80.0 % of it are here"), "{message}");
}

#[test]
fn more_entries_than_any_model_has_are_refused_before_they_cost_memory() {
    let tensors = Holes(Raw::header(3, 2 << 20, 0).0, 1 << 40);
    let entries = Holes(Raw::header(3, 0, 2 << 20).0, 1 << 40);
    let strings = Holes(Raw::entry(9).u32(8).u64(5 << 20).0, 1 << 40);
    let nested = Holes(Raw::entry(9).u32(9).u64(5 << 20).0, 1 << 40);
    for file in [tensors, entries, strings, nested] {
        let error = read(&file).unwrap_err().to_string();
        assert!(error.contains("are more than the") && error.contains("that a file may have"), "{error}");
    }
}

#[test]
fn every_cut_of_a_file_is_refused() {
    let file = file_of(&model());
    for length in 0..file.len() {
        assert!(read(&&file[..length]).is_err(), "cut to {length} of {} bytes", file.len());
    }
}

/// A file of any size: a few bytes, then zeros.
struct Holes(Vec<u8>, u64);

impl ByteSource for Holes {
    fn size(&self) -> u64 {
        self.1
    }

    fn read_exact_at(&self, offset: u64, dst: &mut [u8]) -> std::io::Result<()> {
        dst.fill(0);
        let start = self.0.len().min(offset as usize);
        let bytes = &self.0[start..];
        let count = bytes.len().min(dst.len());
        dst[..count].copy_from_slice(&bytes[..count]);
        Ok(())
    }
}

#[test]
fn a_header_of_gigabytes_is_refused_although_the_file_could_hold_it() {
    let string = Raw::entry(8).u64(1 << 40).0;
    let error = read(&Holes(string, 1 << 50)).unwrap_err().to_string();
    assert!(error.contains("key \"k\": string at offset 45 needs 1099511627776 bytes"), "{error}");
    assert!(error.contains(&format!("past the limit of {MAX_HEADER_BYTES} bytes")), "{error}");
    let array = Raw::entry(9).u32(0).u64(1 << 40).0;
    let error = read(&Holes(array, 1 << 50)).unwrap_err().to_string();
    assert!(error.contains("the count of array elements at offset 41 is 1099511627776"), "{error}");
}

#[test]
fn a_source_that_fails_is_told_with_the_place() {
    struct Broken;
    impl ByteSource for Broken {
        fn size(&self) -> u64 {
            100
        }
        fn read_exact_at(&self, _: u64, _: &mut [u8]) -> std::io::Result<()> {
            Err(std::io::Error::other("the disk is on fire"))
        }
    }
    let error = read(&Broken).unwrap_err().to_string();
    assert_eq!(error, "reading 100 bytes at offset 0 failed: the disk is on fire");
}

#[test]
fn a_model_without_tensors_needs_no_data_section() {
    let mut model = model();
    model.tensors.clear();
    let parsed = read(&model.header_bytes()).unwrap();
    assert!(parsed.data_offset >= parsed.file_size);
    assert!(parsed.tensors.is_empty());
}
