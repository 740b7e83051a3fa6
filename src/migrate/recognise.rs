//! Which word lists run a llama tool.
//!
//! A word list is a llama command line when its first word is one, after variables set before it
//! and after programs that run another one (`exec`, `env`, `sudo`, `numactl` …). What counts is the
//! last part of a path:
//!
//! - `llama-bench` reads its own grammar; the other `llama-…` programs of [`COMMON`] share one;
//! - `main` and `server`, the old names, count when a load flag or a `.gguf` file is among the words;
//! - where an image runs and names no program (`docker run`, a service, an image's `CMD`), its
//!   arguments count when the name of the image has llama.cpp in it; the `full` images take their
//!   tool as the first word.
//!
//! Anything else (`echo`, `pkill llama-server`, a program of other people) is left alone.

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

/// Programs that run another one, with the options of theirs whose value is the next word, and how
/// many words that are no options stand before the program.
const RUNNERS: [(&str, &str, usize); 28] = [
    ("exec", "a", 0),
    ("env", "uC", 0),
    ("sudo", "ugpCrtThUDR", 0),
    ("doas", "uC", 0),
    ("nohup", "", 0),
    ("time", "fo", 0),
    ("command", "", 0),
    ("nice", "n", 0),
    ("ionice", "cn", 0),
    ("numactl", "CNmipP", 0),
    ("taskset", "", 1),
    ("stdbuf", "ioe", 0),
    ("setsid", "", 0),
    ("timeout", "sk", 1),
    ("chrt", "", 1),
    ("gdb", "", 0),
    ("strace", "eoabsPSE", 0),
    ("ltrace", "eo", 0),
    ("valgrind", "", 0),
    ("perf", "eop", 1),
    ("systemd-run", "puEMHt", 0),
    ("tini", "e", 0),
    ("dumb-init", "r", 0),
    ("gosu", "", 1),
    ("su-exec", "", 1),
    ("mpirun", "nc", 0),
    ("prlimit", "", 0),
    ("caffeinate", "t", 0),
];

/// Where the program stands that runners run, and the variables they set for it.
fn behind_runners(words: &[Word], from: usize, settings: &mut Vec<Setting>) -> Option<usize> {
    let mut at = from;
    while let Some((_, with_value, operands)) = words.get(at).and_then(|word| runner(&word.text)) {
        let mut operands = *operands;
        // `command -v` asks for a program and runs none.
        if words[at].text.known() == Some("command") && words.get(at + 1)?.text.end().starts_with('-') {
            return None;
        }
        at += 1;
        while let Some(word) = words.get(at) {
            let text = word.text.end();
            if let Some((name, value)) = assignment(&word.text) {
                push(settings, name, value, word);
            } else if let Some(option) = text.strip_prefix('-') {
                at += usize::from(option.len() == 1 && with_value.contains(option));
            } else if operands > 0 && tool_of(&word.text, &[]).is_none() {
                operands -= 1;
            } else {
                break;
            }
            at += 1;
        }
    }
    (at < words.len()).then_some(at)
}

fn runner(text: &Text) -> Option<&'static (&'static str, &'static str, usize)> {
    let base = text.known()?.rsplit('/').next()?;
    RUNNERS.iter().find(|(name, ..)| *name == base)
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
    words.iter().any(|word| word.text.end().ends_with(".gguf") || is_load_flag(&word.text))
}

pub(super) fn is_load_flag(text: &Text) -> bool {
    let whole = match text {
        Text::Known(text) => text,
        Text::Open { prefix, .. } => prefix,
    };
    let name = whole.split_once('=').map_or(whole.as_str(), |(name, _)| name);
    vocabulary::find(name).is_some()
}

/// Whether an image runs llama.cpp's programs by itself.
pub(super) fn is_llama_image(image: &str) -> bool {
    let image = image.to_ascii_lowercase();
    ["llama.cpp", "llama-cpp", "llamacpp", "llama-server"].iter().any(|name| image.contains(name))
        && !image.contains("python")
}

/// The command that a word list runs.
pub(super) fn command(at: usize, words: &[Word], scope: &Scope) -> Found {
    let mut settings = Vec::new();
    let mut next = 0;
    set_before(words, &mut next, &mut settings);
    let Some(first) = words.get(next) else { return Found::Nothing };
    let base = first.text.end().rsplit('/').next().unwrap_or_default();
    if matches!(base, "docker" | "podman" | "nerdctl") {
        return container(at, &words[next..], settings);
    }
    let Some(from) = behind_runners(words, next, &mut settings) else { return Found::Nothing };
    if matches!(words[from].text.end(), "docker" | "podman" | "nerdctl") {
        return container(at, &words[from..], Vec::new());
    }
    let program = &words[from];
    let behind = &words[from + 1..];
    let resolved = match &program.text {
        Text::Open { name: Some(name), .. } => scope.variables.get(name).cloned().flatten(),
        _ => None,
    };
    let tool = match resolved.as_deref() {
        Some([one]) => tool_of(&Text::Known(one.clone()), behind),
        _ => tool_of(&program.text, behind),
    };
    let Some(tool) = tool else {
        let hidden = matches!(program.text, Text::Open { .. }) && resolved.is_none();
        let loads = behind.iter().any(|word| is_load_flag(&word.text));
        return if hidden && loads && is_evidence(behind) { Found::HiddenProgram } else { Found::Nothing };
    };
    let insert = Insert::After(program.at, program.quote);
    Found::Command(Command { at, tool, settings, words: behind.to_vec(), insert })
}

/// What a word list turned out to be.
pub(super) enum Found {
    Nothing,
    Command(Command),
    /// Load flags behind a program that a variable names.
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

/// `docker run … IMAGE ARGS`.
fn container(at: usize, words: &[Word], mut settings: Vec<Setting>) -> Found {
    let runs = words.iter().skip(1).take(3).any(|word| matches!(word.text.known(), Some("run" | "create")));
    let image = words.iter().position(|word| {
        !matches!(word.text.known(), Some(text) if text.starts_with('-') || text.contains('='))
            && is_llama_image(image_text(&word.text))
            && word.text.end() != "llama-server"
    });
    let (true, Some(image)) = (runs, image) else { return Found::Nothing };
    let mut program = None;
    for (index, word) in words[..image].iter().enumerate() {
        let before = index.checked_sub(1).map(|before| &words[before]);
        let is_value = |names: [&str; 2]| {
            before.is_some_and(|before| before.text.known().is_some_and(|t| names.contains(&t)))
        };
        if is_value(["-e", "--env"])
            && let (Some((name, value)), Some(before)) = (assignment(&word.text), before)
            && vocabulary::find_variable(&name).is_some()
        {
            let form = Form::Assign { lead: "", quote: word.quote, glue: Some(" -e ") };
            settings.push(Setting { name, value, at: vec![before.at, word.at], form });
        }
        if let Some(set) = word.text.known().and_then(|text| text.strip_prefix("--env="))
            && let Some((name, value)) = assignment(&Text::Known(set.to_owned()))
            && vocabulary::find_variable(&name).is_some()
        {
            let form = Form::Assign { lead: "--env=", quote: "", glue: None };
            settings.push(Setting { name, value, at: vec![word.at], form });
        }
        if is_value(["--entrypoint", "--entrypoint"]) {
            program = Some(word.text.clone());
        }
        if let Some(given) = word.text.known().and_then(|text| text.strip_prefix("--entrypoint=")) {
            program = Some(Text::Known(given.to_owned()));
        }
    }
    let behind = &words[image + 1..];
    let after = Insert::After(words[image].at, "");
    match program {
        Some(program) => match tool_of(&program, behind) {
            Some(tool) => {
                Found::Command(Command { at, tool, settings, words: behind.to_vec(), insert: after })
            }
            None => Found::Nothing,
        },
        None => of_image(at, image_text(&words[image].text), behind, settings, after),
    }
}

fn image_text(text: &Text) -> &str {
    match text {
        Text::Known(text) => text,
        Text::Open { prefix, suffix, .. } if prefix.is_empty() => suffix,
        Text::Open { prefix, .. } => prefix,
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
    if let Some(first) =
        words.first().filter(|first| first.text.known().is_some_and(|text| !text.starts_with('-')))
    {
        // Docker lets the arguments follow the entry point, so a program's name here is rare but seen.
        if let Some(tool) = tool_of(&first.text, &words[1..]) {
            let insert = Insert::After(first.at, first.quote);
            return Found::Command(Command { at, tool, settings, words: words[1..].to_vec(), insert });
        }
    }
    let tag = image.rsplit(':').next().unwrap_or_default();
    if !tag.starts_with("full") {
        return Found::Command(Command { at, tool: Tool::Common, settings, words: words.to_vec(), insert });
    }
    let Some((first, behind)) = words.split_first() else { return Found::Nothing };
    let tool = match first.text.known() {
        Some("--run" | "-r" | "--run-legacy" | "-l" | "--server" | "-s" | "--perplexity" | "-p") => {
            Tool::Common
        }
        Some("--bench" | "-b") => Tool::Bench,
        _ => return Found::Nothing,
    };
    let insert = Insert::After(first.at, first.quote);
    Found::Command(Command { at, tool, settings, words: behind.to_vec(), insert })
}

/// The insertion point of a list whose words are arguments only.
pub(super) fn before_first(words: &[Word]) -> Insert {
    words.first().map_or(Insert::Nowhere, |first| Insert::Before(first.at, first.quote))
}

/// A place for tests and readers that number by hand.
pub(super) fn place(list: usize, item: usize) -> Place {
    Place { list, item }
}
