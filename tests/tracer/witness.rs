//! Honesty: the reference engine under the tracer, in every mode and under faults. What the
//! recorder inside it wrote and what the tracer saw from outside must agree, operation for
//! operation.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use std::collections::BTreeMap;
use std::io::BufReader;
use std::path::Path;

use loadparity::platform::FaultSpec;
use loadparity::trace::{Call, Op, Outcome, RegionId, TraceFile};
use loadparity::tracer::{Command, Options, Status, Traced, run};
use rstest::rstest;

use crate::support;

/// Runs the engine under the tracer; returns what each of the two wrote.
fn both(model: &Path, flags: &[&str], faults: &[&str], every_syscall: bool) -> (TraceFile, Traced) {
    let folder = tempfile::tempdir().unwrap();
    let own = folder.path().join("own.jsonl");
    let mut argv = vec![env!("CARGO_BIN_EXE_loadparity").into()];
    argv.extend(["run", "-p", "And", "-n", "1", "-t", "2", "-m"].map(Into::into));
    argv.extend([model.into(), "--trace".into(), own.clone().into_os_string()]);
    argv.extend(flags.iter().map(Into::into));
    let env_remove = ["LOAD_MODE", "MMAP", "NO_MMAP", "MLOCK", "DIO", "NO_DIO"]
        .map(|name| format!("LLAMA_ARG_{name}").into());
    let command = Command { argv, env_remove: env_remove.to_vec(), ..Command::default() };
    let faults: Vec<FaultSpec> = faults.iter().map(|fault| fault.parse().unwrap()).collect();
    let options = Options { faults, every_syscall, capture: true, ..Options::default() };
    let traced = run(&command, &options).unwrap();
    let own = std::fs::File::open(&own).unwrap();
    (TraceFile::read(BufReader::new(own)).unwrap(), traced)
}

/// Which operations the two can both know: a mapping hint is no call that loads, a notice is text, nobody
/// records their own end, and what the engine's own injector refused never came to the kernel.
fn shared(op: &Op, from_recorder: bool) -> bool {
    let known =
        !matches!(op.call, Call::MapHint { .. } | Call::Notice(_) | Call::Size { .. } | Call::Exit { .. });
    known && !(from_recorder && op.injected)
}

/// The operations of each thread, in their order, without what only one of the two can know.
fn by_thread(ops: &[Op], from_recorder: bool, phases: bool) -> Vec<Vec<String>> {
    let mut regions: BTreeMap<RegionId, usize> = BTreeMap::new();
    let mut threads: BTreeMap<u32, Vec<String>> = BTreeMap::new();
    for op in ops.iter().filter(|op| shared(op, from_recorder)) {
        let mut call = op.call.clone();
        match &mut call {
            Call::Map { region, .. }
            | Call::Alloc { region, .. }
            | Call::MapAdvise { region, .. }
            | Call::Lock { region, .. }
            | Call::Unlock { region, .. }
            | Call::Unmap { region, .. } => {
                let next = regions.len();
                *region = RegionId(u32::try_from(*regions.entry(*region).or_insert(next)).unwrap());
            }
            _ => {}
        }
        if let Call::Alloc { align, .. } = &mut call {
            // The kernel aligns to pages, whatever was asked for.
            *align = 0;
        }
        let phase = phases.then_some(op.phase);
        let line = format!("{phase:?} {call:?} {:?}", op.outcome);
        threads.entry(op.thread).or_default().push(line);
    }
    let mut threads: Vec<_> = threads.into_values().collect();
    threads.sort();
    threads
}

fn count(ops: &[Op], which: fn(&Call) -> bool) -> usize {
    ops.iter().filter(|op| !op.injected && matches!(op.outcome, Outcome::Ok(_)) && which(&op.call)).count()
}

fn agree(model: &Path, flags: &[&str], faults: &[&str], every_syscall: bool) -> Traced {
    let (own, traced) = both(model, flags, faults, every_syscall);
    let told = |ops: &[Op]| ops.iter().map(|op| format!("{op:?}")).collect::<Vec<_>>().join("\n");
    // A load that fails ends where it is; only a loader knows that this is no teardown.
    let phases = traced.status == Status::Code(0);
    let (left, right) = (by_thread(&own.ops, true, phases), by_thread(&traced.ops, false, phases));
    let stderr = String::from_utf8_lossy(&traced.stderr);
    assert!(
        left == right,
        "recorder:\n{}\n\ntracer:\n{}\n\nof one thread:\n{}\n{stderr}",
        told(&own.ops),
        told(&traced.ops),
        left.iter().flatten().find(|line| !right.iter().flatten().any(|r| r == *line)).map_or("", |l| l)
    );
    assert!(left.iter().flatten().any(|line| line.contains("Open")), "they agree on something");
    // The backend asks for the size in each open, which answers the loader's own question, and in
    // each mapping.
    if faults.is_empty() {
        let asked = count(&own.ops, |call| matches!(call, Call::Open { .. } | Call::Map { .. }));
        assert_eq!(count(&traced.ops, |call| matches!(call, Call::Size { .. })), asked);
    }
    assert!(traced.blind_spots.is_empty(), "{:?}", traced.blind_spots);
    round_trip(&traced);
    traced
}

/// A trace written, read and written again is the same bytes.
fn round_trip(traced: &Traced) {
    let trace = traced.clone().into_file();
    let mut bytes = Vec::new();
    trace.write(&mut bytes).unwrap();
    let again = TraceFile::read(&bytes[..]).unwrap();
    let mut second = Vec::new();
    again.write(&mut second).unwrap();
    assert_eq!(again, trace);
    assert!(bytes == second, "written twice, the trace differs");
}

#[rstest]
#[case::auto(&["-lm", "auto"])]
#[case::none(&["-lm", "none"])]
#[case::mmap(&["-lm", "mmap"])]
#[case::mlock(&["-lm", "mlock"])]
#[case::none_mlock(&["-lm", "none+mlock"])]
#[case::dio(&["-lm", "dio"])]
#[case::dio_mlock(&["-lm", "dio+mlock"])]
fn recorder_and_kernel_agree_in_every_mode(
    #[case] flags: &[&str],
    #[values(false, true)] every_syscall: bool,
) {
    let traced = agree(&support::fixture("f16"), flags, &[], every_syscall);
    assert!(traced.ops.iter().all(|op| !op.injected));
}

#[rstest]
#[case::refused_at_open(&["-lm", "dio", "--inject", "open.direct:error=EINVAL"])]
#[case::refused_at_read(&["-lm", "dio", "--inject", "read.direct:error=EINVAL"])]
#[case::refused_later(&["-lm", "dio", "--inject", "read.direct:error=EFAULT:when=2"])]
#[case::lock_refused(&["-lm", "mlock", "--inject", "lock:error=ENOMEM:when=3+"])]
fn they_agree_on_what_is_left_when_the_engine_refuses_itself(#[case] flags: &[&str]) {
    agree(&support::fixture("f16"), flags, &[], false);
}

#[rstest]
#[case::direct_open(&["-lm", "dio"], &["open.direct:error=EINVAL"])]
#[case::direct_read(&["-lm", "dio"], &["read.direct:error=EINVAL"])]
#[case::direct_read_later(&["-lm", "dio"], &["read.direct:error=EFAULT:when=2"])]
#[case::no_alignment(&["-lm", "dio"], &["alignment:error=EOPNOTSUPP"])]
#[case::lock_of_a_map(&["-lm", "mlock"], &["lock.map:error=ENOMEM:when=2+"])]
#[case::lock_of_a_buffer(&["-lm", "none+mlock"], &["lock:error=EPERM"])]
#[case::map(&["-lm", "auto"], &["map:error=ENOMEM"])]
#[case::advice(&["-lm", "mmap"], &["advise:error=EINVAL"])]
#[case::trim(&["-lm", "mmap"], &["unmap:error=EINVAL:when=1"])]
#[case::interrupted(&["-lm", "none"], &["read:error=EINTR:when=2"])]
#[case::short(&["-lm", "none"], &["read:short=512:when=2..4"])]
#[case::short_direct(&["-lm", "dio"], &["read.direct:short=5000"])]
#[case::end_of_file(&["-lm", "none"], &["read:eof:when=3"])]
#[case::truncated(&["-lm", "none"], &["read:truncate=1000000"])]
#[case::corrupt(&["-lm", "none"], &["read:corrupt=70000^1"])]
#[case::late(&["-lm", "none"], &["read:delay=1500:when=2"])]
#[case::two(&["-lm", "dio+mlock"], &["lock:error=ENOMEM", "read.direct:error=EINVAL:when=2"])]
#[case::missing(&["-lm", "mmap"], &["open:error=ENOENT"])]
fn they_agree_on_every_injected_fault(#[case] flags: &[&str], #[case] faults: &[&str]) {
    let traced = agree(&support::fixture("f16"), flags, faults, false);
    assert!(traced.fired.iter().all(|fired| *fired > 0), "{:?}", traced.fired);
    assert!(traced.ops.iter().any(|op| op.injected), "what was made up is marked");
}

/// The engine's own check of its bytes shows that a fault reached the program's memory.
#[test]
fn a_flipped_bit_arrives_in_the_program() {
    let model = support::fixture("q8_0");
    let hash = |faults: &[&str]| {
        let mut argv = vec![env!("CARGO_BIN_EXE_loadparity").into()];
        argv.extend(["run", "-n", "1", "-t", "1", "--json", "-lm", "none", "-m"].map(Into::into));
        argv.push(model.clone().into_os_string());
        let faults = faults.iter().map(|fault| fault.parse().unwrap()).collect();
        let options = Options { capture: true, faults, ..Options::default() };
        let traced = run(&Command { argv, ..Command::default() }, &options).unwrap();
        let document: serde_json::Value = crate::support::schemas::parsed(&traced.stdout);
        document["hash"]["tensors"].as_str().unwrap().to_owned()
    };
    let clean = hash(&[]);
    assert_eq!(clean, hash(&["read:short=4000"]), "a short read loses nothing");
    assert_ne!(clean, hash(&["read:corrupt=2000000^0x10"]));
}
