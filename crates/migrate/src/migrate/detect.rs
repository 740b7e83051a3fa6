//! What kind of file a text is, by its name and what stands in it. A kind has to be certain: a file
//! that only might be of a kind is of none.

use super::{Kind, env, preset};

/// Finds the kind of a file. `name` is the last part of its path.
#[must_use]
pub fn detect(name: &str, text: &[u8]) -> Option<Kind> {
    let shown = String::from_utf8_lossy(text);
    let shown = shown.trim_start_matches('\u{feff}');
    let first = shown.lines().next().unwrap_or_default();
    if first.starts_with("#!") && !is_unit_name(name) {
        return is_shell(first).then_some(Kind::Shell);
    }
    match by_name(&name.to_ascii_lowercase()) {
        Named::Certain(kind) => Some(kind),
        Named::Yaml => Some(yaml(shown)),
        Named::Ini => ini(shown, text),
        Named::Foreign => None,
        Named::Unknown => by_content(shown, text),
    }
}

fn is_unit_name(name: &str) -> bool {
    std::path::Path::new(name).extension().is_some_and(|extension| extension == "service")
}

/// Whether a first line names a shell whose grammar is that of POSIX or bash.
fn is_shell(first: &str) -> bool {
    first.trim_start_matches("#!").split_whitespace().any(|word| {
        let base = word.rsplit('/').next().unwrap_or_default();
        matches!(base, "sh" | "bash" | "dash" | "ash" | "zsh" | "ksh" | "mksh")
    })
}

/// What a name says.
enum Named {
    Certain(Kind),
    Yaml,
    Ini,
    /// A kind of file that no reader knows.
    Foreign,
    Unknown,
}

/// Endings of files that may look like those of a kind and are none.
const FOREIGN: [&str; 22] = [
    ".fish", ".nix", ".ps1", ".psm1", ".bat", ".cmd", ".py", ".js", ".ts", ".rb", ".go", ".rs", ".lua",
    ".md", ".tf", ".tftpl", ".j2", ".jinja", ".jinja2", ".tpl", ".gotmpl", ".erb",
];

fn by_name(name: &str) -> Named {
    let ends = |endings: &[&str]| endings.iter().any(|ending| name.ends_with(ending));
    let is_named = |stem: &str| name == stem || name.starts_with(&format!("{stem}."));
    if ends(&FOREIGN) || is_named("modelfile") || ends(&[".modelfile"]) {
        return Named::Foreign;
    }
    if name.starts_with("dockerfile")
        || name.starts_with("containerfile")
        || ends(&[".dockerfile", ".containerfile"])
    {
        return Named::Certain(Kind::Dockerfile);
    }
    if ends(&[".service", ".service.in", ".container"]) {
        return Named::Certain(Kind::Systemd);
    }
    if ends(&[".yml", ".yaml"]) {
        return Named::Yaml;
    }
    if ends(&[".json", ".jsonc", ".code-workspace"]) {
        return Named::Certain(Kind::Json);
    }
    if ends(&[".plist"]) {
        return Named::Certain(Kind::Plist);
    }
    if matches!(name, "makefile" | "gnumakefile") || ends(&[".mk"]) || is_named("makefile") {
        return Named::Certain(Kind::Make);
    }
    if matches!(name, "justfile" | ".justfile") || ends(&[".just"]) {
        return Named::Certain(Kind::Just);
    }
    if is_named("procfile") {
        return Named::Certain(Kind::Procfile);
    }
    if ends(&[".env"]) || name.starts_with(".env.") {
        return Named::Certain(Kind::Env);
    }
    if ends(&[".ini", ".conf", ".cfg"]) {
        return Named::Ini;
    }
    let dotted =
        [".bashrc", ".profile", ".bash_profile", ".zshrc", ".zshenv", ".zprofile", ".bash_aliases", ".envrc"];
    if ends(&[".sh", ".bash", ".zsh", ".ksh"]) || dotted.contains(&name) {
        return Named::Certain(Kind::Shell);
    }
    Named::Unknown
}

/// The lines that start a top-level key of a YAML file.
fn top_keys(text: &str) -> impl Iterator<Item = &str> {
    text.lines()
        .filter(|line| line.starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '"' | '\'')))
        .filter_map(|line| line.split_once(':').map(|(key, _)| key.trim_matches(['"', '\'', ' '])))
}

fn yaml(text: &str) -> Kind {
    let has = |key: &str| top_keys(text).any(|found| found == key);
    let commands =
        || text.lines().any(|line| line.trim_start().trim_start_matches(['"', '\'']).starts_with("cmd"));
    if has("services") {
        Kind::Compose
    } else if has("apiVersion") && has("kind") {
        Kind::Kubernetes
    } else if has("jobs") && has("on") {
        Kind::Workflow
    } else if has("models") && commands() {
        Kind::Swap
    } else {
        Kind::Yaml
    }
}

fn ini(shown: &str, text: &[u8]) -> Option<Kind> {
    let sections: Vec<&str> = shown.lines().map(str::trim).filter(|line| line.starts_with('[')).collect();
    if sections.iter().any(|line| matches!(*line, "[Service]" | "[Container]")) {
        return Some(Kind::Systemd);
    }
    if sections.iter().any(|line| line.starts_with("[program:")) {
        return Some(Kind::Supervisor);
    }
    preset::is_preset(text).then_some(Kind::Preset)
}

fn by_content(shown: &str, text: &[u8]) -> Option<Kind> {
    if let Some(kind) = ini(shown, text) {
        return Some(kind);
    }
    let lines = || shown.lines().map(str::trim_end);
    let word = |line: &str| line.split_whitespace().next().map(str::to_ascii_uppercase);
    let first = lines().find(|line| !line.is_empty() && !line.starts_with('#'));
    // A Modelfile of Ollama starts with FROM too.
    let other = lines()
        .filter_map(word)
        .any(|word| matches!(word.as_str(), "PARAMETER" | "TEMPLATE" | "SYSTEM" | "ADAPTER"));
    if matches!(first.and_then(word).as_deref(), Some("FROM" | "ARG")) && !other {
        let own =
            |word: &String| matches!(word.as_str(), "RUN" | "CMD" | "ENTRYPOINT" | "COPY" | "ENV" | "ADD");
        let is_dockerfile = lines().filter_map(word).any(|word| own(&word));
        return (is_dockerfile
            || lines().filter(|line| !line.is_empty() && !line.starts_with('#')).count() == 1
                && first.is_some_and(|first| !first.contains(".gguf")))
        .then_some(Kind::Dockerfile);
    }
    if env::is_env(text) {
        return Some(Kind::Env);
    }
    lines().any(|line| line == "services:").then_some(Kind::Compose)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_before_content() {
        assert_eq!(detect("Dockerfile.cuda", b""), Some(Kind::Dockerfile));
        assert_eq!(detect("llama.service", b"#!/bin/sh"), Some(Kind::Systemd));
        assert_eq!(detect("compose.YAML", b"services:\n"), Some(Kind::Compose));
        assert_eq!(detect("values.yaml", b"replicas: 1\n"), Some(Kind::Yaml));
        assert_eq!(detect("run.sh", b""), Some(Kind::Shell));
        assert_eq!(detect("run", b"#!/usr/bin/env bash\n"), Some(Kind::Shell));
        assert_eq!(detect("x", b"\xef\xbb\xbf[Unit]\r\n[Service]\r\n"), Some(Kind::Systemd));
        assert_eq!(detect("x", b"# build\nFROM scratch\n"), Some(Kind::Dockerfile));
        assert_eq!(detect("x", b"version: 3\nservices:\n"), Some(Kind::Compose));
        assert_eq!(detect("notes", b"hello\n"), None);
    }

    #[test]
    fn a_preset_has_keys_that_presets_alone_have() {
        assert_eq!(detect("preset.ini", b"[m]\nmodel = a.gguf\nmmap = 0\n"), Some(Kind::Preset));
        assert_eq!(detect("x", b"[*]\nctx-size = 9\n"), Some(Kind::Preset));
        assert_eq!(detect("php.ini", b"[opcache]\nmmap = 1\n"), None);
        assert_eq!(detect("app.ini", b"[a]\nmodel = x\nhost-name = y\n"), None);
        assert_eq!(detect("supervisord.conf", b"[supervisord]\nnodaemon=true\n"), None);
    }

    #[test]
    fn a_shell_is_one_of_its_family() {
        for other in ["fish", "pwsh", "xonsh", "python3", "csh", "tcsh"] {
            assert_eq!(detect("run", format!("#!/usr/bin/env {other}\n").as_bytes()), None, "{other}");
            assert_eq!(detect("run.sh", format!("#!/usr/bin/{other}\n").as_bytes()), None, "{other}");
        }
        assert_eq!(detect("run.fish", b""), None);
        assert_eq!(detect("Modelfile", b"FROM ./a.gguf\nPARAMETER use_mmap false\n"), None);
        assert_eq!(detect("x", b"FROM llama3\nPARAMETER use_mmap false\n"), None);
    }
}
