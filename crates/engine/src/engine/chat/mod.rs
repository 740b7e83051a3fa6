//! Chat templates: messages → prompt, by the template that a model carries.
//!
//! A template is a Jinja program with the variables that Hugging Face's `apply_chat_template` gives
//! it: `messages`, `add_generation_prompt`, `bos_token` and `eos_token`. It comes from anybody, so it runs within
//! bounds (`bounds`), on a thread of its own.

mod bounds;

use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use minijinja::{Environment, Error, ErrorKind, context};
use serde::Serialize;

use super::Tokenizer;
use crate::gguf::{Gguf, KeyError};

/// The key of the template.
const TEMPLATE: &str = "tokenizer.chat_template";

/// One message of a conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Message {
    /// Who speaks: `system`, `user` or `assistant`.
    pub role: String,
    /// What is said.
    pub content: String,
}

/// Why messages did not become a prompt.
#[derive(Debug, thiserror::Error)]
pub enum ChatError {
    /// The model has no template.
    #[error("{0}; a conversation needs one: leave out --conversation")]
    Key(#[from] KeyError),
    /// The template failed, or went beyond its bounds.
    #[error("the model's chat template (`{TEMPLATE}`) failed: {0:#}")]
    Template(#[from] Error),
    /// The template is longer than any that was written.
    #[error(
        "the model's chat template (`{TEMPLATE}`) has {length} bytes; at most {} are accepted",
        bounds::LONGEST_TEMPLATE
    )]
    Long {
        /// Its bytes.
        length: usize,
    },
    /// The thread that it runs on could not be started.
    #[error("cannot start the thread for the model's chat template: {0}")]
    Thread(std::io::Error),
    /// The template did not end, or ended its thread.
    #[error(
        "the model's chat template (`{TEMPLATE}`) gave no prompt within {} seconds; leave out --conversation",
        LONGEST.as_secs()
    )]
    Time,
}

/// The longest that a template may take. What its other bounds let through takes well under a second.
const LONGEST: Duration = Duration::from_secs(30);

/// The prompt that the model's template makes of messages, ready for its answer.
///
/// # Errors
/// When the model has no template, or that does not like the messages.
pub fn prompt(gguf: &Gguf, tokenizer: &Tokenizer, messages: &[Message]) -> Result<String, ChatError> {
    let text = |token: Option<u32>| {
        token.map_or(String::new(), |id| String::from_utf8_lossy(tokenizer.piece(id, true)).into_owned())
    };
    let source = gguf.str(TEMPLATE)?.to_owned();
    if source.len() > bounds::LONGEST_TEMPLATE {
        return Err(ChatError::Long { length: source.len() });
    }
    let length = messages.iter().map(|message| message.content.len()).sum();
    let variables = context! {
        messages => messages,
        add_generation_prompt => true,
        bos_token => text(tokenizer.bos()),
        eos_token => text(tokenizer.eos()),
    };
    let (send, receive) = channel();
    let render = move || {
        let mut environment = Environment::new();
        environment.add_function("raise_exception", |message: String| -> Result<String, Error> {
            Err(Error::new(ErrorKind::InvalidOperation, message))
        });
        // Nobody listens any more where the time was up.
        let _ = send.send(bounds::render(environment, &source, variables, length));
    };
    let thread = std::thread::Builder::new().name("chat template".to_owned()).stack_size(bounds::STACK);
    thread.spawn(render).map_err(ChatError::Thread)?;
    match receive.recv_timeout(LONGEST) {
        Ok(prompt) => Ok(prompt?),
        Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => Err(ChatError::Time),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gguf::{Array, Value};

    fn model(template: Option<&str>) -> (Gguf, Tokenizer) {
        let strings = |texts: &[&str]| Value::Array(Array::String(texts.iter().map(|&t| t.into()).collect()));
        let mut metadata = vec![
            ("tokenizer.ggml.model".to_owned(), Value::from("llama")),
            ("tokenizer.ggml.tokens".to_owned(), strings(&["<unk>", "<s>", "</s>", "a"])),
            ("tokenizer.ggml.scores".to_owned(), Value::Array(Array::F32(vec![0.0; 4]))),
            ("tokenizer.ggml.token_type".to_owned(), Value::Array(Array::I32(vec![2, 3, 3, 1]))),
        ];
        metadata.extend(template.map(|text| (TEMPLATE.to_owned(), Value::from(text))));
        let gguf =
            Gguf { version: 3, alignment: 32, metadata, tensors: Vec::new(), data_offset: 0, file_size: 0 };
        let tokenizer = Tokenizer::from_gguf(&gguf).unwrap();
        (gguf, tokenizer)
    }

    fn say(template: Option<&str>) -> Result<String, String> {
        let (gguf, tokenizer) = model(template);
        let message = |role: &str, content: &str| Message { role: role.into(), content: content.into() };
        let messages = [message("system", " Be brief. "), message("user", "Hello")];
        prompt(&gguf, &tokenizer, &messages).map_err(|error| error.to_string())
    }

    #[test]
    fn a_template_sees_messages_and_tokens() {
        let template = "{{ bos_token }}{% for m in messages %}\n    {% if m['role'] == 'system' %}\n\
                        [{{ m.content.strip() }}]{% else %}\n<{{ m['content'] }}>{% endif %}\n{% endfor %}\n\
                        {% if add_generation_prompt %}A:{% endif %}{{ eos_token }}";
        assert_eq!(say(Some(template)).unwrap(), "<s>[Be brief.]<Hello>A:</s>");
    }

    #[test]
    fn a_template_may_refuse_and_may_be_absent() {
        let error = say(Some("{{ raise_exception('no system role') }}")).unwrap_err();
        assert!(error.contains("no system role") && error.contains("tokenizer.chat_template"), "{error}");
        let error = say(None).unwrap_err();
        assert!(error.contains("tokenizer.chat_template") && error.contains("--conversation"), "{error}");
        assert!(say(Some("{% if %}")).is_err());
    }

    #[test]
    fn templates_as_models_carry_them_work() {
        let template = "{%- set ns = namespace(text='', n=0) -%}{%- for m in messages -%}\
            {%- if m.role not in ['system', 'user'] -%}{{- raise_exception('role') -}}{%- endif -%}\
            {%- set ns.text = ns.text ~ m.role | upper + ': ' + m['content'].strip() ~ '\n' -%}\
            {%- set ns.n = ns.n + 1 -%}{%- endfor -%}\
            {{- ns.text -}}{{- '=' * 3 -}}{{- messages | map(attribute='role') | join(', ') -}}\
            {%- if ns.n == 2 and messages[0].role is string and loop is undefined -%}{{- [1, 2][1] -}}{%- endif -%}\
            {%- macro m(x) -%}<{{ x }}>{%- endmacro -%}{{- m({'a': 'b'}.a) -}}{{- 'a-b'.split('-')[1] -}}\
            {{- '%s|%5d' | format('x', 7) -}}{{- 'a b' | replace(' ', '_') -}}";
        assert_eq!(
            say(Some(template)).unwrap(),
            "SYSTEM: Be brief.\nUSER: Hello\n===system, user2<b>bx|    7a_b"
        );
    }

    /// Each takes memory, stack or time without end where nothing bounds it.
    #[test]
    fn no_template_runs_away() {
        let doubled = |step: &str| {
            format!(
                "{{% set ns = namespace(x='ab', y=[1]) %}}{{% for i in range(99) %}}{step}{{% endfor %}}{{{{ ns.x }}}}"
            )
        };
        let deep = "[".repeat(5000) + &"]".repeat(5000);
        let runaways = [
            "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}".to_owned(),
            "{% for i in range(99999) %}{{ messages }}{% endfor %}".to_owned(),
            format!("{{% for i in range(99999) %}}{}{{% endfor %}}", "x".repeat(100_000)),
            format!("{{% set x %}}{{% for i in range(99999) %}}{}{{% endfor %}}{{% endset %}}", "x".repeat(100_000)),
            "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}".to_owned(),
            "{% for x in [[1]] recursive %}{{ loop([x]) }}{% endfor %}".to_owned(),
            "{{ 'x' * 10000000000 }}".to_owned(),
            "{% for i in range(30) %}{{ 'x' * 4000000 }}{% endfor %}".to_owned(),
            "{{ ([1] * 1000000 * 1000000) | list | length }}".to_owned(),
            "{{ '%2000000000d' | format(1) }}".to_owned(),
            "{{ '%*d' | format(2000000000, 1) }}".to_owned(),
            "{{ '{:2000000000}'.format(1) }}".to_owned(),
            "{{ 'x' | indent(2000000000) }}".to_owned(),
            "{{ ('x' * 100000) | replace('x', 'x' * 100000) }}".to_owned(),
            "{{ ('x' * 100000).replace('x', 'x' * 100000) }}".to_owned(),
            "{{ range(99999) | join('x' * 100000) }}".to_owned(),
            "{{ [1] | batch(2000000000, 0) | list }}".to_owned(),
            "{{ [1] | slice(2000000000) | list }}".to_owned(),
            "{{ range(99999) | map('replace', '1', 'x' * 100000) | list }}".to_owned(),
            "{% set ns = namespace() %}{% set ns.x = ns %}{{ ns }}".to_owned(),
            "{% set a = namespace() %}{% set b = namespace() %}{% set a.x = b %}{% set b.x = a %}{{ a == b }}".to_owned(),
            "{% set ns = namespace(x=[]) %}{% for i in range(99999) %}{% set ns.x = [ns.x] %}{% endfor %}{{ ns.x }}".to_owned(),
            "{% set ns = namespace(x={}) %}{% for i in range(99999) %}{% set ns.x = namespace(x=ns.x) %}{% endfor %}{{ ns }}".to_owned(),
            doubled("{% set ns.x = ns.x ~ ns.x %}"),
            doubled("{% set ns.x = ns.x + ns.x %}"),
            doubled("{% set ns.x = ns.x * 2 %}"),
            doubled("{% set ns.x %}{{ ns.x }}{{ ns.x }}{% endset %}"),
            doubled("{% set ns.x = [ns.x, ns.x] | join('') %}"),
            doubled("{% set ns.x = ns.x | replace('a', 'aa') %}"),
            doubled("{% set ns.x = '%s%s' | format(ns.x, ns.x) %}"),
            doubled("{% set ns.y = ns.y + ns.y %}") + "{{ ns.y }}",
            doubled("{% set ns.y = [ns.y, ns.y] %}") + "{{ ns.y }}",
            format!("{{{{ {deep} }}}}"),
            format!("{{{{ {} }}}}", "(".repeat(120_000)),
            "{% if 1 %}".repeat(12_000),
            "x".repeat(2 << 20),
        ];
        for template in runaways {
            let error = say(Some(&template));
            assert!(
                error.is_err(),
                "{} gave {} bytes",
                &template[..template.len().min(120)],
                error.unwrap().len()
            );
        }
        // Deep and well-formed: it may work, and must not overflow a stack.
        for sign in ["-", "not "] {
            let _ = say(Some(&format!("{{{{ {}1 }}}}", sign.repeat(120_000 / sign.len()))));
        }
    }
}
