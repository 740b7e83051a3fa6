//! Files that nobody wrote: whatever a reader makes of them, it does not fail, and what changes
//! means what it meant.

use crate::support::dialects::era;
use loadparity::migrate::{Kind, migrate};
use loadparity::plan::Dialect;
use proptest::prelude::*;

/// Pieces that the readers look for, and pieces that break them.
const PIECES: [&str; 64] = [
    "llama-server",
    "--mlock",
    "--no-mmap",
    "-dio",
    "-lm",
    "none",
    "LLAMA_ARG_MMAP=0",
    "export ",
    " ",
    "  ",
    "\n",
    "\r\n",
    " \\\n",
    "\\",
    "'",
    "\"",
    "`",
    "$(",
    ")",
    "(",
    "$X",
    "${X}",
    "${",
    "}",
    "$",
    ";",
    "&&",
    "|",
    "<<EOF\n",
    "EOF\n",
    "#",
    "# c\n",
    ">",
    "<",
    "2>&1",
    "[",
    "]",
    ",",
    "{",
    ":",
    ": ",
    "- ",
    "    ",
    "services:\n",
    "  a:\n",
    "    command: ",
    "    environment:\n",
    "      - ",
    "|\n",
    ">-\n",
    "*a",
    "&a ",
    "[Service]\n",
    "ExecStart=",
    "Environment=",
    "FROM x\n",
    "CMD ",
    "ENV ",
    "ENTRYPOINT ",
    "[m]\n",
    "mmap = 0\n",
    "é",
    "\u{feff}",
    "a.gguf",
];

fn text() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        8 => (0..PIECES.len()).prop_map(|piece| PIECES[piece].as_bytes().to_vec()),
        1 => any::<u8>().prop_map(|byte| vec![byte]),
    ];
    proptest::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn no_text_breaks_a_reader(text in text(), kind in 0..Kind::ALL.len(), way in 0..Dialect::eras().len()) {
        let kind = Kind::ALL[kind];
        let (from, to) = (era("booleans"), Dialect::eras()[way]);
        let migration = migrate(kind, &text, from, to);
        if migration.refusals.is_empty() {
            prop_assert_eq!(&migrate(kind, &migration.text, to, to).plans, &migration.plans);
        } else {
            prop_assert_eq!(&migration.text, &text);
            // A rewrite that its own check throws away is a defect of the reader.
            let own = migration.refusals.iter().any(|refusal| refusal.text.contains("please report"));
            prop_assert!(!own, "{}: {}", kind, String::from_utf8_lossy(&text));
        }
    }
}

#[test]
fn deep_nesting_is_refused() {
    for kind in Kind::ALL {
        for (open, close) in [("$(", ")"), ("[", "]"), ("(", ")"), ("{a: ", "}"), ("`", "`"), ("if ", " fi")]
        {
            let text = format!("services: {}{}\n", open.repeat(20_000), close.repeat(20_000));
            let _ = migrate(kind, text.as_bytes(), era("booleans"), era("enum-v4"));
            let text = format!("FROM x\nCMD {}llama-cli --mlock{}\n", open.repeat(500), close.repeat(500));
            let _ = migrate(kind, text.as_bytes(), era("booleans"), era("enum-v4"));
        }
    }
}
