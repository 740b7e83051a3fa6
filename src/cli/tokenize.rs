//! `loadparity tokenize`: the tokens of a text, as a model's vocabulary has them.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::engine::tokenizer::{Tokenizer, TokenizerError};
use crate::gguf::Gguf;

/// Arguments of `loadparity tokenize`.
#[derive(Clone, Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("input").required(true).args(["prompt", "file"]))]
pub struct TokenizeArgs {
    /// Model whose vocabulary to use.
    #[arg(short, long, value_name = "MODEL")]
    pub model: PathBuf,
    /// Text to tokenize.
    #[arg(short, long, value_name = "TEXT", allow_hyphen_values = true)]
    pub prompt: Option<String>,
    /// File whose bytes to tokenize.
    #[arg(short, long, value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// Leave out the tokens that the model wants at the beginning and the end.
    #[arg(long)]
    pub no_add_special: bool,
    /// Take the text of control tokens for ordinary text.
    #[arg(long)]
    pub no_parse_special: bool,
    /// Print a JSON object with the `ids` instead of a line for each token.
    #[arg(long)]
    pub json: bool,
}

/// Why the command failed, in one line.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)]
pub enum TokenizeError {
    /// The text cannot be read.
    #[error("cannot read {}: {error}", .path.display())]
    Text { path: PathBuf, error: io::Error },
    /// The model has no vocabulary that can be used.
    #[error("{}: {error}", .path.display())]
    Model { path: PathBuf, error: TokenizerError },
    /// The tokens cannot be written.
    #[error("cannot write the output: {0}")]
    Output(#[from] io::Error),
}

impl TokenizeError {
    /// The exit code: 2 for what was asked, 70 for an output that cannot be written.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Text { .. } | Self::Model { .. } => 2,
            Self::Output(_) => 70,
        }
    }
}

/// What `tokenize --json` prints.
#[derive(Serialize, Deserialize, JsonSchema)]
pub(super) struct TokenizeDocument {
    schema: String,
    /// The tokens of the text.
    ids: Vec<u32>,
}

impl TokenizeDocument {
    pub(super) const SCHEMA: &str = "loadparity.tokenize/1";
}

/// Runs the command on the header of the model in `args`; the tokens go to `out`.
///
/// # Errors
/// When the text cannot be read, the vocabulary not be used, or the tokens not be written.
pub fn run(args: &TokenizeArgs, gguf: &Gguf, out: &mut dyn Write) -> Result<(), TokenizeError> {
    let text = match (&args.prompt, &args.file) {
        (Some(text), _) => text.clone().into_bytes(),
        (None, Some(path)) => {
            super::input::read(path).map_err(|error| TokenizeError::Text { path: path.clone(), error })?
        }
        (None, None) => Vec::new(),
    };
    let model = |error| TokenizeError::Model { path: args.model.clone(), error };
    let tokenizer = Tokenizer::from_gguf(gguf).map_err(model)?;
    let ids = tokenizer.encode(text, !args.no_add_special, !args.no_parse_special).map_err(model)?;
    if args.json {
        let document = TokenizeDocument { schema: TokenizeDocument::SCHEMA.to_owned(), ids };
        serde_json::to_writer(&mut *out, &document).map_err(io::Error::from)?;
        writeln!(out)?;
    } else {
        for id in ids {
            writeln!(out, "{id:>6} '{}'", printable(tokenizer.piece(id, true)))?;
        }
    }
    Ok(())
}

/// A piece on one line: control characters escaped, bytes of unfinished characters as `\xNN`.
fn printable(piece: &[u8]) -> String {
    let mut line = String::new();
    for chunk in piece.utf8_chunks() {
        for character in chunk.valid().chars() {
            if character.is_control() || matches!(character, '\\' | '\'') {
                line.extend(character.escape_default());
            } else {
                line.push(character);
            }
        }
        for byte in chunk.invalid() {
            // Writing to a string cannot fail.
            let _ = write!(line, "\\x{byte:02X}");
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use clap::{Args, FromArgMatches};

    use super::*;

    fn parse(line: &str) -> Result<TokenizeArgs, clap::Error> {
        let command = TokenizeArgs::augment_args(clap::Command::new("tokenize"));
        TokenizeArgs::from_arg_matches(&command.try_get_matches_from(line.split(' '))?)
    }

    #[test]
    fn a_text_or_a_file_is_required_and_not_both() {
        assert_eq!(parse("tokenize -m m -p -x").unwrap().prompt.as_deref(), Some("-x"));
        assert_eq!(parse("tokenize -m m -f t").unwrap().file, Some("t".into()));
        assert!(parse("tokenize -m m").is_err());
        assert!(parse("tokenize -m m -p a -f t").is_err());
        assert!(parse("tokenize -p a").is_err());
    }

    #[test]
    fn a_piece_stays_on_its_line() {
        assert_eq!(printable("é it's\n".as_bytes()), "é it\\'s\\n");
        assert_eq!(printable(b"\xF0\x9F"), "\\xF0\\x9F");
    }
}
