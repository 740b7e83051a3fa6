//! Containers: which images run llama.cpp, and what `docker run` and `docker exec` start.

use super::super::lex::assignment;
use super::super::model::{Command, Form, Insert, Setting, Text, Word};
use super::super::vocabulary;
use super::{Found, is_load_flag, of_image, program, tool_of};

/// Whether an image runs llama.cpp's programs by itself.
pub(in crate::migrate) fn is_llama_image(image: &str) -> bool {
    let image = image.to_ascii_lowercase();
    let others = ["python", "swap", "ollama", "llamafile", "/koboldcpp"];
    ["llama.cpp", "llama-cpp", "llamacpp", "llama-server"].iter().any(|name| image.contains(name))
        && !others.iter().any(|other| image.contains(other))
}

/// Images that take arguments like those of llama.cpp and are of other products.
const OTHER_IMAGES: [&str; 15] = [
    "ollama",
    "kobold",
    "text-generation",
    "textgen",
    "oobabooga",
    "vllm",
    "localai",
    "local-ai",
    "llamafile",
    "swap",
    "python",
    "sglang",
    "tabby",
    "whisper",
    "stable-diffusion",
];

/// Whether an image whose name says nothing is given what llama.cpp alone takes: a model of its format
/// and a load flag.
pub(in crate::migrate) fn runs_llama(image: &str, words: &[Word]) -> bool {
    let image = image.to_ascii_lowercase();
    let known = |word: &Word, end: &str| word.text.end().ends_with(end);
    !OTHER_IMAGES.iter().any(|other| image.contains(other))
        && words.first().is_some_and(|word| word.text.end().starts_with('-'))
        && words.iter().any(|word| is_load_flag(&word.text))
        && words.iter().any(|word| known(word, ".gguf") || known(word, "-m") || known(word, "-hf"))
}

/// The options of `docker exec` and `docker run` whose value is the next word, among those that may
/// stand before a program.
const ENGINE_VALUES: [&str; 9] =
    ["-e", "--env", "-u", "--user", "-w", "--workdir", "--env-file", "--detach-keys", "--name"];

/// `docker exec NAME PROGRAM ARGS`.
fn inside_container(at: usize, words: &[Word], exec: usize) -> Found {
    let mut next = exec + 1;
    while let Some(text) = words.get(next).map(|word| word.text.end()) {
        if !text.starts_with('-') {
            break;
        }
        next += if ENGINE_VALUES.contains(&text) { 2 } else { 1 };
    }
    let start = next + 1;
    let settings = variables_of(words.get(..next.min(words.len())).unwrap_or_default(), &mut None);
    let Some((tool, length)) = program(words, start) else { return Found::Nothing };
    let last = &words[start + length - 1];
    let (insert, words) = (Insert::After(last.at, last.quote), words[start + length..].to_vec());
    Found::Command(Command {
        at,
        tool,
        settings,
        words,
        insert,
        apart: Some("the container".to_owned()),
        unseen: None,
    })
}

/// `docker run … IMAGE ARGS`.
pub(super) fn container(at: usize, words: &[Word]) -> Found {
    let verb =
        words.iter().take(4).position(|word| matches!(word.text.known(), Some("run" | "create" | "exec")));
    let Some(verb) = verb.filter(|verb| *verb > 0) else { return Found::Nothing };
    if words[1].text.known() == Some("compose") {
        return Found::Nothing;
    }
    if words[verb].text.known() == Some("exec") {
        return inside_container(at, words, verb);
    }
    let image = words.iter().enumerate().skip(verb + 1).position(|(index, word)| {
        let option = words[index - 1].text.known().unwrap_or_default();
        let value = ENGINE_VALUES.contains(&option)
            || matches!(
                option,
                "-v" | "--volume" | "--entrypoint" | "-h" | "--hostname" | "--label" | "-l" | "--network"
            );
        !value
            && !matches!(word.text.known(), Some(text) if text.starts_with('-') || text.contains('='))
            && is_llama_image(image_text(&word.text))
            && word.text.end() != "llama-server"
    });
    let Some(image) = image.map(|image| image + verb + 1) else { return Found::Nothing };
    let mut program = None;
    let settings = variables_of(&words[..image], &mut program);
    let behind = &words[image + 1..];
    let after = Insert::After(words[image].at, "");
    let apart = Some("the container".to_owned());
    let mut found = match program {
        Some(program) => match tool_of(&program, behind) {
            Some(tool) => Found::Command(Command {
                at,
                tool,
                settings,
                words: behind.to_vec(),
                insert: after,
                apart: None,
                unseen: None,
            }),
            None => Found::Nothing,
        },
        None => of_image(at, image_text(&words[image].text), behind, settings, after),
    };
    if let Found::Command(command) = &mut found {
        command.apart = apart;
        let file = words[..image].iter().find(|word| word.text.end().starts_with("--env-file"));
        command.unseen = file.map(|_| "the file of --env-file".to_owned());
    }
    found
}

/// The load variables among the options of a container, and its entry point.
fn variables_of(words: &[Word], program: &mut Option<Text>) -> Vec<Setting> {
    let mut settings = Vec::new();
    for (index, word) in words.iter().enumerate() {
        let before = index.checked_sub(1).map(|before| &words[before]);
        let is_value = |names: [&str; 2]| {
            before.is_some_and(|before| before.text.known().is_some_and(|t| names.contains(&t)))
        };
        let form = Form::Assign { lead: "", quote: word.quote, glue: Some(" -e ") };
        if let (true, Some(before)) = (is_value(["-e", "--env"]), before) {
            let at = vec![before.at, word.at];
            if let Some((name, value)) = assignment(&word.text) {
                if vocabulary::find_variable(&name).is_some() {
                    settings.push(Setting { name, value, at, form });
                }
            } else if let Some(name) =
                word.text.known().filter(|name| vocabulary::find_variable(name).is_some())
            {
                // Without a value it passes on what is around it.
                let value = Text::Open { prefix: String::new(), suffix: String::new(), name: None };
                settings.push(Setting { name: name.to_owned(), value, at, form });
            }
        }
        if let Some(set) = word.text.known().and_then(|text| text.strip_prefix("--env="))
            && let Some((name, value)) = assignment(&Text::Known(set.to_owned()))
            && vocabulary::find_variable(&name).is_some()
        {
            let form = Form::Assign { lead: "--env=", quote: "", glue: None };
            settings.push(Setting { name, value, at: vec![word.at], form });
        }
        if is_value(["--entrypoint", "--entrypoint"]) {
            *program = Some(word.text.clone());
        }
        if let Some(given) = word.text.known().and_then(|text| text.strip_prefix("--entrypoint=")) {
            *program = Some(Text::Known(given.to_owned()));
        }
    }
    settings
}

fn image_text(text: &Text) -> &str {
    match text {
        Text::Known(text) => text,
        Text::Open { prefix, suffix, .. } if prefix.is_empty() => suffix,
        Text::Open { prefix, .. } => prefix,
    }
}
