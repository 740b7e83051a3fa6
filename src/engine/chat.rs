//! Chat templates: messages → prompt, by the template that a model carries.
//!
//! A template is a Jinja program with the variables that Hugging Face's `apply_chat_template` gives
//! it: `messages`, `add_generation_prompt`, `bos_token` and `eos_token`.

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
    /// The template failed.
    #[error("the model's chat template (`{TEMPLATE}`) failed: {0:#}")]
    Template(#[from] Error),
}

/// The prompt that the model's template makes of messages, ready for its answer.
///
/// # Errors
/// When the model has no template, or that does not like the messages.
pub fn prompt(gguf: &Gguf, tokenizer: &Tokenizer, messages: &[Message]) -> Result<String, ChatError> {
    let text = |token: Option<u32>| {
        token.map_or(String::new(), |id| String::from_utf8_lossy(tokenizer.piece(id, true)).into_owned())
    };
    let mut environment = Environment::new();
    environment.set_trim_blocks(true);
    environment.set_lstrip_blocks(true);
    environment.set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
    environment.add_function("raise_exception", |message: String| -> Result<String, Error> {
        Err(Error::new(ErrorKind::InvalidOperation, message))
    });
    let template = environment.template_from_str(gguf.str(TEMPLATE)?)?;
    Ok(template.render(context! {
        messages => messages,
        add_generation_prompt => true,
        bos_token => text(tokenizer.bos()),
        eos_token => text(tokenizer.eos()),
    })?)
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
}
