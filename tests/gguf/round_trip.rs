//! Whatever header is written is read back the same, and tensor data lies where the table says.

#![allow(clippy::unwrap_used)]

use std::io;
use std::sync::Mutex;

use loadparity::gguf::{Array, ByteSource, Gguf, TensorInfo, TensorType, Text, Value, Writer, read};
use proptest::collection::{btree_map, btree_set, vec};
use proptest::prelude::*;

/// Floating-point numbers that equal themselves.
fn f32s() -> impl Strategy<Value = f32> {
    any::<u32>().prop_map(f32::from_bits).prop_filter("NaN equals nothing", |x| !x.is_nan())
}

fn f64s() -> impl Strategy<Value = f64> {
    any::<u64>().prop_map(f64::from_bits).prop_filter("NaN equals nothing", |x| !x.is_nan())
}

fn texts() -> impl Strategy<Value = Text> {
    prop_oneof![
        ".{0,20}".prop_map(|text: String| Text(text.into_bytes())),
        vec(any::<u8>(), 0..20).prop_map(Text)
    ]
}

fn arrays() -> impl Strategy<Value = Array> {
    let leaf = prop_oneof![
        vec(any::<u8>(), 0..9).prop_map(Array::U8),
        vec(any::<i8>(), 0..9).prop_map(Array::I8),
        vec(any::<u16>(), 0..9).prop_map(Array::U16),
        vec(any::<i16>(), 0..9).prop_map(Array::I16),
        vec(any::<u32>(), 0..9).prop_map(Array::U32),
        vec(any::<i32>(), 0..9).prop_map(Array::I32),
        vec(f32s(), 0..9).prop_map(Array::F32),
        vec(any::<bool>(), 0..9).prop_map(Array::Bool),
        vec(texts(), 0..9).prop_map(Array::String),
        vec(any::<u64>(), 0..9).prop_map(Array::U64),
        vec(any::<i64>(), 0..9).prop_map(Array::I64),
        vec(f64s(), 0..9).prop_map(Array::F64),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| vec(inner, 0..3).prop_map(Array::Array))
}

fn values() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<u8>().prop_map(Value::U8),
        any::<i8>().prop_map(Value::I8),
        any::<u16>().prop_map(Value::U16),
        any::<i16>().prop_map(Value::I16),
        any::<u32>().prop_map(Value::U32),
        any::<i32>().prop_map(Value::I32),
        f32s().prop_map(Value::F32),
        any::<bool>().prop_map(Value::Bool),
        texts().prop_map(Value::String),
        arrays().prop_map(Value::Array),
        any::<u64>().prop_map(Value::U64),
        any::<i64>().prop_map(Value::I64),
        f64s().prop_map(Value::F64),
    ]
}

/// Shape and type of a tensor, whole blocks in every row.
fn shapes() -> impl Strategy<Value = (Vec<u64>, TensorType)> {
    (proptest::sample::select(TensorType::ALL), vec(1u64..4, 1..=4)).prop_map(|(dtype, mut dims)| {
        dims[0] *= dtype.block_elements();
        (dims, dtype)
    })
}

/// A whole model: tensors lie in any order, with gaps of whole alignments between them.
fn models() -> impl Strategy<Value = Gguf> {
    let metadata = btree_map("[a-z_.]{1,12}|é", values(), 0..8).prop_map(Vec::from_iter).prop_shuffle();
    let names = btree_set("[a-z0-9.]{1,64}", 0..6).prop_map(Vec::from_iter).prop_shuffle();
    let placed = names.prop_flat_map(|names| {
        let count = names.len();
        let order = Just((0..count).collect::<Vec<_>>()).prop_shuffle();
        (Just(names), vec((shapes(), 0u64..3), count), order)
    });
    (2u32..=3, 0u32..13, metadata, placed).prop_map(
        |(version, shift, mut metadata, (names, shapes, order))| {
            let alignment = 1u64 << shift;
            metadata.push(("general.alignment".into(), Value::U32(alignment as u32)));
            let mut tensors: Vec<TensorInfo> = names
                .into_iter()
                .zip(&shapes)
                .map(|(name, ((dims, dtype), _))| {
                    let size = dtype.size_of(dims.iter().product()).unwrap();
                    TensorInfo { name, dims: dims.clone(), dtype: *dtype, offset: 0, size }
                })
                .collect();
            let mut end = 0u64;
            for index in order {
                tensors[index].offset = end.next_multiple_of(alignment) + shapes[index].1 * alignment;
                end = tensors[index].offset + tensors[index].size;
            }
            let mut model = Gguf { version, alignment, metadata, tensors, data_offset: 0, file_size: 0 };
            model.data_offset = (model.header_bytes().len() as u64).next_multiple_of(alignment);
            model.file_size = model.data_offset + end;
            model
        },
    )
}

proptest! {
    #[test]
    fn a_header_is_read_as_it_was_written(model in models()) {
        let mut file = model.header_bytes();
        file.resize(model.file_size as usize, 0);
        prop_assert_eq!(read(&file).unwrap(), model);
    }

    #[test]
    fn the_writer_puts_every_tensor_where_its_table_says(model in models()) {
        let mut writer = Writer::new(model.version);
        // Reversed, because the alignment, which is last, must be known to the tensors.
        for (key, value) in model.metadata.iter().rev() {
            writer.metadata(key, value.clone()).unwrap();
        }
        for tensor in &model.tensors {
            writer.tensor(&tensor.name, &tensor.dims, tensor.dtype).unwrap();
        }
        let mut file = Vec::new();
        let written = writer.write_to(&mut file, &mut |index, tensor, out| {
            let half = tensor.size / 2;
            out.write_all(&vec![index as u8 + 1; half as usize])?;
            out.write_all(&vec![index as u8 + 1; (tensor.size - half) as usize])
        }).unwrap();
        prop_assert_eq!(read(&file).unwrap(), written.clone());
        prop_assert!(written.metadata.iter().rev().eq(&model.metadata));
        let mut marked = 0;
        for (index, tensor) in written.tensors.iter().enumerate() {
            let range = written.file_range(tensor);
            prop_assert_eq!(range.start % model.alignment, 0);
            let data = &file[range.start as usize..range.end as usize];
            prop_assert!(data.iter().all(|&byte| byte == index as u8 + 1));
            marked += data.len();
        }
        let data = &file[written.data_offset.min(written.file_size) as usize..];
        prop_assert_eq!(data.iter().filter(|&&byte| byte != 0).count(), marked);
    }
}

#[test]
fn the_bits_of_a_nan_survive() {
    let bits = 0x7fa0_1234;
    let mut writer = Writer::new(3);
    writer.metadata("nan", Value::F32(f32::from_bits(bits))).unwrap();
    writer.metadata("nans", Value::Array(Array::F32(vec![f32::from_bits(bits)]))).unwrap();
    let mut file = Vec::new();
    writer.write_to(&mut file, &mut |_, _, _| Ok(())).unwrap();
    let read_back = read(&file).unwrap();
    let Some(Value::F32(single)) = read_back.get("nan") else { panic!("no f32") };
    let Some(Value::Array(Array::F32(several))) = read_back.get("nans") else { panic!("no array") };
    assert_eq!((single.to_bits(), several[0].to_bits()), (bits, bits));
}

/// A source that notes every read.
struct Noted<'a>(&'a [u8], Mutex<Vec<(u64, usize)>>);

impl ByteSource for Noted<'_> {
    fn size(&self) -> u64 {
        self.0.len() as u64
    }

    fn read_exact_at(&self, offset: u64, dst: &mut [u8]) -> io::Result<()> {
        self.1.lock().unwrap().push((offset, dst.len()));
        self.0.read_exact_at(offset, dst)
    }
}

#[test]
fn a_header_is_fetched_once_and_little_beyond_it() {
    let words = |count: usize| Value::Array(Array::String(vec![Text(b"word".to_vec()); count]));
    for count in [0, 5_000, 40_000, 400_000] {
        let mut writer = Writer::new(3);
        writer.metadata("words", words(count)).unwrap();
        writer.tensor("t", &[8 << 20], TensorType::I8).unwrap();
        let mut file = Vec::new();
        let header = writer.write_to(&mut file, &mut |_, t, out| out.skip(t.size)).unwrap().data_offset;

        let noted = Noted(&file, Mutex::default());
        read(&noted).unwrap();
        let reads = noted.1.into_inner().unwrap();
        let mut end = 0;
        for &(offset, length) in &reads {
            assert_eq!(offset, end, "the pieces adjoin");
            assert!((64 << 10..=1 << 20).contains(&length));
            end += length as u64;
        }
        assert!(end >= header - 31);
        assert!(end <= header + (64 << 10) + header.min(1 << 20), "{end} bytes for a header of {header}");

        let again = Noted(&file, Mutex::default());
        read(&again).unwrap();
        assert_eq!(again.1.into_inner().unwrap(), reads);
    }
}
