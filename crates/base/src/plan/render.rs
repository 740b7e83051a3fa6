//! Lists for messages and the documentation, from the tables.

use std::fmt::Write as _;

use super::bench::Items;
use super::dialect::Dialect;
use super::flags::{Flag, Reads};

/// The names of every flag the dialect accepts: `--mlock, --mmap, …`, or that there are none.
#[must_use]
pub fn flag_list(dialect: Dialect) -> String {
    let rules = dialect.rules();
    let names = rules.flags().flat_map(|def| {
        let valued = |name: &str| match (def.value, def.needs_value()) {
            (Some(value), true) => rules.with_value(name, value).join(" "),
            _ => name.to_owned(),
        };
        let on = def.on.iter().map(move |name| valued(name));
        on.chain(def.off.iter().map(|name| (*name).to_owned()))
    });
    let names: Vec<String> = names.collect();
    if names.is_empty() { "no load flags".to_owned() } else { names.join(", ") }
}

/// The values that a flag accepts: load modes, or the words for on and off.
#[must_use]
pub(super) fn value_list(dialect: Dialect, name: &str) -> String {
    let rules = dialect.rules();
    let takes = rules.find(name).and_then(|named| rules.table[named.row].takes).map(|takes| takes.reads);
    let of_variable =
        || rules.variables().find(|(_, known)| known.name == name).map(|(_, known)| known.reads);
    match takes.or_else(of_variable) {
        None | Some(Reads::Mode) => word_list(dialect),
        Some(Reads::Lazy) => lazy_list(dialect),
        Some(Reads::Number) => "a number, 0 for off".to_owned(),
        Some(_) => {
            format!("{} (on) and {} (off)", rules.booleans.on.join(", "), rules.booleans.off.join(", "))
        }
    }
}

/// The load modes the dialect accepts: `none, mmap, …`.
#[must_use]
pub fn word_list(dialect: Dialect) -> String {
    dialect.rules().words.iter().map(|word| word.name).collect::<Vec<_>>().join(", ")
}

/// The lazy modes the dialect accepts: `off, auto, …`.
#[must_use]
pub fn lazy_list(dialect: Dialect) -> String {
    dialect.rules().lazy_modes.iter().map(|mode| mode.name).collect::<Vec<_>>().join(", ")
}

/// The names of every flag that llama-bench accepts in the dialect: `-mmp 0|1,…, --mmap 0|1,…`.
#[must_use]
pub fn bench_flag_list(dialect: Dialect) -> String {
    let Some(bench) = &dialect.rules().bench else { return "no load flags".to_owned() };
    let names = bench.accepted().flat_map(|def| {
        let items = if def.flag == Flag::Mode { "MODE,…" } else { "0|1,…" };
        def.names.iter().map(move |name| format!("{name} {items}"))
    });
    names.collect::<Vec<_>>().join(", ")
}

/// What an item of a llama-bench list may be.
pub(super) fn bench_items(dialect: Dialect, flag: Flag) -> String {
    let booleans = &dialect.rules().booleans;
    match dialect.rules().bench.as_ref().map(|bench| bench.items) {
        _ if flag == Flag::Mode => word_list(dialect),
        Some(Items::Words) => [booleans.on.as_slice(), &booleans.off].concat().join(", "),
        _ => "0, 1".to_owned(),
    }
}

/// How to write a flag without `=`: `-lm none|mmap|…`.
pub(super) fn usage(dialect: Dialect, name: &str) -> String {
    match dialect.rules().find(name) {
        Some(named) if named.flag == Flag::Mode => {
            format!("'{name} {}'", word_list(dialect).replace(", ", "|"))
        }
        Some(named) if named.flag == Flag::Lazy => {
            format!("'{name} {}'", lazy_list(dialect).replace(", ", "|"))
        }
        _ => format!("'{name}'"),
    }
}

/// A Markdown table: every load mode and its plan in each dialect that has load modes, `-` where
/// the word is an error.
#[must_use]
pub fn words_markdown() -> String {
    let dialects: Vec<_> = Dialect::eras().into_iter().filter(|d| d.rules().knows(Flag::Mode)).collect();
    let mut names: Vec<&str> = Vec::new();
    for word in dialects.iter().flat_map(|dialect| &dialect.rules().words) {
        if !names.contains(&word.name) {
            names.push(word.name);
        }
    }
    let mut table = String::from("| load mode |");
    for dialect in &dialects {
        put(&mut table, format_args!(" {dialect} |"));
    }
    put(&mut table, format_args!("\n| --- |{}\n", " --- |".repeat(dialects.len())));
    for row in std::iter::once("(nothing)").chain(names) {
        put(&mut table, format_args!("| `{row}` |"));
        for dialect in &dialects {
            let plan = match row {
                "(nothing)" => Some(default_plan(*dialect)),
                name => dialect.rules().word(name).map(|word| word.plan),
            };
            put(&mut table, format_args!(" {} |", plan.map_or("-".to_owned(), |plan| plan.to_string())));
        }
        table.push('\n');
    }
    table
}

/// The plan of an empty spelling.
fn default_plan(dialect: Dialect) -> super::LoadPlan {
    match super::resolve(dialect, &[], &[]) {
        Ok(resolved) => resolved.plan,
        Err(error) => unreachable!("an empty spelling has nothing to reject: {error}"),
    }
}

/// Appends to a `String`, which cannot fail.
fn put(text: &mut String, what: std::fmt::Arguments<'_>) {
    text.write_fmt(what).expect("a String accepts every write");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::dialect::era;

    #[test]
    fn the_list_of_flags_has_those_of_the_dialect_and_no_other() {
        for dialect in Dialect::eras() {
            let list = flag_list(dialect);
            let listed: Vec<&str> = list.split(", ").map(|name| name.split(' ').next().unwrap()).collect();
            for def in &dialect.rules().table {
                for name in def.on.iter().chain(&def.off) {
                    assert_eq!(listed.contains(name), def.accepted, "{dialect} {name}");
                }
            }
        }
        assert!(flag_list(era("enum-v4")).ends_with("-lm MODE, --load-mode MODE"));
    }

    #[test]
    fn the_table_of_load_modes_is_rectangular_and_tells_the_change_of_mlock() {
        let words = words_markdown();
        let rows: Vec<_> = words.lines().collect();
        let columns = rows[0].matches('|').count();
        assert!(rows.len() > 4 && rows.iter().all(|row| row.matches('|').count() == columns), "{words}");
        assert!(
            words.contains("| load mode | reference | enum-v1 | enum-v2 | enum-v3 | enum-v4 |"),
            "{words}"
        );
        assert!(
            words.contains("| `mlock` | map+lock | map+lock | read+lock | read+lock | read+lock |"),
            "{words}"
        );
        assert!(words.contains("| `(nothing)` | map | map | map | auto | auto |"), "{words}");
        assert!(words.contains("| `auto` | auto | - | - | auto | auto |"), "{words}");
    }
}
