//! The load flags as people see them: rows of the one flag table, and the same as arguments of clap
//! for help texts, man pages and completions. clap never parses them; `plan` does.

use clap::builder::{PossibleValue, PossibleValuesParser};
use clap::{Arg, ArgAction};

use super::documented::{alias, sentence};
use crate::plan::flags::{FALSY, FLAGS, FlagDef, TRUTHY};
use crate::plan::{Dialect, bench, render, resolve};

/// The heading of the load flags among a command's options.
const HEADING: &str = "Load flags";

/// The names of one sense of a flag.
pub(super) struct Row {
    /// The flag.
    pub(super) def: &'static FlagDef,
    /// The names on the command line, all of which say the same.
    pub(super) names: &'static [&'static str],
    /// The variable of this sense.
    pub(super) variable: Option<&'static str>,
    /// What it asks for.
    pub(super) help: &'static str,
    /// The load mode that says exactly the same in the reference dialect; none for the load mode itself.
    pub(super) same: Option<&'static str>,
}

/// Every sense of every flag, in the order of the table.
pub(super) fn rows() -> Vec<Row> {
    let rows = FLAGS.iter().flat_map(|def| {
        let same = |names: &[&'static str]| match def.value {
            Some(_) => None,
            None => resolve(Dialect::Reference, &names[..1], &[]).ok().and_then(|found| found.load_mode),
        };
        let on = Row { def, names: def.on, variable: Some(def.variable), help: def.help, same: same(def.on) };
        let off = def.off_help.map(|help| Row {
            def,
            names: def.off,
            variable: def.no_variable,
            help,
            same: same(def.off),
        });
        std::iter::once(on).chain(off)
    });
    rows.collect()
}

/// The load flags of `run`.
pub(super) fn of_run() -> Vec<Arg> {
    let arg = |row: Row| {
        let same = row.same.map(|word| format!("; deprecated, the same as --load-mode {word}"));
        let variable = row.variable.map(|name| format!(" [env: {name}]"));
        let (same, variable) = (same.unwrap_or_default(), variable.unwrap_or_default());
        let arg = named(row.names).help(format!("{}{same}{variable}", sentence(row.help)));
        match row.def.value {
            None => arg.action(ArgAction::SetTrue),
            Some(value) => modes(arg).value_name(value),
        }
    };
    rows().into_iter().map(arg).collect()
}

/// The load flags of `bench`, each with a list.
pub(super) fn of_bench() -> Vec<Arg> {
    let arg = |def: &'static FlagDef| {
        let arg = named(def.bench).value_delimiter(',');
        if def.value.is_some() {
            return modes(arg).value_name("MODE,…").help(format!("{}; they queue", sentence(def.help)));
        }
        let same = |value| {
            let queue = bench::resolve(Dialect::Reference, &[def.bench[0], value]).ok();
            queue.and_then(|queue| queue.load_modes()).unwrap_or_default()
        };
        let help = format!(
            "{} (1), or {} (0); lists multiply; deprecated, 1 is the same as -lm {} and 0 as -lm {}",
            sentence(def.help),
            def.off_help.unwrap_or_default(),
            same("1"),
            same("0"),
        );
        let words = PossibleValuesParser::new([TRUTHY, FALSY].concat());
        arg.value_parser(words).value_name("0|1,…").help(help)
    };
    FLAGS.iter().filter(|def| !def.bench.is_empty()).map(arg).collect()
}

/// Every name on a command line of the common parser.
pub(super) fn names() -> Vec<&'static str> {
    FLAGS.iter().flat_map(|def| def.on.iter().chain(def.off)).copied().collect()
}

/// What has to be known of the load flags of `run` beside what each does.
pub(super) fn rules_of_run() -> String {
    format!(
        "These are the load flags of the reference dialect; --dialect reads them by other rules. In long \
         names _ equals -. A load mode on the line decides alone, wherever it stands; of a switch the last statement \
         counts. Variables yield to the line, and those of switches take {} or {}.",
        TRUTHY.join(", "),
        FALSY.join(", ")
    )
}

/// The same of `bench`.
pub(super) fn rules_of_bench() -> &'static str {
    "These are the load flags of the reference dialect; --dialect reads them by other rules. In long names _ \
     equals -. The product of the switches stands in the queue where the first of them stands on the line. No \
     variable is read."
}

/// Which load flags there are, for the commands that take them behind `--` or try them all.
pub(super) fn list() -> String {
    format!(
        "The load flags are {}. `loadparity run --help` says what each does.",
        render::flag_list(Dialect::Reference)
    )
}

/// The load modes of the reference dialect as the values of an argument.
fn modes(arg: Arg) -> Arg {
    let words = Dialect::Reference.rules().words.iter();
    let default = resolve(Dialect::Reference, &[], &[]).ok().and_then(|found| found.load_mode);
    let words = words.map(|word| {
        let note = if Some(word.name) == default { " (the default)" } else { "" };
        PossibleValue::new(word.name).help(format!("{}{note}", sentence(word.help)))
    });
    arg.action(ArgAction::Append).value_parser(PossibleValuesParser::new(words))
}

/// An argument with the first long name of these, and the others as its aliases.
fn named(names: &[&'static str]) -> Arg {
    let long = names.iter().find_map(|name| name.strip_prefix("--")).unwrap_or(names[0]);
    let others = names.iter().filter(|name| name.strip_prefix("--") != Some(long));
    Arg::new(format!("load flag {long}"))
        .long(long)
        .visible_aliases(others.map(|name| alias(name)).collect::<Vec<_>>())
        .help_heading(HEADING)
}
