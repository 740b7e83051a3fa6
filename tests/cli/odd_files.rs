//! Every path that a command line can name, given to what is no file: an error at once, and nothing of it read.
//!
//! The arguments come from the commands' own definition, so that a new one fails here until it has a line.

#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use loadparity::cli::path_arguments;

use crate::support::fixture;

/// A line of each argument, with `ODD` for its value and other words in capitals for what is as it should be; `~` is a
/// space within a word.
const LINES: [(&str, &str); 88] = [
    (
        "baseline record --baseline",
        "baseline record --update --baseline=ODD -m MODEL --dialect=booleans -- cat {model} {flags}",
    ),
    ("baseline record --config", "baseline record --config=ODD"),
    (
        "baseline record --cwd",
        "baseline record --update --cwd=ODD -m MODEL --dialect=booleans -- cat {model} {flags}",
    ),
    ("baseline record --dialect", "baseline record --update --dialect=ODD -m MODEL -- cat {model} {flags}"),
    ("baseline record --dir", "baseline record --dir=ODD"),
    (
        "baseline record --expect",
        "baseline record --update --expect=ODD -m MODEL --dialect=booleans -- cat {model} {flags}",
    ),
    (
        "baseline record --format",
        "baseline record --update --format=json=ODD -m MODEL --dialect=booleans -- cat {model} {flags}",
    ),
    ("baseline record --model", "baseline record --update -m ODD --dialect=booleans -- cat {model} {flags}"),
    (
        "baseline verify --baseline",
        "baseline verify --baseline=ODD -m MODEL --dialect=booleans -- cat {model} {flags}",
    ),
    ("baseline verify --config", "baseline verify --config=ODD"),
    ("baseline verify --cwd", "baseline verify --cwd=ODD -m MODEL --dialect=booleans -- cat {model} {flags}"),
    ("baseline verify --dialect", "baseline verify --dialect=ODD -m MODEL -- cat {model} {flags}"),
    ("baseline verify --dir", "baseline verify --dir=ODD"),
    (
        "baseline verify --expect",
        "baseline verify --expect=ODD -m MODEL --dialect=booleans -- cat {model} {flags}",
    ),
    (
        "baseline verify --format",
        "baseline verify --format=json=ODD -m MODEL --dialect=booleans -- cat {model} {flags}",
    ),
    ("baseline verify --model", "baseline verify -m ODD --dialect=booleans -- cat {model} {flags}"),
    ("bench --dialect", "bench --dialect=ODD"),
    ("bench --model", "bench -m ODD"),
    ("bits --json", "bits --json=ODD"),
    ("bits --model", "bits -m ODD"),
    ("check --config", "check --config=ODD"),
    ("check --cwd", "check --quick --only=--mlock --cwd=ODD -m MODEL -- true {model} {flags}"),
    ("check --dialect", "check --dialect=ODD"),
    ("check --expect", "check --expect=ODD -m MODEL -- true {model} {flags}"),
    ("check --format", "check --format=json=ODD"),
    ("check --model", "check -m ODD"),
    ("check --state", "check --faults --cases=1 --state=ODD"),
    ("compare --cwd", "compare --cwd=ODD -m MODEL --old=true~{model} --new=true~{model}"),
    ("compare --dialect", "compare --dialect=ODD -m MODEL --old=true~{model} --new=true~{model}"),
    ("compare --expect", "compare --expect=ODD -m MODEL --old=true~{model} --new=true~{model}"),
    ("compare --format", "compare --format=json=ODD -m MODEL --old=true~{model} --new=true~{model}"),
    ("compare --model", "compare -m ODD --old=true~{model} --new=true~{model}"),
    ("compare-bench new", "compare-bench BENCH ODD"),
    ("compare-bench old", "compare-bench ODD BENCH"),
    ("dialects --base", "dialects --base=ODD"),
    ("dialects --format", "dialects --format=json=ODD"),
    ("dialects check --model", "dialects check DIALECT -m ODD -- true {model} {flags}"),
    ("dialects check file", "dialects check ODD"),
    ("dialects diff from", "dialects diff ODD booleans"),
    ("dialects diff to", "dialects diff booleans ODD"),
    ("dialects show dialect", "dialects show ODD"),
    ("diff left", "diff ODD ODD"),
    ("diff right", "diff TRACE ODD"),
    ("docs determinism --bits", "docs determinism --bits=ODD"),
    ("docs json --root", "docs json --root=ODD"),
    ("docs man --out", "docs man --out=ODD"),
    ("docs readme --root", "docs readme --root=ODD"),
    ("docs regressions --root", "docs regressions --root=ODD"),
    ("docs verify --root", "docs verify --root=ODD"),
    ("docs write --root", "docs write --root=ODD"),
    ("doctor path", "doctor --no-measure ODD"),
    ("explain --dialect", "explain --dialect=ODD -- --mlock"),
    ("explain --to", "explain --to=ODD -- --mlock"),
    ("export --output", "export --to=csv --output=ODD TRACE"),
    ("export recording", "export --to=csv ODD"),
    ("gguf make --output", "gguf make -o ODD --layers=1 --embd=32 --ffn=32 --vocab=258"),
    ("gguf merge first", "gguf merge ODD OUT"),
    ("gguf merge output", "gguf merge SHARDS-00001-of-00002.gguf ODD"),
    ("gguf show model", "gguf show ODD"),
    ("gguf split model", "gguf split ODD OUT --max-tensors=1"),
    ("gguf split prefix", "gguf split MODEL ODD/x --max-tensors=1"),
    ("import --model", "import --from=strace -m ODD -o OUT LOG"),
    ("import --output", "import --from=strace -o ODD LOG"),
    ("import log", "import -o OUT ODD"),
    ("init --cwd", "init --cwd=ODD -m MODEL -- true {model}"),
    ("init --dialect", "init --dialect=ODD -m MODEL -- true {model}"),
    ("init --expect", "init --expect=ODD -m MODEL -- true {model}"),
    ("init --model", "init -m ODD -- true {model}"),
    ("judge --dialect", "judge --dialect=ODD --trace=TRACE -- --mlock"),
    ("judge --format", "judge --dialect=booleans --format=json=ODD --trace=TRACE -- --mlock"),
    ("judge --log", "judge --dialect=booleans --log=ODD --trace=TRACE -- --mlock"),
    ("judge --model", "judge --dialect=booleans -m ODD --trace=TRACE -- --mlock"),
    ("judge --strace", "judge --dialect=booleans --strace=ODD -- --mlock"),
    ("judge --trace", "judge --dialect=booleans --trace=ODD -- --mlock"),
    ("merge --format", "merge --format=json=ODD RESULT"),
    ("merge results", "merge ODD"),
    ("migrate --from", "migrate --from=ODD --to=reference SCRIPT"),
    ("migrate --to", "migrate --from=booleans --to=ODD SCRIPT"),
    ("migrate files", "migrate --from=booleans --to=reference ODD"),
    ("run --dialect", "run --dialect=ODD -p x -n 1"),
    ("run --file", "run -n 1 --file=ODD"),
    ("run --model", "run -p x -n 1 -m ODD"),
    ("run --trace", "run -p x -n 1 --trace=ODD"),
    ("tokenize --file", "tokenize -m MODEL --file=ODD"),
    ("tokenize --model", "tokenize -m ODD -p x"),
    ("trace --model", "trace -m ODD -- true"),
    ("trace --output", "trace -o ODD -- true"),
    ("trace recording", "trace ODD"),
];

/// Arguments that name a folder.
const FOLDERS: [&str; 4] = ["--cwd", "--dir", "--out", "--root"];

/// An argument that is refused whatever it names.
const NOT_TAKEN: &str = "baseline record --format";

/// How long a command may take that reads nothing; what waits for a writer waits for ever.
const PATIENCE: Duration = Duration::from_secs(60);

/// A folder with everything that lines name.
struct Place {
    folder: tempfile::TempDir,
    _socket: UnixListener,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        assert!(Command::new("mkfifo").arg(at("fifo")).status().unwrap().success());
        let socket = UnixListener::bind(at("socket")).unwrap();
        fs::create_dir(at("folder")).unwrap();
        fs::write(at("locked"), "x").unwrap();
        fs::set_permissions(at("locked"), fs::Permissions::from_mode(0o000)).unwrap();
        fs::copy(fixture("q4_0"), at("MODEL")).unwrap();
        let checkout = Path::new(env!("CARGO_MANIFEST_DIR"));
        fs::copy(checkout.join("fixtures/rules/c-map.jsonl"), at("TRACE")).unwrap();
        fs::copy(checkout.join("fixtures/dialects/examples/keywords.toml"), at("DIALECT.toml")).unwrap();
        fs::write(at("LOG"), "openat(AT_FDCWD, \"m.gguf\", O_RDONLY) = 3\n").unwrap();
        fs::write(at("SCRIPT"), "llama-cli --mlock\n").unwrap();
        fs::copy(checkout.join("fuzz/corpus/bench_results/json"), at("BENCH")).unwrap();
        let place = Self { folder, _socket: socket };
        for line in [
            "gguf split MODEL SHARDS --max-tensors=40",
            "check --quick --only=--mlock -q --format=json=RESULT",
            "baseline record -m MODEL --dialect=booleans -- cat {model} {flags}",
        ] {
            let (code, said) = place.ended(&place.words(line, Path::new("")), None).unwrap();
            assert_eq!(code, Some(0), "{line}: {said}");
        }
        place
    }

    /// What is given in place of a file.
    fn odd(&self) -> Vec<PathBuf> {
        let mut all = ["folder", "fifo", "socket"].map(|name| self.folder.path().join(name)).to_vec();
        // As far as the system has them: a device, a log that its reader waits for, all memory.
        let others = ["/dev/zero", "/proc/kmsg", "/proc/self/mem", "/proc/kcore", "/sys/kernel/notes"];
        all.extend(others.map(PathBuf::from).into_iter().filter(|path| path.exists()));
        all
    }

    /// The words of a line.
    fn words(&self, line: &str, odd: &Path) -> Vec<String> {
        let at = |name: &str| self.folder.path().join(name).display().to_string();
        let word = |word: &str| {
            let mut word = word.replace('~', " ").replace("ODD", &odd.display().to_string());
            for name in ["MODEL", "TRACE", "LOG", "SCRIPT", "BENCH", "RESULT", "SHARDS", "OUT"] {
                word = word.replace(name, &at(name));
            }
            word.replace("DIALECT", &at("DIALECT.toml"))
        };
        line.split(' ').map(word).collect()
    }

    /// The exit code of a command and what it said; nothing where it did not end.
    fn ended(&self, words: &[String], user: Option<u32>) -> Option<(Option<i32>, String)> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_loadparity"));
        command.args(words).current_dir(self.folder.path()).stdin(Stdio::null()).stdout(Stdio::null());
        // In CI golden paths are not recorded.
        command.stderr(Stdio::piped()).env_remove("CI");
        if let Some(user) = user {
            command.uid(user).gid(user);
        }
        let mut child = command.spawn().unwrap();
        let patience = Instant::now() + PATIENCE;
        while child.try_wait().unwrap().is_none() {
            if Instant::now() > patience {
                child.kill().unwrap();
                child.wait().unwrap();
                return None;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        let output = child.wait_with_output().unwrap();
        Some((output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned()))
    }
}

#[test]
fn every_path_has_its_line() {
    let wanted: Vec<String> =
        path_arguments().iter().map(|path| format!("{} {}", path.command, path.argument)).collect();
    let have: Vec<&str> = LINES.iter().map(|(name, _)| *name).collect();
    assert_eq!(have, wanted);
    assert!(LINES.iter().all(|(_, line)| line.contains("ODD")));
}

/// What comes of a line: an error of usage that names what was given, but for a folder where one is wanted or looked
/// through, and for names that nothing is read by.
fn is_refused(name: &str, odd: &Path, code: Option<i32>, said: &str) -> bool {
    let folder = odd.is_dir();
    let takes_folder = FOLDERS.iter().any(|argument| name.ends_with(argument));
    let named = said.contains(&*odd.to_string_lossy());
    match code {
        Some(2) => named || folder || name == NOT_TAKEN,
        // Nothing lies in it.
        Some(4) => name == "merge results" && folder,
        Some(0) if name == "import --model" => true,
        // A folder that serves, or is found to have nothing of what is wanted.
        Some(0..=3) => folder && (takes_folder || ["doctor path", "gguf split prefix"].contains(&name)),
        // Nothing can be written below it, or read.
        Some(70) => named && (name == "gguf split prefix" || takes_folder && name.starts_with("docs ")),
        _ => false,
    }
}

fn run_all(lines: &[(&str, &str)]) -> Vec<String> {
    let place = Place::new();
    let mut wrong = Vec::new();
    for (name, line) in lines {
        for odd in place.odd() {
            let words = place.words(line, &odd);
            match place.ended(&words, None) {
                None => wrong.push(format!("{name}, {}: no end", odd.display())),
                Some((code, said)) if !is_refused(name, &odd, code, &said) => {
                    wrong.push(format!("{name}, {}: {code:?}: {said}", odd.display()));
                }
                Some((_, said)) if said.contains("internal error") => {
                    wrong.push(format!("{name}, {}: {said}", odd.display()));
                }
                Some(_) => {}
            }
        }
    }
    wrong
}

#[test]
fn what_is_no_file_is_an_error_at_once_for_every_path() {
    // Side by side: most of the time is that of starting.
    let halves = LINES.split_at(LINES.len() / 2);
    let wrong: Vec<String> = std::thread::scope(|scope| {
        let other = scope.spawn(|| run_all(halves.1));
        let mut wrong = run_all(halves.0);
        wrong.extend(other.join().unwrap());
        wrong
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Whoever may read everything becomes somebody who may not.
#[test]
fn a_file_of_another_user_is_an_error_that_names_it() {
    let place = Place::new();
    let locked = place.folder.path().join("locked");
    let is_readable = fs::read(&locked).is_ok();
    fs::set_permissions(place.folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let nobody = is_readable.then_some(65534);
    for (name, line) in LINES {
        let folder = FOLDERS.iter().any(|folder| name.ends_with(folder));
        // A name alone, and the beginning of one.
        if folder || ["import --model", "gguf split prefix"].contains(&name) {
            continue;
        }
        let words = place.words(line, &locked);
        let (code, said) = place.ended(&words, nobody).unwrap_or_else(|| panic!("{name}: no end"));
        // The tracer says that the command never opened it.
        let wanted = if name == "trace --model" { 3 } else { 2 };
        assert_eq!(code, Some(wanted), "{name}: {said}");
        assert!(said.contains("locked") || name == NOT_TAKEN, "{name}: {said}");
    }
}
