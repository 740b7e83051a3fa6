//! Small loaders, one idiom each: what the tracer makes of them, against what each really does and
//! against what strace sees.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use std::path::PathBuf;

use loadparity::trace::{Advice, Call, Op, Outcome};
use loadparity::tracer::{Options, Status, Traced, run};
use rstest::rstest;

use crate::probe;
use crate::strace_log::{self, Locks, Seen};
use crate::support;

fn page() -> u64 {
    probe::page() as u64
}

fn model() -> PathBuf {
    support::fixture("q4_k_m")
}

fn size() -> u64 {
    std::fs::metadata(model()).unwrap().len()
}

fn traced(idiom: &str, faults: &[&str]) -> Traced {
    let faults = faults.iter().map(|fault| fault.parse().unwrap()).collect();
    let options = Options { capture: true, faults, ..Options::default() };
    run(&probe::command(idiom, &model()), &options).unwrap()
}

fn ops(idiom: &str) -> Vec<Op> {
    let traced = traced(idiom, &[]);
    assert_eq!(traced.status, Status::Code(0), "{}", String::from_utf8_lossy(&traced.stdout));
    traced.ops
}

/// File, offset, length and result of every read.
fn reads(ops: &[Op]) -> Vec<(u32, u64, u64, u64)> {
    let read = |op: &Op| match (&op.call, &op.outcome) {
        (Call::Read { file, offset, len, .. }, Outcome::Ok(n)) => Some((file.0, *offset, *len, *n)),
        _ => None,
    };
    ops.iter().filter_map(read).collect()
}

/// What happens to regions, in short: kind, region, offset, length.
fn memory(ops: &[Op]) -> Vec<(&'static str, u32, u64, u64)> {
    let told = |op: &Op| {
        let refused = matches!(op.outcome, Outcome::Err(_));
        Some(match &op.call {
            Call::Map { region, offset, len, .. } => ("map", region.0, *offset, *len),
            Call::Alloc { region, len, .. } => ("alloc", region.0, 0, *len),
            Call::Lock { region, offset, len } if refused => ("lock refused", region.0, *offset, *len),
            Call::Lock { region, offset, len } => ("lock", region.0, *offset, *len),
            Call::Unlock { region, offset, len } => ("unlock", region.0, *offset, *len),
            Call::Unmap { region, offset, len } => ("unmap", region.0, *offset, *len),
            Call::Remap { region, len, .. } => ("remap", region.0, 0, *len),
            Call::MapAdvise { region, offset, len, .. } => ("advise", region.0, *offset, *len),
            _ => return None,
        })
    };
    ops.iter().filter_map(told).collect()
}

/// Names and flags of the calls that the vocabulary has no word for.
fn native(ops: &[Op]) -> Vec<(&str, String)> {
    let told = |op: &'_ Op| match &op.call {
        Call::Native { name, flags, .. } => Some((name.as_str().to_owned(), flags.names.join("|"))),
        _ => None,
    };
    let told: Vec<(String, String)> = ops.iter().filter_map(told).collect();
    told.into_iter().map(|(name, flags)| (&*Box::leak(name.into_boxed_str()), flags)).collect()
}

fn closes(ops: &[Op]) -> Vec<u32> {
    ops.iter().filter_map(|op| if let Call::Close { file } = op.call { Some(file.0) } else { None }).collect()
}

fn rounded() -> u64 {
    size().next_multiple_of(page())
}

#[test]
fn reads_by_file_position_become_positioned() {
    assert_eq!(
        reads(&ops("read-lseek")),
        [(0, 0, 1000, 1000), (0, 1500, 100, 100), (0, size() - 50, 100, 50)]
    );
    assert_eq!(
        reads(&ops("readv")),
        [(0, 0, 4000, 4000), (0, 100_000, 4000, 4000), (0, 200_000, 4000, 4000), (0, 4000, 4000, 4000)]
    );
}

#[test]
fn stdio_brings_every_byte_that_was_asked_for() {
    let pieces = reads(&ops("stdio"));
    let mut got = rangemap::RangeSet::new();
    for (_, offset, _, n) in pieces.iter().filter(|piece| piece.3 > 0) {
        got.insert(*offset..offset + n);
    }
    for wanted in [0..10_000u64, 300_001..800_001, 1_000_007..1_500_007] {
        assert_eq!(got.gaps(&wanted).next(), None, "{wanted:?} of {got:?}");
    }
    assert!(pieces.len() > 4);
}

#[test]
fn duplicates_share_position_and_the_last_one_closes() {
    let ops = ops("dup");
    assert_eq!(reads(&ops), [(0, 0, 512, 512), (0, 512, 512, 512), (0, 1024, 512, 512)]);
    assert_eq!(closes(&ops), [0]);
    assert!(matches!(
        ops[ops.len() - 2..],
        [Op { call: Call::Close { .. }, .. }, Op { call: Call::Exit { .. }, .. }]
    ));
    assert_eq!(closes(&self::ops("close-range")), [2, 0, 1]);
}

#[test]
fn children_share_the_position_and_close_nothing() {
    let ops = ops("fork-shared-position");
    assert_eq!(reads(&ops), [(0, 0, 1000, 1000), (0, 1000, 1000, 1000), (0, 2000, 1000, 1000)]);
    assert_eq!(ops.iter().map(|op| op.pid).max(), Some(1));
    assert_eq!(closes(&ops), [0]);
    let exec = self::ops("vfork-exec");
    let total: u64 = reads(&exec).iter().map(|read| read.3).sum();
    assert_eq!(total, size(), "{:?}", reads(&exec));
    assert_eq!(reads(&exec).last().unwrap(), &(0, size(), 10, 0));
}

#[test]
fn direct_is_what_the_descriptor_is_at_the_time() {
    let ops = ops("setfl-direct");
    let direct: Vec<bool> = ops
        .iter()
        .filter_map(|op| if let Call::Read { direct, .. } = op.call { Some(direct) } else { None })
        .collect();
    assert_eq!(direct, [false, true, false]);
    let switched = |op: &Op| if let Call::SetDirect { direct, .. } = op.call { Some(direct) } else { None };
    assert_eq!(ops.iter().filter_map(switched).collect::<Vec<_>>(), [true, false]);
    assert_eq!(native(&ops), []);
    let bounce = self::ops("direct-bounce");
    assert!(matches!(bounce[0].call, Call::Open { direct: true, .. }));
    assert_eq!(reads(&bounce), [(0, 8192, 1 << 20, 1 << 20), (0, 1 << 20, 1 << 20, 1 << 20)]);
}

#[test]
fn locks_advice_and_unmaps_fall_to_the_mapping_they_hit() {
    let all = size();
    assert_eq!(
        memory(&ops("mmap-populate")),
        [
            ("map", 0, 0, all),
            ("advise", 0, 0, all),
            ("unmap", 0, 0, 2 * page()),
            ("unmap", 0, 2 * page(), all - 2 * page())
        ]
    );
    assert_eq!(
        memory(&ops("mlock-growth")),
        [
            ("map", 0, 0, all),
            ("lock", 0, 0, 4 * page()),
            ("lock", 0, 4 * page(), page()),
            ("lock", 0, 5 * page(), 20 * page()),
            ("unmap", 0, 0, 2 * page()),
            ("unlock", 0, 4 * page(), page())
        ]
    );
    let heap = memory(&ops("mlock-heap"));
    assert!(matches!(heap[..], [("alloc", 0, 0, _), ("lock", 0, _, len)] if len == 2 * page()), "{heap:?}");
    let locked = memory(&ops("mlockall"));
    assert!(locked.contains(&("lock", 0, 0, rounded())) && locked.contains(&("unlock", 0, 0, rounded())));
}

#[test]
fn a_model_whose_open_was_not_seen_is_found_when_it_is_mapped() {
    for (idiom, path) in [("received", model()), ("memfd", "/memfd:weights (deleted)".into())] {
        let ops = ops(idiom);
        let opened = |op: &Op| match &op.call {
            Call::Open { file, path, flags, .. } if flags.names.iter().any(|name| name == "received") => {
                Some((file.0, PathBuf::from(path)))
            }
            _ => None,
        };
        assert_eq!(ops.iter().filter_map(opened).collect::<Vec<_>>(), [(1, path)], "{idiom}");
        assert_eq!(memory(&ops), [("map", 0, 0, page())], "{idiom}");
        let closed = |op: &Op| matches!(op.call, Call::Close { file } if file.0 == 1);
        assert!(ops.iter().any(closed), "{idiom}: {ops:?}");
    }
}

#[test]
fn a_lock_that_brings_nothing_in_is_told_where_that_matters() {
    let ops = ops("mlock-on-fault");
    let four = 4 * page();
    assert_eq!(
        memory(&ops),
        [("map", 0, 0, four), ("alloc", 1, 0, four), ("lock", 0, 0, four), ("lock", 1, 0, four)]
    );
    assert_eq!(native(&ops), [("mlock2", "MLOCK_ONFAULT".to_owned())]);
}

#[test]
fn a_region_that_moves_stays_one_region() {
    let ops = ops("mremap");
    assert_eq!(
        memory(&ops),
        [
            ("alloc", 0, 0, 64 * page()),
            ("remap", 0, 0, 256 * page()),
            ("lock", 0, 0, 256 * page()),
            ("unmap", 0, 0, 256 * page())
        ]
    );
    assert_eq!(native(&ops), []);
}

#[test]
fn a_part_that_moves_is_a_region_of_its_own() {
    let ops = ops("mremap-part");
    let pages = |n: u64| n * page();
    assert_eq!(
        memory(&ops),
        [
            ("map", 0, page(), pages(8)),
            ("unmap", 0, pages(2), pages(2)),
            ("map", 1, pages(3), pages(3)),
            ("lock", 1, 0, pages(3)),
            ("map", 2, page(), page()),
            ("remap", 1, 0, pages(4)),
            ("unlock", 1, 0, page()),
            ("remap", 2, 0, (usize::MAX / 2) as u64),
        ]
    );
    let refused = ops.iter().filter(|op| matches!(op.outcome, Outcome::Err(_))).count();
    assert_eq!(refused, 1);
}

#[test]
fn what_is_written_to_a_model_is_in_the_trace() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.gguf");
    std::fs::copy(model(), &path).unwrap();
    let traced = run(&probe::command("writes", &path), &Options { capture: true, ..Options::default() });
    let traced = traced.unwrap();
    assert_eq!(traced.status, Status::Code(0), "{}", String::from_utf8_lossy(&traced.stdout));
    let copy = |op: &Op| matches!(&op.call, Call::Open { path, flags, .. } if path.ends_with("copy.gguf") && flags.has("O_WRONLY"));
    let opened = traced.ops.iter().position(copy).unwrap();
    let Call::Open { file, identity: Some(identity), .. } = traced.ops[opened].call else {
        panic!("no identity")
    };
    assert_eq!(identity.size, size());
    let changes: Vec<_> = traced.ops[opened..]
        .iter()
        .filter_map(|op| match op.call {
            Call::Write { file: of, offset, len } if of == file => Some(("write", offset, len)),
            // A resize by path opens the file for itself.
            Call::Resize { len, .. } => Some(("resize", 0, len)),
            _ => None,
        })
        .collect();
    assert_eq!(
        changes,
        [
            ("write", 0, 1000),
            ("write", 1000, 400),
            ("write", 5000, 100),
            ("write", 6000, 400),
            ("write", 1400, 400),
            ("write", 1800, 10),
            ("write", 4096, 4096),
            ("resize", 0, 20_000),
            ("resize", 0, 10_000),
        ]
    );
    let appended = |op: &Op| matches!(op.call, Call::Write { offset: 10_000, len: 10, .. });
    assert!(traced.ops.iter().any(appended), "what is appended is written at the end");
}

#[test]
fn processes_are_told_apart_and_those_without_operations_are_left_out() {
    let ops = ops("fork-load-exec");
    let told: Vec<_> = ops
        .iter()
        .filter_map(|op| match op.call {
            Call::Fork { child } => Some((op.pid, "fork", i64::from(child))),
            Call::Exec => Some((op.pid, "exec", 0)),
            Call::Exit { code } => Some((op.pid, "exit", i64::from(code))),
            Call::Open { .. } => Some((op.pid, "open", 0)),
            Call::Close { .. } => Some((op.pid, "close", 0)),
            _ => None,
        })
        .collect();
    assert_eq!(
        told,
        [(0, "fork", 1), (1, "open", 0), (1, "exec", 0), (1, "close", 0), (1, "exit", 7), (0, "exit", 0)]
    );
    assert!(ops.is_sorted_by_key(|op| op.start_ns) && ops[0].start_ns > 0, "one call after the other");
    let threads = self::ops("threads");
    assert!(threads.iter().all(|op| op.pid == 0) && threads.iter().any(|op| op.thread > 1));
}

#[test]
fn an_open_has_the_identity_of_its_file() {
    use std::os::unix::fs::MetadataExt;
    let meta = std::fs::metadata(model()).unwrap();
    for idiom in ["pread", "received", "openat2"] {
        let opened = ops(idiom);
        let identities = opened.iter().filter_map(|op| match &op.call {
            Call::Open { identity, .. } => Some(identity.unwrap()),
            _ => None,
        });
        for identity in identities {
            assert_eq!((identity.device, identity.inode, identity.size), (meta.dev(), meta.ino(), size()));
        }
    }
}

#[test]
fn what_a_command_prints_does_not_stop_it() {
    let started = std::time::Instant::now();
    assert_eq!(traced("prints", &[]).status, Status::Code(0));
    // A stop takes some microseconds, so that as many stops as lines would take seconds.
    eprintln!("100000 writes took {:?}", started.elapsed());
}

#[test]
fn what_the_vocabulary_lacks_has_its_own_name() {
    let ops = ops("advice");
    let advice: Vec<_> = ops
        .iter()
        .filter_map(|op| {
            if let Call::FileAdvise { offset, len, advice, .. } = op.call {
                Some((offset, len, advice))
            } else {
                None
            }
        })
        .collect();
    assert_eq!(
        advice,
        [(4096, 8192, Advice::Random), (4096, 8192, Advice::WillNeed), (8192, 4096, Advice::WillNeed)]
    );
    assert_eq!(
        native(&ops),
        [("fadvise64", "POSIX_FADV_NOREUSE".to_owned()), ("madvise", "MADV_HUGEPAGE".to_owned())]
    );
    let own = self::ops("process-madvise");
    let advised = own.iter().filter_map(|op| match op.call {
        Call::MapAdvise { offset, len, advice, .. } => Some((offset, len, advice)),
        _ => None,
    });
    let will_need = Advice::WillNeed;
    assert_eq!(advised.collect::<Vec<_>>(), [(0, page(), will_need), (2 * page(), 3 * page(), will_need)]);
    assert_eq!(native(&own), [], "advice on a child's memory is none on this one's");
    let changed = self::ops("protect-limit");
    let names = native(&changed);
    assert_eq!(names[0], ("mprotect", "PROT_READ".to_owned()));
    assert_eq!(names[1].1, "RLIMIT_MEMLOCK");
}

#[test]
fn questions_are_answered_in_the_trace() {
    let ops = ops("openat2");
    let asked: Vec<_> = ops.iter().map(|op| (&op.call, &op.outcome)).collect();
    assert!(asked.iter().any(
        |(call, outcome)| matches!((call, outcome), (Call::Size { .. }, Outcome::Ok(n)) if *n == size())
    ));
    assert!(asked.iter().any(|(call, _)| matches!(call, Call::Alignment { .. })));
}

#[test]
fn copies_in_the_kernel_are_reads() {
    let ops = ops("sendfile");
    let asked: Vec<_> = ops
        .iter()
        .filter_map(|op| match op.call {
            Call::Read { offset, len, addr: 0, .. } => Some((offset, len)),
            _ => None,
        })
        .collect();
    // The last one may be refused: not every kernel copies from one file system to another.
    assert_eq!(asked, [(0, 5000), (100_000, 3000), (103_000, 2000)]);
    assert_eq!(reads(&ops)[..2], [(0, 0, 5000, 5000), (0, 100_000, 3000, 3000)]);
}

#[rstest]
#[case("pread", "read:short=1000:when=2")]
#[case("stdio", "read:short=100:when=2+2")]
#[case("direct-bounce", "read.direct:delay=100")]
fn a_program_that_reads_on_gets_all_bytes(#[case] idiom: &str, #[case] fault: &str) {
    let traced = traced(idiom, &[fault]);
    assert_eq!(traced.status, Status::Code(0), "{}", String::from_utf8_lossy(&traced.stdout));
    assert!(traced.fired[0] > 0 && traced.ops.iter().any(|op| op.injected));
}

#[test]
fn a_cut_vector_is_a_real_short_read() {
    let traced = traced("readv", &["read:short=700"]);
    assert_eq!(traced.status, Status::Code(101), "the probe wants all bytes at once");
    assert_eq!(reads(&traced.ops)[0], (0, 0, 4000, 700));
}

#[rstest]
#[case("read:short=100", "result 100\n")]
#[case("read:eof", "result 0\n")]
#[case("read:error=EIO", "result -5\n")]
#[case("read:truncate=64", "result 64\n")]
fn a_changed_call_leaves_the_registers_as_the_kernel_does(#[case] fault: &str, #[case] told: &str) {
    let traced = traced("registers", &[fault]);
    let stdout = String::from_utf8_lossy(&traced.stdout).into_owned();
    assert_eq!(traced.status, Status::Code(0), "{stdout}");
    assert!(stdout.contains(told), "{stdout}");
    assert_eq!(traced.fired, [1]);
}

/// Addresses differ from run to run: regions are told by their order.
fn relative(mut seen: Vec<Seen>) -> Vec<Seen> {
    let maps: Vec<(u64, u64)> = seen
        .iter()
        .filter_map(|s| if let Seen::Map { addr, len, .. } = s { Some((*addr, *len)) } else { None })
        .collect();
    for one in &mut seen {
        one.rebase(&maps);
    }
    // Threads may be seen in another order.
    seen.sort();
    seen
}

#[rstest]
fn strace_sees_the_same(
    #[values(
        "stdio",
        "pread",
        "read-lseek",
        "mmap-populate",
        "direct-bounce",
        "readv",
        "dup",
        "setfl-direct",
        "mlock-growth",
        "threads",
        "vfork-exec",
        "fork-shared-position",
        "sendfile",
        "advice",
        "close-range",
        "threads-64"
    )]
    idiom: &str,
) {
    if !strace_log::is_there() {
        return;
    }
    let command = probe::command(idiom, &model());
    let calls = strace_log::record(&command.argv, &command.env);
    let witnessed = strace_log::witnessed(&calls, &model(), Locks::OfFile);
    let told = strace_log::told(ops(idiom).iter(), Locks::OfFile);
    assert!(witnessed.len() > 2, "strace saw something");
    assert_eq!(relative(told), relative(witnessed), "tracer on the left, strace on the right");
}
