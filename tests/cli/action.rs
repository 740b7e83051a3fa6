//! The composite action, the shipped workflow and the scripts of a release, run as a runner runs them.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

const PROGRAM: &str = env!("CARGO_BIN_EXE_loadparity");

fn checkout() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The folders and files of one job.
struct Runner {
    folder: TempDir,
}

/// What a step came to.
struct Step {
    code: i32,
    text: String,
    /// The outputs of this step alone.
    outputs: String,
}

impl Step {
    fn output(&self, name: &str) -> Option<&str> {
        self.outputs.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='))
    }
}

impl Runner {
    fn new() -> Self {
        Self { folder: TempDir::new().unwrap() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs a script of the checkout with an environment of its own, in the folder of the job.
    fn run(&self, script: &str, arguments: &[&str], env: &[(&str, &str)]) -> Step {
        self.run_in(self.folder.path(), script, arguments, env)
    }

    fn run_in(&self, folder: &Path, script: &str, arguments: &[&str], env: &[(&str, &str)]) -> Step {
        let outputs = self.path("outputs");
        fs::write(&outputs, "").unwrap();
        let mut command = Command::new("bash");
        command.arg(checkout().join(script)).args(arguments).current_dir(folder);
        command.env("RUNNER_TEMP", self.folder.path()).env("GITHUB_OUTPUT", &outputs);
        command.env("GITHUB_STEP_SUMMARY", self.path("summary.md"));
        command.env("LOADPARITY_SOURCE", checkout()).envs(env.iter().copied());
        command.env_remove("GITHUB_REPOSITORY").env_remove("CI");
        let Output { status, stdout, stderr } = command.output().unwrap();
        let text = String::from_utf8_lossy(&[stdout, stderr].concat()).into_owned();
        Step { code: status.code().unwrap(), text, outputs: fs::read_to_string(outputs).unwrap() }
    }

    /// The second step of the action, on this program.
    fn action(&self, arguments: &str, name: &str) -> Step {
        self.action_in(self.folder.path(), arguments, name)
    }

    fn action_in(&self, folder: &Path, arguments: &str, name: &str) -> Step {
        let env =
            [("LOADPARITY_PROGRAM", PROGRAM), ("LOADPARITY_ARGUMENTS", arguments), ("LOADPARITY_NAME", name)];
        self.run_in(folder, "ci/action-run", &[], &env)
    }
}

#[test]
fn one_line_and_several_are_the_same_words() {
    let runner = Runner::new();
    let line = runner.action("check --quick -n 1 --only '' --no-config", "one");
    assert_eq!(line.code, 0, "{}", line.text);
    let lines = runner.action("check\n--quick\n-n\n1\n--only=\n--no-config\r\n", "several");
    assert_eq!(lines.code, 0, "{}", lines.text);
    let cases = |step: &Step| {
        let result = fs::read(step.output("result").unwrap()).unwrap();
        let document = crate::support::schemas::parsed(&result);
        assert_eq!(document["finished"]["exit_code"], 0);
        document["cases"].clone()
    };
    assert_eq!(cases(&line), cases(&lines));
    let summary = fs::read_to_string(runner.path("summary.md")).unwrap();
    assert!(summary.contains("parity to P4"), "{summary}");
}

/// What a pull request may choose is never carried out.
#[test]
fn words_are_not_carried_out() {
    let runner = Runner::new();
    for arguments in [
        "check --only '$(touch made)'",
        "check --only `touch made`",
        "check; touch made",
        "check\n$(touch made)",
    ] {
        let step = runner.action(arguments, "$(touch made)/../x");
        assert_ne!(step.code, 0, "{arguments}: {}", step.text);
        assert!(!runner.path("made").exists(), "{arguments}");
    }
    assert_eq!(runner.action("check 'without end", "x").code, 2);
}

#[test]
fn a_result_is_of_this_run_alone() {
    let runner = Runner::new();
    let first = runner.action("check --quick -n 1 --only ''", "loadparity");
    assert!(first.output("result").is_some(), "{}", first.outputs);
    let wrong = runner.action("check --nonsense", "loadparity");
    assert_eq!((wrong.code, wrong.output("exit-code")), (2, Some("2")), "{}", wrong.text);
    assert_eq!(wrong.output("result"), None, "{}", wrong.outputs);
}

/// Each command runs, those without reports as they are, and every one that has them gets them.
#[test]
fn every_command_runs() {
    let runner = Runner::new();
    let help = Command::new(PROGRAM).arg("--help").output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    let commands =
        help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let commands: Vec<&str> = commands
        .filter(|line| !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    assert!(commands.len() > 15, "{commands:?}");
    for command in commands {
        let step = runner.action(&format!("{command} --nonsense"), "x");
        // What is wrong is the flag of the workflow, and not one that the action adds.
        assert!(!step.text.contains("'--format'"), "{command}: {}", step.text);
        assert!(step.text.contains("--nonsense") || step.code == 2, "{command}: {}", step.text);
    }
    let rule = runner.action("explain-rule tensors-locked", "x");
    assert_eq!((rule.code, rule.output("result")), (0, None), "{}", rule.text);
    let list = runner.action("dialects list", "x");
    assert!(list.code == 0 && list.text.contains("enum-v4"), "{}", list.text);
}

#[test]
fn a_broken_rule_fails_the_step_and_leaves_its_result() {
    let runner = Runner::new();
    let step = runner.action("check --quick -n 1 --inject read:corrupt:when=2", "broken");
    assert_eq!((step.code, step.output("exit-code")), (1, Some("1")), "{}", step.text);
    let errors = step.text.lines().filter(|line| line.starts_with("::error")).count();
    assert!((1..=10).contains(&errors), "annotations: {errors}");
    let result = fs::read(step.output("result").unwrap()).unwrap();
    assert_eq!(crate::support::schemas::parsed(&result)["finished"]["verdict"], "divergent");
    assert!(fs::read_to_string(runner.path("summary.md")).unwrap().contains("divergent"));
}

/// The arguments that the workflow gives to the action in one of its jobs.
fn of_workflow(job: usize) -> String {
    let workflow = fs::read_to_string(checkout().join(".github/workflows/foreign.yml")).unwrap();
    let blocks: Vec<String> = workflow
        .split("arguments: |\n")
        .skip(1)
        .map(|block| {
            let words = block.lines().take_while(|line| line.starts_with("            "));
            words.map(|line| line.trim().to_owned() + "\n").collect()
        })
        .collect();
    assert_eq!(blocks.len(), 2, "a check and a merge");
    blocks[job].clone()
}

/// The shipped workflow, job by job: a system without a result is not run, and that is no pass where it was required.
#[test]
#[cfg(target_os = "linux")]
fn the_shipped_workflow_merges_what_there_is() {
    let runner = Runner::new();
    let check = runner.action_in(checkout(), &of_workflow(0), "foreign-linux");
    assert_eq!(check.code, 0, "{}", check.text);
    let artifact = runner.path("results/foreign-linux");
    fs::create_dir_all(runner.path("results")).unwrap();
    fs::rename(check.output("reports").unwrap(), artifact).unwrap();
    let merge = |required: &str| {
        let asked = of_workflow(1).replace("${{ inputs.required || 'linux' }}", required);
        assert!(!asked.contains("${{"), "{asked}");
        runner.action(&asked, "merged")
    };
    let enough = merge("linux");
    assert_eq!(enough.code, 0, "{}", enough.text);
    let missing = merge("linux,windows,macos");
    assert_eq!(missing.code, 3, "{}", missing.text);
    let summary = fs::read_to_string(runner.path("summary.md")).unwrap();
    assert!(summary.contains("windows") && summary.contains("not run"), "{summary}");
    fs::remove_dir_all(runner.path("results")).unwrap();
    fs::create_dir_all(runner.path("results")).unwrap();
    let nothing = merge("linux");
    assert_eq!(nothing.code, 3, "no result at all: {}", nothing.text);
}

/// A program of a release is used if its sum agrees, and nothing else is taken for it.
#[test]
fn a_release_is_downloaded_and_its_sum_is_checked() {
    let runner = Runner::new();
    let version = env!("CARGO_PKG_VERSION");
    let target = if cfg!(target_os = "macos") {
        "universal-apple-darwin"
    } else if cfg!(target_arch = "aarch64") {
        "aarch64-unknown-linux-musl"
    } else {
        "x86_64-unknown-linux-musl"
    };
    let folder = runner.path(&format!("releases/v{version}"));
    fs::create_dir_all(&folder).unwrap();
    // A small program in its place: what is tried is the way of an archive to the runner.
    let stub = runner.path("loadparity");
    fs::write(&stub, format!("#!/bin/sh\necho loadparity {version}\n")).unwrap();
    fs::set_permissions(&stub, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let folder_text = folder.to_str().unwrap();
    let packed = runner.run("ci/release/archive", &[target, stub.to_str().unwrap(), folder_text], &[]);
    assert_eq!(packed.code, 0, "{}", packed.text);
    assert_eq!(runner.run("ci/release/sums", &[folder_text], &[]).code, 0);

    let releases = format!("file://{}", runner.path("releases").display());
    let install = |version: &str, reference: &str| {
        let env = [
            ("LOADPARITY_RELEASES", &*releases),
            ("LOADPARITY_VERSION", version),
            ("LOADPARITY_REF", reference),
        ];
        runner.run("ci/action-install", &[], &[&env[..], &[("RUNNER_OS", ""), ("RUNNER_ARCH", "")]].concat())
    };
    for (asked, reference) in [(version, "main"), ("", &*format!("v{version}"))] {
        let step = install(asked, reference);
        assert_eq!(step.code, 0, "{}", step.text);
        let said = Command::new(step.output("program").unwrap()).arg("--version").output().unwrap();
        assert_eq!(String::from_utf8_lossy(&said.stdout).trim(), format!("loadparity {version}"));
        let beside = Path::new(step.output("program").unwrap()).parent().unwrap();
        for name in ["man/loadparity.1", "completions/loadparity.bash", "schemas/check-2.json", "LICENSE-MIT"]
        {
            assert!(beside.join(name).exists(), "{name} is not in the archive");
        }
    }
    assert_eq!(install("99.0.0", "").code, 2, "another version is not what was asked for");
    let archive = folder.join(format!("loadparity-v{version}-{target}.tar.gz"));
    let mut bytes = fs::read(&archive).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&archive, bytes).unwrap();
    let changed = install(version, "");
    assert!(changed.code == 3 && changed.output("program").is_none(), "{}", changed.text);
    assert!(changed.text.contains("it is not used"), "{}", changed.text);
}

#[test]
fn a_tag_is_held_against_version_and_changelog() {
    let runner = Runner::new();
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(runner.run("ci/release/version", &[], &[]).text.trim(), version);
    let notes = runner.run("ci/release/notes", &[version], &[]);
    assert!(notes.code == 0 && notes.text.contains("### "), "{}", notes.text);
    assert_eq!(runner.run("ci/release/notes", &["99.0.0"], &[]).code, 1);
    let other = runner.run("ci/release/check-tag", &["v99.0.0"], &[]);
    assert_eq!(other.code, 1, "{}", other.text);
    assert!(other.text.contains("the tag is v99.0.0"), "{}", other.text);
    let here = runner.run(
        "ci/release/check-tag",
        &[&format!("v{version}")],
        &[("GITHUB_REPOSITORY", "somebody/else")],
    );
    assert!(here.code == 1 && here.text.contains("`repository`"), "{}", here.text);
    assert!(!here.text.contains("the tag is"), "{}", here.text);
}
