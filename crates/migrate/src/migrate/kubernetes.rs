//! Kubernetes manifests: one scope for each container, made of its `command`, `args` and `env`.

use super::compose::{aliases, loading_anchors};
use super::model::{Document, Scope};
use super::nodes::{Dollar, Nodes};
use super::recognise;
use super::yaml::{self, Node, Value};

/// The keys under which a pod has its containers.
const CONTAINERS: [&str; 3] = ["containers", "initContainers", "ephemeralContainers"];

/// Reads the manifests of a file.
pub(super) fn read(text: &[u8]) -> Document {
    let mut document = Document::default();
    let Some(roots) = yaml::open(text, &mut document) else { return document };
    for root in &roots {
        let loads = loading_anchors(root);
        aliases(root, &loads, &mut document);
        let mut containers: Vec<&Node> = Vec::new();
        root.walk(&mut |node| {
            for key in CONTAINERS {
                if let Some((_, Node { value: Value::Sequence(items), .. })) = node.get(key) {
                    containers.extend(items);
                }
            }
        });
        for node in containers {
            container(Nodes { text, document: &mut document, dollar: Dollar::Any }, node);
        }
    }
    document
}

fn container(mut nodes: Nodes<'_, '_>, node: &Node) {
    let at = node.span.start;
    let mut scope = Scope::default();
    if let Some(env) = node.get("env") {
        nodes.pairs(node, env, &mut scope);
    }
    if let Some((key, _)) = node.get("envFrom") {
        nodes
            .document
            .remark(key.span.start, "what envFrom names is read by the container and was not looked at");
        scope.unseen = Some("what envFrom names".to_owned());
    }
    let image = node.get("image").and_then(|(_, image)| image.scalar()).unwrap_or_default().to_owned();
    let command = node.get("command").map(|(_, node)| nodes.words(node)).unwrap_or_default();
    let args = node.get("args").map(|(_, node)| nodes.words(node)).unwrap_or_default();
    let (found, words) = if !command.is_empty() {
        let words = [command, args].concat();
        (recognise::command(at, &words, &scope), words)
    } else if recognise::is_llama_image(&image) || recognise::runs_llama(&image, &args) {
        let insert = recognise::before_first(&args);
        (recognise::of_image(at, &image, &args, Vec::new(), insert), args)
    } else {
        (recognise::Found::Nothing, args)
    };
    nodes.found(at, found, &words, &mut scope);
    nodes.readers(at, &scope, &format!("the image `{image}` is not known to run llama.cpp"));
    nodes.document.scopes.push(scope);
}

#[cfg(test)]
mod tests {
    fn told(text: &str) -> Vec<String> {
        super::read(text.as_bytes()).told(text.as_bytes())
    }

    #[test]
    fn a_container_is_its_command_and_its_variables() {
        let text = "apiVersion: v1\nkind: Pod\nspec:\n  containers:\n    - image: ghcr.io/ggml-org/llama.cpp:server\n      args: [\"-m\", /a.gguf, --mlock]\n      env:\n        - name: LLAMA_ARG_MMAP\n          value: \"0\"\n        - name: OTHER\n          value: x\n";
        assert_eq!(told(text), ["LLAMA_ARG_MMAP=0", "common: -m /a.gguf --mlock"]);
        let command = "kind: Pod\nspec:\n  containers:\n    - image: mine\n      command: [/llama-server]\n      args: [--mlock]\n";
        assert_eq!(told(command), ["common: --mlock"]);
    }
}
