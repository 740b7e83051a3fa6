//! `loadparity docs`: all that is generated is as it is kept, comes from the one table of load flags, and changes
//! with nothing but the program.

#![allow(clippy::unwrap_used, reason = "helpers of tests stop at the first surprise")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use loadparity::plan::Dialect;

use crate::support;

fn checkout() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Exit code, output, what was told.
fn docs(args: &[&str], root: Option<&Path>) -> (i32, String, String) {
    let mut command = support::loadparity();
    command.arg("docs").args(args);
    if let Some(root) = root {
        command.arg("--root").arg(root);
    }
    let output = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

fn help(command: &str) -> String {
    let output = support::loadparity().args([command, "--help"]).env("COLUMNS", "70").output().unwrap();
    assert!(output.status.success());
    String::from_utf8(output.stdout).unwrap()
}

/// A kept file, with the ends of lines that it was committed with.
fn kept(path: &str) -> String {
    fs::read_to_string(checkout().join(path)).unwrap().replace("\r\n", "\n")
}

/// A copy of all that the pages are made from and kept in.
fn copy() -> tempfile::TempDir {
    fn copy(from: &Path, to: &Path) {
        if from.is_dir() {
            fs::create_dir_all(to).unwrap();
            for entry in fs::read_dir(from).unwrap() {
                let name = entry.unwrap().file_name();
                copy(&from.join(&name), &to.join(&name));
            }
        } else {
            fs::copy(from, to).unwrap();
        }
    }
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("fixtures")).unwrap();
    for name in [
        "README.md",
        "PLATFORM.md",
        "docs",
        "fixtures/regressions",
        "fixtures/straces",
        "fixtures/pr20834",
        "fixtures/schema",
    ] {
        copy(&checkout().join(name), &folder.path().join(name));
    }
    folder
}

#[test]
fn nothing_that_is_kept_is_stale() {
    let (code, diff, told) = docs(&["verify"], Some(&checkout()));
    assert_eq!(code, 0, "{told}{diff}");
    assert_eq!((diff.as_str(), told.as_str()), ("", ""));
}

#[test]
fn what_is_stale_is_named_and_renewed() {
    let folder = copy();
    let at = |path: &str| folder.path().join(path);
    let page = kept("docs/cli.md").replace("| 70 | internal error, ", "| 71 | something else, ");
    assert_ne!(page, kept("docs/cli.md"));
    fs::write(at("docs/cli.md"), &page).unwrap();
    fs::remove_file(at("docs/man/loadparity-run.1")).unwrap();
    fs::write(at("docs/man/loadparity-gone.1"), "a command that is no more").unwrap();
    fs::write(at("docs/man/of-another.1"), "not ours").unwrap();
    fs::write(at("docs/completions/loadparity.fish"), "").unwrap();

    let (code, diff, told) = docs(&["verify"], Some(folder.path()));
    assert_eq!(code, 1, "{told}");
    assert!(told.contains("docs write"), "{told}");
    for path in [
        "docs/cli.md",
        "docs/man/loadparity-run.1",
        "docs/man/loadparity-gone.1",
        "docs/completions/loadparity.fish",
    ] {
        assert!(told.contains(path) && diff.contains(path), "{path}: {told}{diff}");
    }
    assert_eq!(told.matches("docs/").count(), 4, "{told}");
    assert!(
        diff.contains(
            "\n-| 71 | something else, or an output that cannot be written |\n+| 70 | internal error, or an"
        ),
        "{diff}"
    );

    let (code, renewed, told) = docs(&["write"], Some(folder.path()));
    assert_eq!((code, told.as_str()), (0, ""));
    assert_eq!(renewed.lines().count(), 4, "{renewed}");
    assert_eq!(fs::read_to_string(at("docs/cli.md")).unwrap(), kept("docs/cli.md"));
    assert!(!at("docs/man/loadparity-gone.1").exists() && at("docs/man/of-another.1").exists());
    assert_eq!(docs(&["verify"], Some(folder.path())), (0, String::new(), String::new()));
    assert_eq!(docs(&["write"], Some(folder.path())), (0, String::new(), String::new()));
}

/// The text outside of the generated sections, the markers included, and the text inside of them.
fn halves(text: &str) -> (String, String) {
    let (mut outside, mut inside, mut within) = (String::new(), String::new(), false);
    for line in text.split_inclusive('\n') {
        within &= line.trim_end() != "<!-- end -->";
        if within {
            inside.push_str(line)
        } else {
            outside.push_str(line)
        }
        within |= line.starts_with("<!-- generated: ");
    }
    (outside, inside)
}

#[test]
fn what_stands_outside_the_markers_of_the_readme_stays() {
    let committed = kept("README.md");
    let (outside, inside) = halves(&committed);
    assert!(inside.lines().count() > 30 && outside.lines().count() > 60);
    let odd = "\u{feff}first\r\n\ttab, blanks   \n\n<!-- end -->\n| a | table |\n".to_owned();
    let damaged: String = (odd + &committed)
        .split_inclusive('\n')
        .map(|line| match line {
            "| command | does |\n" => "| nonsense |\r\n".to_owned(),
            line if line.starts_with("| 70 |") => String::new(),
            line => line.to_owned(),
        })
        .collect::<String>()
        .trim_end()
        .to_owned();
    let folder = copy();
    let readme = folder.path().join("README.md");
    fs::write(&readme, &damaged).unwrap();
    assert_eq!(docs(&["write"], Some(folder.path())).0, 0);
    let renewed = fs::read_to_string(&readme).unwrap();
    assert_eq!(halves(&renewed), (halves(&damaged).0, inside));
    assert_eq!(docs(&["readme"], Some(folder.path())).1, renewed);

    // A checkout with the ends of lines of Windows is not stale, and what is renewed there has the same.
    let windows = committed.replace('\n', "\r\n");
    fs::write(&readme, &windows).unwrap();
    assert_eq!(docs(&["verify"], Some(folder.path())).0, 0);
    fs::write(&readme, windows.replace("| 70 | internal error |\r\n", "")).unwrap();
    assert_eq!(docs(&["write"], Some(folder.path())).0, 0);
    assert_eq!(fs::read_to_string(&readme).unwrap(), windows);
}

#[test]
fn broken_markers_are_a_usage_error_and_change_nothing() {
    let committed = kept("README.md");
    let folder = copy();
    let readme = folder.path().join("README.md");
    for (from, to, reason) in [
        ("<!-- end -->", "", "has no `<!-- end -->`"),
        ("<!-- generated: exit codes -->", "", "there is no `<!-- generated: exit codes -->`"),
        ("<!-- generated: exit codes -->", "<!-- generated: prices -->", "<!-- generated: prices -->"),
        ("<!-- generated: exit codes -->", "<!-- generated: commands -->", "each once"),
    ] {
        let broken = committed.replace(from, to);
        fs::write(&readme, &broken).unwrap();
        for action in ["verify", "write", "readme"] {
            let (code, out, told) = docs(&[action], Some(folder.path()));
            assert_eq!((code, out.as_str()), (2, ""), "{action}: {told}");
            assert!(told.contains(reason) && told.contains("README.md"), "{told}");
        }
        assert_eq!(fs::read_to_string(&readme).unwrap(), broken);
    }
    let (code, _, told) = docs(&["verify"], Some(&folder.path().join("docs")));
    assert!(code == 2 && told.contains("--root names the folder of a checkout"), "{told}");
}

/// Every word that could be a name.
fn words(text: &str) -> BTreeSet<&str> {
    text.split(|c: char| !(c.is_ascii_alphanumeric() || "-_+".contains(c))).collect()
}

/// Lower case, each run of blanks one blank.
fn flat(text: &str) -> String {
    text.to_lowercase().split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The text of a man page without roff's own words.
fn page(name: &str) -> String {
    let page = kept(&format!("docs/man/{name}.1"));
    ["\\fB", "\\fI", "\\fR"].iter().fold(page, |page, font| page.replace(font, "")).replace("\\-", "-")
}

/// fish's options as they are typed.
fn fish() -> String {
    let script = kept("docs/completions/loadparity.fish");
    script.replace(" -l ", " --").replace(" -o ", " -").replace(" -s ", " -")
}

#[test]
fn every_row_of_the_table_is_in_everything_that_is_generated() {
    let scripts = [
        ("bash", kept("docs/completions/loadparity.bash")),
        ("zsh", kept("docs/completions/_loadparity")),
        ("fish", fish()),
        ("PowerShell", kept("docs/completions/_loadparity.ps1")),
    ];
    let pages = [
        ("run --help", help("run")),
        ("loadparity-run.1", page("loadparity-run")),
        ("docs/cli.md", kept("docs/cli.md")),
        ("README.md", kept("README.md")),
    ];
    let bench = [("bench --help", help("bench")), ("loadparity-bench.1", page("loadparity-bench"))];
    let explain = [("explain --help", help("explain")), ("loadparity-judge.1", page("loadparity-judge"))];
    let has = |name: &str, (place, text): &(&str, String)| {
        assert!(words(text).contains(name), "{place} has no {name}");
    };
    let rules = Dialect::reference().rules();
    for def in &rules.table {
        let texts: Vec<&str> = std::iter::once(def.help).chain(def.off_help).collect();
        for name in def.on.iter().chain(&def.off) {
            scripts.iter().chain(&pages).chain(&explain).for_each(|place| has(name, place));
        }
        for name in rules.bench.iter().flat_map(|bench| &bench.flags).flat_map(|listed| &listed.names) {
            scripts.iter().chain(&bench).chain([&pages[2]]).for_each(|place| has(name, place));
        }
        for variable in def.variables() {
            pages.iter().for_each(|place| has(variable, place));
        }
        for text in texts {
            // bash shows no help.
            for (place, all) in scripts[1..].iter().chain(&pages) {
                assert!(flat(all).contains(&flat(text)), "{place} does not say: {text}");
            }
        }
    }
    for word in &Dialect::reference().rules().words {
        // PowerShell's script completes no values.
        scripts[..3].iter().chain(&pages).chain(&bench).for_each(|place| has(word.name, place));
        for (place, all) in &pages {
            assert!(flat(all).contains(&flat(word.help)), "{place} does not say: {}", word.help);
        }
    }
    let cli = kept("docs/cli.md");
    for row in [
        "| `--no-mmap` | `LLAMA_ARG_NO_MMAP` | read the file into memory | `--load-mode none` |",
        "| `-ndio`, `--no-direct-io` | `LLAMA_ARG_NO_DIO` | do not read past the page cache | `--load-mode mmap` |",
        "| `--mlock` | `LLAMA_ARG_MLOCK` | lock the weights into memory | `--load-mode mlock` |",
    ] {
        assert!(cli.contains(row), "{row}");
    }
}

#[test]
fn every_command_has_a_section_and_a_man_page() {
    let cli = kept("docs/cli.md");
    let listed = help("run");
    assert!(!listed.contains("one-dash"), "{listed}");
    let top = support::loadparity().arg("--help").output().unwrap();
    let top = String::from_utf8(top.stdout).unwrap();
    let commands = top.lines().skip_while(|line| *line != "Commands:").skip(1);
    let commands: Vec<&str> = commands.take_while(|line| !line.is_empty()).collect();
    let names: Vec<&str> = commands
        .iter()
        .filter(|line| !line.starts_with("   "))
        .filter_map(|l| l.split_whitespace().next())
        .collect();
    assert!(names.len() > 15 && names.contains(&"docs"), "{names:?}");
    for name in names {
        assert!(cli.contains(&format!("\n## `loadparity {name}")), "{name}");
        assert!(page(&format!("loadparity-{name}")).contains(".SH SYNOPSIS"), "{name}");
    }
    for text in [&cli, &kept("docs/completions/_loadparity"), &kept("docs/completions/_loadparity.ps1")] {
        assert!(!text.contains("one-dash"));
    }
}

#[test]
fn terminal_locale_time_and_version_change_nothing() {
    let wide = support::loadparity().args(["run", "--help"]).env("COLUMNS", "200").output().unwrap();
    assert_ne!(
        String::from_utf8(wide.stdout).unwrap(),
        help("run"),
        "the width of a terminal is known at all"
    );
    for columns in ["30", "300"] {
        let mut verify = support::loadparity();
        verify.args(["docs", "verify", "--root"]).arg(checkout()).env("COLUMNS", columns);
        verify.env("LC_ALL", "de_DE.UTF-8").env("LANGUAGE", "de").env("TZ", "Asia/Tokyo");
        verify.env("LLAMA_ARG_MMAP", "0").env("CLICOLOR_FORCE", "1").env_remove("NO_COLOR");
        verify.assert().success();
    }
    let folder = checkout().join("docs/man");
    let mut seen = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let name = name.strip_suffix(".1").unwrap();
        let title = page(name).lines().find(|line| line.starts_with(".TH")).map(str::to_owned).unwrap();
        assert_eq!(title, format!(".TH {name} 1 \"\" loadparity loadparity"));
        assert!(!page(name).contains(env!("CARGO_PKG_VERSION")), "{name}");
        seen += 1;
    }
    assert!(seen > 20);
    for path in ["docs/cli.md", "docs/completions/loadparity.bash", "docs/completions/_loadparity"] {
        assert!(!kept(path).contains(env!("CARGO_PKG_VERSION")), "{path}");
    }
}

#[test]
fn man_pages_are_written_to_any_folder() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("share/man1");
    let (code, _, told) = docs(&["man", "--out", out.to_str().unwrap()], None);
    assert_eq!(code, 0, "{told}");
    let run = fs::read_to_string(out.join("loadparity-run.1")).unwrap();
    assert_eq!(run, kept("docs/man/loadparity-run.1"));
    for heading in ["\"EXIT STATUS\"", "EXAMPLES", "FILES", "\"SEE ALSO\""] {
        assert!(kept("docs/man/loadparity-check.1").contains(&format!("\n.SH {heading}\n")), "{heading}");
    }
    let (code, _, told) = docs(&["man", "--out", out.join("loadparity-run.1").to_str().unwrap()], None);
    assert!(code == 2 && told.contains("cannot write man pages"), "{told}");
    assert_eq!(docs(&["completions", "tcsh"], None).0, 2);
}

#[cfg(unix)]
mod bash {
    use super::*;
    use std::process::Command;

    /// What bash offers for the last word of a line.
    fn offered(line: &[&str]) -> Vec<String> {
        let script = checkout().join("docs/completions/loadparity.bash");
        let last = line.len() - 1;
        let code = r#"
            source "$1"; shift
            COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
            _loadparity "$1" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
            printf '%s\n' "${COMPREPLY[@]}"
        "#;
        let output = Command::new("bash").args(["-c", code, "bash"]).arg(script).args(line).output().unwrap();
        assert!(output.status.success(), "{}: {}", line[last], String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect()
    }

    #[test]
    fn the_script_parses() {
        let script = checkout().join("docs/completions/loadparity.bash");
        let output = Command::new("bash").arg("-n").arg(script).output().unwrap();
        assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    }

    #[test]
    fn names_and_values_are_completed() {
        assert_eq!(offered(&["loadparity", "run", "--load-mo"]), ["--load-mode"]);
        assert_eq!(offered(&["loadparity", "exp"]), ["explain", "explain-rule", "export"]);
        let words: Vec<&str> = Dialect::reference().rules().words.iter().map(|word| word.name).collect();
        for name in ["-lm", "--load-mode"] {
            for command in ["run", "bench"] {
                assert_eq!(offered(&["loadparity", command, name, ""]), words, "{command} {name}");
            }
            assert_eq!(offered(&["loadparity", "run", name, "none"]), ["none", "none+mlock"]);
        }
        assert_eq!(offered(&["loadparity", "bench", "-mmp", "o"]), ["on", "off"]);
        let rules = Dialect::reference().rules();
        for def in &rules.table {
            for name in def.on.iter().chain(&def.off) {
                assert!(offered(&["loadparity", "run", name]).iter().any(|word| word == name), "run {name}");
                let behind = offered(&["loadparity", "explain", "--", name]);
                assert!(behind.iter().any(|word| word == name), "explain -- {name}");
            }
            for name in rules.bench.iter().flat_map(|bench| &bench.flags).flat_map(|listed| &listed.names) {
                assert!(
                    offered(&["loadparity", "bench", name]).iter().any(|word| word == name),
                    "bench {name}"
                );
            }
        }
        assert_eq!(offered(&["loadparity", "bench", "--mlo"]), Vec::<String>::new());
        let has = |line: &[&str], value: &str| {
            let values = offered(line);
            assert!(values.iter().any(|one| one == value), "{line:?}: {values:?}");
        };
        has(&["loadparity", "check", "--dialect", ""], "auto");
        for command in ["check", "compare", "judge", "explain"] {
            for dialect in Dialect::shipped() {
                has(&["loadparity", command, "--dialect", dialect.name()], dialect.name());
            }
        }
        has(&["loadparity", "migrate", "--to", "enum"], "enum-v4");
        has(&["loadparity", "dialects", "show", "koboldc"], "koboldcpp");
        has(&["loadparity", "check", "--format", "j"], "junit");
        has(&["loadparity", "check", "--level", ""], "P3");
        assert_eq!(offered(&["loadparity", "compare", "--level", ""]), ["P2", "P4"]);
        has(&["loadparity", "check", "--platform", "xf"], "xfs-4kn");
        has(&["loadparity", "gguf", "make", "--type", "iq"], "iq4_xs");
        has(&["loadparity", "explain-rule", "tensors-l"], "tensors-locked");
        has(&["loadparity", "schema", "che"], "check-2");
        assert_eq!(offered(&["loadparity", "docs", "completions", "z"]), ["zsh"]);
    }
}
