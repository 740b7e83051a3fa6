//! NumPy's `.npy`, and zip archives of stored members: `.npz`, and PyTorch's checkpoints.
//!
//! Sources: `numpy.lib.format` (the magic, the version, the length of the header, a Python dictionary); the layout
//! of PyTorch's archives as `torch.save` writes them since 1.6 (`NAME/data.pkl`, one member `NAME/data/N` for each
//! storage).

use std::ops::Range;

use zip::{CompressionMethod, ZipArchive};

use super::source::Stream;
use super::{FileLayout, Kind, LayoutError, MAX_TENSORS, Tensor, bytes_at, malformed};
use crate::gguf::ByteSource;

const MAGIC: &[u8] = b"\x93NUMPY";

/// The longest header: its text is one line, also of an array of many fields.
const MAX_HEADER: u64 = 1 << 20;

/// The layout of one array.
pub(super) fn read(source: &dyn ByteSource) -> Result<FileLayout, LayoutError> {
    let size = source.size();
    let data = array(source, 0..size)?;
    let (data_start, tensors) = (data.start, vec![Tensor { name: "the array".to_owned(), range: data }]);
    let (external, notes) = (Vec::new(), Vec::new());
    Ok(FileLayout { kind: Kind::Npy, file_size: size, data_start, tensors, external, notes })
}

/// The bytes of the array that lies in this stretch of a file, header included.
fn array(source: &dyn ByteSource, within: Range<u64>) -> Result<Range<u64>, LayoutError> {
    let wrong = |offset: u64, problem: String| malformed(Kind::Npy, offset, problem);
    let start = within.start;
    let head = bytes_at(source, Kind::Npy, start, 12)?;
    if !head.starts_with(MAGIC) {
        return Err(wrong(
            start,
            format!("an array starts with \"\\x93NUMPY\", this with \"{}\"", head[..6].escape_ascii()),
        ));
    }
    let (prefix, length) = match head[6] {
        1 => (10, u64::from(u16::from_le_bytes([head[8], head[9]]))),
        2 | 3 => (12, u64::from(u32::from_le_bytes([head[8], head[9], head[10], head[11]]))),
        version => {
            return Err(wrong(start + 6, format!("format version {version} is unknown, known are 1 to 3")));
        }
    };
    if length > MAX_HEADER {
        return Err(wrong(
            start + 8,
            format!("the header's length is {length} bytes, more than {MAX_HEADER}"),
        ));
    }
    let text = bytes_at(source, Kind::Npy, start + prefix, length)?;
    let text = String::from_utf8_lossy(&text);
    let data = start + prefix + length;
    let dictionary = text.trim_ascii();
    if !(dictionary.starts_with('{') && dictionary.ends_with('}')) || value(&text, "descr").is_none() {
        return Err(wrong(start + prefix, "the header is no dictionary with a `descr`".to_owned()));
    }
    if data > within.end {
        return Err(wrong(
            start + prefix,
            format!("the header ends at {data}, behind the array, which ends at {}", within.end),
        ));
    }
    for key in ["descr", "fortran_order", "shape"] {
        if value(&text, key).is_some_and(|behind| value(behind, key).is_some()) {
            return Err(wrong(start + prefix, format!("the header has `{key}` twice")));
        }
    }
    // An array of records or of Python objects says no size: what follows is its.
    let Some(item) = value(&text, "descr").and_then(item_size) else { return Ok(data..within.end) };
    let Some(item) = item else {
        return Err(wrong(start + prefix, "the size of an element does not fit into 64 bits".to_owned()));
    };
    let Some(elements) = value(&text, "shape").and_then(elements) else {
        return Err(wrong(start + prefix, "the header has no `shape` of whole numbers".to_owned()));
    };
    let end = elements.checked_mul(item).and_then(|bytes| data.checked_add(bytes));
    match end.filter(|end| *end <= within.end) {
        Some(end) => Ok(data..end),
        None => Err(wrong(
            data,
            format!(
                "{elements} elements of {item} bytes pass the end at {}: the file is cut short or damaged",
                within.end
            ),
        )),
    }
}

/// What stands behind a key of the dictionary.
fn value<'t>(text: &'t str, key: &str) -> Option<&'t str> {
    let behind = ['\'', '"'].iter().find_map(|quote| text.split_once(&format!("{quote}{key}{quote}")))?.1;
    Some(behind.trim_start().strip_prefix(':')?.trim_start())
}

/// Bytes of one element of a plain type, such as `'<f4'`; `None` within where they are too many to count.
fn item_size(descr: &str) -> Option<Option<u64>> {
    let quote = descr.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
    let word = descr[1..].split(quote).next()?.trim_start_matches(['<', '>', '|', '=']);
    let mut letters = word.chars();
    let unit = match letters.next()? {
        'b' | 'i' | 'u' | 'f' | 'c' | 'S' | 'a' | 'V' | '?' => 1,
        'U' => 4,
        'M' | 'm' => return Some(Some(8)),
        _ => return None,
    };
    let count = letters.as_str();
    if count.is_empty() {
        return Some(Some(unit));
    }
    count.bytes().all(|byte| byte.is_ascii_digit()).then(|| count.parse::<u64>().ok()?.checked_mul(unit))
}

/// The product of a tuple of whole numbers, 1 for an empty one; `None` also where it overflows.
fn elements(shape: &str) -> Option<u64> {
    let inside = shape.strip_prefix('(')?.split(')').next()?;
    let numbers = inside.split(',').map(str::trim).filter(|number| !number.is_empty());
    // Python 2 wrote long integers with a letter.
    numbers
        .map(|number| number.trim_end_matches('L').parse::<u64>().ok())
        .try_fold(1u64, |product, number| product.checked_mul(number?))
}

/// Which members of an archive hold weights.
fn is_storage(name: &str) -> bool {
    let mut parts = name.rsplit('/');
    let number =
        parts.next().is_some_and(|last| !last.is_empty() && last.bytes().all(|b| b.is_ascii_digit()));
    number && parts.next() == Some("data")
}

/// The layout of an archive.
pub(super) fn read_zip(source: &dyn ByteSource) -> Result<FileLayout, LayoutError> {
    let size = source.size();
    let wrong = |offset: u64, problem: String| malformed(Kind::Zip, offset, problem);
    let mut archive =
        ZipArchive::new(Stream::new(source)).map_err(|e| wrong(0, format!("no zip archive: {e}")))?;
    if archive.len() > MAX_TENSORS {
        return Err(wrong(0, format!("{} members, more than {MAX_TENSORS}", archive.len())));
    }
    let (mut tensors, mut packed) = (Vec::new(), 0u64);
    for index in 0..archive.len() {
        let member = archive.by_index_raw(index).map_err(|e| wrong(0, format!("member {index}: {e}")))?;
        let name = member.name().map_err(|e| wrong(0, format!("member {index}: {e}")))?.into_owned();
        let is_array = name.ends_with(".npy");
        if !is_array && !is_storage(&name) {
            continue;
        }
        if member.compression() != CompressionMethod::Stored || member.encrypted() {
            packed += 1;
            continue;
        }
        let (start, len) = (member.data_start().unwrap_or(u64::MAX), member.size());
        drop(member);
        let Some(end) = start.checked_add(len).filter(|end| *end <= size) else {
            return Err(wrong(
                start,
                format!("member {name:?} of {len} bytes passes the end of the file at {size}"),
            ));
        };
        let range = if is_array { array(source, start..end)? } else { start..end };
        tensors.push(Tensor { name: name.trim_end_matches(".npy").to_owned(), range });
    }
    if tensors.is_empty() {
        let why = match packed {
            0 => "no member is an array or a storage of tensors".to_owned(),
            _ => "its arrays are compressed, so no byte of the file is a byte of a tensor".to_owned(),
        };
        return Err(wrong(0, format!("{why}; --layout opaque takes the file as it is")));
    }
    let mut order: Vec<&Range<u64>> =
        tensors.iter().map(|tensor| &tensor.range).filter(|range| !range.is_empty()).collect();
    order.sort_by_key(|range| range.start);
    if let Some([_, second]) = order.windows(2).find(|pair| pair[0].end > pair[1].start) {
        return Err(wrong(second.start, "two members overlap".to_owned()));
    }
    let data_start = order.first().map_or(size, |first| first.start);
    let note = (packed > 0)
        .then(|| format!("{packed} compressed members are left out: their bytes are not those of tensors"));
    Ok(FileLayout {
        kind: Kind::Zip,
        file_size: size,
        data_start,
        tensors,
        external: Vec::new(),
        notes: note.into_iter().collect(),
    })
}

#[cfg(test)]
pub(super) mod tests {
    use std::io::Write;

    use zip::ZipWriter;
    use zip::write::SimpleFileOptions;

    use super::*;

    /// An array as NumPy writes it.
    pub(in crate::layout) fn array(descr: &str, shape: &str, data: &[u8]) -> Vec<u8> {
        let header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}\n");
        let mut bytes = MAGIC.to_vec();
        bytes.extend([1, 0]);
        bytes.extend((header.len() as u16).to_le_bytes());
        bytes.extend(header.as_bytes());
        bytes.extend(data);
        bytes
    }

    fn archive(members: &[(&str, &[u8])]) -> Vec<u8> {
        let mut writer = ZipWriter::new(std::io::Cursor::new(Vec::new()));
        let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
        for (name, bytes) in members {
            writer.start_file(*name, options).unwrap();
            writer.write_all(bytes).unwrap();
        }
        writer.finish().unwrap().into_inner()
    }

    #[test]
    fn an_array_has_the_bytes_that_its_header_says() {
        for (descr, shape, len) in
            [("<f4", "(2, 3)", 24), ("|b1", "(5,)", 5), ("<U2", "()", 8), ("<c16", "(0, 4)", 0)]
        {
            let bytes = array(descr, shape, &vec![9; len + 3]);
            let range = read(&bytes).unwrap().tensors[0].range.clone();
            assert_eq!(range.end - range.start, len as u64, "{descr} {shape}");
            assert_eq!(range.end, bytes.len() as u64 - 3);
        }
    }

    #[test]
    fn a_damaged_array_is_refused_with_its_place() {
        let problem = |bytes: &Vec<u8>| read(bytes).unwrap_err().to_string();
        assert!(problem(&array("<f4", "(100,)", &[0; 8])).contains("100 elements of 4 bytes pass the end"));
        assert!(problem(&array("<f8", "(18446744073709551615,)", &[])).contains("pass the end"));
        assert!(problem(&array("<f8", "(9999999999, 9999999999)", &[])).contains("no `shape`"));
        assert!(problem(&b"\x93NUMPY\x01\x00\xff\xff{}".to_vec()).contains("65535 bytes are needed"));
        assert!(problem(&b"\x93NUMPY\x02\x00\xff\xff\xff\xff".to_vec()).contains("more than 1048576"));
        assert!(problem(&array("<f99999999999999999999", "(2,)", &[0; 8])).contains("does not fit"));
        let twice = array("<f4", "(2,), 'shape': (1,)", &[0; 8]);
        assert!(problem(&twice).contains("`shape` twice"));
        let no_dictionary = [&b"\x93NUMPY\x01\x00\x05\x00((((("[..], &[0; 8]].concat();
        assert!(problem(&no_dictionary).contains("no dictionary"));
        assert!(problem(&b"\x93NUMPY\x09\x00\x01\x00{}".to_vec()).contains("version 9"));
    }

    #[test]
    fn an_archive_has_its_arrays_and_storages() {
        let one = array("<f4", "(2,)", b"ABCDEFGH");
        let bytes = archive(&[("w.npy", &one), ("model/data.pkl", b"pickle"), ("model/data/0", b"01234567")]);
        let layout = read_zip(&bytes).unwrap();
        let found: Vec<_> = layout
            .tensors
            .iter()
            .map(|t| (t.name.as_str(), &bytes[t.range.start as usize..t.range.end as usize]))
            .collect();
        assert_eq!(found, [("w", &b"ABCDEFGH"[..]), ("model/data/0", &b"01234567"[..])]);
    }

    #[test]
    fn an_archive_without_weights_or_cut_short_is_refused() {
        let problem = |bytes: &Vec<u8>| read_zip(bytes).unwrap_err().to_string();
        assert!(problem(&archive(&[("readme", b"x")])).contains("no member is an array"));
        let mut cut = archive(&[("model/data/0", b"01234567")]);
        cut.truncate(40);
        assert!(problem(&cut).contains("no zip archive"));
    }
}
