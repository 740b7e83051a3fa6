//! Dockerfiles: one scope for each stage, made of `ENV`, `RUN`, `ENTRYPOINT` and `CMD`.

use std::ops::Range;

use super::lex::{Grammar, Kind, SHELL_BLOCK, SHELL_LINES, UNIT, assignment, tokens};
use super::model::{Document, Form, Insert, List, Scope, Setting, Text, Word};
use super::recognise::{self, Found, place};
use super::shell;
use super::text::{self, Line};
use super::vocabulary;

/// An instruction with the place of its arguments.
struct Instruction {
    name: String,
    /// The whole lines.
    full: Range<usize>,
    arguments: Range<usize>,
}

#[derive(Default)]
struct Stage {
    image: String,
    name: String,
    scope: Scope,
    entrypoint: Option<Range<usize>>,
    cmd: Option<Range<usize>>,
}

/// Reads a Dockerfile.
pub(super) fn read(text: &[u8]) -> Document {
    let mut document = Document::default();
    document.comment(text::comment_lines(text, b"#"));
    let (escape, instructions) = instructions(text);
    for instruction in &instructions {
        document.part("instruction", instruction.full.start..instruction.arguments.start);
        document.part("arguments", instruction.arguments.clone());
    }
    let mut reader = Reader { text, escape, document: &mut document };
    let mut stages: Vec<Stage> = Vec::new();
    for instruction in &instructions {
        if instruction.name == "FROM" {
            stages.push(reader.from(instruction, &stages));
            continue;
        }
        if stages.is_empty() {
            continue;
        }
        let last = stages.len() - 1;
        reader.instruction(instruction, &mut stages[last]);
    }
    for stage in stages {
        reader.end(stage);
    }
    document
}

fn instructions(text: &[u8]) -> (u8, Vec<Instruction>) {
    let lines: Vec<Line> = text::lines(text);
    let is_comment = |line: &Line| text[line.content.clone()].trim_ascii_start().starts_with(b"#");
    let directive = |line: &Line| {
        let content = String::from_utf8_lossy(&text[line.content.clone()]).to_ascii_lowercase();
        content.replace([' ', '\t'], "").starts_with("#escape=`")
    };
    let escape = if lines.first().is_some_and(directive) { b'`' } else { b'\\' };
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(line) = lines.get(at) {
        at += 1;
        let content = &text[line.content.clone()];
        if is_comment(line) || content.trim_ascii().is_empty() {
            continue;
        }
        let lead = content.len() - content.trim_ascii_start().len();
        let start = line.content.start + lead;
        let name_end =
            text[start..].iter().position(u8::is_ascii_whitespace).map_or(text.len(), |n| start + n);
        let name = String::from_utf8_lossy(&text[start..name_end]).to_ascii_uppercase();
        let (mut end, mut full) = (line.content.end, line.full.clone());
        let mut continued = content.trim_ascii_end().last() == Some(&escape);
        while continued {
            let Some(next) = lines.get(at) else { break };
            at += 1;
            let bytes = &text[next.content.clone()];
            continued = is_comment(next)
                || bytes.trim_ascii().is_empty()
                || bytes.trim_ascii_end().last() == Some(&escape);
            (end, full.end) = (next.content.end, next.full.end);
        }
        let arguments = name_end.min(end)..end;
        // The body of a here-document belongs to the instruction.
        if let Some(word) = here_document(&text[arguments.clone()]) {
            while let Some(next) = lines.get(at) {
                at += 1;
                full.end = next.full.end;
                if text[next.content.clone()].trim_ascii() == word.as_bytes() {
                    break;
                }
            }
        }
        found.push(Instruction { name, full, arguments });
    }
    (escape, found)
}

fn here_document(arguments: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(arguments);
    let rest = text.split_once("<<")?.1.trim_start_matches('-');
    let word: String = rest
        .trim_start_matches(['"', '\''])
        .chars()
        .take_while(|c| c.is_alphanumeric() || *c == '_')
        .collect();
    (!word.is_empty()).then_some(word)
}

struct Reader<'t, 'd> {
    text: &'t [u8],
    escape: u8,
    document: &'d mut Document,
}

impl Reader<'_, '_> {
    fn grammar(&self, grammar: Grammar) -> Grammar {
        Grammar { escape: self.escape, ..grammar }
    }

    fn from(&mut self, instruction: &Instruction, before: &[Stage]) -> Stage {
        let words = String::from_utf8_lossy(&self.text[instruction.arguments.clone()]).into_owned();
        let mut words = words.split_whitespace().filter(|word| !word.starts_with("--"));
        let image = words.next().unwrap_or_default().to_owned();
        let name = words.nth(1).unwrap_or_default().to_owned();
        if let Some(base) = before.iter().find(|stage| !stage.name.is_empty() && stage.name == image)
            && (!base.scope.shared.is_empty() || base.entrypoint.is_some())
        {
            let text = format!(
                "the stage inherits from `{image}`, which sets variables or an entry point of its own"
            );
            self.document.refuse(instruction.full.start, text);
        }
        Stage { image, name, ..Stage::default() }
    }

    fn instruction(&mut self, instruction: &Instruction, stage: &mut Stage) {
        let arguments = instruction.arguments.clone();
        match instruction.name.as_str() {
            "ENV" => self.env(instruction, stage),
            "ENTRYPOINT" => stage.entrypoint = Some(arguments),
            "CMD" => stage.cmd = Some(arguments),
            "RUN" if self.is_exec_form(&arguments) => {
                let words = self.exec_form(&arguments);
                self.run(&words, &mut stage.scope, arguments.start);
            }
            "RUN" if here_document(&self.text[arguments.clone()]).is_none() => {
                self.shell_form(arguments, &mut stage.scope);
            }
            _ => {}
        }
    }

    fn shell_form(&mut self, mut range: Range<usize>, scope: &mut Scope) {
        // `RUN --mount=… command`: the options are no words of the command.
        loop {
            let rest = &self.text[range.clone()];
            let blank = rest.len() - rest.trim_ascii_start().len();
            let is_option = rest[blank..].starts_with(b"--");
            let after = rest[blank..].iter().position(u8::is_ascii_whitespace);
            match after {
                Some(length) if is_option => range.start += blank + length,
                _ => break,
            }
        }
        shell::piece(self.text, range, self.grammar(SHELL_LINES), scope, self.document);
    }

    fn env(&mut self, instruction: &Instruction, stage: &mut Stage) {
        let tokens = tokens(self.text, instruction.arguments.clone(), self.grammar(UNIT));
        let Some(Kind::Word { text: first, .. }) = tokens.first().map(|token| &token.kind) else { return };
        let number = self.document.lists.len();
        let whole = Some(instruction.full.clone());
        let mut found = Vec::new();
        if assignment(first).is_none() {
            // `ENV NAME value with blanks`: one variable.
            let span = tokens[0].span.start..tokens.last().map_or(0, |token| token.span.end);
            let name = first.known().unwrap_or_default().to_owned();
            let value = match tokens.get(1).map(|token| &token.kind) {
                Some(Kind::Word { text, .. }) if tokens.len() == 2 => text.clone(),
                _ => Text::Known(
                    String::from_utf8_lossy(&self.text[tokens[0].span.end..span.end]).trim().to_owned(),
                ),
            };
            found.push((name, value, 0, span.start));
            self.document.list(List { items: vec![span], lines: None, whole, verb: 0, join: " ".into() });
        } else {
            let items = tokens.iter().map(|token| token.span.clone()).collect();
            self.document.list(List { items, lines: None, whole, verb: 0, join: " ".into() });
            for (item, token) in tokens.iter().enumerate() {
                let Kind::Word { text, .. } = &token.kind else { continue };
                if let Some((name, value)) = assignment(text) {
                    found.push((name, value, item, token.span.start));
                }
            }
        }
        for (name, value, item, at) in found {
            if vocabulary::find_variable(&name).is_none() {
                let words = value.known().map(|value| value.split_whitespace().map(str::to_owned).collect());
                let seen = stage.scope.variables.contains_key(&name);
                stage.scope.variables.insert(name, words.filter(|_: &Vec<String>| !seen));
            } else if stage.scope.shared.iter().any(|setting| setting.name == name) {
                self.document.refuse(at, format!("{name} is set twice"));
            } else if !stage.scope.commands.is_empty() {
                self.document.refuse(at, format!("{name} is set after a command that loads a model"));
            } else {
                let at = vec![place(number, item)];
                stage.scope.shared.push(Setting { name, value, at, form: Form::PLAIN });
            }
        }
    }

    fn is_exec_form(&self, range: &Range<usize>) -> bool {
        let bytes = self.text[range.clone()].trim_ascii();
        bytes.starts_with(b"[") && bytes.ends_with(b"]")
    }

    /// The strings of a JSON array.
    fn exec_form(&mut self, range: &Range<usize>) -> Vec<Word> {
        let mut items = Vec::new();
        let mut texts = Vec::new();
        let mut at = range.start;
        while at < range.end {
            if self.text[at] != b'"' {
                at += 1;
                continue;
            }
            let start = at;
            let mut content = Vec::new();
            at += 1;
            while at < range.end && self.text[at] != b'"' {
                if self.text[at] == b'\\' {
                    at += 1;
                }
                content.extend(self.text.get(at));
                at += 1;
            }
            at = (at + 1).min(range.end);
            items.push(start..at);
            texts.push(Text::Known(String::from_utf8_lossy(&content).into_owned()));
        }
        let list = self.document.list(List { items, lines: None, whole: None, verb: 0, join: ", ".into() });
        let word = |(item, text)| Word { at: place(list, item), text, quote: "\"" };
        texts.into_iter().enumerate().map(word).collect()
    }

    fn end(&mut self, mut stage: Stage) {
        let llama_image = recognise::is_llama_image(&stage.image);
        let exec = |reader: &mut Self, range: &Option<Range<usize>>| {
            range
                .as_ref()
                .filter(|range| reader.is_exec_form(range))
                .cloned()
                .map(|range| reader.exec_form(&range))
        };
        let entrypoint = exec(self, &stage.entrypoint);
        let cmd = exec(self, &stage.cmd);
        match (stage.entrypoint.clone(), entrypoint, stage.cmd.clone(), cmd) {
            (Some(_), Some(mut words), None, _) => {
                let at = self.start(&words);
                self.run(&std::mem::take(&mut words), &mut stage.scope, at);
            }
            (Some(_), Some(mut words), Some(_), Some(cmd)) => {
                words.extend(cmd);
                let at = self.start(&words);
                self.run(&words, &mut stage.scope, at);
            }
            (Some(_), Some(_), Some(range), None) => {
                let raw = String::from_utf8_lossy(&self.text[range.clone()]).into_owned();
                if raw.split_whitespace().any(|word| vocabulary::find(word).is_some()) {
                    let why = "a CMD in shell form reaches the entry point as words of `sh -c`";
                    self.document.refuse(range.start, why);
                }
            }
            (Some(range), None, _, _) => self.shell_form(range, &mut stage.scope),
            (None, _, Some(_), Some(words)) => {
                let is_shell = words.first().is_some_and(|word| {
                    matches!(word.text.end().rsplit('/').next(), Some("sh" | "bash" | "ash"))
                });
                if (llama_image || recognise::runs_llama(&stage.image, &words)) && !is_shell {
                    let at = self.start(&words);
                    let insert = recognise::before_first(&words);
                    let found = recognise::of_image(at, &stage.image, &words, Vec::new(), insert);
                    self.found(found, &words, &mut stage.scope);
                } else {
                    let at = self.start(&words);
                    self.run(&words, &mut stage.scope, at);
                }
            }
            (None, _, Some(range), None) => self.shell_form(range, &mut stage.scope),
            (None, _, None, _) => {}
        }
        self.document.scopes.push(stage.scope);
    }

    fn start(&self, words: &[Word]) -> usize {
        words.first().map_or(0, |word| self.document.lists[word.at.list].items[word.at.item].start)
    }

    fn run(&mut self, words: &[Word], scope: &mut Scope, at: usize) {
        let found = recognise::command(at, words, scope);
        self.found(found, words, scope);
    }

    fn found(&mut self, found: Found, words: &[Word], scope: &mut Scope) {
        match found {
            Found::Command(mut command) => {
                // New flags go before the words that `docker run IMAGE ARGS` replaces.
                if let Insert::After(at, "") = command.insert {
                    command.insert = Insert::After(at, "\"");
                }
                scope.commands.push(command);
            }
            Found::HiddenProgram => {
                let at = self.start(words);
                self.document.refuse(at, "load flags stand behind a program that cannot be known");
            }
            Found::Nothing => {
                let talks = words.first().and_then(|word| word.text.end().rsplit('/').next());
                if talks.is_some_and(|talks| shell::TALKERS.contains(&talks)) {
                    let spans = words
                        .iter()
                        .map(|word| self.document.lists[word.at.list].items[word.at.item].clone());
                    let spans: Vec<Range<usize>> = spans.collect();
                    self.document.idle.extend(spans);
                }
                script_in_list(self.text, words, scope, self.document);
            }
        }
    }
}

/// `["sh", "-c", "SCRIPT"]`.
pub(super) fn script_in_list(text: &[u8], words: &[Word], scope: &mut Scope, document: &mut Document) {
    let shell = words.first().and_then(|word| word.text.end().rsplit('/').next());
    if !matches!(shell, Some("sh" | "bash" | "dash" | "zsh" | "ash")) {
        return;
    }
    let flag = words
        .iter()
        .position(|word| matches!(word.text.known(), Some("-c" | "-lc" | "-ec" | "-xc" | "-euc")));
    let Some(script) = flag.and_then(|flag| words.get(flag + 1)) else { return };
    let span = document.lists[script.at.list].items[script.at.item].clone();
    let raw = &text[span.clone()];
    let quoted = matches!(raw.first(), Some(b'"' | b'\''));
    let inner = if quoted { span.start + 1..span.end - 1 } else { span.clone() };
    if quoted && (raw.contains(&b'\\') || raw.windows(2).any(|pair| pair == b"''")) {
        document.why.push((span.clone(), "it stands in a script with quotes within quotes".to_owned()));
        return;
    }
    shell::piece(text, inner, SHELL_BLOCK, scope, document);
}

#[cfg(test)]
mod tests {
    fn told(text: &str) -> Vec<String> {
        super::read(text.as_bytes()).told(text.as_bytes())
    }

    #[test]
    fn both_forms_of_an_instruction_are_read() {
        let exec =
            "FROM debian\nENTRYPOINT [\"/app/llama-server\", \"-m\", \"/m/a.gguf\"]\nCMD [\"--mlock\"]\n";
        assert_eq!(told(exec), ["common: -m /m/a.gguf --mlock"]);
        let shell = "FROM debian\nCMD llama-server -m /m/a.gguf \\\n    --no-mmap\n";
        assert_eq!(told(shell), ["common: -m /m/a.gguf --no-mmap"]);
    }

    #[test]
    fn variables_of_a_stage_belong_to_its_commands() {
        let text =
            "FROM debian\nENV LLAMA_ARG_MLOCK=1 OTHER=2\nENV LLAMA_ARG_MMAP 0\nCMD [\"llama-server\"]\n";
        assert_eq!(told(text), ["LLAMA_ARG_MLOCK=1", "LLAMA_ARG_MMAP=0", "common:"]);
    }

    #[test]
    fn comments_and_other_instructions_say_nothing() {
        assert_eq!(told("# CMD llama-cli --mlock\nFROM debian\nRUN echo hello\nCOPY a b\n"), [""; 0]);
    }
}
