//! What kind of file a text is, by its name and else by its content.

use super::Kind;

/// Finds the kind of a file. `name` is the last part of its path.
#[must_use]
pub fn detect(name: &str, text: &[u8]) -> Option<Kind> {
    by_name(&name.to_ascii_lowercase()).or_else(|| by_content(&String::from_utf8_lossy(text)))
}

fn by_name(name: &str) -> Option<Kind> {
    let ends = |endings: &[&str]| endings.iter().any(|ending| name.ends_with(ending));
    if name.starts_with("dockerfile")
        || name.starts_with("containerfile")
        || ends(&[".dockerfile", ".containerfile"])
    {
        return Some(Kind::Dockerfile);
    }
    if ends(&[".service", ".service.in", ".container.service"])
        || (ends(&[".conf"]) && name.contains("override"))
    {
        return Some(Kind::Systemd);
    }
    if ends(&[".yml", ".yaml"]) {
        return Some(Kind::Compose);
    }
    if ends(&[".ini"]) {
        return Some(Kind::Preset);
    }
    ends(&[".sh", ".bash", ".zsh", ".ksh", ".env"]).then_some(Kind::Shell)
}

fn by_content(text: &str) -> Option<Kind> {
    let text = text.trim_start_matches('\u{feff}');
    let lines = || text.lines().map(str::trim_end);
    if text.starts_with("#!") {
        return lines().next().filter(|first| first.contains("sh")).map(|_| Kind::Shell);
    }
    if lines().any(|line| matches!(line, "[Service]" | "[Unit]")) {
        return Some(Kind::Systemd);
    }
    let word = |line: &str| line.split_whitespace().next().map(str::to_ascii_uppercase);
    let first = lines().find(|line| !line.is_empty() && !line.starts_with('#'));
    if matches!(first.and_then(word).as_deref(), Some("FROM" | "ARG")) {
        return Some(Kind::Dockerfile);
    }
    if lines().any(|line| line == "services:") {
        return Some(Kind::Compose);
    }
    let sections = lines().any(|line| line.starts_with('[') && line.ends_with(']'));
    (sections && lines().any(|line| line.contains('='))).then_some(Kind::Preset)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_before_content() {
        assert_eq!(detect("Dockerfile.cuda", b""), Some(Kind::Dockerfile));
        assert_eq!(detect("llama.service", b"#!/bin/sh"), Some(Kind::Systemd));
        assert_eq!(detect("compose.YAML", b""), Some(Kind::Compose));
        assert_eq!(detect("preset.ini", b""), Some(Kind::Preset));
        assert_eq!(detect("run.sh", b""), Some(Kind::Shell));
        assert_eq!(detect("run", b"#!/usr/bin/env bash\n"), Some(Kind::Shell));
        assert_eq!(detect("x", b"\xef\xbb\xbf[Unit]\r\n"), Some(Kind::Systemd));
        assert_eq!(detect("x", b"# build\nFROM scratch\n"), Some(Kind::Dockerfile));
        assert_eq!(detect("x", b"version: 3\nservices:\n"), Some(Kind::Compose));
        assert_eq!(detect("x", b"[m]\nmmap = 0\n"), Some(Kind::Preset));
        assert_eq!(detect("notes", b"hello\n"), None);
    }
}
