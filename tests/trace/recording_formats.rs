//! A recording is judged the same whatever strace was told to write with it: every recording of the
//! fixtures is rewritten into each format, and nothing of the judgement may change.

use crate::dialects::era;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use loadparity::check::{JudgeDocument, Recording, judge, judge_bench};
use loadparity::import::{Imported, Origin, import};
use loadparity::plan::{Dialect, Spelling, split_args};

struct Case {
    name: String,
    dialect: Dialect,
    spelling: Spelling,
    text: String,
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/straces")
}

fn cases() -> Vec<Case> {
    let index = fs::read_to_string(folder().join("index.tsv")).expect("an index");
    index
        .lines()
        .skip(1)
        .map(|line| {
            let [build, name, _, env, flags, _] = line.split('\t').collect::<Vec<_>>()[..] else {
                panic!("six columns: {line}");
            };
            let dialect = match build {
                "a" => era("booleans"),
                "b" => era("enum-v3"),
                _ => era("enum-v4"),
            };
            let (argv, _) = split_args(
                loadparity::plan::Dialect::reference(),
                flags.split_whitespace().map(Into::into),
                |_| false,
            );
            let env = env.split_once('=').map(|(k, v)| (k.to_owned(), v.to_owned())).into_iter().collect();
            let path = folder().join(build).join(format!("{name}.strace"));
            let text = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
            Case { name: format!("{build}/{name}"), dialect, spelling: Spelling { argv, env }, text }
        })
        .collect()
}

fn case(name: &str) -> Case {
    cases().into_iter().find(|case| case.name == name).unwrap_or_else(|| panic!("{name}"))
}

fn imported(text: &str) -> Imported {
    import(text, Some(Origin::Strace)).unwrap_or_else(|e| panic!("{e}"))
}

fn judged(case: &Case, text: &str) -> JudgeDocument {
    let imported = imported(text);
    let recording = Recording {
        ops: &imported.trace.ops,
        page_size: 4096,
        printed: None,
        weights: None,
        ..Recording::default()
    };
    judge(case.dialect, &case.spelling, &recording)
}

/// What a judgement says, without the texts.
fn verdict(j: &JudgeDocument) -> (String, String, String, bool, Vec<&'static str>) {
    let rules = j.findings.iter().map(|finding| finding.rule.id()).collect();
    (j.predicted.clone(), j.expected.clone(), j.effective.clone(), j.agrees, rules)
}

/// The thread and the call of a line.
fn parts(line: &str) -> (&str, &str) {
    line.split_once(' ').map_or(("", line), |(pid, call)| (pid, call.trim_start()))
}

fn lines(text: &str, mut change: impl FnMut(usize, &str, &str) -> String) -> String {
    text.lines()
        .enumerate()
        .map(|(at, line)| {
            let (pid, call) = parts(line);
            change(at, pid, call) + "\n"
        })
        .collect()
}

/// A string as `-xx` writes it.
fn in_hexadecimal(call: &str) -> String {
    let mut out = String::new();
    for (at, piece) in call.split('"').enumerate() {
        if at % 2 == 1 {
            out.push('"');
            piece.bytes().for_each(|byte| out += &format!("\\x{byte:02x}"));
            out.push('"');
        } else {
            out += piece;
        }
    }
    out
}

/// A call in two halves, with another thread between them.
fn in_halves(pid: &str, call: &str) -> String {
    match (call.split_once('('), call.rfind(", ")) {
        (Some((name, _)), Some(cut)) if !call.starts_with('+') && !call.starts_with('-') => {
            let (head, tail) = call.split_at(cut);
            format!(
                "{pid} {head} <unfinished ...>\n99999 futex(0x7f00, FUTEX_WAKE_PRIVATE, 1) = 0\n{pid} <... {name} resumed>{tail}"
            )
        }
        _ => format!("{pid} {call}"),
    }
}

type Change = fn(usize, &str, &str) -> String;

/// What strace's options make of a line.
const FORMATS: [(&str, Change); 19] = [
    ("-f to a terminal", |_, pid, call| format!("[pid {pid:>5}] {call}")),
    ("no -f", |_, _, call| call.to_owned()),
    ("-Y", |_, pid, call| format!("{pid}<llama-completion> {call}")),
    ("-Y to a terminal", |_, pid, call| format!("[pid {pid}<llama-cli>] {call}")),
    ("-t", |at, pid, call| format!("{pid} 10:{:02}:{:02} {call}", at / 60 % 60, at % 60)),
    ("-tt", |at, pid, call| format!("{pid} 10:00:00.{at:06} {call}")),
    ("-ttt", |at, pid, call| format!("{pid} 1700000000.{at:06} {call}")),
    ("-ttt in whole seconds", |at, pid, call| format!("{pid} {} {call}", 1_700_000_000 + at)),
    ("-ttt, no -f", |at, _, call| format!("1700000000.{at:06} {call}")),
    ("-r", |at, pid, call| format!("{pid}      0.{at:06} {call}")),
    ("-r -t", |at, pid, call| format!("{pid} 10:00:00 (+     0.{at:06}) {call}")),
    ("-T", |_, pid, call| {
        if call.contains(") = ") || call.contains(")  ") {
            format!("{pid} {call} <0.000021>")
        } else {
            format!("{pid} {call}")
        }
    }),
    ("-i", |_, pid, call| format!("{pid} [00007f99be6c9b2e] {call}")),
    ("-n", |_, pid, call| format!("{pid} [ 257] {call}")),
    ("-xx", |_, pid, call| format!("{pid} {}", in_hexadecimal(call))),
    ("-a 80", |_, pid, call| format!("{pid} {}", call.replacen(") = ", ")                    = ", 1))),
    ("-k", |_, pid, call| {
        format!("{pid} {call}\n > /lib/libc.so.6(read+0x14) [0xf7b24]\n > unexpected_backtracing_error [0x0]")
    }),
    ("cut by other threads", |_, pid, call| in_halves(pid, call)),
    ("attached and signalled", |at, pid, call| match at % 40 {
        7 => format!("strace: Process {} attached\n{pid} {call}", 50_000 + at),
        9 => format!("{pid} --- SIGCHLD {{si_signo=SIGCHLD, si_code=CLD_EXITED}} ---\n{pid} {call}"),
        11 => {
            format!("{} futex(0x7f00, FUTEX_WAIT_PRIVATE, 2, NULL <detached ...>\n{pid} {call}", 60_000 + at)
        }
        13 => format!(
            "{} read(9,  <detached ...>\n{} +++ exited with 0 +++\n{pid} {call}",
            60_000 + at,
            60_000 + at
        ),
        15 => format!("{pid} restart_syscall(<... resuming interrupted read ...>) = 1\n{pid} {call}"),
        _ => format!("{pid} {call}"),
    }),
];

#[test]
fn no_format_of_strace_changes_a_judgement() {
    let cases = cases();
    assert!(cases.len() > 150);
    for case in &cases {
        let plain = imported(&case.text);
        let known = verdict(&judged(case, &case.text));
        for (format, change) in FORMATS {
            let text = lines(&case.text, change);
            assert_ne!(text, case.text, "{format} changes nothing");
            let told = imported(&text);
            assert_eq!(told.trace.ops.len(), plain.trace.ops.len(), "{} with {format}", case.name);
            assert_eq!(verdict(&judged(case, &text)), known, "{} with {format}", case.name);
        }
    }
}

/// `-yy` says of devices and sockets more than their names.
#[test]
fn names_of_devices_and_sockets_do_not_confuse() {
    let case = case("a/dio");
    let more = "1 openat(AT_FDCWD</opt>, \"/dev/null\", O_RDWR) = 7</dev/null<char 1:3>>\n\
                1 read(7</dev/null<char 1:3>>, \"\", 16) = 0\n\
                1 read(8<TCPv6:[[::1]:80->[::1]:9]>, \"\"..., 16) = 16\n\
                1 write(2</dev/pts/0<char 136:0>>, \"x\\n\", 2) = 2\n\
                1 close(7</dev/null<char 1:3>>) = 0\n";
    assert_eq!(verdict(&judged(&case, &(more.to_owned() + &case.text))), verdict(&judged(&case, &case.text)));
}

#[test]
fn a_recording_that_was_stopped_is_judged_as_far_as_it_goes() {
    let case = case("b/lm_none");
    // Whole lines up to the middle, then a piece of one.
    let half = case.text.len() / 2;
    let end = case.text[..half].rfind('\n').expect("lines") + 1;
    for piece in ["30748 read(3</models/sm", "30748 read(3</models/small-f16.gguf>, \"\"...", "30748 lseek(3"]
    {
        let stopped = format!("{}{piece}", &case.text[..end]);
        let told = imported(&stopped);
        assert!(told.report.unfinished > 0, "{piece}");
        assert_eq!(imported(&case.text[..end]).trace.ops, told.trace.ops, "{piece}");
        // A line that breaks off and is not the last one is no accident of stopping.
        assert!(import(&format!("{stopped}\n"), Some(Origin::Strace)).is_err() || piece.ends_with('3'));
    }
}

/// The model's lines with another path, as a second model of the same program.
fn renamed(text: &str, path: &str) -> String {
    text.replace("/models/small-f16.gguf", path)
}

/// Nothing but opens, reads and closes of one file, as a projector's own reader makes them.
fn projector(path: &str, size: u64) -> String {
    let piece = size / 4;
    let mut text = format!("30748 openat(AT_FDCWD</opt>, \"{path}\", O_RDONLY) = 9<{path}>\n");
    text += &format!("30748 read(9<{path}>, \"GGUF\"..., 4096) = 4096\n30748 close(9<{path}>) = 0\n");
    text += &format!("30748 openat(AT_FDCWD</opt>, \"{path}\", O_RDONLY) = 9<{path}>\n");
    for at in 0..4 {
        let offset = at * piece;
        text += &format!("30748 pread64(9<{path}>, \"\"..., {piece}, {offset}) = {piece}\n");
    }
    text + &format!("30748 close(9<{path}>) = 0\n")
}

#[test]
fn a_projector_is_not_the_model() {
    for name in ["b/lm_mmap", "b/lm_none", "b/lm_dio", "b/lm_mlock", "a/mmap", "a/dio"] {
        let case = case(name);
        let known = verdict(&judged(&case, &case.text));
        // One that is larger than the model, too.
        for size in [1 << 20, 1 << 30] {
            let both = case.text.clone() + &projector("/models/mmproj.gguf", size);
            assert_eq!(verdict(&judged(&case, &both)), known, "{name} and a projector of {size} bytes");
        }
    }
}

#[test]
fn a_draft_model_comes_after_the_model() {
    for (main, draft) in [("b/lm_mmap", "b/lm_none"), ("b/lm_none", "b/lm_mmap"), ("b/lm_dio", "b/lm_mlock")]
    {
        let (case, draft) = (case(main), case(draft));
        let both = case.text.clone() + &renamed(&draft.text, "/models/draft.gguf");
        let (alone, both) = (judged(&case, &case.text), judged(&case, &both));
        assert_eq!((both.effective, both.agrees), (alone.effective, alone.agrees), "{main}");
    }
}

/// Two shards, each loaded as the model of the recording was.
#[test]
fn shards_are_one_model() {
    for name in ["b/lm_mmap", "b/lm_none", "a/mmap", "a/no-mmap"] {
        let Some(case) = cases().into_iter().find(|case| case.name == name) else { continue };
        let known = judged(&case, &case.text);
        let shard = |number: u32| renamed(&case.text, &format!("/models/a-{number:05}-of-00002.gguf"));
        let both = judged(&case, &(shard(1) + &shard(2)));
        assert_eq!(verdict(&both), verdict(&known), "{name}");
        // What is wrong with the second shard alone is found.
        let other = if known.effective == "map" { "b/lm_none" } else { "b/lm_mmap" };
        let other = cases().into_iter().find(|case| case.name == other).expect("a recording");
        let second = renamed(&other.text, "/models/a-00002-of-00002.gguf");
        let mixed = judged(&case, &(shard(1) + &second));
        assert!(!mixed.findings.is_empty(), "{name}");
    }
}

/// The effective mode of some lines about one model.
fn effective(dialect: Dialect, flags: &[&str], text: &str) -> JudgeDocument {
    let imported = imported(text);
    let recording = Recording {
        ops: &imported.trace.ops,
        page_size: 4096,
        printed: None,
        weights: None,
        ..Recording::default()
    };
    judge(dialect, &Spelling::flags(flags.iter().copied()), &recording)
}

const OPEN: &str =
    "1 openat(AT_FDCWD, \"/m/x.gguf\", O_RDONLY) = 3\n1 read(3, \"GGUF\"..., 8192) = 8192\n1 close(3) = 0\n";

#[test]
fn loads_that_go_another_way_half_way_are_told() {
    // A direct open that is refused, and what each era does then.
    let refused = format!(
        "{OPEN}1 openat(AT_FDCWD, \"/m/x.gguf\", O_RDONLY|O_DIRECT) = -1 EINVAL (Invalid argument)\n\
         1 openat(AT_FDCWD, \"/m/x.gguf\", O_RDONLY) = 3\n"
    );
    let read = refused.clone() + "1 pread64(3, \"\"..., 1048576, 8192) = 1048576\n1 close(3) = 0\n";
    let mapped = refused
        + "1 mmap(NULL, 1056768, PROT_READ, MAP_SHARED|MAP_POPULATE, 3, 0) = 0x7f0000000000\n1 close(3) = 0\n";
    let j = effective(era("enum-v4"), &["-lm", "dio"], &read);
    assert_eq!((j.predicted.as_str(), j.effective.as_str(), j.agrees), ("direct", "read", true), "{j:?}");
    assert!(!effective(era("enum-v4"), &["-lm", "dio"], &mapped).agrees);
    // A direct read that is refused, the rest buffered.
    let half = format!(
        "{OPEN}1 openat(AT_FDCWD, \"/m/x.gguf\", O_RDONLY|O_DIRECT) = 3\n\
         1 read(3, 0x7f00, 65536) = -1 EINVAL (Invalid argument)\n1 close(3) = 0\n\
         1 openat(AT_FDCWD, \"/m/x.gguf\", O_RDONLY) = 3\n1 pread64(3, \"\"..., 1048576, 8192) = 1048576\n1 close(3) = 0\n"
    );
    let j = effective(era("enum-v4"), &["-lm", "dio"], &half);
    assert_eq!((j.effective.as_str(), j.agrees), ("read", true), "{j:?}");
    // The same by turning the flag off on the open file.
    let turned = format!(
        "{OPEN}1 openat(AT_FDCWD, \"/m/x.gguf\", O_RDONLY|O_DIRECT) = 3\n\
         1 read(3, 0x7f00, 65536) = -1 EINVAL (Invalid argument)\n1 fcntl(3, F_SETFL, O_RDONLY) = 0\n\
         1 pread64(3, \"\"..., 1048576, 8192) = 1048576\n1 close(3) = 0\n"
    );
    assert_eq!(effective(era("enum-v4"), &["-lm", "dio"], &turned).effective, "read");
}

#[test]
fn locks_that_grow_shrink_or_are_refused_are_told() {
    let map = format!(
        "{OPEN}1 openat(AT_FDCWD, \"/m/x.gguf\", O_RDONLY) = 3\n\
         1 mmap(NULL, 1056768, PROT_READ, MAP_SHARED|MAP_POPULATE, 3, 0) = 0x7f0000000000\n"
    );
    let grown = |last: &str| {
        format!(
            "{map}1 mlock(0x7f0000000000, 524288) = 0\n1 mlock(0x7f0000080000, 532480) = {last}\n\
             1 munmap(0x7f0000000000, 8192) = 0\n1 close(3) = 0\n"
        )
    };
    let flags = ["-lm", "mmap+mlock"];
    let whole = effective(era("enum-v4"), &flags, &grown("0"));
    assert_eq!(
        (whole.effective.as_str(), whole.agrees, whole.findings.len()),
        ("map+lock", true, 0),
        "{whole:?}"
    );
    let short = effective(era("enum-v4"), &flags, &grown("-1 ENOMEM (Cannot allocate memory)"));
    assert_eq!((short.effective.as_str(), short.agrees), ("map", true), "{short:?}");
    assert_eq!(short.refused, ["lock refused (lock-limit)"]);
    // No lock at all is no refusal.
    let none = effective(era("enum-v4"), &flags, &(map.clone() + "1 close(3) = 0\n"));
    assert_eq!((none.effective.as_str(), none.agrees), ("map", false));
}

#[test]
fn a_load_that_fails_half_way_is_what_it_was_until_then() {
    let text = format!(
        "{OPEN}1 openat(AT_FDCWD, \"/m/x.gguf\", O_RDONLY) = 3\n1 lseek(3, 0, SEEK_END) = 8396800\n\
         1 pread64(3, \"\"..., 1048576, 8192) = 1048576\n1 pread64(3, 0x7f00, 1048576, 1056768) = -1 EIO (Input/output error)\n\
         1 +++ killed by SIGKILL +++\n"
    );
    let j = effective(era("enum-v4"), &["-lm", "none"], &text);
    assert_eq!((j.effective.as_str(), j.agrees), ("read", true), "{j:?}");
    // That the rest never came is a broken rule.
    assert!(j.findings.iter().any(|finding| finding.rule.id() == "tensors-read"), "{j:?}");
}

/// llama-bench's flags take lists; of several loads the last one is judged.
#[test]
fn flags_of_llama_bench_are_read_by_its_rules() {
    let mapped = case("a/mmap");
    let imported = imported(&mapped.text);
    let recording = Recording {
        ops: &imported.trace.ops,
        page_size: 4096,
        printed: None,
        weights: None,
        ..Recording::default()
    };
    let judged = |flags: &[&str]| {
        let flags: Vec<String> = flags.iter().map(|word| (*word).to_owned()).collect();
        let j = judge_bench(era("booleans"), &flags, &recording);
        (j.predicted, j.effective, j.agrees)
    };
    assert_eq!(judged(&["-mmp", "1"]), ("map".into(), "map".into(), true));
    assert_eq!(judged(&["-mmp", "0,1"]), ("map".into(), "map".into(), true));
    assert_eq!(judged(&["-mmp", "0"]), ("read".into(), "map".into(), false));
    assert_eq!(judged(&[]), ("map".into(), "map".into(), true));
}

fn program(more: &[&str], strace: &Path, flags: &[&str]) -> (i32, serde_json::Value) {
    let output = assert_cmd::Command::new(env!("CARGO_BIN_EXE_loadparity"))
        .args(["judge", "--dialect", "booleans", "--format", "json", "--strace"])
        .arg(strace)
        .args(more)
        .arg("--")
        .args(flags)
        .output()
        .expect("a run");
    let json = crate::schemas::parsed(&output.stdout);
    (output.status.code().expect("a code"), json)
}

#[test]
fn the_command_tells_llama_benchs_flags_by_themselves() {
    let strace = folder().join("a/no-mmap.strace");
    let strace = if strace.exists() { strace } else { folder().join("a/no_mmap.strace") };
    for flags in [&["-m", "x.gguf", "-mmp", "0"][..], &["--mmap", "0", "-p", "8"], &["--mmap", "1,0"]] {
        let (code, j) = program(&[], &strace, flags);
        assert_eq!((code, &j["predicted"]), (0, &serde_json::json!("read")), "{flags:?}");
    }
    // By the common parser, a switch takes no value.
    let (code, j) = program(&["--tool", "common"], &strace, &["--mmap", "0"]);
    assert_eq!((code, &j["predicted"]), (1, &serde_json::json!("map")));
    assert_eq!(program(&[], &strace, &["--no-mmap", "-n", "0"]).0, 0);
}

#[test]
fn a_packed_recording_is_read() {
    let case = case("a/mmap");
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("mmap.strace.gz");
    let mut packer =
        flate2::write::GzEncoder::new(fs::File::create(&path).expect("a file"), flate2::Compression::fast());
    packer.write_all(case.text.as_bytes()).expect("a file");
    packer.finish().expect("a file");
    let (code, j) = program(&[], &path, &["--mmap"]);
    assert_eq!((code, &j["effective"]), (0, &serde_json::json!("map")));
    // One that is cut off says so.
    let bytes = fs::read(&path).expect("a file");
    fs::write(&path, &bytes[..bytes.len() / 2]).expect("a file");
    let output = assert_cmd::Command::new(env!("CARGO_BIN_EXE_loadparity"))
        .args(["judge", "--dialect", "booleans", "--strace"])
        .arg(&path)
        .args(["--", "--mmap"])
        .output()
        .expect("a run");
    assert_eq!(output.status.code(), Some(2));
}
