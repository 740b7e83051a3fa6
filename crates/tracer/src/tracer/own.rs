//! The memory of this process as the kernel counts it, for a load that is not traced.

/// The memory of this process, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OwnMemory {
    /// Anonymous memory that is resident: buffers, and copies of pages of files.
    pub anonymous: u64,
    /// Pages of files that are resident in it.
    pub file: u64,
    /// The most that was resident at one time so far, of all kinds.
    pub peak: u64,
    /// Address space that is locked: what counts against the limit.
    pub locked: u64,
    /// The limit on that; `None` where there is none.
    pub lock_limit: Option<u64>,
}
