//! What a tracer has to survive: programs that crash, that are not there, that outlive their
//! parents, that stop, that are many; people who press Ctrl-C; paths that are no text.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use loadparity::trace::{Call, Op, Outcome, Phase, TraceFile};
use loadparity::tracer::{BlindSpot, Command, Mode, Options, Status, Stop, TraceError, Traced, run};

use crate::probe;
use crate::support;

fn model() -> PathBuf {
    support::fixture("q4_k_m")
}

fn options() -> Options {
    Options { capture: true, ..Options::default() }
}

fn traced(idiom: &str, model: &Path) -> Traced {
    let traced = run(&probe::command(idiom, model), &options()).unwrap();
    assert_eq!(traced.status, Status::Code(0), "{}", String::from_utf8_lossy(&traced.stdout));
    round_trip(&traced);
    traced
}

fn round_trip(traced: &Traced) {
    let trace = TraceFile {
        header: traced.header.clone(),
        ops: traced.ops.clone(),
        observations: Vec::new(),
        end: None,
    };
    let (mut bytes, mut second) = (Vec::new(), Vec::new());
    trace.write(&mut bytes).unwrap();
    let again = TraceFile::read(&bytes[..]).unwrap();
    again.write(&mut second).unwrap();
    assert!(bytes == second && again == trace, "written twice, the trace differs");
}

fn count(ops: &[Op], which: fn(&Call) -> bool) -> usize {
    ops.iter().filter(|op| which(&op.call)).count()
}

fn reads(ops: &[Op]) -> usize {
    count(ops, |call| matches!(call, Call::Read { .. }))
}

fn shell(script: &str) -> Command {
    Command { argv: ["/bin/sh", "-c", script].map(Into::into).to_vec(), ..Command::default() }
}

#[test]
fn a_child_that_dies_by_a_signal() {
    let traced = run(&probe::command("crash", &model()), &options()).unwrap();
    assert_eq!(traced.status, Status::Signal(libc::SIGSEGV));
    assert_eq!(reads(&traced.ops), 1);
    let code =
        support::loadparity().args(["trace", "--", "/bin/sh", "-c", "kill -TERM $$"]).assert().code(143);
    assert!(String::from_utf8_lossy(&code.get_output().stderr).contains("signal 15"));
}

#[test]
fn a_program_that_is_not_there_or_cannot_be_executed() {
    let folder = tempfile::tempdir().unwrap();
    let text = folder.path().join("text");
    std::fs::write(&text, "no program").unwrap();
    let start = |name: &OsStr| {
        run(&Command { argv: vec![name.to_owned()], ..Command::default() }, &options()).unwrap_err()
    };
    assert!(matches!(start("/no/such/program".as_ref()), TraceError::NotFound { .. }));
    assert!(matches!(start("no-such-program-anywhere".as_ref()), TraceError::NotFound { .. }));
    assert!(matches!(start(text.as_os_str()), TraceError::NotExecutable { .. }));
    let zero = Command { argv: vec!["true".into(), "a\0b".into()], ..Command::default() };
    assert!(matches!(run(&zero, &options()), Err(TraceError::ZeroByte { .. })));
    assert!(matches!(run(&Command::default(), &options()), Err(TraceError::NoCommand)));
    for (name, code) in
        [("/no/such/program", 127), ("no-such-program-anywhere", 127), (text.to_str().unwrap(), 126)]
    {
        let assert = support::loadparity().args(["trace", "--", name]).assert().code(code);
        let told = String::from_utf8_lossy(&assert.get_output().stderr).into_owned();
        assert!(told.contains("cannot start") && told.contains(name), "{told}");
    }
    support::loadparity().args(["trace"]).assert().code(2);
    support::loadparity().args(["trace", "--inject", "raed:eof", "--", "true"]).assert().code(2);
    support::loadparity().args(["trace", "-o", "/no/such/folder/t", "--", "true"]).assert().code(2);
    let missing = Command { cwd: Some("/no/such/folder".into()), ..shell("exit 0") };
    assert!(matches!(run(&missing, &options()), Err(TraceError::System { .. })));
}

#[test]
fn the_exit_code_is_the_commands_own() {
    for code in [0, 1, 3, 70, 255] {
        let script = format!("exit {code}");
        support::loadparity().args(["trace", "--", "/bin/sh", "-c", &script]).assert().code(code);
    }
}

#[test]
fn standard_streams_are_the_commands_own() {
    let assert = support::loadparity()
        .args(["trace", "-o", "/dev/null", "--", "/bin/sh", "-c", "cat; echo error >&2"])
        .write_stdin("input")
        .assert()
        .code(0);
    assert_eq!(assert.get_output().stdout, b"input");
    assert_eq!(assert.get_output().stderr, b"error\n");
    let traced = run(&shell("echo out; echo err >&2; cat"), &options()).unwrap();
    assert_eq!((traced.stdout, traced.stderr), (b"out\n".to_vec(), b"err\n".to_vec()));
}

#[test]
fn sixty_four_threads_that_open_the_model_at_once() {
    for _ in 0..3 {
        let traced = traced("threads-64", &model());
        assert_eq!(count(&traced.ops, |call| matches!(call, Call::Open { .. })), 65);
        assert_eq!(count(&traced.ops, |call| matches!(call, Call::Close { .. })), 65);
        assert_eq!(reads(&traced.ops), 256);
        let threads: std::collections::BTreeSet<_> = traced.ops.iter().map(|op| op.thread).collect();
        assert_eq!(threads.len(), 65);
    }
}

#[test]
fn a_child_that_outlives_its_parent() {
    let traced = run(&probe::command("outliving-child", &model()), &options()).unwrap();
    assert_eq!(traced.status, Status::Code(5), "the status is that of the command itself");
    assert!(reads(&traced.ops) > 2 && traced.ops.iter().all(|op| op.thread == 0));
}

#[test]
fn a_process_that_stops_and_is_woken() {
    assert!(reads(&traced("stop-and-go", &model()).ops) > 2);
}

#[test]
fn a_hundred_thousand_reads() {
    let traced = traced("many-reads", &model());
    assert_eq!(reads(&traced.ops), 100_000);
    let offsets = traced.ops.iter().filter_map(|op| match op.call {
        Call::Read { offset, .. } => Some(offset),
        _ => None,
    });
    assert!(offsets.eq((0..100_000).map(|index| 16 * index)));
}

#[test]
fn a_model_whose_path_is_no_text() {
    let folder = tempfile::tempdir().unwrap();
    for name in [&b"with space"[..], b"with\nnew line \t\"quoted\"", b"invalid \xff\xfe utf-8", b"\xff"] {
        let path = folder.path().join(OsStr::from_bytes(name));
        std::fs::copy(model(), &path).unwrap();
        let traced = traced("pread", &path);
        assert!(reads(&traced.ops) > 2, "{name:?}");
        assert_eq!(traced.models, [path]);
        let Call::Open { path, .. } = &traced.ops[0].call else { panic!("{:?}", traced.ops[0]) };
        assert_eq!(traced.header.model.as_ref(), Some(path));
    }
    // A relative path is told as it was given.
    let script = "cat ./fixture-llama-q4_k_m.gguf >/dev/null";
    let command = Command { cwd: model().parent().map(Into::into), ..shell(script) };
    let traced = run(&command, &options()).unwrap();
    assert_eq!(traced.models, [Path::new("./fixture-llama-q4_k_m.gguf")]);
}

/// Starts the program on a probe that waits, and gives the process that waits.
fn waiting(out: &Path) -> (Child, i32) {
    let probe = probe::command("sleep", &model());
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_loadparity"))
        .args(["trace", "-o"])
        .arg(out)
        .arg("--")
        .args(&probe.argv)
        .envs(probe.env)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut pids = Vec::new();
    let mut lines = BufReader::new(child.stdout.as_mut().unwrap()).lines();
    // Parent and child of the probe's fork both say that they are there.
    while pids.len() < 2 {
        let line = lines.next().unwrap().unwrap();
        pids.extend(line.split_once("ready ").and_then(|(_, pid)| pid.trim().parse::<i32>().ok()));
    }
    (child, *pids.iter().max().unwrap())
}

fn is_alive(pid: i32) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

fn ends(pid: i32) {
    let patience = Instant::now() + Duration::from_secs(20);
    while is_alive(pid) {
        assert!(Instant::now() < patience, "process {pid} is still there");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn an_interrupt_ends_the_children_and_leaves_a_valid_trace() {
    let folder = tempfile::tempdir().unwrap();
    for (signal, code) in [(libc::SIGINT, 130), (libc::SIGTERM, 143)] {
        let out = folder.path().join("trace.jsonl");
        let (mut child, waiter) = waiting(&out);
        // SAFETY: a signal to a child that has not been waited for.
        unsafe { libc::kill(child.id().cast_signed(), signal) };
        assert_eq!(child.wait().unwrap().code(), Some(code));
        ends(waiter);
        let trace = TraceFile::read(BufReader::new(std::fs::File::open(&out).unwrap())).unwrap();
        assert_eq!(reads(&trace.ops), 1);
    }
}

#[test]
fn the_children_of_a_killed_tracer_end_with_it() {
    let folder = tempfile::tempdir().unwrap();
    let (mut child, waiter) = waiting(&folder.path().join("trace.jsonl"));
    child.kill().unwrap();
    assert_eq!(child.wait().unwrap().signal(), Some(libc::SIGKILL));
    ends(waiter);
}

#[test]
fn a_time_limit_ends_everything() {
    let limit = Some(Duration::from_millis(400));
    let traced =
        run(&probe::command("sleep", &model()), &Options { time_limit: limit, ..options() }).unwrap();
    assert_eq!(traced.status, Status::TimeLimit);
    assert_eq!(reads(&traced.ops), 1);
    support::loadparity().args(["trace", "--timeout", "0.2", "--", "sleep", "60"]).assert().code(124);
    // A limit that is not reached changes nothing.
    let limit = Some(Duration::from_secs(60));
    let traced = run(&shell("exit 9"), &Options { time_limit: limit, ..options() }).unwrap();
    assert_eq!(traced.status, Status::Code(9));
}

#[test]
fn a_stop_from_another_thread() {
    let stop = Stop::new();
    let trigger = stop.clone();
    std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(200));
        trigger.trigger(libc::SIGINT);
    });
    // This one ignores the signal and has to be killed.
    let stubborn = shell("trap '' INT; while :; do sleep 1; done");
    let traced = run(&stubborn, &Options { stop: Some(stop), ..options() }).unwrap();
    assert_eq!(traced.status, Status::Stopped(libc::SIGINT));
}

#[test]
fn two_traces_at_once_keep_to_their_own_children() {
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| assert!(reads(&traced("pread", &model()).ops) > 2));
        }
        let plain = std::process::Command::new("/bin/sh").args(["-c", "exit 3"]).status().unwrap();
        assert_eq!(plain.code(), Some(3), "a child of somebody else is left alone");
    });
}

#[test]
fn a_tracer_under_a_tracer_says_that_it_may_not() {
    let inner = env!("CARGO_BIN_EXE_loadparity");
    let assert = support::loadparity().args(["trace", "--", inner, "trace", "--", "true"]).assert().code(3);
    let told = String::from_utf8_lossy(&assert.get_output().stderr).into_owned();
    assert!(told.contains("not permitted") && told.contains("being traced itself"), "{told}");
}

#[test]
fn without_a_filter_it_sees_the_same() {
    let with = traced("readv", &model());
    let without =
        run(&probe::command("readv", &model()), &Options { every_syscall: true, ..options() }).unwrap();
    assert_eq!((&with.mode, &without.mode), (&Mode::Filter, &Mode::EverySyscall(None)));
    let told = |traced: &Traced| -> Vec<(Phase, Outcome, String)> {
        let name = |call: &Call| format!("{call:?}").split("addr").next().unwrap().to_owned();
        traced.ops.iter().map(|op| (op.phase, op.outcome.clone(), name(&op.call))).collect()
    };
    assert_eq!(told(&with), told(&without));
}

#[test]
fn what_cannot_be_seen_is_told() {
    let traced = traced("io-uring", &model());
    assert_eq!(traced.blind_spots.get(&BlindSpot::IoUring), Some(&1));
    let argv = probe::command("io-uring", &model());
    let mut program = std::process::Command::new(env!("CARGO_BIN_EXE_loadparity"));
    let mut child =
        program.args(["trace", "--"]).args(argv.argv).envs(argv.env).stderr(Stdio::piped()).spawn().unwrap();
    let mut told = String::new();
    child.stderr.as_mut().unwrap().read_to_string(&mut told).unwrap();
    assert!(
        child.wait().unwrap().success() && told.contains("blind spot") && told.contains("io_uring"),
        "{told}"
    );
}

#[test]
fn a_named_file_counts_whatever_it_holds_and_others_are_dropped() {
    let folder = tempfile::tempdir().unwrap();
    let other = folder.path().join("weights.bin");
    std::fs::write(&other, vec![7u8; 100_000]).unwrap();
    let command = shell(&format!("cat '{}' >/dev/null", other.display()));
    let none = run(&command, &options()).unwrap();
    assert!(none.ops.is_empty() && none.dropped > 0, "{} {:?}", none.dropped, none.ops);
    let named = run(&command, &Options { models: vec![other.clone()], ..options() }).unwrap();
    assert!(reads(&named.ops) > 0);
    // Asked for by name, it counts even if it is not there.
    std::fs::remove_file(&other).unwrap();
    let missing = run(&command, &Options { models: vec![other], ..options() }).unwrap();
    assert!(matches!(&missing.ops[..], [Op { outcome: Outcome::Err(errno), .. }] if errno.name == "ENOENT"));
}

#[test]
fn a_model_on_standard_input_is_seen() {
    let input = std::fs::File::open(model()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("t.jsonl");
    let status = std::process::Command::new(env!("CARGO_BIN_EXE_loadparity"))
        .args(["trace", "-o"])
        .arg(&out)
        .args(["--", "cat"])
        .stdin(input)
        .stdout(Stdio::null())
        .status()
        .unwrap();
    assert!(status.success());
    let trace = TraceFile::read(BufReader::new(std::fs::File::open(&out).unwrap())).unwrap();
    let Call::Open { flags, .. } = &trace.ops[0].call else { panic!("{:?}", trace.ops[0]) };
    assert!(flags.names.iter().any(|name| name == "inherited"), "{flags:?}");
    let arrived = |op: &Op| match (&op.call, &op.outcome) {
        (Call::Read { .. }, Outcome::Ok(n)) => *n,
        _ => 0,
    };
    let size = std::fs::metadata(model()).unwrap().len();
    assert_eq!(trace.ops.iter().map(arrived).sum::<u64>(), size, "cat has read all of it");
}
