//! Bugs planted in traces: one thing wrong in a load that is right else.

use loadparity::plan::{LoadPlan, OnRefused};
use loadparity::rules::{Profile, Rule};

use crate::planted::{Kind, Named, Plant, Planted};

const fn row(
    name: &'static str,
    kind: Kind,
    what: &'static str,
    rule: Rule,
    plan: LoadPlan,
    lines: &'static str,
) -> Planted {
    let plant = Plant::Trace(plan, &Profile::REFERENCE, lines);
    Planted { name, kind, what, rule, named: Named::Broken, plant }
}

const fn foreign(
    name: &'static str,
    kind: Kind,
    what: &'static str,
    rule: Rule,
    plan: LoadPlan,
    lines: &'static str,
) -> Planted {
    let plant = Plant::Trace(plan, &Profile::FOREIGN, lines);
    Planted { name, kind, what, rule, named: Named::Broken, plant }
}

const MAP: LoadPlan = LoadPlan::map(false);
const LOCK: LoadPlan = LoadPlan::map(true);
const READ: LoadPlan = LoadPlan::read(false);
const READ_LOCK: LoadPlan = LoadPlan::read(true);
const DIRECT: LoadPlan = LoadPlan::direct(false, OnRefused::Read);
const DIRECT_OR_FAIL: LoadPlan = LoadPlan::direct(false, OnRefused::Error);

/// The rows.
pub const ROWS: &[Planted] = &[
    row(
        "open-denied",
        Kind::Path,
        "the model may not be opened, and the load fails",
        Rule::Completes,
        MAP,
        "open f0 refused denied\nfails permission denied",
    ),
    row(
        "refusal-passed-over",
        Kind::Plan,
        "the plan is to fail without direct I/O; it is refused, and the file is read",
        Rule::Completes,
        DIRECT_OR_FAIL,
        "open f0 direct refused invalid\nopen f1\nwarning direct-refused\nalloc r0 252k at 4m\nread f1 4k..256k to 4m\nteardown\nunmap r0 0..252k\nclose f1",
    ),
    row(
        "bus-error",
        Kind::Path,
        "the load ends by a signal",
        Rule::NoCrash,
        MAP,
        "open f0\nmap f0 0..256k as r0 at 4m\ncrashes signal 7",
    ),
    row(
        "no-end",
        Kind::Path,
        "the load does not end",
        Rule::EndsInTime,
        READ,
        "open f0\nread f0 4k..256k to 4m refused io\nhangs no end within 120 s",
    ),
    foreign(
        "mapped-then-copied",
        Kind::Plan,
        "a mapping plan reads all weights to memory of its own and gives the mapping up",
        Rule::PlanTaken,
        MAP,
        "open f0\nmap f0 0..256k as r0 at 4m\nunmap r0 0..256k\nalloc r1 252k at 8m\nread f0 4k..256k to 8m\nteardown\nunmap r1 0..252k\nclose f0",
    ),
    row(
        "maps-for-read",
        Kind::Plan,
        "a reading plan maps the file",
        Rule::PlanTaken,
        READ,
        "open f0\nmap f0 0..256k as r0 at 4m\nteardown\nunmap r0 0..256k\nclose f0",
    ),
    row(
        "buffered-for-direct",
        Kind::Plan,
        "a direct plan reads through the page cache and never tries",
        Rule::DirectAttempted,
        DIRECT,
        "open f0\nwarning direct-refused\nalloc r0 252k at 4m\nread f0 4k..256k to 4m\nteardown\nunmap r0 0..252k\nclose f0",
    ),
    row(
        "gives-up-on-a-question",
        Kind::Plan,
        "a question about alignment fails, and direct I/O is never tried",
        Rule::DirectAttempted,
        DIRECT,
        "open f0\nalignment f0 512 512 refused invalid\nwarning direct-refused\nalloc r0 252k at 4m\nread f0 4k..256k to 4m\nteardown\nunmap r0 0..252k\nclose f0",
    ),
    row(
        "header-only",
        Kind::Path,
        "only the header is mapped",
        Rule::WeightsLoaded,
        MAP,
        "open f0\nmap f0 0..4k as r0 at 4m\nteardown\nunmap r0 0..4k\nclose f0",
    ),
    row(
        "mapping-ends-early",
        Kind::Path,
        "the mapping lacks the last quarter of the file",
        Rule::TensorsMapped,
        MAP,
        "open f0\nmap f0 0..192k as r0 at 4m\nteardown\nunmap r0 0..192k\nclose f0",
    ),
    row(
        "unmapped-before-use",
        Kind::Path,
        "half of the mapping is gone when the load is over",
        Rule::TensorsMapped,
        MAP,
        "open f0\nmap f0 0..256k as r0 at 4m\nunmap r0 128k..256k\nteardown\nunmap r0 0..128k\nclose f0",
    ),
    row(
        "read-under-a-mapping",
        Kind::Path,
        "a tensor is mapped and read as well",
        Rule::MappedNotRead,
        MAP,
        "open f0\nmap f0 0..256k as r0 at 4m\nread f0 4k..128k to 8m\nteardown\nunmap r0 0..256k\nclose f0",
    ),
    row(
        "mapping-under-reads",
        Kind::Path,
        "a reading plan maps the file as well",
        Rule::NoFileMapping,
        READ,
        "open f0\nmap f0 0..256k as r0 at 4m\nalloc r1 252k at 8m\nread f0 4k..256k to 8m\nteardown\nunmap r0 0..256k\nunmap r1 0..252k\nclose f0",
    ),
    row(
        "last-tensor-unread",
        Kind::Path,
        "the end of the last tensor is never read",
        Rule::TensorsRead,
        READ,
        "open f0\nalloc r0 252k at 4m\nread f0 4k..192k to 4m\nteardown\nunmap r0 0..252k\nclose f0",
    ),
    row(
        "short-read-forgotten",
        Kind::Path,
        "a short read is not continued",
        Rule::TensorsRead,
        READ,
        "open f0\nalloc r0 252k at 4m\nread f0 4k..128k to 4m gets 64k\nread f0 128k..256k to 4m+124k\nteardown\nunmap r0 0..252k\nclose f0",
    ),
    row(
        "read-twice",
        Kind::Path,
        "one page of a tensor is read twice",
        Rule::ReadOnce,
        READ,
        "open f0\nalloc r0 252k at 4m\nread f0 4k..256k to 4m\nread f0 4k..8k to 4m\nteardown\nunmap r0 0..252k\nclose f0",
    ),
    row(
        "all-again-after-a-short-direct-read",
        Kind::Path,
        "behind a short direct read the whole piece is read again, not the block that was cut",
        Rule::ReadOnce,
        DIRECT,
        "open f0 direct\nalignment f0 512 512\nalloc r0 252k at 4m\nread f0 direct 4k..256k to 4m gets 128k\nread f0 direct 4k..256k to 4m\nteardown\nunmap r0 0..252k\nclose f0",
    ),
    row(
        "direct-open-unasked",
        Kind::Path,
        "a reading plan opens the file for direct I/O as well",
        Rule::ReadsBuffered,
        READ,
        "open f0\nopen f1 direct\nalloc r0 252k at 4m\nread f0 4k..256k to 4m\nteardown\nunmap r0 0..252k\nclose f1\nclose f0",
    ),
    row(
        "direct-given-up",
        Kind::Path,
        "direct reads are given up for the last tensor although none was refused",
        Rule::DirectHeld,
        DIRECT,
        "open f0 direct\nopen f1\nalignment f0 512 512\nalloc r0 252k at 4m\nread f0 direct 4k..180k to 4m\nread f1 180k..256k to 4m+176k\nwarning direct-refused\nteardown\nunmap r0 0..252k\nclose f1\nclose f0",
    ),
    row(
        "crooked-address",
        Kind::Path,
        "a direct read goes to an address that is not aligned",
        Rule::DirectAligned,
        DIRECT,
        "open f0 direct\nalignment f0 512 512\nalloc r0 253k at 4m\nread f0 direct 4k..256k to 4m+100\nteardown\nunmap r0 0..253k\nclose f0",
    ),
    row(
        "crooked-length",
        Kind::Path,
        "a direct read asks for a length that is no multiple of a block",
        Rule::DirectAligned,
        DIRECT,
        "open f0 direct\nalignment f0 512 4096\nalloc r0 252k at 4m\nread f0 direct 4k..130k to 4m\nread f0 direct 128k..256k to 4m+124k\nteardown\nunmap r0 0..252k\nclose f0",
    ),
    row(
        "mute-fallback",
        Kind::Fault,
        "a direct open is refused, and no warning says that reads are buffered",
        Rule::FallbackReported,
        DIRECT,
        "open f0 direct refused invalid\nopen f1\nalloc r0 252k at 4m\nread f1 4k..256k to 4m\nteardown\nunmap r0 0..252k\nclose f1",
    ),
    row(
        "lock-ends-early",
        Kind::Path,
        "the lock covers the first tensor alone",
        Rule::TensorsLocked,
        LOCK,
        "open f0\nmap f0 0..256k as r0 at 4m\nlock r0 4k..128k\nteardown\nunlock r0 4k..128k\nunmap r0 0..256k\nclose f0",
    ),
    row(
        "lock-on-the-header",
        Kind::Path,
        "the lock of a buffer is one page short",
        Rule::TensorsLocked,
        READ_LOCK,
        "open f0\nalloc r0 252k at 4m\nlock r0 0..248k\nread f0 4k..256k to 4m\nteardown\nunlock r0 0..248k\nunmap r0 0..252k\nclose f0",
    ),
    row(
        "unlocked-before-use",
        Kind::Path,
        "the lock is released before the load is over",
        Rule::TensorsLocked,
        LOCK,
        "open f0\nmap f0 0..256k as r0 at 4m\nlock r0 4k..256k\nunlock r0 128k..256k\nteardown\nunlock r0 4k..128k\nunmap r0 0..256k\nclose f0",
    ),
    row(
        "mute-refused-lock",
        Kind::Fault,
        "a lock is refused, and no warning says so",
        Rule::TensorsLocked,
        LOCK,
        "open f0\nmap f0 0..256k as r0 at 4m\nlock r0 4k..256k refused lock-limit\nteardown\nunmap r0 0..256k\nclose f0",
    ),
    row(
        "lock-unasked-and-refused",
        Kind::Plan,
        "a plan without a lock asks for one, which is refused",
        Rule::UnrequestedLock,
        MAP,
        "open f0\nmap f0 0..256k as r0 at 4m\nlock r0 4k..256k refused lock-limit\nteardown\nunmap r0 0..256k\nclose f0",
    ),
    row(
        "lock-unasked",
        Kind::Plan,
        "a plan without a lock locks the weights",
        Rule::UnrequestedLock,
        MAP,
        "open f0\nmap f0 0..256k as r0 at 4m\nlock r0 4k..256k\nteardown\nunlock r0 4k..256k\nunmap r0 0..256k\nclose f0",
    ),
    row(
        "kernel-keeps-half",
        Kind::Path,
        "of the memory that is locked the kernel keeps half",
        Rule::KernelAgrees,
        LOCK,
        "open f0\nmap f0 0..256k as r0 at 4m\nlock r0 4k..256k\nkernel 128k of 252k locked\nteardown\nunlock r0 4k..256k\nunmap r0 0..256k\nclose f0",
    ),
    row(
        "opened-for-writing",
        Kind::Path,
        "the model is opened for writing too",
        Rule::OpenedReadOnly,
        MAP,
        "open f0 writable\nmap f0 0..256k as r0 at 4m\nteardown\nunmap r0 0..256k\nclose f0",
    ),
    row(
        "header-rewritten",
        Kind::Path,
        "a page of the model is written",
        Rule::NeverWritten,
        MAP,
        "open f0\nmap f0 0..256k as r0 at 4m\nwrite f0 0..4k\nteardown\nunmap r0 0..256k\nclose f0",
    ),
    row(
        "mapped-shared-and-writable",
        Kind::Path,
        "the mapping is shared and writable",
        Rule::MappedReadOnly,
        MAP,
        "open f0\nmap f0 0..256k as r0 at 4m writable\nteardown\nunmap r0 0..256k\nclose f0",
    ),
    foreign(
        "mapped-private-and-writable",
        Kind::Path,
        "the mapping is private and writable",
        Rule::MappedReadOnly,
        MAP,
        "open f0\nmap f0 0..256k as r0 at 4m private writable\nteardown\nunmap r0 0..256k\nclose f0",
    ),
    row(
        "past-the-end",
        Kind::Path,
        "one read more, past the end of the file",
        Rule::ReadsInsideFile,
        READ,
        "open f0\nalloc r0 256k at 4m\nread f0 4k..256k to 4m\nread f0 260k..264k to 4m+252k gets 0\nteardown\nunmap r0 0..256k\nclose f0",
    ),
    row(
        "mapping-left",
        Kind::Path,
        "the mapping is never given back",
        Rule::ResourcesReleased,
        MAP,
        "open f0\nmap f0 0..256k as r0 at 4m\nteardown\nclose f0",
    ),
    row(
        "other-bytes",
        Kind::Bytes,
        "memory does not hold the bytes of a tensor",
        Rule::SameBytes,
        MAP,
        "open f0\nmap f0 0..256k as r0 at 4m\nmemory differs in a\nteardown\nunmap r0 0..256k\nclose f0",
    ),
];
