//! docker-compose files: one scope for each service, made of its `environment`, `entrypoint` and
//! `command`. The file is read as YAML and changed as text.

use super::model::{Document, Scope};
use super::nodes::{Dollar, Nodes};
use super::recognise;
use super::vocabulary;
use super::yaml::{self, Node, Value};

/// Reads a compose file.
pub(super) fn read(text: &[u8]) -> Document {
    let mut document = Document::default();
    let Some(roots) = yaml::open(text, &mut document) else { return document };
    if roots.iter().all(|root| root.get("services").is_none()) {
        document.refuse(0, "it has no `services:`, so that it is no compose file");
    }
    for root in &roots {
        let Some((_, services)) = root.get("services") else { continue };
        let loads = loading_anchors(root);
        for (name, service) in services.entries() {
            aliases(service, &loads, &mut document);
            let nodes = Nodes { text, document: &mut document, dollar: Dollar::Name };
            self::service(nodes, name, service);
        }
    }
    document
}

/// How a service starts a program.
fn service(mut nodes: Nodes<'_, '_>, name: &Node, service: &Node) {
    let at = name.span.start;
    let mut scope = Scope::default();
    if let Some(environment) = service.get("environment") {
        nodes.environment(service, environment, &mut scope);
    }
    if let Some((key, _)) = service.get("env_file") {
        nodes.document.remark(key.span.start, "env_file is read by the service and was not looked at");
        scope.unseen = Some("the file of env_file".to_owned());
    }
    let image = service.get("image").and_then(|(_, image)| image.scalar()).unwrap_or_default().to_owned();
    // What the service takes from elsewhere and is not in its own lines.
    let elsewhere = ["build", "extends"].into_iter().find(|key| service.get(key).is_some());
    let entrypoint = service.get("entrypoint").map(|(_, node)| nodes.words(node));
    let command = service.get("command").map(|(_, node)| nodes.words(node));
    let known_image = recognise::is_llama_image(&image) && elsewhere.is_none();
    let (found, words) = match (entrypoint, command) {
        (Some(mut words), command) if !words.is_empty() => {
            words.extend(command.unwrap_or_default());
            (recognise::command(at, &words, &scope), words)
        }
        (_, command) => {
            let words = command.unwrap_or_default();
            let first = words.first().map(|word| word.text.end().to_owned()).unwrap_or_default();
            let is_shell = matches!(first.rsplit('/').next(), Some("sh" | "bash" | "ash"));
            let evidence = elsewhere.is_none() && recognise::runs_llama(&image, &words);
            if known_image && !is_shell || evidence {
                let insert = recognise::before_first(&words);
                (recognise::of_image(at, &image, &words, Vec::new(), insert), words)
            } else {
                (recognise::command(at, &words, &scope), words)
            }
        }
    };
    nodes.found(at, found, &words, &mut scope);
    if scope.commands.is_empty()
        && let Some(setting) = scope.shared.first()
    {
        let what = match elsewhere {
            Some(key) => format!("what `{key}` brings was not looked at"),
            None => format!("the image `{image}` is not known to run llama.cpp"),
        };
        if image.is_empty() && elsewhere.is_none() && words.is_empty() {
            nodes.document.remark(at, "the command that reads these variables does not stand in this file");
        } else {
            nodes.document.refuse(at, format!("{} is set and {what}", setting.name));
        }
    }
    nodes.document.scopes.push(scope);
}

/// The anchors of nodes that speak of loading.
pub(super) fn loading_anchors(root: &Node) -> Vec<usize> {
    fn visit(node: &Node, loads: &mut Vec<usize>) -> bool {
        let mut load = node.scalar().is_some_and(speaks_of_loading);
        match &node.value {
            Value::Sequence(items) => items.iter().for_each(|item| load |= visit(item, loads)),
            Value::Mapping(entries) => entries.iter().for_each(|(key, value)| {
                load |= visit(key, loads);
                load |= visit(value, loads);
            }),
            _ => {}
        }
        if node.anchor != 0 && load {
            loads.push(node.anchor);
        }
        load
    }
    let mut loads = Vec::new();
    visit(root, &mut loads);
    loads
}

/// What comes in by an alias is used elsewhere too, and is not changed.
pub(super) fn aliases(service: &Node, loads: &[usize], document: &mut Document) {
    let mut found = Vec::new();
    service.walk(&mut |node| {
        if let Value::Alias(anchor) = node.value
            && loads.contains(&anchor)
        {
            found.push(node.span.start);
        }
    });
    for at in found {
        document.refuse(at, "load flags or load variables come in by an alias, which others may use too");
    }
}

fn speaks_of_loading(text: &str) -> bool {
    text.split(|c: char| c.is_whitespace() || "=\"',[]".contains(c))
        .any(|word| vocabulary::find(word).is_some() || vocabulary::find_variable(word).is_some())
}

#[cfg(test)]
mod tests {
    fn told(text: &str) -> Vec<String> {
        super::read(text.as_bytes()).told(text.as_bytes())
    }

    const IMAGE: &str = "services:\n  a:\n    image: ghcr.io/ggml-org/llama.cpp:server\n";

    #[test]
    fn a_command_may_be_a_list_or_a_string() {
        let list = format!("{IMAGE}    command: [\"-m\", /m/a.gguf, '--mlock']\n");
        assert_eq!(told(&list), ["common: -m /m/a.gguf --mlock"]);
        let block =
            format!("{IMAGE}    command:\n      - -m\n      - /m/a.gguf\n      - --no-mmap # slow disk\n");
        assert_eq!(told(&block), ["common: -m /m/a.gguf --no-mmap"]);
        let string = format!("{IMAGE}    command: -m /m/a.gguf --mmap\n");
        assert_eq!(told(&string), ["common: -m /m/a.gguf --mmap"]);
    }

    #[test]
    fn an_environment_may_be_a_map_or_a_list() {
        let map = format!("{IMAGE}    environment:\n      LLAMA_ARG_MLOCK: \"1\"\n      OTHER: x\n");
        assert_eq!(told(&map), ["LLAMA_ARG_MLOCK=1", "common:"]);
        let list = format!("{IMAGE}    environment:\n      - LLAMA_ARG_MMAP=0\n");
        assert_eq!(told(&list), ["LLAMA_ARG_MMAP=0", "common:"]);
    }

    #[test]
    fn other_services_and_broken_files() {
        assert_eq!(told("services:\n  db:\n    image: postgres\n    command: [postgres, -c, x]\n"), [""; 0]);
        let broken = told("services: [\n");
        assert!(broken.len() == 1 && broken[0].starts_with("refused: "), "{broken:?}");
    }
}
