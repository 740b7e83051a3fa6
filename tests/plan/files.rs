//! Dialect files: the shipped ones keep the schema and say what the loaders do, and a broken file is
//! refused with its place and what was perhaps meant.

#![allow(clippy::unwrap_used, reason = "helpers of tests stop at the first surprise")]

use std::fmt::Write as _;

use loadparity::plan::equivalent::{plans, translate};
use loadparity::plan::{Dialect, Spelling, resolve};
use rstest::rstest;

use crate::dialects::era;
use crate::schemas::assert_valid;

const PINNING: &str = include_str!("../../fixtures/dialects/examples/pinning.toml");
const KEYWORDS: &str = include_str!("../../fixtures/dialects/examples/keywords.toml");

#[test]
fn every_file_keeps_the_schema_and_names_its_sources() {
    let shipped = Dialect::shipped();
    assert!(shipped.len() > 12);
    let texts = shipped.iter().map(|dialect| (dialect.name(), dialect.text().unwrap()));
    for (name, text) in texts.chain([("pinning", PINNING), ("keywords", KEYWORDS)]) {
        let value: toml::Value = toml::from_str(text).unwrap();
        assert_valid("dialect-1", &serde_json::to_value(value).unwrap());
        assert!(!text.contains("\t"), "{name}");
    }
    for dialect in &shipped {
        let rules = dialect.rules();
        let sourced = !rules.sources.is_empty() || !rules.inferred.is_empty();
        assert!(sourced || *dialect == Dialect::reference(), "{dialect} says where its facts come from");
    }
}

/// The plan of a line, or `refused`; words are separated by two spaces, so that one may hold a space.
fn plan(dialect: Dialect, line: &str) -> String {
    let (env, argv): (Vec<&str>, Vec<&str>) =
        line.split("  ").filter(|word| !word.is_empty()).partition(|word| word.starts_with("USE_"));
    let env: Vec<(&str, &str)> = env.iter().map(|pair| pair.split_once('=').unwrap()).collect();
    resolve(dialect, &argv, &env).map_or("refused".to_owned(), |found| found.plan.to_string())
}

#[rstest]
#[case("llama-cpp-python", "", "map")]
#[case("llama-cpp-python", "use_mmap=False", "read")]
#[case("llama-cpp-python", "use_mlock=True", "map+lock")]
#[case("llama-cpp-python", "use_mlock=True  use_mmap=False", "read+lock")]
#[case("llama-cpp-python", "use_mmap=false", "refused")]
#[case("llama-cpp-python", "use_mmap  False", "refused")]
#[case("llama-cpp-python", "use_direct_io=True", "refused")]
#[case("llama-cpp-python", "lora_path=x", "refused")]
#[case("llama-cpp-python-server", "", "map+lock")]
#[case("llama-cpp-python-server", "--use_mlock  No", "map")]
#[case("llama-cpp-python-server", "--use_mm=0  --use_ml=off", "read")]
#[case("llama-cpp-python-server", "--use_m=0", "refused")]
#[case("llama-cpp-python-server", "USE_MLOCK=false", "map")]
#[case("llama-cpp-python-server", "USE_MLOCK=false  --use_mlock  true", "map+lock")]
#[case("textgen", "", "map")]
#[case("textgen", "--no-mmap  --mlock", "read+lock")]
#[case("textgen", "--no-mm", "read")]
#[case("textgen", "--mmap", "refused")]
#[case("lmstudio", "", "map")]
#[case("lmstudio", "tryMmap: false  keepModelInMemory: true", "read+lock")]
#[case("llama-cpp-rs", "", "map")]
#[case("llama-cpp-rs", "with_use_mmap(false)  with_use_mlock(true)", "read+lock")]
#[case("llama-cpp-rs", "with_use_mmap(no)", "refused")]
#[case("whisper.cpp", "", "read")]
#[case("whisper.cpp", "--mmap", "refused")]
#[case("stable-diffusion.cpp", "", "read")]
#[case("stable-diffusion.cpp", "--mmap", "map")]
#[case("node-llama-cpp", "", "auto")]
#[case("node-llama-cpp", "useMmap: false", "read")]
#[case("node-llama-cpp", "useMmap:true  useMlock: true", "map+lock")]
#[case("node-llama-cpp", "useMmap: \"auto\"  useMlock: true", "auto+lock")]
#[case("node-llama-cpp", "useMmap: true  useDirectIo: true", "direct")]
#[case("ollama", "", "auto")]
#[case("ollama", "use_mmap=true", "auto")]
#[case("ollama", "use_mmap  false", "read")]
#[case("ollama", "use_mlock=true", "refused")]
#[case("koboldcpp-1.76", "", "map")]
#[case("koboldcpp-1.76", "--nommap  --usemlock", "read+lock")]
#[case("koboldcpp", "", "read")]
#[case("koboldcpp", "--usemmap  --mlock", "map+lock")]
#[case("koboldcpp", "--nommap", "refused")]
#[case("llamafile", "--no_mmap  --mlock", "read+lock")]
#[case("llamafile", "--mmap", "refused")]
#[case("load-mode-numbers-v1", "load_mode=3", "direct")]
#[case("load-mode-numbers", "load_mode=3", "map+lock")]
#[case("load-mode-numbers", "", "auto")]
fn a_line_in_the_dialects_of_other_loaders(#[case] name: &str, #[case] line: &str, #[case] expected: &str) {
    assert_eq!(plan(era(name), line), expected);
}

#[test]
fn two_short_files_describe_a_flag_loader_and_a_keyword_loader() {
    for text in [PINNING, KEYWORDS] {
        assert!(text.lines().count() <= 25, "{}", text.lines().count());
    }
    let all = |text: &str| {
        let dialect = Dialect::read(text).unwrap();
        let rows = plans(dialect).into_iter().map(|(plan, spelling)| format!("{plan}: {spelling}\n"));
        rows.collect::<String>()
    };
    insta::assert_snapshot!(all(PINNING) + &all(KEYWORDS), @r#"
    map: 
    read: --io=buffered
    direct: --io=direct
    map+lock: --pin
    read+lock: --io=buffered --pin
    direct+lock: --io=direct --pin
    map: 
    read: use_mmap=False
    map+lock: pin=True
    read+lock: use_mmap=False pin=True
    "#);
}

#[test]
fn a_line_is_translated_between_loaders_or_said_to_have_no_words() {
    let own = Dialect::read(PINNING).unwrap();
    let to = |line: &[&str], from: Dialect, to: Dialect| {
        translate(&Spelling::flags(line.iter().copied()), from, to)
            .map_or_else(|error| error.to_string(), |translation| translation.put.to_string())
    };
    assert_eq!(to(&["--mlock", "--no-mmap"], era("booleans"), own), "--io=buffered --pin");
    assert_eq!(to(&["--pin"], own, era("enum-v4")), "--load-mode mmap+mlock");
    assert_eq!(
        to(&["--io=direct", "--pin"], own, era("llama-cpp-python")),
        "the llama-cpp-python dialect has no spelling for direct+lock"
    );
    assert_eq!(to(&["load_mode=3"], era("load-mode-numbers-v1"), era("load-mode-numbers")), "load_mode=4");
}

#[test]
fn a_loader_without_flags_has_one_plan() {
    let text = "schema = \"loadparity.dialect/1\"\nname = \"none\"\nabout = \"no flags\"\n[combine]\nrule = \"switches\"\nswitches = { source = \"read\" }\n";
    let dialect = Dialect::read(text).unwrap();
    assert_eq!(plans(dialect).len(), 1);
    let error = resolve(dialect, &["--mmap"], &[]).unwrap_err().to_string();
    assert_eq!(error, "invalid argument '--mmap': the none dialect accepts no load flags");
}

/// One change of a good file each.
const BROKEN: &[(&str, &str)] = &[
    ("name = \"pinning\"", "name = \"Pinning\""),
    ("name = \"pinning\"", "name = \"auto\""),
    ("name = \"pinning\"", "name = \"reference\""),
    ("dialect/1", "dialect/9"),
    ("about =", "abuot ="),
    ("about = ", "about = [1, "),
    ("joined = \"=\"", "joined = \" \""),
    ("joined = \"=\"", ""),
    ("rule = \"switches\"", "rule = \"switchs\""),
    ("rule = \"switches\"", "rule = \"one-field\""),
    ("mode = \"source\"", "start = \"mapped\""),
    ("mode = \"source\"", "refused = \"without\""),
    ("mode = \"source\"", "turns-off = [{ on = \"mode\", off = \"map\" }]"),
    ("source = \"read\"", "source = \"read\", refused = \"map\""),
    ("source = \"read\"", "source = \"read\", lock = true"),
    (", refused = \"read\"", ""),
    ("\"buffered\"", "\"mapped\""),
    ("\"buffered\"", "\"\""),
    ("\"buffered\"", "\"buf\\nfered\""),
    ("sets = \"mode\"", "sets = \"lock\""),
    ("sets = \"mode\"", "sets = \"mod\""),
    ("on = [\"--pin\"]", "on = [\"--io\"]"),
    ("on = [\"--pin\"]", "on = [\"--p\\u001bin\"]"),
    ("on = [\"--pin\"]", "on = [\"--pin\"]\nvariable = { name = \"PIN=\" }"),
    ("on = [\"--pin\"]", "on = []"),
    ("on = [\"--pin\"]", "on = [\"--pin\"]\nwrites = \"mapped\""),
    ("on = [\"--pin\"]", "on = [\"--pin\"]\ntakes = \"mode\""),
    ("on = [\"--pin\"]", "on = [\"--pin\"]\ntakes = \"presence\""),
    ("on = [\"--pin\"]", "on = [\"--pin\"]\noptional = true"),
    ("on = [\"--pin\"]", "on = [\"--pin\"]\nvalue = \"X\""),
    ("on = [\"--io\"]", "on = [\"--io\"]\noff = [\"--no-io\"]"),
    ("[combine]", "[booleans]\non = [\"x\"]\noff = [\"x\"]\n[combine]"),
    ("[combine]", "[[builds]]\nof = \"x\"\nfrom = \"newest\"\nsource = \"y\"\n[combine]"),
];

#[test]
fn a_broken_file_is_refused_at_its_place() {
    let mut told = String::new();
    for (good, bad) in BROKEN {
        assert!(PINNING.contains(good), "{good}");
        let error = Dialect::read(&PINNING.replacen(good, bad, 1)).expect_err(bad);
        let _ = writeln!(told, "{}\n    {error}", bad.replace('\n', " "));
    }
    insta::assert_snapshot!(told, @r#"
    name = "Pinning"
        3:8: 'Pinning' cannot be a name: use small letters, digits, dots and dashes, and not 'auto'
    name = "auto"
        3:8: 'auto' cannot be a name: use small letters, digits, dots and dashes, and not 'auto'
    name = "reference"
        3:1: 'reference' is the name of a shipped dialect with other rules, and reports could not tell them apart; give this one another name
    dialect/9
        2:10: 'loadparity.dialect/9' is no format of dialect files; write 'loadparity.dialect/1'
    abuot =
        4:1: unknown field 'abuot', expected one of 'schema', 'name', 'about', 'family', 'sources', 'inferred', 'programs', 'builds', 'booleans', 'forms', 'environment-wins', 'mode', 'lazy-mode', 'combine', 'messages', 'flag', 'bench', 'unsupported'; did you mean 'about'?
    about = [1, 
        6:1: missing comma between array elements, expected ','
    joined = " "
        13:10: nothing stands between name and value; write for example '='

        16:1: no form is left: allow 'separate', or give 'joined' in [forms]
    rule = "switchs"
        17:8: unknown variant 'switchs', expected 'switches' or 'one-field'; did you mean 'switches'?
    rule = "one-field"
        23:1: under the rule 'one-field' a switch needs 'writes', and its negative form 'off-writes'
    start = "mapped"
        16:1: 'start' belongs to 'one-field'; write 'switches = { … }'
    refused = "without"
        18:11: unknown variant 'without', expected one of 'read', 'map', 'error', 'without-direct'
    turns-off = [{ on = "mode", off = "map" }]
        16:1: a mode is no switch: 'turns-off' is for lock, map and direct
    source = "read", refused = "map"
        8:14: only a direct load has 'refused': what it falls back to
    source = "read", lock = true
        8:14: a load mode that sets the source alone says nothing of a lock; take 'lock' out, or 'mode' out of [combine]

        9:14: a direct load needs 'refused': what it falls back to
    "mapped"
        8:14: the load mode 'mapped' stands twice
    ""
        8:14: the load mode "" is empty, or holds white space or a control character
    "buf\nfered"
        8:14: the load mode "buf\nfered" is empty, or holds white space or a control character
    sets = "lock"
        7:14: load modes are listed, and no flag sets 'mode'
    sets = "mod"
        21:8: unknown variant 'mod', expected one of 'lock', 'map', 'direct', 'mode', 'lazy'; did you mean 'mode'?
    on = ["--io"]
        25:7: the name '--io' is empty or stands twice
    on = ["--p\u001bin"]
        25:7: the name "--p\u{1b}in" holds white space or a control character
    on = ["--pin"] variable = { name = "PIN=" }
        26:12: the variable "PIN=" holds '=', white space or a control character
    on = []
        23:1: a flag needs a name in 'on' or 'off', or a variable
    on = ["--pin"] writes = "mapped"
        23:1: 'writes' and 'off-writes' belong to the rule 'one-field'
    on = ["--pin"] takes = "mode"
        26:9: a load mode is the value of a flag that sets 'mode', a lazy mode of one that sets 'lazy', and both of no other
    on = ["--pin"] takes = "presence"
        26:9: a flag whose presence counts takes no value: leave 'takes' out
    on = ["--pin"] optional = true
        23:1: 'optional' is for flags that take a boolean value
    on = ["--pin"] value = "X"
        23:1: 'value' is for flags that take one
    on = ["--io"] off = ["--no-io"]
        20:1: a mode has no negative form
    [booleans] on = ["x"] off = ["x"] [combine]
        19:1: a word of [booleans] means both on and off
    [[builds]] of = "x" from = "newest" source = "y" [combine]
        18:8: 'newest' is no build: write b8681, or a version such as 0.3.36
    "#);
}
