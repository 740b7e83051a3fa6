//! `loadparity migrate`: a corpus of files in `fixtures/migrate/FROM-to-TO/`, each as `NAME.before.EXT`
//! with what it becomes (`NAME.after.EXT`) or why it stays (`NAME.refused.txt`); and scripts that a
//! real shell runs before and after.

#![allow(clippy::unwrap_used, reason = "helpers of tests stop at the first surprise")]

use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use fancy_regex::Regex;
use loadparity::migrate::{Kind, detect, migrate};
use loadparity::plan::Dialect;
use tempfile::TempDir;

/// One file of the corpus.
struct Case {
    before: PathBuf,
    /// The file's name without `.before`.
    name: String,
    from: Dialect,
    to: Dialect,
}

fn corpus() -> Vec<Case> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/migrate");
    let mut cases = Vec::new();
    for way in fs::read_dir(root).unwrap().map(|way| way.unwrap().path()).filter(|way| way.is_dir()) {
        let name = way.file_name().unwrap().to_str().unwrap().to_owned();
        let (from, to) = name.split_once("-to-").unwrap();
        for file in fs::read_dir(&way).unwrap().map(|file| file.unwrap().path()) {
            let name = file.file_name().unwrap().to_str().unwrap();
            let name = match name.split_once(".before.") {
                Some((stem, extension)) => Some(format!("{stem}.{extension}")),
                None => name.strip_suffix(".before").map(str::to_owned),
            };
            if let Some(name) = name {
                cases.push(Case { name, from: from.parse().unwrap(), to: to.parse().unwrap(), before: file });
            }
        }
    }
    cases.sort_by(|a, b| a.before.cmp(&b.before));
    assert!(cases.len() >= 240, "the corpus is there: {}", cases.len());
    cases
}

impl Case {
    fn sibling(&self, what: &str) -> PathBuf {
        let name = self.before.file_name().unwrap().to_str().unwrap();
        let (stem, extension) = name.split_once(".before").unwrap();
        self.before.with_file_name(match what {
            "after" => format!("{stem}.after{extension}"),
            _ => format!("{stem}.refused.txt"),
        })
    }

    /// A copy of the file in a folder of its own.
    fn copy(&self) -> TempDir {
        let folder = TempDir::new().unwrap();
        fs::copy(&self.before, folder.path().join(&self.name)).unwrap();
        folder
    }

    fn run(&self, folder: &TempDir, more: &[&str]) -> (i32, String, Vec<u8>) {
        let (from, to) = (self.from.name(), self.to.name());
        let mut command = Command::cargo_bin("loadparity").unwrap();
        command.current_dir(folder.path()).args(["migrate", "--from", from, "--to", to]);
        let output = command.args(more).arg(&self.name).output().unwrap();
        (output.status.code().unwrap(), String::from_utf8_lossy(&output.stderr).into_owned(), output.stdout)
    }

    /// None for a file that no reader knows and that says nothing about loading.
    fn kind(&self) -> Option<Kind> {
        detect(&self.name, &fs::read(&self.before).unwrap())
    }
}

#[test]
fn the_corpus_becomes_what_it_should() {
    for case in corpus() {
        let before = fs::read(&case.before).unwrap();
        let shown = case.before.display();
        let folder = case.copy();
        let file = folder.path().join(&case.name);
        let (code, said, diff) = case.run(&folder, &[]);
        assert_eq!(fs::read(&file).unwrap(), before, "{shown}: nothing is written unasked");
        let (refused, after) = (case.sibling("refused"), case.sibling("after"));
        assert!(refused.exists() != after.exists(), "{shown}: one expectation");
        let (written, said_again, printed) = case.run(&folder, &["--write"]);
        assert!(printed.is_empty(), "{shown}: --write prints no diff");
        assert_eq!(code, written, "{shown}");
        if refused.exists() {
            assert_eq!(code, 1, "{shown}: {said}");
            assert_eq!(said, fs::read_to_string(refused).unwrap(), "{shown}");
            assert_eq!(said, said_again);
            assert_eq!(fs::read(&file).unwrap(), before, "{shown}: a refused file stays");
            continue;
        }
        let after = fs::read(after).unwrap();
        assert_eq!(code, 0, "{shown}: {said}");
        let now = fs::read(&file).unwrap();
        assert_eq!(String::from_utf8_lossy(&now), String::from_utf8_lossy(&after), "{shown}");
        assert_eq!(now, after, "{shown}");
        assert_eq!(diff.is_empty(), before == after, "{shown}: a diff where something changes");
        assert_eq!(said.contains("unchanged"), before == after, "{shown}: {said}");
        // Idempotent, or the file says why it cannot be.
        if !said.contains("do not migrate") {
            let (again, said, _) = case.run(&folder, &["--write"]);
            assert_eq!((again, fs::read(&file).unwrap() == after), (0, true), "{shown}: {said}");
        }
    }
}

#[test]
fn the_diff_gives_the_new_file() {
    // Where the `patch` program is missing, the corpus test above still looks at the diff's presence.
    if std::process::Command::new("patch").arg("--version").output().is_err() {
        return;
    }
    for case in corpus().into_iter().filter(|case| case.sibling("after").exists()) {
        let folder = case.copy();
        let (_, _, diff) = case.run(&folder, &[]);
        let file = folder.path().join(&case.name);
        if !diff.is_empty() {
            let patch = ["--binary", "--quiet", case.name.as_str()];
            let patched =
                Command::new("patch").current_dir(folder.path()).args(patch).write_stdin(diff).output();
            assert!(patched.unwrap().status.success(), "{}", case.before.display());
        }
        let after = fs::read(case.sibling("after")).unwrap();
        assert!(fs::read(&file).unwrap() == after, "{}", case.before.display());
    }
}

/// Everything of a file that is not about loading, without the characters that separate words. Bytes
/// stay bytes: each becomes the character of its number.
fn residue(text: &[u8]) -> String {
    let text: String = text.iter().map(|byte| char::from(*byte)).collect();
    let words = r#"(<string>)?["']?(--?(no[-_]mmap|mmap|mlock|load[-_]mode|lm|dio|direct-io|mmp)\b(["']?[\s,=\\-]+["']?"?\$?(auto|none|mmap\+mlock|mmap|mlock|dio|MODE|[01](,[01])*)\b(,\w+)*|</string>\s*<string>(none|mmap\+mlock|mmap|mlock))?)["']?(</string>)?"#;
    let variables =
        r#"(-e )?["']?LLAMA_ARG_(NO_)?(MMAP|MLOCK|DIO|LOAD_MODE)["']?\s*[=: ]\s*["']?[A-Za-z0-9+]*["']?"#;
    let pairs = r#"-?\s*\{?"?name"?:\s*["']?LLAMA_ARG_(NO_)?(MMAP|MLOCK|LOAD_MODE)["']?[,\s]+"?value"?:\s*["']?[\w+]*["']?\}?"#;
    let reversed = r#"-?\s*value:\s*["']?\w+["']?\s+name:\s*LLAMA_ARG_(NO_)?(MMAP|MLOCK|LOAD_MODE)"#;
    let elements = r"<key>LLAMA_ARG_(NO_)?(MMAP|MLOCK|LOAD_MODE)</key>\s*<string>[\w+]*</string>";
    let keys = r"(?m)^(no-mmap|mmap|mlock|load-mode|direct-io)[ =]+[a-z0-9+]+";
    let verbs =
        r"(?m)(^export\s*$|^ENV\s*$|^[Ee]nvironment=\s*$|^\s*(environment|env):\s*$|^\s+-\s*$|^\s*-\s+(?=#))";
    // What set nothing else goes with its sign, its empty list and the header of its block.
    let emptied = r#"(?m)\b(export|declare -x)[ \t]*(;|&&|$)|"?\b(env|environment)"?:\s*(\{[\s,]*\}|\[[\s,]*\])|^\s*- [|>]-?\s*$|^\s*(- )?(env|environment):\s*(?=$|#)|^\s*\w+\+=\(\s*\)\s*$"#;
    let mut rest = text;
    for pattern in [pairs, reversed, elements, variables, keys, words, emptied] {
        rest = Regex::new(pattern).unwrap().replace_all(&rest, "").into_owned();
    }
    rest = rest.replace('\r', "");
    rest = Regex::new(verbs).unwrap().replace_all(&rest, "").into_owned();
    rest.chars().filter(|c| !c.is_whitespace() && !matches!(c, '\\' | ',' | '-')).collect()
}

#[test]
fn what_is_not_about_loading_stays() {
    for case in corpus().into_iter().filter(|case| case.sibling("after").exists()) {
        let before = fs::read(&case.before).unwrap();
        let after = fs::read(case.sibling("after")).unwrap();
        let shown = case.before.display();
        assert_eq!(residue(&before), residue(&after), "{shown}");
        // Line ends, the byte order mark and the end of the file.
        let count =
            |text: &[u8], what: &[u8]| text.windows(what.len()).filter(|bytes| *bytes == what).count();
        let crlf = |text: &[u8]| (count(text, b"\r\n") > 0, count(text, b"\n") == count(text, b"\r\n"));
        assert_eq!(crlf(&before), crlf(&after), "{shown}");
        assert_eq!(before.starts_with(b"\xef\xbb\xbf"), after.starts_with(b"\xef\xbb\xbf"), "{shown}");
        assert_eq!(before.ends_with(b"\n"), after.ends_with(b"\n"), "{shown}");
    }
}

#[test]
fn every_command_asks_for_what_it_asked_for() {
    let mut loads = 0;
    for case in corpus().into_iter().filter(|case| case.sibling("after").exists()) {
        let Some(kind) = case.kind() else { continue };
        let read = |path: &Path, dialect| migrate(kind, &fs::read(path).unwrap(), dialect, dialect);
        let before = read(&case.before, case.from);
        let after = read(&case.sibling("after"), case.to);
        assert_eq!(before.plans, after.plans, "{}", case.before.display());
        loads += after.plans.len();
    }
    assert!(loads > 50, "{loads}");
}

#[test]
fn exit_codes() {
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    fs::write(path("good.sh"), "llama-cli -m a.gguf --mlock\n").unwrap();
    fs::write(path("bad.sh"), "llama-cli -m a.gguf $FLAGS\n").unwrap();
    fs::write(path("unknown"), "llama-server -m a.gguf\n").unwrap();
    fs::write(path("loads"), "words\nllama-server -m a.gguf --mlock\n").unwrap();
    fs::write(path("words"), "words\n").unwrap();
    let run = |more: &[&str]| {
        let mut command = Command::cargo_bin("loadparity").unwrap();
        command.args(["migrate", "--from", "booleans", "--to", "enum-v4"]).args(more);
        let output = command.output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code().unwrap(), text(&output.stdout), text(&output.stderr))
    };
    assert_eq!(run(&[&path("good.sh")]).0, 0);
    assert_eq!(run(&[&path("good.sh"), &path("bad.sh")]).0, 1);
    assert_eq!(run(&[&path("missing.sh"), &path("bad.sh")]).0, 2);
    let (code, _, said) = run(&[&path("unknown")]);
    // Its default is another one in the new dialect.
    assert!(code == 1 && said.contains("unknown:1: ") && said.contains("--kind"), "{said}");
    let (code, _, said) = run(&[&path("loads")]);
    assert!(code == 1 && said.contains("loads:2: cannot be migrated: `--mlock`"), "{said}");
    assert_eq!(run(&[&path("words")]).0, 0);
    assert_eq!(run(&["--kind", "shell", &path("unknown")]).0, 0);
    assert_eq!(run(&["--kind", "nix", &path("unknown")]).0, 2);
    assert_eq!(run(&[]).0, 2);
    // One file that cannot be migrated does not keep the others from it.
    assert_eq!(run(&["--write", &path("bad.sh"), &path("good.sh")]).0, 1);
    assert_eq!(fs::read_to_string(path("good.sh")).unwrap(), "llama-cli -m a.gguf --load-mode mmap+mlock\n");
}

#[test]
fn what_is_said_in_vain_and_what_is_pinned_is_noted() {
    let folder = TempDir::new().unwrap();
    let said = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        let mut command = Command::cargo_bin("loadparity").unwrap();
        command.current_dir(folder.path()).args(["migrate", "--from", "b8681", "--to", "enum-v4", name]);
        let output = command.output().unwrap();
        (output.status.code().unwrap(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let (code, told) = said(
        "Dockerfile",
        "FROM ghcr.io/ggml-org/llama.cpp:server-cuda-b8681\nENV LLAMA_ARG_MLOCK=1\nCMD [\"-m\", \"a.gguf\"]\n",
    );
    assert_eq!(code, 0, "{told}");
    assert!(
        told.contains("Dockerfile:1: note: b8681 is pinned here and speaks the booleans dialect"),
        "{told}"
    );
    let (code, told) = said("run.sh", "LLAMA_ARG_MLOCK=True LLAMA_ARG_NO_MMAP=false llama-cli -m a.gguf\n");
    assert_eq!(code, 0, "{told}");
    assert!(told.contains("run.sh:1: note: LLAMA_ARG_MLOCK=True has no effect"), "{told}");
    assert!(told.contains("run.sh:1: note: LLAMA_ARG_NO_MMAP=false counts as set"), "{told}");
    let (_, told) = said("old.sh", "LLAMA_ARG_LOAD_MODE=none llama-cli -m a.gguf --mlock\n");
    assert!(told.contains("LLAMA_ARG_LOAD_MODE is set, but the booleans dialect does not read it"), "{told}");
}

#[test]
fn a_bare_command_line() {
    let run = |line: &[&str]| {
        let mut command = Command::cargo_bin("loadparity").unwrap();
        command.args(["migrate", "--from", "booleans", "--to", "enum-v4", "--"]).args(line);
        let output = command.output().unwrap();
        (output.status.code().unwrap(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    assert_eq!(run(&["--no-mmap", "--mlock"]), (0, "--load-mode mlock\n".into()));
    let line = ["./llama-server", "-m", "my model.gguf", "--no-mmap", "-p", "--mlock"];
    assert_eq!(run(&line), (0, "./llama-server -m 'my model.gguf' --load-mode none -p --mlock\n".into()));
    assert_eq!(
        run(&["LLAMA_ARG_MLOCK=1", "llama-cli", "--mmap"]),
        (0, "llama-cli --load-mode mmap+mlock\n".into())
    );
    assert_eq!(run(&["llama-bench", "-mmp", "0,1"]), (0, "llama-bench -lm none,mmap\n".into()));
    assert_eq!(run(&["-dio"]).0, 1);
}

#[cfg(unix)]
mod in_a_real_shell {
    use std::os::unix::fs::PermissionsExt;
    use std::process::Command as Process;

    use loadparity::plan::equivalent::translate;
    use loadparity::plan::spelling::units;
    use loadparity::plan::{LoadPlan, Spelling, split_args};
    use proptest::prelude::*;

    use super::*;

    /// A word as a user may quote it.
    fn quoted(word: &str, style: u8) -> String {
        let plain = word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_=+./:".contains(&byte));
        let single = |word: &str| format!("'{}'", word.replace('\'', r"'\''"));
        match style {
            0 if plain && !word.is_empty() => word.to_owned(),
            1 if !word.contains(['"', '\\', '$', '`']) => format!("\"{word}\""),
            2 if !word.is_empty() => word.chars().map(|c| format!("\\{c}")).collect(),
            3 if word.is_char_boundary(2.min(word.len())) => {
                let (first, rest) = word.split_at(2.min(word.len()));
                format!("{}{}", single(first), single(rest))
            }
            _ => single(word),
        }
    }

    /// What the shell gives the program: its arguments and load variables.
    fn observe(script: &[u8], folder: &TempDir) -> (Vec<String>, Vec<(String, String)>) {
        let file = folder.path().join("script.sh");
        fs::write(&file, script).unwrap();
        let path = format!("{}:{}", folder.path().display(), std::env::var("PATH").unwrap());
        let mut shell = Process::new("sh");
        let output = shell.arg(&file).env("PATH", path).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let (words, env) = text.split_once("\u{1}ENV\n").unwrap();
        let words = words.split_terminator('\u{2}').map(str::to_owned).collect();
        let env = env.lines().filter_map(|line| line.split_once('=')).map(|(n, v)| (n.into(), v.into()));
        (words, env.collect())
    }

    fn stub() -> TempDir {
        let folder = TempDir::new().unwrap();
        let stub = folder.path().join("llama-server");
        let text = "#!/bin/sh\nfor a in \"$@\"; do printf '%s\\002' \"$a\"; done\nprintf '\\001ENV\\n'\nenv | grep ^LLAMA_ARG_\n";
        fs::write(&stub, text).unwrap();
        fs::set_permissions(&stub, fs::Permissions::from_mode(0o755)).unwrap();
        folder
    }

    /// The load plan of what was observed, and the other arguments.
    fn plan(dialect: Dialect, seen: (Vec<String>, Vec<(String, String)>)) -> (LoadPlan, Vec<String>) {
        let takes_value = |word: &str| matches!(word, "-m" | "-p" | "-c");
        let (argv, rest) = split_args(dialect, seen.0.into_iter().map(Into::into), takes_value);
        let found = Spelling { argv, env: seen.1 }.resolve(dialect).unwrap();
        (found.plan, rest.into_iter().map(|word| word.into_string().unwrap()).collect())
    }

    fn others() -> impl Strategy<Value = Vec<String>> {
        let value = prop_oneof![
            Just("a b.gguf".to_owned()),
            Just("--mlock".to_owned()),
            Just("it's \"--no-mmap\" # $x".to_owned()),
            Just("a;b|c&&d>e<f(g)".to_owned()),
            Just("é*?\\".to_owned()),
            Just(String::new()),
        ];
        let option = prop_oneof![Just("-m"), Just("-p"), Just("-c")];
        let pair = (option, value).prop_map(|(option, value)| vec![option.to_owned(), value]);
        prop_oneof![pair, Just(vec!["--jinja".to_owned()])]
    }

    /// Words of an array or a line, as they stand in a script.
    fn array_words() -> impl Strategy<Value = String> {
        let word = prop_oneof![
            3 => Just("--mlock"),
            3 => Just("--no-mmap"),
            1 => Just("--mmap"),
            2 => Just("-m 'a b.gguf'"),
            1 => Just("-p --mlock"),
            1 => Just("-p"),
            2 => Just("--jinja"),
            1 => Just("-c \"$C\""),
        ];
        proptest::collection::vec(word, 0..3).prop_map(|words| words.join(" "))
    }

    /// A line of a script with arrays, as people write them and as they should not.
    fn array_line() -> impl Strategy<Value = String> {
        let name = prop_oneof![4 => Just("A"), 1 => Just("B")];
        let shape = prop_oneof![
            6 => Just("N=(W)"),
            6 => Just("N+=(W)"),
            6 => Just("llama-server \"${N[@]}\" W"),
            2 => Just("llama-server ${N[@]}"),
            2 => Just("llama-server W \"${A[@]}\" \"${B[@]+\"${B[@]}\"}\""),
            2 => Just("if [ \"$C\" ]; then N+=(W); fi"),
            2 => Just("[ \"$C\" ] && N+=(W)"),
            1 => Just("[ \"$C\" ] || N=(W)"),
            1 => Just("if [ \"$C\" ]; then N=(W); llama-server \"${N[@]}\"; else N=(V); llama-server \"${N[@]}\"; fi"),
            1 => Just("case \"$C\" in 1) N=(W);; *) N+=(V);; esac"),
            1 => Just("case \"$C\" in 1) N=(W); llama-server \"${N[@]}\";; *) N=(V);; esac"),
            1 => Just("for i in 1 2; do N+=(W); done"),
            1 => Just("for i in 1 2; do llama-server \"${N[@]}\"; N+=(W); done"),
            1 => Just("for i in 1 2; do N=(W); llama-server \"${N[@]}\"; done"),
            1 => Just("f() { N+=(W); }"),
            1 => Just("f() { local N=(W); llama-server \"${N[@]}\"; }"),
            1 => Just("g() { llama-server \"${N[@]}\" W; }"),
            2 => Just("f"),
            2 => Just("g"),
            1 => Just("(N+=(W))"),
            1 => Just("{ N+=(W); }"),
            1 => Just("N+=(W) & wait"),
            1 => Just("N[1]=--mlock"),
            1 => Just("N=(\"${N[@]}\" W)"),
            1 => Just("declare -a N=(W)"),
            1 => Just("declare -a N"),
            1 => Just("unset N"),
            1 => Just("echo \"${N[@]}\" >/dev/null"),
            1 => Just("set -- \"${N[@]}\""),
            1 => Just("llama-server \"$@\""),
            1 => Just("E=(llama-server W); \"${E[@]}\" \"${N[@]}\""),
        ];
        (name, shape, array_words(), array_words()).prop_map(|(name, shape, first, second)| {
            let marks = [("W", first), ("V", second), ("N", name.to_owned())];
            let put = |line: String, (mark, text): &(&str, String)| {
                Regex::new(&format!(r"\b{mark}\b"))
                    .unwrap()
                    .replace_all(&line, text.replace('$', "$$"))
                    .into_owned()
            };
            marks.iter().fold(shape.to_owned(), put)
        })
    }

    /// The loads of a script that bash runs, in order.
    fn loads(
        dialect: Dialect,
        script: &str,
        condition: &str,
        folder: &TempDir,
    ) -> Vec<(LoadPlan, Vec<String>)> {
        let path = format!("{}:{}", folder.path().display(), std::env::var("PATH").unwrap());
        let mut shell = Process::new("bash");
        // What of the script is an error prints to where nobody looks.
        let output = shell.args(["-c", script]).env("PATH", path).env("C", condition).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let mut runs: Vec<&str> = text.split("\u{1}ENV\n").collect();
        assert_eq!(runs.pop(), Some(""), "{script}");
        let words = |run: &str| run.split_terminator('\u{2}').map(str::to_owned).collect();
        runs.into_iter().map(|run| plan(dialect, (words(run), Vec::new()))).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn a_script_with_arrays_keeps_its_plans(lines in proptest::collection::vec(array_line(), 1..7)) {
            let (from, to) = ("booleans".parse().unwrap(), "enum-v4".parse().unwrap());
            let script = lines.join("\n") + "\n";
            let done = migrate(Kind::Shell, script.as_bytes(), from, to);
            let text = String::from_utf8(done.text).unwrap();
            if done.refusals.is_empty() && text != script {
                let folder = stub();
                for condition in ["", "1"] {
                    let (old, new) = (loads(from, &script, condition, &folder), loads(to, &text, condition, &folder));
                    prop_assert_eq!(old, new, "{} became {}", script, text);
                }
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn a_quoted_line_keeps_its_plan(
            from in 0..Dialect::eras().len(),
            to in 0..Dialect::eras().len(),
            picks in proptest::collection::vec((any::<prop::sample::Index>(), others(), any::<bool>()), 0..4),
            styles in proptest::collection::vec((0_u8..5, 0_u8..4), 40),
        ) {
            let (from, to) = (Dialect::eras()[from], Dialect::eras()[to]);
            let units = units(from);
            let mut words = Vec::new();
            let mut spelling = Spelling::default();
            for (pick, other, first) in &picks {
                let unit = pick.get(&units);
                for (name, value) in &unit.env {
                    // A shell would let the last one stand.
                    if spelling.env.iter().all(|(other, _)| other != name) {
                        spelling.env.push((name.clone(), value.clone()));
                    }
                }
                spelling.argv.extend(unit.argv.iter().cloned());
                if *first { words.extend(other.iter().cloned()); }
                words.extend(unit.argv.iter().cloned());
                if !*first { words.extend(other.iter().cloned()); }
            }
            let mut styles = styles.into_iter();
            let mut line = String::new();
            for (name, value) in &spelling.env {
                let (style, _) = styles.next().unwrap();
                line += &format!("{name}={} ", if value.is_empty() { String::new() } else { quoted(value, style) });
            }
            line += "llama-server";
            for word in &words {
                let (style, gap) = styles.next().unwrap();
                line += [" ", "  ", " \\\n\t", "\t"][usize::from(gap)];
                line += &quoted(word, style);
            }
            let script = format!("#!/bin/sh\n: --mlock\n{line} # --no-mmap\n");
            let migration = migrate(Kind::Shell, script.as_bytes(), from, to);
            if !migration.refusals.is_empty() {
                prop_assert!(translate(&spelling, from, to).is_err(), "{script}{:?}", migration.refusals);
                return Ok(());
            }
            let folder = stub();
            let (before, rest) = plan(from, observe(script.as_bytes(), &folder));
            let (after, rest_after) = plan(to, observe(&migration.text, &folder));
            prop_assert_eq!(before, after, "{}{}", script, String::from_utf8_lossy(&migration.text));
            prop_assert_eq!(rest, rest_after);
        }
    }

    #[test]
    fn a_script_that_a_shell_reads_is_read_afterwards() {
        let reads = |path: &Path| {
            let output = Process::new("sh").arg("-n").arg(path).output().unwrap();
            output.status.success()
        };
        let scripts = corpus().into_iter().filter(|case| case.kind() == Some(Kind::Shell));
        let scripts = scripts.filter(|case| case.sibling("after").exists() && reads(&case.before));
        let count = scripts.inspect(|case| assert!(reads(&case.sibling("after")), "{}", case.name)).count();
        assert!(count > 20, "{count}");
    }

    #[test]
    fn the_diff_is_the_bytes_of_the_file() {
        let folder = TempDir::new().unwrap();
        let text = b"#!/bin/sh\n# \x1b[31mred\x1b[0m \xff\nllama-cli -m a.gguf --mlock -p '\xe9\x1b'\n";
        fs::write(folder.path().join("run.sh"), text).unwrap();
        let mut command = Command::cargo_bin("loadparity").unwrap();
        command
            .current_dir(folder.path())
            .args(["migrate", "--from", "booleans", "--to", "enum-v4", "run.sh"]);
        let printed = command.output().unwrap().stdout;
        let has = |what: &[u8]| printed.windows(what.len()).any(|window| window == what);
        assert!(has(b" # \x1b[31mred\x1b[0m \xff\n"), "{}", String::from_utf8_lossy(&printed));
        assert!(has(b"+llama-cli -m a.gguf --load-mode mmap+mlock -p '\xe9\x1b'\n"));
    }

    #[test]
    fn a_file_with_other_names_is_not_replaced() {
        let folder = TempDir::new().unwrap();
        let file = folder.path().join("run.sh");
        fs::write(&file, "llama-cli -m a.gguf --mlock\n").unwrap();
        fs::hard_link(&file, folder.path().join("other.sh")).unwrap();
        let mut command = Command::cargo_bin("loadparity").unwrap();
        command.args(["migrate", "--from", "booleans", "--to", "enum-v4", "--write"]).arg(&file);
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.code() == Some(2) && said.contains("hard links"), "{said}");
        assert_eq!(fs::read_to_string(&file).unwrap(), "llama-cli -m a.gguf --mlock\n");
    }

    #[test]
    fn writing_keeps_the_owner() {
        use std::os::unix::fs::MetadataExt;
        let folder = TempDir::new().unwrap();
        let file = folder.path().join("run.sh");
        fs::write(&file, "llama-cli -m a.gguf --mlock\n").unwrap();
        // Only root can give a file away; everyone else keeps what is theirs.
        let given = std::os::unix::fs::chown(&file, Some(12), Some(34)).is_ok();
        let mut command = Command::cargo_bin("loadparity").unwrap();
        command
            .args(["migrate", "--from", "booleans", "--to", "enum-v4", "--write"])
            .arg(&file)
            .assert()
            .code(0);
        let after = fs::metadata(&file).unwrap();
        let parent = fs::metadata(folder.path()).unwrap();
        let expected = if given { (12, 34) } else { (parent.uid(), after.gid()) };
        assert_eq!((after.uid(), after.gid()), expected);
    }

    #[test]
    fn writing_keeps_permissions_and_links() {
        let folder = TempDir::new().unwrap();
        let file = folder.path().join("run.sh");
        let link = folder.path().join("link.sh");
        fs::write(&file, "llama-cli -m a.gguf --mlock\n").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o751)).unwrap();
        std::os::unix::fs::symlink("run.sh", &link).unwrap();
        let mut command = Command::cargo_bin("loadparity").unwrap();
        command
            .args(["migrate", "--from", "booleans", "--to", "enum-v4", "--write"])
            .arg(&link)
            .assert()
            .code(0);
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o751);
        assert!(fs::symlink_metadata(&link).unwrap().file_type().is_symlink());
        assert!(fs::read_to_string(&file).unwrap().contains("--load-mode mmap+mlock"));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "nothing is left beside them");
    }
}
