//! Everything that the shipped dialects say of command lines, environments and llama-bench lists,
//! as one digest each: a change of a dialect file that changes any answer shows here. The words are
//! written down by hand, so that a name that a file loses is missed.

use std::fmt::Write as _;

use loadparity::plan::bench::BenchEntry;
use loadparity::plan::{Dialect, LoadPlan, Resolved, UsageError, bench, resolve};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

const SWITCHES: [&str; 16] = [
    "--mlock",
    "--mmap",
    "--no-mmap",
    "--no_mmap",
    "-dio",
    "--direct-io",
    "--direct_io",
    "-ndio",
    "--no-direct-io",
    "--no_direct-io",
    "--no-mlock",
    "--mlock=1",
    "--mmap=",
    "mmap",
    "-mmp",
    "--",
];
const MODES: [&str; 11] = [
    "auto",
    "none",
    "mmap",
    "mlock",
    "mmap+mlock",
    "none+mlock",
    "dio",
    "dio+mlock",
    "mlock+mmap",
    "None",
    "",
];
const VARIABLES: [&str; 5] =
    ["LLAMA_ARG_MLOCK", "LLAMA_ARG_MMAP", "LLAMA_ARG_NO_MMAP", "LLAMA_ARG_DIO", "LLAMA_ARG_NO_DIO"];
const VALUES: [&str; 11] = ["1", "true", "on", "enabled", "0", "false", "off", "disabled", "", "True", "2"];
const LISTS: [&str; 12] = ["0", "1", "0,1", "1,0,1", "", "true", "on,off", ",", "1,", "2", "x", " 1"];

type Unit = (Vec<String>, Option<(String, String)>);

fn units() -> Vec<Unit> {
    let mut units: Vec<Unit> = SWITCHES.iter().map(|word| (vec![(*word).to_owned()], None)).collect();
    for name in ["-lm", "--load-mode", "--load_mode"] {
        units.push((vec![name.to_owned()], None));
        for word in MODES {
            units.push((vec![name.to_owned(), word.to_owned()], None));
            units.push((vec![format!("{name}={word}")], None));
        }
    }
    let variable = |name: &str, value: &str| (Vec::new(), Some((name.to_owned(), value.to_owned())));
    for name in VARIABLES {
        units.extend(VALUES.iter().map(|value| variable(name, value)));
    }
    units.extend(MODES.iter().map(|word| variable("LLAMA_ARG_LOAD_MODE", word)));
    units.push(variable("LLAMA_ARG_THREADS", "4"));
    units
}

/// A plan of an era, which says nothing of single tensors.
fn whole(LoadPlan { source, lock, on_refused, exceptions }: LoadPlan) -> String {
    assert!(exceptions.is_empty());
    format!("LoadPlan {{ source: {source:?}, lock: {lock}, on_refused: {on_refused:?} }}")
}

fn text(outcome: &Result<Resolved, UsageError>) -> String {
    let found = match outcome {
        Ok(found) => found,
        Err(error) => return format!("error: {error}\n"),
    };
    let mut text = format!("{} {:?}\n", whole(found.plan), found.load_mode);
    for said in &found.said {
        let _ = writeln!(text, "said {said} {:?} {} {}", said.origin, said.is_legacy(), said.asks());
    }
    for warning in &found.warnings {
        let _ = writeln!(text, "warning {warning}");
    }
    for lost in &found.overridden {
        let _ = writeln!(text, "lost {} by {}", lost.what, lost.by);
    }
    let _ = writeln!(text, "unread {:?}", found.ignored_env);
    text
}

fn answer(dialect: Dialect, parts: &[&Unit]) -> String {
    let argv: Vec<&str> = parts.iter().flat_map(|(argv, _)| argv.iter().map(String::as_str)).collect();
    let env = parts.iter().filter_map(|(_, env)| env.as_ref());
    let env: Vec<(&str, &str)> = env.map(|(name, value)| (name.as_str(), value.as_str())).collect();
    text(&resolve(dialect, &argv, &env))
}

/// All lines of at most two units, and as many longer ones from a fixed seed.
fn common(dialect: Dialect) -> (usize, String) {
    let units = units();
    let mut digest = blake3::Hasher::new();
    let mut lines = 0;
    let mut tell = |parts: &[&Unit]| {
        lines += 1;
        digest.update(answer(dialect, parts).as_bytes());
    };
    tell(&[]);
    for first in &units {
        tell(&[first]);
        units.iter().for_each(|second| tell(&[first, second]));
    }
    let mut random = ChaCha8Rng::seed_from_u64(21);
    for _ in 0..10_000 {
        let length = 3 + random.next_u32() as usize % 3;
        let pick = |_| &units[random.next_u32() as usize % units.len()];
        tell(&(0..length).map(pick).collect::<Vec<_>>());
    }
    (lines, digest.finalize().to_hex()[..16].to_owned())
}

fn lists(dialect: Dialect) -> (usize, String) {
    let mut units: Vec<Vec<String>> = vec![vec!["-mmp".to_owned()], vec!["--mlock".to_owned()]];
    for name in ["-mmp", "--mmap", "-dio", "--direct-io", "--direct_io"] {
        units.extend(LISTS.map(|list| vec![name.to_owned(), list.to_owned()]));
        units.push(vec![format!("{name}=1,0")]);
    }
    for name in ["-lm", "--load-mode"] {
        units.extend(MODES.map(|list| vec![name.to_owned(), list.to_owned()]));
        units.push(vec![format!("{name}=none")]);
        units.push(vec![name.to_owned(), "mmap,none,dio".to_owned()]);
    }
    let mut digest = blake3::Hasher::new();
    let mut lines = 0;
    let mut tell = |parts: &[&Vec<String>]| {
        lines += 1;
        let argv: Vec<&str> = parts.iter().flat_map(|argv| argv.iter().map(String::as_str)).collect();
        let answer = match bench::resolve(dialect, &argv) {
            Ok(queue) => {
                let entry = |entry: &BenchEntry| {
                    format!("BenchEntry {{ plan: {}, label: {:?} }}", whole(entry.plan), entry.label)
                };
                let entries: Vec<String> = queue.entries.iter().map(entry).collect();
                format!("[{}] {:?} {:?}", entries.join(", "), queue.warnings, queue.load_modes())
            }
            Err(error) => format!("error: {error}"),
        };
        digest.update(answer.as_bytes());
        digest.update(b"\n");
    };
    tell(&[]);
    for first in &units {
        tell(&[first]);
        units.iter().for_each(|second| tell(&[first, second]));
    }
    (lines, digest.finalize().to_hex()[..16].to_owned())
}

#[test]
fn every_answer_of_the_eras_is_what_it_was() {
    let mut seen = String::new();
    for dialect in Dialect::eras() {
        let ((lines, common), (queues, lists)) = (common(dialect), lists(dialect));
        let _ = writeln!(seen, "{dialect:<12} {lines} lines {common}  {queues} queues {lists}");
    }
    insta::assert_snapshot!(seen, @r"
    reference    33257 lines 769ef18d569bcdab  8743 queues 26a90ae9cd1e89ed
    booleans     33257 lines f06d31ec61bfbe73  8743 queues 88240da6cc4e1294
    dio-default  33257 lines a3856fd6f7606cd2  8743 queues 2fbd563a4be37f38
    enum-v1      33257 lines ef444a0afbfbdd1c  8743 queues 4b2e850252aff9f1
    enum-v2      33257 lines 4da5cf690fd66708  8743 queues 1f8e6706729d3d1a
    enum-v3      33257 lines 60cdf8ab705c7f1d  8743 queues 869d930f8382f357
    enum-v4      33257 lines 66f3024337f90e0d  8743 queues a97d73f687efeed1
    ");
}
