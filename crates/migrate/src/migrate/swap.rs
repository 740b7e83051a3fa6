//! Configurations of llama-swap: one scope for each model, made of its `cmd` and `env`. A command is a
//! string of words without a shell, in which `#` starts a comment; `${NAME}` is a macro.

use super::compose::{aliases, loading_anchors};
use super::lex::{Grammar, WORDS};
use super::model::{Document, Scope};
use super::nodes::{Dollar, Nodes};
use super::recognise;
use super::yaml::{self, Node};

/// The words of a command.
const COMMAND: Grammar = Grammar { comments: true, ..WORDS };

/// Reads a configuration.
pub(super) fn read(text: &[u8]) -> Document {
    let mut document = Document::default();
    let Some(roots) = yaml::open(text, &mut document) else { return document };
    for root in &roots {
        let loads = loading_anchors(root);
        aliases(root, &loads, &mut document);
        let Some((_, models)) = root.get("models") else { continue };
        let mut shared = Scope::default();
        macros(root, &mut shared, &mut document);
        for (name, model) in models.entries() {
            let mut scope = shared.clone();
            macros(model, &mut scope, &mut document);
            let mut nodes = Nodes { text, document: &mut document, dollar: Dollar::Any };
            if let Some(env) = model.get("env") {
                nodes.environment(model, env, &mut scope);
            }
            let at = name.span.start;
            let words = model.get("cmd").map(|(_, cmd)| nodes.words_in(cmd, COMMAND)).unwrap_or_default();
            let found = recognise::command(at, &words, &scope);
            nodes.found(at, found, &words, &mut scope);
            nodes.readers(at, &scope, "its command is not known to be one of llama.cpp");
            document.scopes.push(scope);
        }
    }
    document
}

fn macros(holder: &Node, scope: &mut Scope, document: &mut Document) {
    let Some((_, macros)) = holder.get("macros") else { return };
    for (name, value) in macros.entries() {
        let (Some(name), Some(text)) = (name.scalar(), value.scalar()) else { continue };
        let why = format!("it stands in the macro {name}: write it in the command of each model");
        document.why.push((value.span.clone(), why));
        let words = (!text.contains("${")).then(|| text.split_whitespace().map(str::to_owned).collect());
        scope.variables.insert(name.to_owned(), words);
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_model_is_its_command_and_its_variables() {
        let text = "models:\n  a:\n    cmd: |\n      llama-server --port ${PORT}\n      # fast\n      -m a.gguf --mlock\n    env:\n      - LLAMA_ARG_MMAP=0\n";
        assert_eq!(
            super::read(text.as_bytes()).told(text.as_bytes()),
            ["LLAMA_ARG_MMAP=0", "common: --port … -m a.gguf --mlock"]
        );
    }
}
