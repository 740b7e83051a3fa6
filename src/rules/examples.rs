//! For each rule that one run by itself can keep or break: a short trace that keeps it and one that breaks it.
//!
//! They are data: `loadparity explain-rule` and `docs/rules.md` show them, and `tests/rules/examples.rs` reads
//! them as operations and judges them, so that a page never shows what the rules do not do.
//!
//! One operation a line. `f0`, `f1` are open files, all of them of the one model; `r0`, `r1` are regions of
//! memory; `k` and `m` are KiB and MiB. `4k..128k` are bytes of the file, or of the region for a lock; what is
//! behind `at` and `to` is an address. `fails`, `crashes` and `hangs` are how the run ended, `memory differs in`
//! is what its memory showed, and `kernel` what the kernel said of the memory that holds weights. Lines are of the
//! load until one that says `teardown`.

use super::Rule;
use crate::plan::{LoadPlan, OnRefused};

/// The model that the traces load.
pub const MODEL: &str = "The model has 256 KiB: a header of 4 KiB, the tensor `a` up to 128 KiB and the tensor \
                         `b` up to the end. A page has 4 KiB.";

/// One rule with its traces.
#[derive(Clone, Copy, Debug)]
pub struct Example {
    /// The rule.
    pub rule: Rule,
    /// What was asked for.
    pub plan: LoadPlan,
    /// A trace that breaks no rule.
    pub keeps: &'static str,
    /// A trace that breaks this one.
    pub breaks: &'static str,
    /// What is said of that.
    pub message: &'static str,
}

impl Example {
    /// The traces of a rule; `None` where it is about more than one run.
    #[must_use]
    pub fn of(rule: Rule) -> Option<&'static Self> {
        EXAMPLES.iter().find(|example| example.rule == rule)
    }
}

const MAPPED: &str = "\
open f0
map f0 0..256k as r0 at 4m
teardown
unmap r0 0..256k
close f0";

const MAPPED_AND_LOCKED: &str = "\
open f0
map f0 0..256k as r0 at 4m
lock r0 4k..256k
teardown
unlock r0 4k..256k
unmap r0 0..256k
close f0";

const READ: &str = "\
open f0
alloc r0 252k at 4m
read f0 4k..256k to 4m
teardown
unmap r0 0..252k
close f0";

const READ_DIRECTLY: &str = "\
open f0 direct
alignment f0 512 512
alloc r0 252k at 4m
read f0 direct 4k..256k to 4m
teardown
unmap r0 0..252k
close f0";

/// Every example, in the order of the contract; what ends a run comes first.
pub const EXAMPLES: &[Example] = &[
    Example {
        rule: Rule::Completes,
        plan: LoadPlan::map(false),
        keeps: MAPPED,
        breaks: "\
open f0 refused denied
fails permission denied",
        message: "permission denied",
    },
    Example {
        rule: Rule::NoCrash,
        plan: LoadPlan::map(false),
        keeps: MAPPED,
        breaks: "\
open f0
map f0 0..256k as r0 at 4m
crashes signal 7",
        message: "signal 7",
    },
    Example {
        rule: Rule::EndsInTime,
        plan: LoadPlan::read(false),
        keeps: READ,
        breaks: "\
open f0
read f0 4k..256k to 4m refused io
hangs no end within 120 s",
        message: "no end within 120 s",
    },
    Example {
        rule: Rule::PlanTaken,
        plan: LoadPlan::read(false),
        keeps: READ,
        breaks: MAPPED,
        message: "the plan is read, the operations show map",
    },
    Example {
        rule: Rule::WeightsLoaded,
        plan: LoadPlan::map(false),
        keeps: MAPPED,
        breaks: "\
open f0
map f0 0..4k as r0 at 4m
teardown
unmap r0 0..4k
close f0",
        message: "it opens the model and neither reads nor maps its weights",
    },
    Example {
        rule: Rule::TensorsMapped,
        plan: LoadPlan::map(false),
        keeps: MAPPED,
        breaks: "\
open f0
map f0 0..192k as r0 at 4m
teardown
unmap r0 0..192k
close f0",
        message: "b: bytes 196608..262144 of the file are in no mapping",
    },
    Example {
        rule: Rule::MappedNotRead,
        plan: LoadPlan::map(false),
        keeps: MAPPED,
        breaks: "\
open f0
map f0 0..256k as r0 at 4m
read f0 4k..128k to 8m
teardown
unmap r0 0..256k
close f0",
        message: "a: bytes 4096..131072 were read although the plan is to map them",
    },
    Example {
        rule: Rule::NoFileMapping,
        plan: LoadPlan::read(false),
        keeps: READ,
        breaks: "\
open f0
map f0 0..256k as r0 at 4m
alloc r1 252k at 8m
read f0 4k..256k to 8m
teardown
unmap r0 0..256k
unmap r1 0..252k
close f0",
        message: "the file was mapped although the plan is to read it",
    },
    Example {
        rule: Rule::TensorsRead,
        plan: LoadPlan::read(false),
        keeps: READ,
        breaks: "\
open f0
alloc r0 252k at 4m
read f0 4k..192k to 4m
teardown
unmap r0 0..252k
close f0",
        message: "b: bytes 196608..262144 were never read",
    },
    Example {
        rule: Rule::ReadOnce,
        plan: LoadPlan::read(false),
        keeps: READ,
        breaks: "\
open f0
alloc r0 252k at 4m
read f0 4k..256k to 4m
read f0 4k..8k to 4m
teardown
unmap r0 0..252k
close f0",
        message: "a: bytes 4096..8192 were read twice",
    },
    Example {
        rule: Rule::ReadsBuffered,
        plan: LoadPlan::read(false),
        keeps: READ,
        breaks: "\
open f0
open f1 direct
alloc r0 252k at 4m
read f0 4k..256k to 4m
teardown
unmap r0 0..252k
close f1
close f0",
        message: "1 direct opens although the plan asks for none",
    },
    Example {
        rule: Rule::DirectAttempted,
        plan: LoadPlan::direct(false, OnRefused::Read),
        keeps: READ_DIRECTLY,
        breaks: READ,
        message: "no open asked for direct I/O although the plan is to read directly",
    },
    Example {
        rule: Rule::DirectHeld,
        plan: LoadPlan::direct(false, OnRefused::Read),
        keeps: READ_DIRECTLY,
        breaks: "\
open f0 direct
open f1
alignment f0 512 512
alloc r0 252k at 4m
read f0 direct 4k..180k to 4m
read f1 180k..256k to 4m+176k
warning direct-refused
teardown
unmap r0 0..252k
close f1
close f0",
        message: "b: bytes 184320..262144 came through the page cache although no direct read was refused",
    },
    Example {
        rule: Rule::DirectAligned,
        plan: LoadPlan::direct(false, OnRefused::Read),
        keeps: READ_DIRECTLY,
        breaks: "\
open f0 direct
alignment f0 512 512
alloc r0 253k at 4m
read f0 direct 4k..256k to 4m+100 refused invalid
open f1
read f1 4k..256k to 4m+100
warning direct-refused
teardown
unmap r0 0..253k
close f1
close f0",
        message: "operation 3: address 0x400064, bytes 4096..262144: refused, as no multiple of 512 bytes is, the \
                  block of any disk",
    },
    Example {
        rule: Rule::FallbackReported,
        plan: LoadPlan::direct(false, OnRefused::Read),
        keeps: "\
open f0 direct refused invalid
open f1
warning direct-refused
alloc r0 252k at 4m
read f1 4k..256k to 4m
teardown
unmap r0 0..252k
close f1",
        breaks: "\
open f0 direct refused invalid
open f1
alloc r0 252k at 4m
read f1 4k..256k to 4m
teardown
unmap r0 0..252k
close f1",
        message: "a: bytes 4096..131072 came through the page cache and no warning says so",
    },
    Example {
        rule: Rule::TensorsLocked,
        plan: LoadPlan::map(true),
        keeps: MAPPED_AND_LOCKED,
        breaks: "\
open f0
map f0 0..256k as r0 at 4m
lock r0 4k..128k
teardown
unlock r0 4k..128k
unmap r0 0..256k
close f0",
        message: "b: the memory that holds bytes 131072..262144 is not locked and no warning says so",
    },
    Example {
        rule: Rule::UnrequestedLock,
        plan: LoadPlan::map(false),
        keeps: MAPPED,
        breaks: MAPPED_AND_LOCKED,
        message: "memory that holds weights was locked although the plan asks for no lock",
    },
    Example {
        rule: Rule::KernelAgrees,
        plan: LoadPlan::map(true),
        keeps: "\
open f0
map f0 0..256k as r0 at 4m
lock r0 4k..256k
kernel 252k of 252k locked
teardown
unlock r0 4k..256k
unmap r0 0..256k
close f0",
        breaks: "\
open f0
map f0 0..256k as r0 at 4m
lock r0 4k..256k
kernel 128k of 252k locked
teardown
unlock r0 4k..256k
unmap r0 0..256k
close f0",
        message: "the calls lock 258048 bytes of the memory that holds weights, the kernel keeps 131072 of them",
    },
    Example {
        rule: Rule::OpenedReadOnly,
        plan: LoadPlan::map(false),
        keeps: MAPPED,
        breaks: "\
open f0 writable
map f0 0..256k as r0 at 4m
teardown
unmap r0 0..256k
close f0",
        message: "the model was opened for writing too, although a load only reads",
    },
    Example {
        rule: Rule::NeverWritten,
        plan: LoadPlan::map(false),
        keeps: MAPPED,
        breaks: "\
open f0
map f0 0..256k as r0 at 4m
write f0 0..4k
teardown
unmap r0 0..256k
close f0",
        message: "the model: bytes 0..4096 of it were written",
    },
    Example {
        rule: Rule::MappedReadOnly,
        plan: LoadPlan::map(false),
        keeps: MAPPED,
        breaks: "\
open f0
map f0 0..256k as r0 at 4m writable
teardown
unmap r0 0..256k
close f0",
        message: "the model was mapped shared and writable: what is written there reaches the file",
    },
    Example {
        rule: Rule::ReadsInsideFile,
        plan: LoadPlan::read(false),
        keeps: READ,
        breaks: "\
open f0
alloc r0 256k at 4m
read f0 4k..256k to 4m
read f0 260k..264k to 4m+252k gets 0
teardown
unmap r0 0..256k
close f0",
        message: "operation 3: a read asked for bytes 266240..270336 of a file of 262144 bytes",
    },
    Example {
        rule: Rule::ResourcesReleased,
        plan: LoadPlan::map(false),
        keeps: MAPPED,
        breaks: "\
open f0
map f0 0..256k as r0 at 4m
teardown
unmap r0 0..256k",
        message: "never released: file 0",
    },
    Example {
        rule: Rule::SameBytes,
        plan: LoadPlan::map(false),
        keeps: MAPPED,
        breaks: "\
open f0
map f0 0..256k as r0 at 4m
memory differs in a
teardown
unmap r0 0..256k
close f0",
        message: "a: the loaded bytes are not the bytes of the file",
    },
];
