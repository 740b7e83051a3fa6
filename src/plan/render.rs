//! Help and documentation from the tables.

use std::fmt::Write as _;

use super::bench::Items;
use super::dialect::{Dialect, Speech};
use super::flags::{FALSY, FLAGS, Flag, FlagDef, TRUTHY};

/// The names of every flag the dialect accepts: `--mlock, --mmap, …`.
#[must_use]
pub fn flag_list(dialect: Dialect) -> String {
    let known = FLAGS.iter().filter(|def| dialect.rules().knows(def.flag));
    let names = known.flat_map(|def| {
        let value = def.value.map(|value| format!(" {value}")).unwrap_or_default();
        def.on.iter().chain(def.off).map(move |name| format!("{name}{value}"))
    });
    names.collect::<Vec<_>>().join(", ")
}

/// The load modes the dialect accepts: `none, mmap, …`.
#[must_use]
pub fn word_list(dialect: Dialect) -> String {
    dialect.rules().words.iter().map(|word| word.name).collect::<Vec<_>>().join(", ")
}

/// The names of every flag that llama-bench accepts in the dialect: `-mmp 0|1,…, --mmap 0|1,…`.
#[must_use]
pub fn bench_flag_list(dialect: Dialect) -> String {
    let names = super::bench::known(dialect).flat_map(|def| {
        let items = if def.value.is_some() { "MODE,…" } else { "0|1,…" };
        def.bench.iter().map(move |name| format!("{name} {items}"))
    });
    names.collect::<Vec<_>>().join(", ")
}

/// What an item of a llama-bench list may be.
pub(super) fn bench_items(dialect: Dialect, flag: Flag) -> String {
    match dialect.rules().bench.items {
        _ if flag == Flag::Mode => word_list(dialect),
        Items::Words => [TRUTHY, FALSY].concat().join(", "),
        Items::Stream => "0, 1".to_owned(),
    }
}

/// How to write a flag without `=`: `-lm none|mmap|…`.
pub(super) fn usage(dialect: Dialect, name: &str) -> String {
    match super::flags::find(name) {
        Some(named) if named.flag == Flag::Mode => {
            format!("'{name} {}'", word_list(dialect).replace(", ", "|"))
        }
        _ => format!("'{name}'"),
    }
}

/// The lines of `--help` for the load flags of a dialect, without a heading.
#[must_use]
pub fn help(dialect: Dialect) -> String {
    let rules = dialect.rules();
    let deprecated = !matches!(rules.speech, Speech::Fixed { deprecated: [], .. });
    let mut lines = String::new();
    for def in FLAGS.iter().filter(|def| rules.knows(def.flag)) {
        let note = if deprecated && def.flag.is_legacy() { " (deprecated)" } else { "" };
        put(
            &mut lines,
            format_args!("  {}\n          {}{note} [env: {}]\n", names(def), def.help, variables(def)),
        );
        if def.flag == Flag::Mode {
            let default = dialect.word_for(default_plan(dialect));
            for word in rules.words {
                let default = if Some(word.name) == default { " (default)" } else { "" };
                put(&mut lines, format_args!("            {:<11} {}{default}\n", word.name, word.help));
            }
        }
    }
    lines
}

/// A Markdown table: flag, variables, meaning, and the dialects that accept it.
#[must_use]
pub fn flags_markdown() -> String {
    let mut table = String::from("| flag | environment | asks to | dialects |\n| --- | --- | --- | --- |\n");
    for def in &FLAGS {
        let dialects: Vec<_> =
            Dialect::ALL.into_iter().filter(|d| d.rules().knows(def.flag)).map(Dialect::name).collect();
        put(
            &mut table,
            format_args!(
                "| `{}` | `{}` | {} | {} |\n",
                names(def),
                variables(def),
                def.help,
                dialects.join(", ")
            ),
        );
    }
    put(
        &mut table,
        format_args!(
            "\nIn long names `_` equals `-`. Variables of switches take {} or {}.\n",
            TRUTHY.join(", "),
            FALSY.join(", ")
        ),
    );
    table
}

/// A Markdown table: every load mode and its plan in each dialect that has load modes, `-` where
/// the word is an error.
#[must_use]
pub fn words_markdown() -> String {
    let dialects: Vec<_> = Dialect::ALL.into_iter().filter(|d| d.rules().knows(Flag::Mode)).collect();
    let mut names: Vec<&str> = Vec::new();
    for word in dialects.iter().flat_map(|dialect| dialect.rules().words) {
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

fn names(def: &FlagDef) -> String {
    let mut names = [def.on, def.off].concat().join(", ");
    if let Some(value) = def.value {
        put(&mut names, format_args!(" {value}"));
    }
    names
}

fn variables(def: &FlagDef) -> String {
    match def.no_variable {
        Some(negative) => format!("{}, {negative}", def.variable),
        None => def.variable.to_owned(),
    }
}

/// Appends to a `String`, which cannot fail.
fn put(text: &mut String, what: std::fmt::Arguments<'_>) {
    text.write_fmt(what).expect("a String accepts every write");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn help_names_every_flag_word_and_variable_of_the_dialect_and_no_other() {
        for dialect in Dialect::ALL {
            let (help, rules) = (help(dialect), dialect.rules());
            for def in &FLAGS {
                assert_eq!(help.contains(def.variable), rules.knows(def.flag), "{dialect} {}", def.variable);
                for name in def.on.iter().chain(def.off) {
                    assert_eq!(flag_list(dialect).contains(name), rules.knows(def.flag), "{dialect} {name}");
                }
            }
            assert!(rules.words.iter().all(|word| help.contains(word.help)));
            assert_eq!(help.matches("(default)").count(), usize::from(rules.knows(Flag::Mode)), "{help}");
        }
        assert_eq!(help(Dialect::Reference).matches("(deprecated)").count(), 3);
        assert_eq!(help(Dialect::Booleans).matches("(deprecated)").count(), 0);
        assert!(
            help(Dialect::EnumV3)
                .contains("auto        mmap where the platform maps well, none elsewhere (default)")
        );
    }

    #[test]
    fn all_names_of_a_flag_stand_before_what_it_does() {
        for line in
            ["  -lm, --load-mode MODE\n", "  -dio, --direct-io, -ndio, --no-direct-io\n", "  --mlock\n"]
        {
            assert!(help(Dialect::Reference).contains(line), "{line}");
        }
        assert!(flags_markdown().contains("| `--mmap, --no-mmap` | `LLAMA_ARG_MMAP, LLAMA_ARG_NO_MMAP` |"));
    }

    #[test]
    fn markdown_tables_are_rectangular_and_tell_the_change_of_mlock() {
        for table in [flags_markdown(), words_markdown()] {
            let rows: Vec<_> = table.lines().filter(|line| line.starts_with('|')).collect();
            let columns = rows[0].matches('|').count();
            assert!(rows.len() > 4 && rows.iter().all(|row| row.matches('|').count() == columns), "{table}");
        }
        let words = words_markdown();
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
