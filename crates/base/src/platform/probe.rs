//! The alignment of direct reads, found by trying: on systems with `O_DIRECT`, where the kernel does
//! not say.

use super::unix::{OpenFile, invalid};
use super::{Alignment, Result};

/// The smallest of a few sizes at which a direct read is accepted.
pub(super) fn alignment(file: &OpenFile) -> Result<Alignment> {
    const LARGEST: usize = 64 << 10;
    let mut memory = vec![0u8; 3 * LARGEST];
    let base = memory.as_ptr().align_offset(LARGEST);
    let mut refused = invalid();
    for align in [1, 512, 1024, 2048, 4096, 8192, 16384, 32768, LARGEST] {
        // At `align` from a 64 KiB boundary the address is a multiple of `align` and of no more.
        let from = base + align;
        match file.read_at(0, &mut memory[from..from + align]) {
            Ok(_) => {
                let align = align as u64;
                return Ok(Alignment { memory: align, offset: align, enforced: align > 1 });
            }
            Err(error) => refused = error,
        }
    }
    Err(refused)
}
