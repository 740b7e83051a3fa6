//! The golden code paths of a command: recorded once, reviewed, and compared with from then on.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{DocumentError, Header};
use crate::check::compare::Ran;

/// The golden code paths and memory needs of a command: what `baseline record` writes and `baseline verify` reads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BaselineDocument {
    /// `loadparity.baseline/1`.
    pub schema: String,
    /// Program, model and machine.
    pub header: Header,
    /// The hash over all tensors of the model.
    pub model_hash: String,
    /// The dialect of the spellings.
    pub dialect: String,
    /// Bytes in a page of the machine.
    pub page_size: u64,
    /// The command that was recorded.
    pub command: String,
    /// Whether it holds every spelling that a check of the command runs, and not one of each plan.
    pub every_spelling: bool,
    /// Why its output is not held, if it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub no_output: Option<String>,
    /// What it did in each spelling.
    pub rows: Vec<BaselineRow>,
}

/// What a command did in one spelling.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BaselineRow {
    /// The spelling as a shell would read it; the empty text is no flag at all.
    pub spelling: String,
    /// The plan that it asks for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<String>,
    /// The hash of its output, where that is held.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<String>,
    /// Whether every tensor byte was seen.
    pub bytes_observed: bool,
    /// What the run did.
    pub ran: Ran,
}

/// A baseline that cannot be compared with.
#[derive(Debug, thiserror::Error)]
pub enum BaselineError {
    /// No baseline.
    #[error(transparent)]
    Document(#[from] DocumentError),
    /// Of something else: another model, another dialect, another version of the program.
    #[error("it is of {what} {found}, and this is {wanted}; `baseline record --update` records it anew")]
    Other {
        /// What differs.
        what: &'static str,
        /// What the file has.
        found: String,
        /// What there is here.
        wanted: String,
    },
    /// Of another kind of machine, on which other calls are right.
    #[error(
        "it was recorded on {found} and this is {wanted}, so code paths cannot be compared; record one here"
    )]
    Machine {
        /// The machine of the file.
        found: String,
        /// This one.
        wanted: String,
    },
}

impl BaselineDocument {
    /// The schema of the document.
    pub const SCHEMA: &'static str = "loadparity.baseline/1";

    /// Reads a document.
    ///
    /// # Errors
    /// When the bytes are no such document.
    pub fn read(bytes: &[u8]) -> Result<Self, DocumentError> {
        super::read(bytes, Self::SCHEMA, "loadparity baseline record -- CMD")
    }

    /// Whether what is recorded here, of which `own` is the head, can be compared with it.
    ///
    /// # Errors
    /// Why it cannot.
    pub fn fits(&self, own: &Self) -> Result<(), BaselineError> {
        // Which calls make which step is decided by the program.
        let version = |document: &Self| {
            let version = document.header.tool.rsplit(' ').next().unwrap_or_default();
            version.rsplit_once('.').map_or(version, |(series, _)| series).to_owned()
        };
        let same = [
            ("the version", version(self), version(own)),
            ("the model with tensors", self.model_hash.clone(), own.model_hash.clone()),
            ("the dialect", self.dialect.clone(), own.dialect.clone()),
        ];
        for (what, found, wanted) in same {
            if found != wanted {
                return Err(BaselineError::Other { what, found, wanted });
            }
        }
        let machine = |document: &Self| {
            let Header { platform, arch, .. } = &document.header;
            format!("{platform} {arch} with pages of {} bytes", document.page_size)
        };
        let (found, wanted) = (machine(self), machine(own));
        if found == wanted { Ok(()) } else { Err(BaselineError::Machine { found, wanted }) }
    }
}
