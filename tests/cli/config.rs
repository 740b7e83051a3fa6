//! `loadparity.toml` as a user meets it: what is wrong is said with its place, and nothing is checked instead.

use std::path::Path;

use insta::assert_snapshot;

use crate::support::loadparity;

const HEAD: &str = "schema = \"loadparity.config/1\"\n";

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a folder")
}

/// Exit code, output, and what was told, in a folder with this file of options.
fn run_in(folder: &Path, config: &str, args: &[&str]) -> (i32, String, String) {
    std::fs::write(folder.join("loadparity.toml"), config).expect("a file");
    let output = loadparity().current_dir(folder).args(args).output().expect("a run");
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("UTF-8");
    (output.status.code().expect("an exit code"), text(&output.stdout), text(&output.stderr))
}

fn refused(config: &str) -> String {
    let (code, said, told) = run_in(folder().path(), config, &["check"]);
    assert_eq!((code, said.as_str()), (2, ""), "{told}");
    told
}

#[test]
fn what_is_wrong_has_a_place_and_a_suggestion() {
    let cases = [
        "comand = [\"x\"]\n",
        "jobs = \"two\"\n",
        "model = 5\n",
        "level = \"P9\"\n",
        "layout = \"gguff\"\n",
        "dialect = \"enum-v33\"\n",
        "dialect = \"own.toml\"\n",
        "format = [\"terminal\", \"jason=x.json\"]\n",
        "[faults]\ndeph = 2\n",
        "command = []\n",
        "command = \"\"\n",
        "command = \"x 'y\"\n",
        "command = [\"x\", \"{flags}\"]\n",
        "command = [\"x\", \"{model}\", \"a{flags}\"]\n",
        "model = []\n",
        "timeout = 0\n",
        "expect = \"known.json\"\nformat = \"json=known.json\"\n",
        "command = \n",
    ];
    let all: String = cases.iter().map(|case| refused(&format!("{HEAD}{case}"))).collect();
    assert_snapshot!(all);
    assert!(refused("jobs = 1\n").contains("loadparity.toml:1:1: missing field 'schema'"));
    let other = refused("schema = \"loadparity.config/7\"\n");
    assert!(
        other.contains("loadparity.toml:1:10: 'loadparity.config/7' is no format of this file"),
        "{other}"
    );
}

/// The file names a command, so nothing but that command is checked, whatever is missing.
#[test]
fn the_reference_engine_is_never_taken_instead_of_a_command() {
    let command = format!("{HEAD}command = [\"true\", \"{{model}}\", \"{{flags}}\"]\n");
    let missing = refused(&command);
    assert!(missing.contains("a command needs a model"), "{missing}");
    let gone = refused(&format!("{command}model = \"gone.gguf\"\n"));
    assert!(gone.contains("gone.gguf") && gone.contains("from loadparity.toml: command, model"), "{gone}");
    let folder = folder();
    for line in [&["check", "--"][..], &["check", "--platform", "linux"], &["check", "-p", "text"]] {
        let (code, said, told) = run_in(folder.path(), &command, line);
        assert_eq!((code, said.as_str()), (2, ""), "{line:?}: {told}");
    }
}

#[test]
fn a_file_that_cannot_be_read_is_no_reason_to_go_on() {
    let folder = folder();
    let file = folder.path().join("loadparity.toml");
    let check = || {
        let output =
            loadparity().current_dir(folder.path()).args(["check", "--list"]).output().expect("a run");
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    std::fs::create_dir(&file).expect("a folder");
    let (code, told) = check();
    assert_eq!(code, Some(2), "{told}");
    std::fs::remove_dir(&file).expect("its end");
    std::fs::write(&file, b"schema = \"\xff\"\n").expect("a file");
    let (code, told) = check();
    assert!(code == Some(2) && told.contains("not UTF-8"), "{told}");
    std::fs::remove_file(&file).expect("its end");
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink("nowhere", &file).expect("a link");
        let (code, told) = check();
        assert!(code == Some(2) && told.contains("loadparity.toml: cannot be read"), "{told}");
    }
    let (code, _, told) = run_in(&folder.path().join("."), "", &["check", "--config", "other.toml"]);
    assert!(code == 2 && told.contains("other.toml: cannot be read"), "{told}");
}

#[test]
fn the_line_comes_before_the_file_and_the_rest_is_said_in_one_line() {
    let folder = folder();
    let config = format!("{HEAD}dialect = \"enum-v4\"\nquick = true\njobs = 2\n[faults]\ndepth = 1\n");
    let list = |args: &[&str]| {
        let (code, said, told) = run_in(folder.path(), &config, &[&["check", "--list"][..], args].concat());
        assert_eq!(code, 0, "{told}");
        (said.lines().count(), said.contains("--mlock"), told)
    };
    let (quick, legacy, told) = list(&[]);
    assert!(!legacy, "the dialect is that of the file");
    assert_eq!(told, "from loadparity.toml: dialect, jobs, quick (--no-config leaves it out)\n");
    let (_, legacy, told) = list(&["--dialect", "booleans"]);
    assert!(legacy && told.contains(": jobs, quick ("), "{told}");
    let (all, _, told) = list(&["--exhaustive"]);
    assert!(all > quick && told.contains(": dialect, jobs ("), "{told}");
    let (_, _, told) = list(&["--no-config"]);
    assert_eq!(told, "");
}

#[test]
fn a_finding_names_the_file_that_it_was_found_with() {
    let folder = folder();
    let config = format!("{HEAD}dialect = \"enum-v4\"\nquick = true\nlevel = \"P3\"\nformat = \"json\"\n");
    let broken = ["check", "--inject", "read:corrupt:when=2"];
    for (more, named) in
        [(&[][..], "--config loadparity.toml"), (&["--no-config", "--format=json"], "--no-config")]
    {
        let (code, said, told) = run_in(folder.path(), &config, &[&broken[..], more].concat());
        assert_eq!(code, 1, "{told}");
        let document = crate::support::schemas::parsed(said.as_bytes());
        let line = document["failures"][0]["reproduce"].as_str().expect("a line");
        assert!(line.starts_with(&format!("loadparity check {named} ")), "{line}");
        let notes = document["finished"]["notes"].to_string();
        assert_eq!(
            notes.contains("from loadparity.toml: dialect, format, level, quick"),
            more.is_empty(),
            "{notes}"
        );
        let words = shlex::split(line).expect("the words of a shell");
        let again = loadparity().current_dir(folder.path()).args(&words[1..]).output().expect("a run");
        assert_eq!(again.status.code(), Some(1), "{line}");
    }
}
