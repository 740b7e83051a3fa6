//! Which word lists run a llama tool.
//!
//! A word list is a llama command line when its first word is one, after variables set before it
//! and after programs that run another one (`exec`, `env`, `sudo`, `numactl` …). What counts is the
//! last part of a path:
//!
//! - `llama-bench` reads its own grammar; the other `llama-…` programs of [`COMMON`] share one;
//! - `llama serve`, `llama cli`, `llama completion` and `llama bench` are those programs in one;
//! - `main` and `server`, the old names, count when a load flag or a `.gguf` file is among the words;
//! - where an image runs and names no program (`docker run`, a service, an image's `CMD`), its
//!   arguments count when the name of the image has llama.cpp in it; the `full` images take their
//!   tool as the first word.
//!
//! Anything else (`echo`, `pkill llama-server`, a program of other people) is none; the account of
//! the file refuses load flags there.

mod container;

pub(super) use container::{is_llama_image, runs_llama};

use super::lex::assignment;
use super::model::{Command, Form, Insert, Place, Scope, Setting, Text, Tool, Word};
use super::vocabulary;

/// The programs that share llama.cpp's common parser and load a model.
pub(super) const COMMON: [&str; 26] = [
    "llama-cli",
    "llama-server",
    "llama-completion",
    "llama-perplexity",
    "llama-embedding",
    "llama-imatrix",
    "llama-speculative",
    "llama-speculative-simple",
    "llama-parallel",
    "llama-batched",
    "llama-batched-bench",
    "llama-mtmd-cli",
    "llama-tts",
    "llama-lookup",
    "llama-lookahead",
    "llama-passkey",
    "llama-retrieval",
    "llama-save-load-state",
    "llama-eval-callback",
    "llama-diffusion-cli",
    "llama-finetune",
    "llama-cvector-generator",
    "llama-fit-params",
    "llama-debug",
    "llama-simple-chat",
    "llama-results",
];

/// A program that runs another one.
struct Runner {
    name: &'static str,
    /// Its one-letter options whose value is the next word.
    with_value: &'static str,
    /// How many words that are no options stand before the program.
    operands: usize,
    /// Whether the program sees the variables around it.
    passes: bool,
}

const fn runner(name: &'static str, with_value: &'static str, operands: usize) -> Runner {
    Runner { name, with_value, operands, passes: true }
}

/// One that starts the program elsewhere: as another user, in a container, on another machine.
const fn elsewhere(name: &'static str, with_value: &'static str, operands: usize) -> Runner {
    Runner { name, with_value, operands, passes: false }
}

const RUNNERS: [Runner; 51] = [
    runner("exec", "a", 0),
    runner("env", "uC", 0),
    elsewhere("sudo", "ugpCrtThUDR", 0),
    elsewhere("doas", "uC", 0),
    elsewhere("pkexec", "", 0),
    runner("nohup", "", 0),
    runner("time", "fo", 0),
    runner("command", "", 0),
    runner("nice", "n", 0),
    runner("ionice", "cn", 0),
    runner("numactl", "CNmipP", 0),
    runner("taskset", "", 1),
    runner("stdbuf", "ioe", 0),
    runner("setsid", "", 0),
    runner("timeout", "sk", 1),
    runner("chrt", "", 1),
    runner("gdb", "", 0),
    runner("strace", "eoabsPSE", 0),
    runner("ltrace", "eo", 0),
    runner("valgrind", "", 0),
    runner("perf", "eop", 1),
    elsewhere("systemd-run", "puEMHt", 0),
    runner("systemd-inhibit", "", 0),
    runner("systemd-cat", "tp", 0),
    runner("tini", "e", 0),
    runner("dumb-init", "r", 0),
    runner("catatonit", "", 0),
    runner("gosu", "", 1),
    runner("su-exec", "", 1),
    runner("setpriv", "", 0),
    runner("runuser", "ug", 0),
    runner("chroot", "", 1),
    runner("flock", "wE", 1),
    runner("unshare", "", 0),
    runner("cgexec", "g", 0),
    runner("mpirun", "ncpxH", 0),
    runner("mpiexec", "ncpxH", 0),
    elsewhere("srun", "nNpcwJt", 0),
    runner("prlimit", "", 0),
    runner("caffeinate", "t", 0),
    runner("gamemoderun", "", 0),
    runner("prime-run", "", 0),
    runner("rlwrap", "", 0),
    runner("unbuffer", "", 0),
    runner("firejail", "", 0),
    runner("nsys", "o", 1),
    elsewhere("tmux", "fLSsntcxFey", 1),
    elsewhere("screen", "Scehlnprstx", 0),
    elsewhere("toolbox", "cdr", 1),
    elsewhere("distrobox", "na", 2),
    elsewhere("ssh", "BbcDEeFIiJLlmOopQRSWw", 1),
];

/// What the runners before a program say of it.
struct Behind {
    /// Where the program stands.
    at: usize,
    /// The runner that keeps the variables around it from it.
    apart: Option<String>,
}

/// Where the program stands that runners run; the variables they set for it go to `settings`.
fn behind_runners(words: &[Word], from: usize, settings: &mut Vec<Setting>) -> Option<Behind> {
    let (mut at, mut apart) = (from, None);
    while let Some(runner) = words.get(at).and_then(|word| runner_of(&word.text)) {
        let mut operands = runner.operands;
        // `command -v` asks for a program and runs none.
        if runner.name == "command" && words.get(at + 1)?.text.end().starts_with('-') {
            return None;
        }
        let mut passes = runner.passes;
        let before = settings.len();
        at += 1;
        while let Some(word) = words.get(at) {
            let text = word.text.end();
            if let Some((name, value)) = assignment(&word.text) {
                push(settings, name, value, word);
            } else if let Some(option) = text.strip_prefix('-').filter(|option| !option.is_empty()) {
                let keeps = option == "E" || option.starts_with("-preserve-env");
                passes = (passes || runner.name == "sudo" && keeps)
                    && !(runner.name == "env" && matches!(option, "i" | "-ignore-environment"));
                let letters = option.bytes().all(|byte| byte.is_ascii_alphabetic());
                let last = option.chars().next_back().filter(|_| letters);
                at += usize::from(last.is_some_and(|last| runner.with_value.contains(last)));
            } else if operands > 0 && program(words, at).is_none() {
                operands -= 1;
            } else {
                break;
            }
            at += 1;
        }
        if !passes && before > 0 {
            // What was set for the runner may not reach the program.
            return None;
        }
        if !passes {
            apart = Some(runner.name.to_owned());
        }
    }
    (at < words.len()).then_some(Behind { at, apart })
}

fn runner_of(text: &Text) -> Option<&'static Runner> {
    let base = text.known()?.rsplit('/').next()?;
    RUNNERS.iter().find(|runner| runner.name == base)
}

/// The subcommands of the `llama` program that load a model.
const SUBCOMMANDS: [(&str, Tool); 4] =
    [("serve", Tool::Common), ("cli", Tool::Common), ("completion", Tool::Common), ("bench", Tool::Bench)];

/// The tool whose name stands at a word, and how many words make it up.
fn program(words: &[Word], at: usize) -> Option<(Tool, usize)> {
    let word = words.get(at)?;
    if let Some(tool) = tool_of(&word.text, &words[at + 1..]) {
        return Some((tool, 1));
    }
    let name = word.text.end().rsplit(['/', '\\']).next().unwrap_or_default();
    let whole = word.text.known().is_some() || word.text.end().contains('/');
    if !whole || !matches!(name, "llama" | "llama.exe") {
        return None;
    }
    let sub = words.get(at + 1)?.text.known()?;
    SUBCOMMANDS.iter().find(|(known, _)| *known == sub).map(|(_, tool)| (*tool, 2))
}

/// The tool that a path runs.
fn tool_of(word: &Text, words: &[Word]) -> Option<Tool> {
    let name = word.end().rsplit(['/', '\\']).next().unwrap_or_default();
    let name = name.strip_suffix(".exe").unwrap_or(name);
    // An expansion may end in the middle of a name.
    if word.known().is_none() && !word.end().contains('/') {
        return None;
    }
    match name {
        "llama-bench" => Some(Tool::Bench),
        "main" | "server" => is_evidence(words).then_some(Tool::Common),
        _ => COMMON.contains(&name).then_some(Tool::Common),
    }
}

fn is_evidence(words: &[Word]) -> bool {
    words.iter().any(|word| word.text.end().ends_with(".gguf")) || loads(words)
}

/// Whether a load flag stands among words. To a linker `-lm` is a library.
fn loads(words: &[Word]) -> bool {
    let is_mode = |word: Option<&Word>| {
        word.is_some_and(|word| match &word.text {
            Text::Known(text) => vocabulary::modes().any(|mode| text.split(',').any(|part| part == mode)),
            Text::Open { .. } => true,
        })
    };
    words.iter().enumerate().any(|(at, word)| {
        is_load_flag(&word.text) && (word.text.known() != Some("-lm") || is_mode(words.get(at + 1)))
    })
}

pub(super) fn is_load_flag(text: &Text) -> bool {
    let whole = match text {
        Text::Known(text) => text,
        Text::Open { prefix, .. } => prefix,
    };
    let name = whole.split_once('=').map_or(whole.as_str(), |(name, _)| name);
    vocabulary::find(name).is_some()
}

/// The command that a word list runs.
pub(super) fn command(at: usize, words: &[Word], scope: &Scope) -> Found {
    let mut settings = Vec::new();
    let mut next = 0;
    set_before(words, &mut next, &mut settings);
    if words.get(next).is_none() {
        return Found::Nothing;
    }
    let Some(behind) = behind_runners(words, next, &mut settings) else { return Found::Nothing };
    let from = behind.at;
    if is_engine(words[from].text.end()) {
        // What is set for the engine does not reach the container.
        return if settings.is_empty() { container::container(at, &words[from..]) } else { Found::Nothing };
    }
    let name = &words[from];
    let rest = &words[from + 1..];
    let (held, path) = match &name.text {
        Text::Open { name: Some(name), .. } => {
            (scope.variables.get(name).cloned().flatten(), scope.paths.get(name))
        }
        _ => (None, None),
    };
    let tool = match (held.as_deref(), path) {
        (Some([one]), _) => tool_of(&Text::Known(one.clone()), rest).map(|tool| (tool, 1)),
        (None, Some(path)) => tool_of(path, rest).map(|tool| (tool, 1)),
        _ => program(words, from),
    };
    let Some((tool, length)) = tool else {
        let hidden = matches!(name.text, Text::Open { .. }) && held.is_none();
        // A whole command in a variable.
        let whole = held
            .as_deref()
            .is_some_and(|held| held.len() > 1 && tool_of(&Text::Known(held[0].clone()), &[]).is_some());
        return if hidden && loads(rest) || whole { Found::HiddenProgram } else { Found::Nothing };
    };
    let last = &words[from + length - 1];
    let words = words[from + length..].to_vec();
    let insert = Insert::After(last.at, last.quote);
    Found::Command(Command { at, tool, settings, words, insert, apart: behind.apart, unseen: None })
}

fn is_engine(name: &str) -> bool {
    matches!(name.rsplit('/').next(), Some("docker" | "podman" | "nerdctl"))
}

/// What a word list turned out to be.
pub(super) enum Found {
    Nothing,
    Command(Command),
    /// A command whose program, or more of it, stands in a variable.
    HiddenProgram,
}

fn set_before(words: &[Word], next: &mut usize, settings: &mut Vec<Setting>) {
    while let Some((name, value)) = words.get(*next).and_then(|word| assignment(&word.text)) {
        push(settings, name, value, &words[*next]);
        *next += 1;
    }
}

fn push(settings: &mut Vec<Setting>, name: String, value: Text, word: &Word) {
    if vocabulary::find_variable(&name).is_some() {
        let form = Form::Assign { lead: "", quote: word.quote, glue: None };
        settings.push(Setting { name, value, at: vec![word.at], form });
    }
}

/// What an image of llama.cpp does with these arguments.
pub(super) fn of_image(
    at: usize,
    image: &str,
    words: &[Word],
    settings: Vec<Setting>,
    insert: Insert,
) -> Found {
    let command = |tool, words: &[Word], settings, insert| {
        Found::Command(Command {
            at,
            tool,
            settings,
            words: words.to_vec(),
            insert,
            apart: None,
            unseen: None,
        })
    };
    // Docker lets the arguments follow the entry point, so a program's name here is rare but seen.
    if let Some((tool, length)) = program(words, 0) {
        let last = &words[length - 1];
        return command(tool, &words[length..], settings, Insert::After(last.at, last.quote));
    }
    let tag = image.rsplit(':').next().unwrap_or_default();
    if !tag.starts_with("full") {
        return command(Tool::Common, words, settings, insert);
    }
    let Some((first, behind)) = words.split_first() else { return Found::Nothing };
    let tool = match first.text.known() {
        Some("--run" | "-r" | "--run-legacy" | "-l" | "--server" | "-s" | "--perplexity" | "-p") => {
            Tool::Common
        }
        Some("--bench" | "-b") => Tool::Bench,
        _ => return Found::Nothing,
    };
    command(tool, behind, settings, Insert::After(first.at, first.quote))
}

/// The arguments of a program that is named elsewhere.
pub(super) fn entry_point(at: usize, program: &str, words: &[Word]) -> Found {
    let mut names = program.split_whitespace();
    let (Some(name), None) = (names.next(), names.next()) else { return Found::Nothing };
    match tool_of(&Text::Known(name.trim_matches('"').to_owned()), words) {
        Some(tool) => Found::Command(Command {
            at,
            tool,
            settings: Vec::new(),
            words: words.to_vec(),
            insert: before_first(words),
            apart: None,
            unseen: None,
        }),
        None => Found::Nothing,
    }
}

/// The insertion point of a list whose words are arguments only.
pub(super) fn before_first(words: &[Word]) -> Insert {
    words.first().map_or(Insert::Nowhere, |first| Insert::Before(first.at, first.quote))
}

/// A place for tests and readers that number by hand.
pub(super) fn place(list: usize, item: usize) -> Place {
    Place { list, item }
}
