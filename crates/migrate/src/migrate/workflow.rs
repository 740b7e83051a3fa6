//! Workflows of GitHub Actions: one scope for each step that runs a POSIX shell.

use saphyr_parser::ScalarStyle;

use super::compose::{aliases, loading_anchors};
use super::lex::SHELL_BLOCK;
use super::model::{Document, Scope};
use super::nodes::{Dollar, Nodes};
use super::shell;
use super::yaml::{self, Node, Value};

/// Reads a workflow.
pub(super) fn read(text: &[u8]) -> Document {
    let mut document = Document::default();
    let Some(roots) = yaml::open(text, &mut document) else { return document };
    // A matrix may name the machines of a job anywhere.
    let windows = String::from_utf8_lossy(text).to_ascii_lowercase().contains("windows");
    for root in &roots {
        let loads = loading_anchors(root);
        aliases(root, &loads, &mut document);
        let Some((_, jobs)) = root.get("jobs") else { continue };
        for (_, job) in jobs.entries() {
            let Some((_, Node { value: Value::Sequence(steps), .. })) = job.get("steps") else { continue };
            for step in steps {
                let mut nodes = Nodes { text, document: &mut document, dollar: Dollar::Any };
                self::step(&mut nodes, [step, job, root], windows);
            }
        }
    }
    document
}

fn step(nodes: &mut Nodes<'_, '_>, levels: [&Node; 3], windows: bool) {
    let step = levels[0];
    let Some((_, run)) = step.get("run") else { return };
    if !is_posix(levels, windows) {
        let why = "the shell of this step is not one that is read".to_owned();
        nodes.document.why.push((run.span.clone(), why));
        return;
    }
    let mut scope = Scope::default();
    if let Some(env) = step.get("env") {
        nodes.environment(step, env, &mut scope);
    }
    let Value::Scalar { style, .. } = &run.value else { return };
    let raw = &nodes.text[run.span.clone()];
    let range = match style {
        ScalarStyle::Literal => run.span.clone(),
        ScalarStyle::Plain if !raw.contains(&b'\n') => run.span.clone(),
        ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted
            if raw.len() >= 2
                && !raw.contains(&b'\n')
                && !raw.contains(&b'\\')
                && !raw.windows(2).any(|pair| pair == b"''") =>
        {
            run.span.start + 1..run.span.end - 1
        }
        _ => {
            let why = "it stands in a script whose lines are joined".to_owned();
            nodes.document.why.push((run.span.clone(), why));
            return;
        }
    };
    shell::piece(nodes.text, range, SHELL_BLOCK, &mut scope, nodes.document);
    nodes.readers(run.span.start, &scope, "no llama program that this reader knows is run in this step");
    nodes.document.scopes.push(scope);
}

/// Whether a step runs in bash or sh: what it says, what its job or the workflow says, or what its
/// machine has.
fn is_posix([step, job, root]: [&Node; 3], windows: bool) -> bool {
    let default = |holder: &Node| {
        let (_, defaults) = holder.get("defaults")?;
        let (_, run) = defaults.get("run")?;
        run.get("shell").and_then(|(_, shell)| shell.scalar().map(str::to_owned))
    };
    let own = step.get("shell").and_then(|(_, shell)| shell.scalar().map(str::to_owned));
    if let Some(shell) = own.or_else(|| default(job)).or_else(|| default(root)) {
        return matches!(shell.split_whitespace().next(), Some("bash" | "sh"));
    }
    let machine = job.get("runs-on").and_then(|(_, machine)| machine.scalar()).unwrap_or_default();
    let open = machine.is_empty() || machine.contains("${{");
    let windows = windows && open || machine.to_ascii_lowercase().contains("windows");
    !windows
}

#[cfg(test)]
mod tests {
    fn told(text: &str) -> Vec<String> {
        super::read(text.as_bytes()).told(text.as_bytes())
    }

    #[test]
    fn a_step_is_a_script_with_its_variables() {
        let text = "on: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n      - env:\n          LLAMA_ARG_MMAP: \"0\"\n        run: |\n          cat <<EOF\n          x\n          EOF\n          llama-cli -m a.gguf --mlock\n";
        assert_eq!(told(text), ["LLAMA_ARG_MMAP=0", "common: -m a.gguf --mlock"]);
    }

    #[test]
    fn a_step_on_windows_is_not_read() {
        let text = "on: push\njobs:\n  a:\n    runs-on: windows-2022\n    steps:\n      - run: llama-cli -m a.gguf --mlock\n";
        assert_eq!(told(text), [""; 0]);
    }
}
