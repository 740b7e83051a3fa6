//! The writer: a header built entry by entry, and data that streams through.

use std::io::{self, Write};

use super::error::ReadError;
use super::limits::ALIGNMENT_KEY;
use super::sink::{Sink, WriteSink};
use super::source::ByteSource;
use super::{Gguf, TensorInfo, TensorType, Value, layout, read};

/// Why a model could not be written.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)]
pub enum WriteError {
    /// The header would not be accepted by the reader.
    #[error("the model cannot be written: {0}")]
    Invalid(ReadError),
    /// The sink failed.
    #[error("writing the model failed: {0}")]
    Io(#[from] io::Error),
    /// The callback wrote another number of bytes than the tensor has.
    #[error("tensor {tensor:?}: {written} bytes of data were written, it has {size}")]
    DataSize { tensor: String, written: u64, size: u64 },
}

/// Builds a model file: metadata and tensors are declared, then the data streams out in the order
/// of declaration, each tensor padded to the alignment. No tensor is ever held in memory.
///
/// What the writer accepts, [`read`] accepts: it reads its own header back before the first byte
/// goes out.
#[derive(Clone, Debug)]
pub struct Writer {
    header: Gguf,
    /// Where the next tensor goes in the data section.
    next_offset: u64,
}

impl Writer {
    /// A writer of a file of this format version, 2 or 3.
    pub fn new(version: u32) -> Self {
        let header = Gguf {
            version,
            alignment: super::limits::DEFAULT_ALIGNMENT,
            metadata: Vec::new(),
            tensors: Vec::new(),
            data_offset: 0,
            file_size: 0,
        };
        Self { header, next_offset: 0 }
    }

    /// Adds a metadata entry. `general.alignment` must come before the first tensor.
    ///
    /// # Errors
    /// When it is a `general.alignment` that is no alignment, or comes too late.
    pub fn metadata(&mut self, key: &str, value: impl Into<Value>) -> Result<&mut Self, WriteError> {
        self.header.metadata.push((key.to_owned(), value.into()));
        if key == ALIGNMENT_KEY {
            let alignment = layout::alignment(&self.header.metadata).map_err(WriteError::Invalid)?;
            if !self.header.tensors.is_empty() && alignment != self.header.alignment {
                let message = "general.alignment was set after a tensor had been placed";
                return Err(io::Error::new(io::ErrorKind::InvalidInput, message).into());
            }
            self.header.alignment = alignment;
        }
        Ok(self)
    }

    /// Adds a tensor behind the last one; `dims` has the fastest-running dimension first.
    ///
    /// # Errors
    /// When its shape does not suit its type, or it does not fit 64 bits.
    pub fn tensor(&mut self, name: &str, dims: &[u64], dtype: TensorType) -> Result<&mut Self, WriteError> {
        let unsized_type = || {
            let message = format!("tensor {name:?} is of {dtype}, whose blocks are not known");
            io::Error::new(io::ErrorKind::InvalidInput, message)
        };
        let size = layout::tensor_size(name, dims, dtype).map_err(WriteError::Invalid)?;
        self.tensor_of(name, dims, dtype, size.ok_or_else(unsized_type)?)
    }

    /// Adds a tensor of so many bytes, which for a type of known blocks are those that it has. One of another
    /// type has the bytes up to the next tensor when it is read back, padding included.
    ///
    /// # Errors
    /// As [`Writer::tensor`].
    pub fn tensor_of(
        &mut self,
        name: &str,
        dims: &[u64],
        dtype: TensorType,
        size: u64,
    ) -> Result<&mut Self, WriteError> {
        let offset = self.next_offset;
        self.next_offset = offset
            .checked_add(size)
            .and_then(|end| end.checked_next_multiple_of(self.header.alignment))
            .ok_or_else(|| ReadError::OffsetOverflow { tensor: name.into(), offset, size, data_offset: 0 })
            .map_err(WriteError::Invalid)?;
        self.header.tensors.push(TensorInfo { name: name.into(), dims: dims.into(), dtype, offset, size });
        Ok(self)
    }

    /// The header as it will be read back, with its true data offset and file size.
    ///
    /// # Errors
    /// When the reader would refuse it.
    pub fn layout(&self) -> Result<Gguf, WriteError> {
        self.encode().map(|(_, layout)| layout)
    }

    /// Writes the file to any writer; see [`Writer::write_to_sink`].
    ///
    /// # Errors
    /// As [`Writer::write_to_sink`].
    pub fn write_to(
        &self,
        out: impl Write,
        data: &mut dyn FnMut(usize, &TensorInfo, &mut dyn Sink) -> io::Result<()>,
    ) -> Result<Gguf, WriteError> {
        self.write_to_sink(&mut WriteSink(out), data)
    }

    /// Writes the file. `data` is called once per tensor, in order, with its index, its entry and
    /// where to put exactly its bytes, in as many pieces as it likes.
    ///
    /// # Errors
    /// When the header is not valid (nothing is written then), the sink or the callback fails, or
    /// the callback writes more or fewer bytes than the tensor has.
    pub fn write_to_sink(
        &self,
        out: &mut dyn Sink,
        data: &mut dyn FnMut(usize, &TensorInfo, &mut dyn Sink) -> io::Result<()>,
    ) -> Result<Gguf, WriteError> {
        let (header, layout) = self.encode()?;
        out.write_all(&header)?;
        let mut position = header.len() as u64;
        for (index, tensor) in layout.tensors.iter().enumerate() {
            let start = layout.file_range(tensor).start;
            out.skip(start - position)?;
            let mut counted = Counted { out, written: 0 };
            data(index, tensor, &mut counted)?;
            let written = counted.written;
            if written != tensor.size {
                return Err(WriteError::DataSize { tensor: tensor.name.clone(), written, size: tensor.size });
            }
            position = start + written;
        }
        out.skip(layout.file_size - position)?;
        Ok(layout)
    }

    /// The header's bytes, and what the reader makes of them in a file of the full size.
    fn encode(&self) -> Result<(Vec<u8>, Gguf), WriteError> {
        let header = self.header.header_bytes();
        let alignment = self.header.alignment;
        let size = layout::data_offset(header.len() as u64, alignment)
            .and_then(|start| {
                start
                    .checked_add(self.next_offset)
                    .ok_or(ReadError::DataOffset { header_end: start, alignment })
            })
            .map_err(WriteError::Invalid)?;
        let layout = read(&Planned { header: &header, size }).map_err(WriteError::Invalid)?;
        Ok((header, layout))
    }
}

/// A file whose header exists and whose data does not yet.
struct Planned<'a> {
    header: &'a [u8],
    size: u64,
}

impl ByteSource for Planned<'_> {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_exact_at(&self, offset: u64, dst: &mut [u8]) -> io::Result<()> {
        let header = usize::try_from(offset).ok().and_then(|start| self.header.get(start..)).unwrap_or(&[]);
        let present = header.len().min(dst.len());
        dst[..present].copy_from_slice(&header[..present]);
        dst[present..].fill(0);
        Ok(())
    }
}

/// A sink that counts what goes through.
struct Counted<'a> {
    out: &'a mut dyn Sink,
    written: u64,
}

impl Sink for Counted<'_> {
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.written = self.written.saturating_add(bytes.len() as u64);
        self.out.write_all(bytes)
    }

    fn skip(&mut self, count: u64) -> io::Result<()> {
        self.written = self.written.saturating_add(count);
        self.out.skip(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zeros(_: usize, tensor: &TensorInfo, out: &mut dyn Sink) -> io::Result<()> {
        out.skip(tensor.size)
    }

    #[test]
    fn data_is_aligned_padded_and_where_the_layout_says() {
        let mut writer = Writer::new(3);
        writer.metadata("general.alignment", Value::U32(64)).unwrap();
        writer.tensor("a", &[3], TensorType::F32).unwrap().tensor("b", &[5], TensorType::I8).unwrap();
        let mut file = Vec::new();
        let layout = writer
            .write_to(&mut file, &mut |index, tensor, out| {
                out.write_all(&vec![index as u8 + 1; tensor.size as usize])
            })
            .unwrap();
        assert_eq!(file.len() as u64, layout.file_size);
        assert_eq!(layout.file_size, layout.data_offset + 128);
        let data = &file[layout.data_offset as usize..];
        assert_eq!(data[..12], [1; 12]);
        assert_eq!(data[12..64], [0; 52]);
        assert_eq!(data[64..69], [2; 5]);
        assert_eq!(data[69..], [0; 59]);
        assert_eq!(read(&file).unwrap(), layout);
    }

    #[test]
    fn a_callback_that_writes_too_little_is_named() {
        let mut writer = Writer::new(2);
        writer.tensor("a", &[3], TensorType::F32).unwrap();
        let error = writer.write_to(io::sink(), &mut |_, _, out| out.write_all(&[0; 11])).unwrap_err();
        assert_eq!(error.to_string(), "tensor \"a\": 11 bytes of data were written, it has 12");
    }

    #[test]
    fn what_the_reader_would_refuse_is_not_written() {
        let mut twice = Writer::new(3);
        twice.metadata("k", "v").unwrap().metadata("k", "v").unwrap();
        let mut out = Vec::new();
        let error = twice.write_to(&mut out, &mut zeros).unwrap_err();
        assert!(error.to_string().contains("key \"k\" occurs twice"), "{error}");
        assert!(out.is_empty());
        assert!(Writer::new(4).layout().is_err());
        assert!(Writer::new(3).metadata("general.alignment", Value::U32(3)).is_err());
        assert!(Writer::new(3).tensor("t", &[u64::MAX, 2], TensorType::F32).is_err());
    }
}
