//! What a file, a user or a machine may do to the program: it says what is wrong and ends with a documented code.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use loadparity::gguf::{TensorType, Value, Writer};

use crate::support::{fixture, loadparity};

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// The exit code of a command and what it said, with nothing in it that a terminal or a runner would obey.
fn ended(args: &[&str]) -> (Option<i32>, String) {
    let output =
        loadparity().args(args).timeout(std::time::Duration::from_secs(120)).output().expect("a run");
    let said = said(&output);
    let acts = |c: char| c != '\n' && (c.is_control() || ('\u{202a}'..='\u{202e}').contains(&c));
    assert!(!said.contains(acts), "{args:?}: {said:?}");
    assert!(!said.lines().any(|line| line.trim_start().starts_with("::")), "{args:?}: {said}");
    (output.status.code(), said)
}

/// A model of one tensor, with metadata.
fn model(path: &Path, tensor: &str, metadata: &[(&str, Value)]) {
    let mut writer = Writer::new(3);
    for (key, value) in metadata {
        writer.metadata(key, value.clone()).unwrap();
    }
    writer.tensor(tensor, &[8], TensorType::F32).unwrap();
    let mut bytes = Vec::new();
    writer.write_to(&mut bytes, &mut |_, _, out| out.write_all(&[1; 32])).unwrap();
    fs::write(path, bytes).unwrap();
}

#[test]
fn a_shard_count_costs_nothing_and_is_named() {
    let folder = tempfile::tempdir().unwrap();
    for count in [65_536, 20_000_000, 1_000_000_000_000, u64::MAX] {
        let name = format!("m-00001-of-{count:05}.gguf");
        let path = folder.path().join(&name);
        let numbers = [
            ("general.architecture", Value::from("llama")),
            ("split.no", Value::U64(0)),
            ("split.count", Value::U64(count)),
            ("split.tensors.count", Value::U64(1)),
        ];
        model(&path, "t", &numbers);
        let path = path.display().to_string();
        let out = folder.path().join("out.gguf").display().to_string();
        let commands: [&[&str]; 6] = [
            &["run", "-m", &path, "-p", "x"],
            &["check", "-m", &path],
            &["check", "--faults", "-m", &path],
            &["bits", "-m", &path],
            &["bench", "-m", &path],
            &["gguf", "merge", &path, &out],
        ];
        for command in commands {
            // `bits` reads the header first and tells of each load.
            let (code, said) = ended(command);
            assert!(matches!(code, Some(1..=4)), "{command:?}: {code:?}: {said}");
            assert!(said.contains("there can be at most 65535 shards"), "{command:?}: {said}");
        }
    }
}

#[test]
fn a_tensor_of_an_unknown_type_is_listed_and_checked() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m.gguf");
    model(&path, "strange", &[]);
    let mut bytes = fs::read(&path).unwrap();
    // The type stands behind the name and one dimension.
    let at = bytes.windows(7).position(|part| part == b"strange").unwrap() + 7 + 4 + 8;
    bytes[at..at + 4].copy_from_slice(&142u32.to_le_bytes());
    fs::write(&path, bytes).unwrap();
    let path = path.display().to_string();
    let (code, said) = ended(&["gguf", "show", &path]);
    assert_eq!(code, Some(0), "{said}");
    assert!(
        said.contains("type 142") && said.contains("≤ 32") && said.contains("without a name here"),
        "{said}"
    );
    let (code, said) = ended(&["gguf", "show", "--format", "json", &path]);
    assert!(code == Some(0) && said.contains("\"size_from\": \"next-offset\""), "{said}");
    let (code, said) = ended(&["run", "--no-run", "-m", &path]);
    assert_eq!(code, Some(0), "{said}");
}

#[test]
fn text_of_others_does_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let evil = "\u{1b}]0;x\u{7}\r\n::error::\u{202e}##[error]";
    let path = folder.path().join("m.gguf");
    model(&path, &evil[..20], &[(evil, Value::from(evil)), ("general.architecture", Value::from(evil))]);
    let path = path.display().to_string();
    for command in [
        &["gguf", "show", &path][..],
        &["gguf", "show", "--format", "json", &path],
        &["run", "-m", &path, "-p", "x"],
        &["run", "-m", evil],
        &["check", "--quick", "-m", &path],
        &["check", "-m", evil],
        &["bench", "-m", evil],
        &["diff", evil, evil],
        &["merge", evil],
        &["import", evil, "-o", &path],
        &["explain", "--", evil],
        &["--x\u{1b}[2J"],
        &["run", "--x\u{1b}[2J"],
        &["migrate", "--from", "booleans", "--to", "reference", evil],
        &["trace", "--", evil],
        &["judge", "--dialect", "booleans", "--trace", evil, "--", evil],
        &["compare-bench", evil, evil],
        &["explain-rule", evil],
    ] {
        let (code, said) = ended(command);
        assert!(code.is_some_and(|code| code != 70), "{command:?}: {code:?}: {said}");
    }
}

#[test]
fn a_diff_into_a_pipe_is_exact() {
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("run.sh");
    fs::write(&script, b"#!/bin/sh\n# \x1b[31mred\x1b[0m \xff\nllama-cli --mlock\n").unwrap();
    let output = loadparity()
        .args(["migrate", "--from", "booleans", "--to", "reference"])
        .arg(&script)
        .output()
        .unwrap();
    let kept = b" # \x1b[31mred\x1b[0m \xff\n";
    assert!(output.stdout.windows(kept.len()).any(|part| part == kept), "{}", said(&output));
}

#[test]
fn no_output_replaces_what_the_command_reads() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        (path.display().to_string(), bytes.to_vec())
    };
    let (model, whole) = file("m.gguf", &fs::read(fixture("q4_0")).unwrap());
    let (log, log_bytes) = file("x.log", b"openat(AT_FDCWD, \"m.gguf\", O_RDONLY) = 3\n");
    let (prompt, prompt_bytes) = file("prompt.txt", b"Hello");
    let (other, other_bytes) = file("other.gguf", b"GGUF\x03\0\0\0\0\0\0\0\0\0\0\0");
    let to = |kind: &str, path: &str| format!("{kind}={path}");
    let commands: Vec<Vec<String>> = [
        vec!["run", "-m", &model, "-p", "x", "-n", "1", "--trace", &model],
        vec!["run", "-p", "x", "-n", "1", "--trace", &other],
        vec!["run", "-f", &prompt, "-n", "1", "--trace", &prompt],
        vec!["check", "--quick", "-m", &model, "--format", &to("json", &model)],
        vec!["check", "--quick", "--format", &to("json", &other)],
        vec!["bits", "-m", &model, "--json", &model],
        vec!["import", &log, "-o", &log],
        vec!["import", &log, "-o", &model],
        vec![
            "judge",
            "--dialect",
            "booleans",
            "--strace",
            &log,
            "--format",
            &to("json", &log),
            "--",
            "--mlock",
        ],
    ]
    .into_iter()
    .map(|words| words.into_iter().map(str::to_owned).collect())
    .collect();
    for command in &commands {
        let words: Vec<&str> = command.iter().map(String::as_str).collect();
        let (code, said) = ended(&words);
        assert_eq!(code, Some(2), "{command:?}: {said}");
        assert!(said.contains("--force"), "{command:?}: {said}");
    }
    for (path, bytes) in
        [(&model, &whole), (&log, &log_bytes), (&prompt, &prompt_bytes), (&other, &other_bytes)]
    {
        assert_eq!(&fs::read(path).unwrap(), bytes, "{path}");
    }
    let (code, said) = ended(&["run", "-p", "x", "-n", "1", "--force", "--trace", &other]);
    assert_eq!(code, Some(0), "{said}");
    assert!(fs::read(&other).unwrap().starts_with(b"{"), "what is forced is done");

    // Another name of the same place.
    let there = format!("{}/./twice.json", folder.path().display());
    let here = folder.path().join("twice.json").display().to_string();
    let (code, said) =
        ended(&["check", "--quick", "--format", &to("json", &here), "--format", &to("junit", &there)]);
    assert!(code == Some(2) && said.contains("another output goes there"), "{said}");
}

#[test]
fn shards_are_not_merged_over_themselves() {
    let folder = tempfile::tempdir().unwrap();
    let prefix = folder.path().join("s").display().to_string();
    let model = fixture("q4_0").display().to_string();
    let (code, said) = ended(&["gguf", "split", &model, &prefix, "--max-tensors", "10"]);
    assert_eq!(code, Some(0), "{said}");
    let mut shards: Vec<PathBuf> =
        fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    shards.sort();
    let first = shards[0].display().to_string();
    for shard in &shards {
        let before = fs::read(shard).unwrap();
        let (code, said) = ended(&["gguf", "merge", &first, &shard.display().to_string(), "--force"]);
        assert_eq!(code, Some(2), "{said}");
        assert_eq!(fs::read(shard).unwrap(), before);
    }
}

#[test]
fn a_full_disk_names_the_file_and_has_one_exit_code() {
    if !Path::new("/dev/full").exists() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("x.log").display().to_string();
    fs::write(&log, "openat(AT_FDCWD, \"m.gguf\", O_RDONLY) = 3\n").unwrap();
    for command in [
        &["run", "-p", "x", "-n", "1", "--trace", "/dev/full"][..],
        &["import", "--from", "strace", &log, "-o", "/dev/full"],
        &["trace", "-o", "/dev/full", "--", "true"],
    ] {
        let (code, said) = ended(command);
        if said.contains("not supported here") {
            continue;
        }
        assert_eq!(code, Some(70), "{command:?}: {said}");
        assert!(said.contains("/dev/full") && said.contains("o space"), "{command:?}: {said}");
    }
}

/// Every command that prints says that it could not, and a reader that has seen enough is no failure.
#[test]
#[cfg(target_os = "linux")]
fn an_output_that_cannot_be_written_is_an_error_of_every_command() {
    let model = crate::support::fixture("q8_0").display().to_string();
    let script = |line: &str| {
        let mut shell = std::process::Command::new("sh");
        shell.args(["-c", line, "sh", env!("CARGO_BIN_EXE_loadparity")]);
        let output = shell.output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    for line in [
        "--version",
        "--help",
        "check --help",
        "help run",
        "docs cli",
        "docs completions zsh",
        "schema",
        "dialects list",
        "explain -- --mmap",
        "explain-rule same-bytes",
        "check --list",
        "doctor --no-measure",
        "migrate --from booleans --to enum-v4 -- --no-mmap",
        &format!("tokenize -m '{model}' -p x"),
        &format!("gguf show '{model}'"),
    ] {
        let (code, said) = script(&format!("exec \"$1\" {line} >/dev/full"));
        assert_eq!(code, Some(70), "{line}: {said}");
        assert!(said.contains("o space") && said.lines().count() == 1, "{line}: {said}");
        let (_, said) = script(&format!("{{ \"$1\" {line}; echo code $? >&2; }} | true"));
        assert!(said.contains("code 0"), "a closed pipe, {line}: {said}");
    }
}

/// A file that grows beyond what is allowed stands for a full disk: the old one stays, and the code is the same.
#[test]
#[cfg(target_os = "linux")]
fn files_that_cannot_be_written_have_the_same_code() {
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("run.sh");
    fs::write(&script, "llama-cli -m m.gguf --no-mmap\n").unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    for line in [
        format!("migrate --from booleans --to enum-v4 --write '{}'", script.display()),
        format!("docs man --out '{}'", at("man")),
    ] {
        let mut shell = std::process::Command::new("sh");
        let limited = format!("trap '' XFSZ; ulimit -f 0; exec \"$1\" {line}");
        let output = shell.args(["-c", &limited, "sh", env!("CARGO_BIN_EXE_loadparity")]).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(70), "{line}: {said}");
        assert!(said.contains("cannot") && said.contains(folder.path().to_str().unwrap()), "{line}: {said}");
    }
    assert_eq!(fs::read_to_string(&script).unwrap(), "llama-cli -m m.gguf --no-mmap\n");
}

#[test]
fn lists_that_multiply_are_refused() {
    let long = vec!["1"; 1000].join(",");
    let (code, said) = ended(&["bench", "-p", &long, "-n", &long, "-b", &long, "-ub", &long, "-t", &long]);
    assert!(code == Some(2) && said.contains("multiply to"), "{said}");
    let switches = vec!["0"; 5000].join(",");
    let (code, said) = ended(&["bench", "--dialect", "booleans", "-mmp", &switches, "-dio", &switches]);
    assert!(code == Some(2), "{said}");
}

#[cfg(unix)]
mod unix {
    use std::io::Read;
    use std::os::unix::net::UnixListener;
    use std::os::unix::process::ExitStatusExt;
    use std::process::{Child, Stdio};
    use std::time::{Duration, Instant};

    use super::*;

    fn pipe(path: &Path) -> String {
        let made = Command::new("mkfifo").arg(path).status().unwrap();
        assert!(made.success());
        path.display().to_string()
    }

    #[test]
    fn odd_files_are_errors_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let fifo = pipe(&folder.path().join("fifo"));
        let socket = folder.path().join("socket");
        let _listener = UnixListener::bind(&socket).unwrap();
        let socket = socket.display().to_string();
        let out = folder.path().join("out").display().to_string();
        for odd in [fifo.as_str(), &socket, "/dev/zero", &folder.path().display().to_string()] {
            let commands: [&[&str]; 19] = [
                &["run", "-m", odd, "-p", "x"],
                &["run", "-f", odd],
                &["check", "-m", odd],
                &["check", "--faults", "-m", odd],
                &["check", "--platform", "linux", "-m", odd],
                &["bits", "-m", odd],
                &["bench", "-m", odd],
                &["tokenize", "-m", odd, "-p", "x"],
                &["gguf", "show", odd],
                &["gguf", "split", odd, &out, "--max-tensors", "1"],
                &["gguf", "merge", odd, &out],
                &["merge", odd],
                &["diff", odd, odd],
                &["judge", "--dialect", "booleans", "--trace", odd, "--", "--mlock"],
                &["judge", "--dialect", "booleans", "--strace", odd, "--", "--mlock"],
                &["import", odd, "-o", &out],
                &["compare-bench", odd, odd],
                &["migrate", "--from", "booleans", "--to", "reference", odd],
                &["compare", "-m", odd, "--old", "true {model}", "--new", "true {model}"],
            ];
            for command in commands {
                let (code, said) = ended(command);
                // A folder is where results may lie: none does there.
                let selects = command[0] == "merge" && Path::new(odd).is_dir();
                assert_eq!(code, Some(if selects { 4 } else { 2 }), "{command:?}: {said}");
            }
        }
        for odd in [fifo.as_str(), &socket] {
            let (code, said) = ended(&["run", "-p", "x", "-n", "1", "--trace", odd]);
            assert!(code == Some(2) && said.contains("--force"), "{said}");
        }
    }

    /// Waits until something is so.
    fn until(what: &str, mut so: impl FnMut() -> bool) {
        let patience = Instant::now() + Duration::from_secs(60);
        while !so() {
            assert!(Instant::now() < patience, "{what}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn long_run(folder: &Path) -> Child {
        Command::new(env!("CARGO_BIN_EXE_loadparity"))
            .args(["run", "-p", "x", "-n", "-1", "--ignore-eos"])
            .env("TMPDIR", folder)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    fn files(folder: &Path) -> usize {
        fs::read_dir(folder).unwrap().count()
    }

    #[test]
    fn a_signal_leaves_no_temporary_model_and_neither_does_the_next_start() {
        let folder = tempfile::tempdir().unwrap();
        for signal in [libc::SIGINT, libc::SIGTERM, libc::SIGHUP, libc::SIGQUIT] {
            let mut child = long_run(folder.path());
            // The first text is behind the load.
            child.stdout.as_mut().unwrap().read_exact(&mut [0]).unwrap();
            // SAFETY: a signal to a child that has not been waited for.
            unsafe { libc::kill(child.id().cast_signed(), signal) };
            let status = child.wait().unwrap();
            assert_eq!(status.signal(), Some(signal), "whoever waits sees what ended it");
            assert_eq!(files(folder.path()), 0, "signal {signal}");
        }
        let mut child = long_run(folder.path());
        child.stdout.as_mut().unwrap().read_exact(&mut [0]).unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        loadparity().args(["run", "-p", "x", "-n", "1"]).env("TMPDIR", folder.path()).assert().success();
        assert_eq!(files(folder.path()), 0);
    }

    /// `gguf make` of 5 GB, once its part is there.
    fn long_make(folder: &Path) -> Child {
        let mut child = Command::new(env!("CARGO_BIN_EXE_loadparity"))
            .args(["gguf", "make", "--layers", "32", "--embd", "2048", "--type", "f16", "-o"])
            .arg(folder.join("m.gguf"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        until("a part", || files(folder) > 0 || child.try_wait().unwrap().is_some());
        child
    }

    #[test]
    fn a_signal_leaves_no_part_of_a_file_and_neither_does_the_next_start() {
        let folder = tempfile::tempdir().unwrap();
        for signal in [libc::SIGINT, libc::SIGTERM, libc::SIGHUP, libc::SIGQUIT] {
            let mut child = long_make(folder.path());
            // SAFETY: a signal to a child that has not been waited for.
            unsafe { libc::kill(child.id().cast_signed(), signal) };
            assert_eq!(child.wait().unwrap().signal(), Some(signal));
            assert_eq!(files(folder.path()), 0, "signal {signal}");
        }
        let mut child = long_make(folder.path());
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(files(folder.path()), 1, "nothing of it is cleaned by a kill");
        let mut other = long_make(folder.path());
        assert!(files(folder.path()) <= 2);
        let report = folder.path().join("x.json").display().to_string();
        let (code, said) =
            ended(&["check", "--quick", "--only", "--mlock", "--format", &format!("json={report}")]);
        assert_eq!(code, Some(0), "{said}");
        assert_eq!(files(folder.path()), 2, "the part of the one that lives, and the report");
        other.kill().unwrap();
        other.wait().unwrap();
    }

    /// Runs that share a folder for temporary files leave each other's alone, and nothing behind.
    #[test]
    fn eight_checks_side_by_side_share_a_folder() {
        let folder = tempfile::tempdir().unwrap();
        let begin = || {
            Command::new(env!("CARGO_BIN_EXE_loadparity"))
                .args(["check", "--quick", "--only", "--mlock", "-q"])
                .env("TMPDIR", folder.path())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap()
        };
        let children: Vec<Child> = (0..8).map(|_| begin()).collect();
        for child in children {
            let output = child.wait_with_output().unwrap();
            assert_eq!(output.status.code(), Some(0), "{}", said(&output));
        }
        assert_eq!(files(folder.path()), 0);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn private_copies_of_a_killed_campaign_are_removed_by_the_next() {
        let folder = tempfile::tempdir().unwrap();
        let model = fixture("q4_0").display().to_string();
        let campaign = || {
            let mut command = Command::new(env!("CARGO_BIN_EXE_loadparity"));
            command.env("TMPDIR", folder.path()).stdout(Stdio::null()).stderr(Stdio::null());
            command.args([
                "check",
                "--faults",
                "-m",
                &model,
                "--only=--mlock",
                "--only-fault",
                "open:replaced",
            ]);
            let script = "cat \"$1\" >/dev/null; sleep 3";
            command.args(["--", "sh", "-c", script, "x", "{model}", "{flags}"]).spawn().unwrap()
        };
        let private = || {
            let inside = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path());
            // Made whole: a folder without an owner is left alone.
            inside.filter(|folder| folder.join(".loadparity-owner").exists()).count()
        };
        let mut child = campaign();
        until("a private copy", || private() > 0 || child.try_wait().unwrap().is_some());
        child.kill().unwrap();
        child.wait().unwrap();
        loadparity().args(["run", "-p", "x", "-n", "1"]).env("TMPDIR", folder.path()).assert().success();
        assert_eq!(files(folder.path()), 0);
    }

    #[test]
    fn a_campaign_that_is_asked_to_end_reports_what_it_has() {
        for signal in [libc::SIGTERM, libc::SIGQUIT] {
            let folder = tempfile::tempdir().unwrap();
            let report = folder.path().join("report.json");
            fs::write(&report, "old").unwrap();
            let temporary = tempfile::tempdir().unwrap();
            let mut child = Command::new(env!("CARGO_BIN_EXE_loadparity"))
                .args(["check", "--exhaustive", "--format", &format!("json={}", report.display())])
                .env("TMPDIR", temporary.path())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            until("a model", || files(temporary.path()) > 0 || child.try_wait().unwrap().is_some());
            std::thread::sleep(Duration::from_millis(700));
            // SAFETY: a signal to a child that has not been waited for.
            unsafe { libc::kill(child.id().cast_signed(), signal) };
            let status = child.wait().unwrap();
            assert!(status.code().is_some() || fs::read_to_string(&report).unwrap() == "old", "{status}");
            if status.code().is_some() {
                assert!(fs::read_to_string(&report).unwrap().contains("interrupted"), "{status}");
            }
            assert_eq!(files(temporary.path()), 0);
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_mapped_model_that_is_shortened_is_named_with_the_offset() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("m.gguf");
        fs::copy(fixture("q4_0"), &path).unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_loadparity"))
            .args(["run", "--load-mode", "mmap", "-p", "x", "-n", "-1", "--ignore-eos", "-m"])
            .arg(&path)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdout.as_mut().unwrap().read_exact(&mut [0]).unwrap();
        fs::File::options().write(true).open(&path).unwrap().set_len(8192).unwrap();
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{said}");
        let at = said.split("no byte at offset ").nth(1).and_then(|rest| rest.split(':').next());
        let offset: u64 = at.unwrap_or_default().parse().unwrap_or_else(|_| panic!("{said}"));
        assert!(offset >= 8192 && said.contains(&path.display().to_string()), "{said}");
    }

    #[test]
    fn a_directory_for_temporary_files_that_is_not_there_is_named() {
        // The second choice serves where the first is not there; without both it is said.
        let output =
            loadparity().args(["run", "-p", "x", "-n", "1"]).env("TMPDIR", "/nonexistent").output().unwrap();
        let code = output.status.code();
        assert!(
            code == Some(0) || (code == Some(3) && said(&output).contains("TMPDIR")),
            "{}",
            said(&output)
        );
    }

    #[test]
    fn too_few_resources_are_an_error_with_a_documented_code() {
        let program = env!("CARGO_BIN_EXE_loadparity");
        for limit in ["-n 3", "-n 8", "-v 60000", "-v 120000", "-u 1", "-s 64"] {
            for command in ["run -p x -n 1", "check --quick -n 1 --dialect enum-v4", "bench -p 8 -n 1 -r 1"] {
                let line = format!("ulimit {limit} 2>/dev/null || exit 0; exec {program} {command}");
                let output = Command::new("sh").args(["-c", &line]).output().unwrap();
                let code = output.status.code();
                assert!(
                    matches!(code, Some(0..=4 | 70 | 127)),
                    "{limit}, {command}: {:?}: {}",
                    output.status,
                    said(&output)
                );
            }
        }
    }
}
