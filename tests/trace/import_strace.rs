//! strace's text in its many forms becomes the operations that the calls were.

use crate::dialects::era;
use loadparity::check::{Recording, judge};
use loadparity::import::{Imported, Origin, import};
use loadparity::plan::{Dialect, Spelling};
use loadparity::rules::Summary;
use loadparity::trace::{Call, CodePath, FileId, Op, Outcome, Phase, RegionId, Status, TraceFile};
use proptest::prelude::*;

fn imported(text: &str) -> Imported {
    import(text, Some(Origin::Strace)).unwrap_or_else(|e| panic!("{e}\n{text}"))
}

fn ops(text: &str) -> Vec<Op> {
    imported(text).trace.ops
}

/// Offset and bytes that arrived of every read.
fn reads(text: &str) -> Vec<(u64, u64, bool)> {
    let read = |op: &Op| match (&op.call, &op.outcome) {
        (Call::Read { offset, direct, .. }, Outcome::Ok(n)) => Some((*offset, *n, *direct)),
        _ => None,
    };
    ops(text).iter().filter_map(read).collect()
}

fn effective(text: &str) -> String {
    Summary::of(&ops(text)).effective.to_string()
}

const OPEN: &str = "10 openat(AT_FDCWD, \"/m/x.gguf\", O_RDONLY) = 3\n";

#[test]
fn positions_follow_reads_seeks_copies_and_vectors() {
    let text = format!(
        "{OPEN}10 read(3, \"\"..., 100) = 60\n\
         10 dup(3) = 7\n\
         10 read(7, \"\"..., 100) = 100\n\
         10 pread64(3, \"\"..., 8, 4096) = 8\n\
         10 lseek(3, 1000, SEEK_SET) = 1000\n\
         10 readv(7, [{{iov_base=\"\"..., iov_len=5}}, {{iov_base=\"\"..., iov_len=7}}], 2) = 12\n\
         10 fcntl(3, F_DUPFD_CLOEXEC, 0) = 9\n\
         10 close(3) = 0\n\
         10 read(9, \"\"..., 4) = 4\n\
         10 fcntl(9, F_SETFL, O_RDONLY|O_DIRECT) = 0\n\
         10 preadv(9, [{{iov_base=\"\"..., iov_len=512}}], 1, 8192) = 512\n"
    );
    let plain = |offset, n| (offset, n, false);
    let expected =
        [plain(0, 60), plain(60, 100), plain(4096, 8), plain(1000, 12), plain(1012, 4), (8192, 512, true)];
    assert_eq!(reads(&text), expected);
    // The file stays open until its last descriptor is closed.
    assert!(!ops(&text).iter().any(|op| matches!(op.call, Call::Close { .. })));
}

#[test]
fn interrupted_lines_are_joined_by_thread() {
    let text = format!(
        "{OPEN}10 pread64(3,  <unfinished ...>\n\
         11 pread64(3, \"\"..., 16, 100 <unfinished ...>\n\
         10 <... pread64 resumed>\"\"..., 8, 16) = 8\n\
         11 <... pread64 resumed>) = 16\n\
         10 read(3,  <unfinished ...>\n\
         10 +++ killed by SIGKILL +++\n"
    );
    assert_eq!(reads(&text), [(16, 8, false), (100, 16, false)]);
    let imported = imported(&text);
    assert_eq!(imported.report.unfinished, 1);
    let threads: Vec<_> = imported.trace.ops.iter().map(|op| op.thread).collect();
    assert_eq!(threads, [0, 0, 1]);
    let error = import("10 read(3,  <unfinished ...>\n10 <... close resumed>) = 0\n", Some(Origin::Strace));
    assert!(error.expect_err("another call").to_string().starts_with("line 2: "));
}

#[test]
fn a_model_is_known_by_name_by_resolved_name_or_by_content() {
    let by_content = "openat(AT_FDCWD, \"/blobs/sha256-1\", O_RDONLY) = 3\n\
                      read(3, \"GGUF\\3\\0\\0\\0\"..., 4096) = 4096\n\
                      close(3) = 0\n\
                      openat(AT_FDCWD, \"/blobs/sha256-1\", O_RDONLY) = 3\n\
                      mmap(NULL, 100000, PROT_READ, MAP_SHARED, 3, 0) = 0x7f0000000000\n";
    assert_eq!(effective(by_content), "map");
    let resolved = "openat(AT_FDCWD, \"/link\", O_RDONLY) = 3</m/x.gguf>\n\
                    mmap(NULL, 100000, PROT_READ, MAP_SHARED, 3</m/x.gguf>, 0) = 0x7f0000000000\n";
    assert_eq!(effective(resolved), "map");
    let no_open = "mmap(NULL, 100000, PROT_READ, MAP_SHARED, 3</m/x.gguf>, 0) = 0x7f0000000000\n";
    assert_eq!(effective(no_open), "map");
    let none = "openat(AT_FDCWD, \"/lib/libc.so\", O_RDONLY) = 3\n\
                mmap(NULL, 100000, PROT_READ, MAP_SHARED, 3, 0) = 0x7f0000000000\n\
                mlock(0x7f0000000000, 4096) = 0\n";
    assert_eq!((effective(none).as_str(), ops(none).len()), ("none-opened", 0));
}

#[test]
fn locks_belong_to_the_memory_they_fall_into() {
    let text = format!(
        "{OPEN}mmap(NULL, 8192, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0x7f0000000000\n\
         mmap(NULL, 4096, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0x7f0000010000\n\
         10 mlock(0x7f0000001000, 4096) = 0\n\
         10 mlock(0x55cf256a0cc0, 4096) = -1 ENOMEM (Cannot allocate memory)\n\
         10 read(3, \"\"..., 4096) = 4096\n"
    );
    let path = CodePath::from_ops(&ops(&text)).to_string();
    // The buffer that was never locked leaves no trace; of the heap, what was locked is taken for one.
    assert_eq!(path.matches("alloc").count(), 2, "{path}");
    assert!(path.contains("lock buf0 +0x1000..0x2000"), "{path}");
    assert!(path.contains("lock buf1 +3264.. refused (lock-limit)"), "{path}");
}

#[test]
fn forks_and_execs_keep_their_own_descriptors() {
    let text = "10 openat(AT_FDCWD, \"/m/x.gguf\", O_RDONLY|O_CLOEXEC) = 3\n\
                10 clone(child_stack=NULL, flags=CLONE_CHILD_CLEARTID|SIGCHLD, child_tidptr=0x1) = 20\n\
                20 close(3) = 0\n\
                20 openat(AT_FDCWD, \"/etc/x\", O_RDONLY) = 3\n\
                20 read(3, \"\"..., 50) = 50\n\
                10 read(3, \"\"..., 4096) = 4096\n\
                10 clone(child_stack=0x1, flags=CLONE_VM|CLONE_FILES|CLONE_THREAD, tls=0x2) = 21\n\
                21 read(3, \"\"..., 10) = 10\n\
                10 execve(\"/bin/x\", [\"x\"], 0x1 /* 2 vars */) = 0\n\
                10 read(3, \"\"..., 9) = 9\n";
    assert_eq!(reads(text), [(0, 4096, false), (4096, 10, false)]);
}

#[test]
fn made_up_results_and_durations_are_kept() {
    let text = format!(
        "{OPEN}10 pread64(3, 0x7f0000000000, 8, 0) = -1 EINVAL (Invalid argument) (INJECTED)\n\
         10 pread64(3, \"\"..., 8, 0) = 8 <0.000021>\n"
    );
    let ops = ops(&text);
    assert!(ops[1].injected && !ops[2].injected);
    assert_eq!((ops[1].dur_ns, ops[2].dur_ns), (0, 21_000));
    assert!(matches!(ops[1].call, Call::Read { addr: 0x7f00_0000_0000, .. }));
}

#[test]
fn starts_are_counted_from_the_first_line() {
    let started = |lines: [&str; 3]| -> Vec<u64> {
        let [open, read, close] = lines;
        let text = format!(
            "10 {open} openat(AT_FDCWD, \"/m/x.gguf\", O_RDONLY) = 3 <0.000005>\n\
             10 {read} pread64(3,  <unfinished ...>\n\
             11 {close} <... resumed>\n10 {close} <... pread64 resumed>\"\"..., 8, 16) = 8 <0.5>\n"
        );
        ops(&text).iter().map(|op| op.start_ns).collect()
    };
    assert_eq!(started(["23:59:59.5", "00:00:01.25", "00:00:02"]), [0, 1_750_000_000]);
    assert_eq!(started(["1700000000.5", "1700000001.000001", "1700000002.0"]), [0, 500_001_000]);
    assert_eq!(started(["     0.000000", "     0.000200", "     0.000100"]), [0, 200_000]);
    assert_eq!(started(["", "", ""]), [0, 0]);
}

#[test]
fn processes_and_the_end_are_told() {
    let text = "10 execve(\"/bin/sh\", [\"sh\"], 0x1 /* 2 vars */) = 0\n\
                10 clone(child_stack=NULL, flags=CLONE_VM|CLONE_VFORK|SIGCHLD <unfinished ...>\n\
                11 execve(\"/bin/x\", [\"x\"], 0x1 /* 2 vars */) = 0\n\
                10 <... clone resumed>) = 11\n\
                11 openat(AT_FDCWD, \"/m/x.gguf\", O_RDONLY|O_CLOEXEC) = 3\n\
                11 mmap(NULL, 8192, PROT_READ, MAP_SHARED, 3, 0) = 0x7f0000000000\n\
                11 vfork( <unfinished ...>\n\
                12 close(3) = 0\n\
                12 execve(\"/bin/y\", [\"y\"], 0x1 /* 2 vars */) = 0\n\
                11 <... vfork resumed>) = 12\n\
                12 +++ exited with 0 +++\n\
                11 read(3, \"\"..., 10) = 10\n\
                11 +++ killed by SIGKILL +++\n\
                10 --- SIGCHLD {si_signo=SIGCHLD} ---\n\
                10 +++ exited with 3 +++\n";
    let trace = imported(text).trace;
    let told: Vec<_> = trace.ops.iter().map(|op| (op.pid, op.call.clone())).collect();
    assert!(matches!(told[1], (1, Call::Open { .. })), "{told:?}");
    assert!(matches!(told[3], (1, Call::Read { .. })), "the child's close was of its own copy: {told:?}");
    assert_eq!(told[0], (0, Call::Fork { child: 1 }));
    assert_eq!(told[4..], [(1, Call::Exit { code: -9 }), (0, Call::Exit { code: 3 })]);
    let end = trace.end.unwrap_or_else(|| panic!("no end"));
    assert_eq!((end.status, end.unseen), (Status::Code(3), vec!["destinations".to_owned()]));
}

#[test]
fn calls_of_other_kinds_are_decoded_as_the_tracer_does() {
    let text = "10 openat(AT_FDCWD, \"/m/x.gguf\", O_RDWR) = 3\n\
         10 mmap(NULL, 16384, PROT_READ, MAP_SHARED, 3, 0) = 0x7f0000000000\n\
         10 sendfile(7, 3, [100] => [150], 60) = 50\n\
         10 copy_file_range(3, NULL, 8, NULL, 40, 0) = 40\n\
         10 splice(9, NULL, 3, [1000], 30, 0) = 20\n\
         10 pwrite64(3, \"\"..., 9, 77) = 9\n\
         10 ftruncate(3, 12345) = 0\n\
         10 fallocate(3, FALLOC_FL_KEEP_SIZE|FALLOC_FL_PUNCH_HOLE, 4096, 8192) = 0\n\
         10 fcntl(3, F_SETFL, O_RDWR|O_DIRECT) = -1 EINVAL (Invalid argument)\n\
         10 mlockall(MCL_CURRENT) = 0\n\
         10 mremap(0x7f0000001000, 4096, 4096, MREMAP_MAYMOVE) = 0x7f0000100000\n\
         10 mremap(0x7f0000100000, 4096, 8192, MREMAP_MAYMOVE) = 0x7f0000200000\n\
         10 munlockall() = 0\n\
         10 vmsplice(4, [{iov_base=\"\"..., iov_len=3}], 1, 0) = 3\n\
         10 setrlimit(RLIMIT_MEMLOCK, {rlim_cur=64*1024, rlim_max=RLIM64_INFINITY}) = 0\n\
         10 +++ exited with 0 +++\n";
    let trace = imported(text).trace;
    let (file, map, moved) = (FileId(0), RegionId(0), RegionId(1));
    let calls: Vec<Call> = trace.ops[2..].iter().map(|op| op.call.clone()).collect();
    let read = |offset, len| Call::Read { file, offset, len, direct: false, addr: 0 };
    assert_eq!(
        calls[..7],
        [
            read(100, 60),
            read(0, 40),
            Call::Write { file, offset: 1000, len: 30 },
            Call::Write { file, offset: 77, len: 9 },
            Call::Resize { file, len: 12345 },
            Call::Write { file, offset: 4096, len: 8192 },
            Call::SetDirect { file, direct: true },
        ]
    );
    assert_eq!(calls[8], Call::Lock { region: map, offset: 0, len: 16384 });
    assert_eq!(calls[9], Call::Unmap { region: map, offset: 4096, len: 4096 });
    assert!(matches!(calls[10], Call::Map { region, offset: 4096, len: 4096, .. } if region == moved));
    assert_eq!(calls[11], Call::Remap { region: moved, len: 8192, addr: 0x7f00_0020_0000 });
    assert!(matches!(&calls[7], Call::Native { name, .. } if name == "mlockall"), "{:?}", calls[7]);
    let unlocked = calls.iter().filter(|call| matches!(call, Call::Unlock { .. })).count();
    assert_eq!(unlocked, 3, "two parts of the mapping and what moved: {calls:?}");
    let Some(Call::Native { name, flags, .. }) = calls.iter().rev().nth(1) else { panic!("{calls:?}") };
    assert_eq!((name.as_str(), flags.raw), ("setrlimit", 65536));
    let unseen = trace.end.map(|end| end.unseen).unwrap_or_default();
    assert_eq!(unseen, ["transfer"]);
}

/// The sessions of a load: header, fit pass, header, and what is given.
fn load(fit: &str, real: &str) -> String {
    let header = "openat(AT_FDCWD, \"/m/x.gguf\", O_RDONLY) = 3\n\
                  lseek(3, 1044480, SEEK_SET) = 1044480\nread(3, \"\"..., 4096) = 4096\nlseek(3, 0, SEEK_SET) = 0\n\
                  read(3, \"\"..., 4096) = 4096\nread(3, \"\"..., 4096) = 4096\nclose(3) = 0\n";
    format!("{header}{fit}{header}{real}")
}

const BUFFERED: &str = "openat(AT_FDCWD, \"/m/x.gguf\", O_RDONLY) = 3\n";
const REFUSED: &str = "openat(AT_FDCWD, \"/m/x.gguf\", O_RDONLY|O_DIRECT) = -1 EINVAL (Invalid argument)\n";
const CLOSE: &str = "close(3) = 0\n";
const MAP: &str = "mmap(NULL, 1048576, PROT_READ, MAP_SHARED|MAP_POPULATE, 3, 0) = 0x7f0000000000\n";
const ALL: &str = "lseek(3, 0, SEEK_SET) = 0\nread(3, \"\"..., 1048576) = 1048576\n";

fn agrees(dialect: Dialect, flags: &[&str], text: &str) -> (String, String, bool) {
    let imported = imported(text);
    let (ops, printed) = (&imported.trace.ops[..], None);
    let recording = Recording { ops, page_size: 4096, printed, weights: None, ..Recording::default() };
    let j = judge(dialect, &Spelling::flags(flags.iter().copied()), &recording);
    (j.predicted, j.effective, j.agrees)
}

#[test]
fn a_refused_direct_open_is_judged_by_the_fallback_of_its_era() {
    let fit = format!("{REFUSED}{BUFFERED}{CLOSE}");
    let maps = load(&fit, &format!("{REFUSED}{BUFFERED}{CLOSE}{BUFFERED}{MAP}{CLOSE}"));
    let reads = load(&fit, &format!("{REFUSED}{BUFFERED}{ALL}{CLOSE}"));
    let told = |words: (&str, &str, bool)| (words.0.to_owned(), words.1.to_owned(), words.2);
    assert_eq!(agrees(era("booleans"), &["-dio"], &maps), told(("direct", "map", true)));
    assert_eq!(agrees(era("booleans"), &["-dio"], &reads), told(("direct", "read", false)));
    assert_eq!(agrees(era("enum-v3"), &["-dio"], &reads), told(("direct", "read", true)));
    assert_eq!(agrees(era("enum-v3"), &["-dio"], &maps), told(("direct", "map", false)));
    // Nothing was refused in the load itself: then it had to be direct.
    let only_the_fit = load(&fit, &format!("{BUFFERED}{ALL}{CLOSE}"));
    assert_eq!(agrees(era("enum-v3"), &["-dio"], &only_the_fit), told(("direct", "read", false)));
}

#[test]
fn the_passes_before_the_load_say_nothing_about_its_mode() {
    let refused = "mlock(0x55cf256a0000, 4096) = -1 ENOMEM (Cannot allocate memory)\n";
    let granted = "mlock(0x55cf256a0000, 1048576) = 0\n";
    let fit_locks = load(&format!("{BUFFERED}{granted}{CLOSE}"), &format!("{BUFFERED}{ALL}{CLOSE}"));
    assert_eq!(effective(&fit_locks), "read");
    let fit_refused =
        load(&format!("{BUFFERED}{refused}{CLOSE}"), &format!("{BUFFERED}{granted}{ALL}{CLOSE}"));
    assert_eq!(effective(&fit_refused), "read+lock");
    let fit_maps = load(&format!("{BUFFERED}{MAP}{CLOSE}"), &format!("{BUFFERED}{ALL}{CLOSE}"));
    assert_eq!(effective(&fit_maps), "read");
    let fit_reads = load(&format!("{BUFFERED}{ALL}{CLOSE}"), &format!("{BUFFERED}{MAP}{CLOSE}"));
    assert_eq!(effective(&fit_reads), "map");
    // A buffer that is locked after the file was closed is the weights' if it can hold them.
    let late = |lock: &str| effective(&load("", &format!("{BUFFERED}{ALL}{CLOSE}{lock}")));
    assert_eq!(late(granted), "read+lock");
    assert_eq!(late("mlock(0x55cf256a0000, 4096) = 0\n"), "read");
}

#[test]
fn teardown_keeps_the_lock_and_a_trim_does_not() {
    let locked = format!(
        "{BUFFERED}{MAP}mlock(0x7f0000000000, 1048576) = 0\nmunmap(0x7f0000000000, 8192) = 0\n{CLOSE}"
    );
    let text = load("", &format!("{locked}munmap(0x7f0000002000, 1040384) = 0\n+++ exited with 0 +++\n"));
    let summary = Summary::of(&ops(&text));
    assert_eq!((summary.effective.to_string().as_str(), summary.locked_bytes), ("map+lock", 1_040_384));
    let ops = ops(&text);
    let phases: Vec<_> = ops.iter().rev().take(4).map(|op| op.phase).collect();
    assert_eq!(phases, [Phase::Teardown, Phase::Teardown, Phase::Load, Phase::Load]);
    assert!(matches!(ops.last().map(|op| &op.call), Some(Call::Exit { code: 0 })));
}

/// A loader that opens the file once, reads the header there and then maps it.
#[test]
fn one_session_has_its_header_before_its_mapping() {
    let text = format!("{BUFFERED}read(3, \"\"..., 65536) = 65536\n{MAP}{CLOSE}");
    let phases: Vec<_> = ops(&text).iter().map(|op| op.phase).collect();
    assert_eq!(phases, [Phase::Header, Phase::Header, Phase::Load, Phase::Load]);
    let imported = imported(&text);
    let recording = Recording {
        ops: &imported.trace.ops,
        page_size: 4096,
        printed: None,
        weights: None,
        ..Recording::default()
    };
    let j = judge(Dialect::reference(), &Spelling::default(), &recording);
    assert!(j.agrees && j.findings.is_empty(), "{j:?}");
}

/// Half of this file is its header, as of small models with many words.
#[test]
fn a_header_that_is_most_of_the_file_is_no_load() {
    let front =
        "openat(AT_FDCWD, \"/m/x.gguf\", O_RDONLY) = 3\nread(3, \"\"..., 700000) = 700000\nclose(3) = 0\n";
    let text = format!("{front}{BUFFERED}{CLOSE}{front}{BUFFERED}{MAP}{CLOSE}");
    assert_eq!(effective(&text), "map");
}

#[test]
fn a_line_that_cannot_be_read_is_one_clear_error() {
    for (text, line) in [
        (format!("{OPEN}10 read(3, \"\"..., 4096) = 40"), 0),
        (format!("{OPEN}10 read(3, \"\"..., 40\n"), 2),
        (format!("{OPEN}10 read(3, \"\"..., 4096) =\n"), 2),
        // A last line without its end is where the recording was stopped.
        (format!("{OPEN}10 close(4) = 0\n10 read(3, \"\"..., 40"), 0),
        (format!("{OPEN}10 read(3, \"\"..., many) = 4\n"), 2),
        (format!("{OPEN}10 read(3, \"\"..., 4) = 5\n"), 2),
        (format!("{OPEN}10 pread64(3, \"\"..., 4, 18446744073709551615) = 4\n"), 2),
        (format!("{OPEN}\n10 mmap(NULL, 99) = 0x1000\n"), 3),
        ("nothing\nof strace\n".to_owned(), 2),
        (String::new(), 0),
    ] {
        match import(&text, Some(Origin::Strace)) {
            Ok(_) => assert_eq!(line, 0, "{text}"),
            Err(error) => {
                assert!(error.to_string().starts_with(&format!("line {line}: ")), "{text}: {error}")
            }
        }
    }
}

#[test]
fn a_line_that_the_program_cut_by_writing_is_no_error() {
    let text = format!("{OPEN}10 write(2, \"\\n\", 1\n) = 1\n");
    assert_eq!(imported(&text).report.other.len(), 2);
}

#[test]
fn a_call_that_strace_itself_cut_is_joined() {
    let text = format!(
        "{OPEN}clone3({{flags=CLONE_VM|CLONE_FILES|CLONE_THREAD}}strace: Process 12 attached\n \
         => {{parent_tid=[12]}}, 88) = 12\n\
         strace: Process 13 attached\n\
         [pid 12] read(3, \"\"..., 10) = 10\n"
    );
    assert_eq!(reads(&text), [(0, 10, false)]);
    assert_eq!(imported(&text).report.other, []);
}

#[test]
fn what_the_program_printed_is_kept_and_counted() {
    let text = format!(
        "{OPEN}load_tensors: loading (load_mode = mmap)\n\
         10 write(2, \"load_tensors: x (load_mode = dio)\\n\", 34) = 34\n"
    );
    let imported = imported(&text);
    assert_eq!(imported.report.other.len(), 1);
    assert_eq!(imported.report.printed.len(), 2);
    let report = &imported.report;
    assert_eq!(report.lines, report.evidence + report.elsewhere + report.other.len());
}

fn any_line() -> impl Strategy<Value = String> {
    let lines = [
        "10 openat(AT_FDCWD</opt>, \"/m/x.gguf\", O_RDONLY|O_DIRECT) = 3</m/x.gguf>",
        "openat(AT_FDCWD, \"/m/x.gguf\", O_RDONLY) = 4",
        "10 close(3) = 0",
        "11 dup2(3, 4) = 4",
        "10 read(3,  <unfinished ...>",
        "10 <... read resumed>\"\"..., 4096) = 4096",
        "10 fork() = 11",
        "[pid 11] execve(\"x\", [], 0x0) = 0",
        "11 +++ exited with 0 +++",
        "10 io_uring_enter(5, 1, 1, 0, NULL, 8) = 1",
        "mlockall(MCL_CURRENT) = 0",
        "munlockall() = 0",
        "10 fcntl(3, F_SETFL, O_RDONLY|O_DIRECT) = 0",
        "10 <... clone resumed>) = 12",
        "10 clone(child_stack=NULL, flags=CLONE_VM|SIGCHLD <unfinished ...>",
        "12 close_range(3, 4294967295, 0) = 0",
        "12 +++ killed by SIGSEGV (core dumped) +++",
    ];
    let number = prop_oneof![any::<u64>(), (0u64..1 << 20), Just(0), Just(4096), Just(0x7f00_0000_0000)];
    let n = || number.clone();
    prop_oneof![
        proptest::sample::select(lines.to_vec()).prop_map(str::to_owned),
        (n(), n(), n()).prop_map(|(l, o, r)| format!("10 pread64(3, \"\"..., {l}, {o}) = {r}")),
        (n(), n()).prop_map(|(l, r)| format!("11 read(4</m/x.gguf>, \"\"..., {l}) = {r}")),
        (n(), n(), n())
            .prop_map(|(l, o, a)| format!("10 mmap(NULL, {l}, PROT_READ, MAP_SHARED, 3, {o:#x}) = {a:#x}")),
        (n(), n()).prop_map(|(l, a)| format!(
            "10 mmap(NULL, {l}, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = {a:#x}"
        )),
        (n(), n(), n(), n())
            .prop_map(|(o, l, k, a)| format!("10 mremap({o:#x}, {l}, {k}, MREMAP_MAYMOVE) = {a:#x}")),
        (n(), n(), n()).prop_map(|(l, o, r)| format!("10 pwrite64(3, \"\"..., {l}, {o}) = {r}")),
        (n(), n()).prop_map(|(o, l)| format!("10 sendfile(9, 3, [{o}] => [{o}], {l}) = {l}")),
        (n(), n()).prop_map(|(o, l)| format!("10 fallocate(3, 0, {o}, {l}) = 0")),
        (n(), n()).prop_map(|(a, l)| format!("10 mlock({a:#x}, {l}) = 0")),
        (n(), n()).prop_map(|(a, l)| format!("10 mlock({a:#x}, {l}) = -1 ENOMEM (Cannot allocate memory)")),
        (n(), n()).prop_map(|(a, l)| format!("10 munmap({a:#x}, {l}) = 0")),
        (n(), n()).prop_map(|(a, l)| format!("10 madvise({a:#x}, {l}, MADV_WILLNEED) = 0")),
        n().prop_map(|p| format!("10 lseek(3, {p}, SEEK_END) = {p}")),
        "[ -~]{0,40}",
        "(read|mmap|open)\\([ -~]{0,30}",
    ]
}

/// Whatever a text is, it is imported or refused by line, and what is imported can be judged,
/// written and read back.
fn survives(text: &str) -> Result<(), TestCaseError> {
    match import(text, Some(Origin::Strace)) {
        Ok(imported) => {
            let mut bytes = Vec::new();
            imported.trace.write(&mut bytes).expect("memory takes it");
            let back = TraceFile::read(&bytes[..]).expect("what is written is read");
            prop_assert_eq!(&back, &imported.trace);
            let report = &imported.report;
            prop_assert!(report.evidence + report.elsewhere + report.other.len() <= report.lines);
            let path = CodePath::from_ops(&imported.trace.ops);
            prop_assert_eq!(CodePath::from_ops(&path.to_ops()).steps, path.steps);
            for flags in [&["--mlock"][..], &["-dio"], &["--no-mmap"]] {
                let recording = Recording {
                    ops: &imported.trace.ops,
                    page_size: imported.trace.header.page_size,
                    printed: Some(&report.printed),
                    weights: None,
                    ..Recording::default()
                };
                let _ = judge(era("booleans"), &Spelling::flags(flags.iter().copied()), &recording);
            }
        }
        Err(error) => prop_assert!(error.to_string().starts_with("line "), "{}", error),
    }
    Ok(())
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(lines in proptest::collection::vec(any_line(), 0..16), cut in 0usize..1200) {
        let text = lines.join("\n");
        let end = text.char_indices().map(|(at, _)| at).find(|at| *at >= cut).unwrap_or(text.len());
        survives(&text[..end])?;
    }

    #[test]
    fn a_real_recording_cut_anywhere_is_read_or_refused(cut in 0usize..12_000, drop in 0usize..200) {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/straces/a/dio_mlock.strace");
        let text = std::fs::read_to_string(path).expect("a recording");
        let text: String = text.lines().enumerate().filter(|(i, _)| *i != drop).map(|(_, l)| format!("{l}\n")).collect();
        survives(&text[..cut.min(text.len())])?;
    }
}

/// A filter leaves no trace of itself: where every call is one that a user asks for, that is said.
#[test]
fn a_recording_that_may_be_filtered_is_no_proof_that_nothing_was_locked() {
    let load = format!("{BUFFERED}{MAP}{CLOSE}");
    let says = |text: &str| imported(text).report.doubts.iter().any(|doubt| doubt.contains("left out mlock"));
    assert!(says(&load));
    assert!(!says(&format!("brk(NULL) = 0x55\n{load}")), "nobody asks for brk");
    assert!(!says(&format!("{BUFFERED}{MAP}mlock(0x7f0000000000, 1048576) = 0\n{CLOSE}")));
}
