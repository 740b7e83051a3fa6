//! Files that nobody wrote: whatever a reader makes of them, it does not fail, and what changes
//! means what it meant.

use crate::support::dialects::era;
use loadparity::migrate::{Kind, migrate};
use loadparity::plan::Dialect;
use proptest::prelude::*;

/// Pieces that the readers look for, and pieces that break them.
const PIECES: [&str; 72] = [
    "llama-server",
    "--mlock",
    "--no-mmap",
    "-dio",
    "-lm",
    "none",
    "LLAMA_ARG_MMAP=0",
    "export ",
    "export LLAMA_ARG_MLOCK=1; ",
    "export LLAMA_ARG_MMAP=0 && ",
    "\"env\": {\"LLAMA_ARG_MLOCK\": \"1\"}",
    "\"command\": \"llama-server\", ",
    "\"args\": [\"--mlock\"],",
    "- {name: LLAMA_ARG_MLOCK, value: \"1\"}",
    "env: ",
    " # c\n",
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
fn what_a_reader_does_is_bounded_by_the_length_of_the_file() {
    // Each would be millions of steps or of loads if something were done for each pair of its parts.
    let many = |text: &str| text.repeat(20_000 / text.len());
    let lists = many("0,1,");
    let anchors: String = (0..500).map(|i| format!("  s{i}: &a{i} {{command: \"--mlock\"}}\n")).collect();
    let aliases = format!("x: &a {{LLAMA_ARG_MLOCK: 1}}\nservices:\n{}", many("  s: *a\n"));
    let texts = [
        (Kind::Shell, many("llama-cli -m a.gguf --mlock\n"), true),
        (Kind::Shell, many("x --mlock\n"), false),
        (Kind::Shell, many("a <<A --mlock\nA\n"), false),
        (Kind::Shell, format!("llama-cli {}", many("-m {{ ")), true),
        (Kind::Shell, format!("llama-bench -mmp {lists}0 -dio {lists}0"), false),
        (Kind::Compose, format!("services:\n{anchors}"), false),
        (Kind::Compose, aliases, false),
        (Kind::Preset, format!("[a]\nmodel=x\n{}", many("mlock = 1\n")), true),
        (Kind::Json, many("{\"a\":"), true),
        (Kind::Plist, many("<key>ProgramArguments</key><array><string>a</string></array>"), true),
    ];
    for (kind, text, read) in texts {
        let migration = migrate(kind, text.as_bytes(), era("booleans"), era("enum-v4"));
        assert_eq!(migration.refusals.is_empty(), read, "{kind}: {:?}", migration.refusals.first());
        assert!(migration.plans.len() <= text.len() && migration.refusals.len() <= text.len(), "{kind}");
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
