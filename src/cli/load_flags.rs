//! The load flags as people see them: rows of the one flag table, and the same as arguments of clap
//! for help texts, man pages and completions. clap never parses them; `plan` does.

use clap::builder::{PossibleValue, PossibleValuesParser};
use clap::{Arg, ArgAction};

use super::documented::{alias, sentence};
use crate::plan::bench::BenchFlag;
use crate::plan::flags::{FlagDef, VariableDef};
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
    let rows = Dialect::reference().rules().table.iter().flat_map(|def| {
        let same = |names: &'static [&'static str]| match def.value {
            Some(_) => None,
            None => resolve(Dialect::reference(), &names[..1], &[]).ok().and_then(|found| found.load_mode),
        };
        let variable = |variable: Option<VariableDef>| variable.map(|variable| variable.name);
        let on = Row {
            def,
            names: &def.on,
            variable: variable(def.variable),
            help: def.help,
            same: same(&def.on),
        };
        let off = def.off_help.map(|help| Row {
            def,
            names: &def.off,
            variable: variable(def.no_variable),
            help,
            same: same(&def.off),
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
            Some(value) if row.def.is_lazy() => lazy_modes(arg).value_name(value),
            Some(value) => modes(arg).value_name(value),
        }
    };
    rows().into_iter().map(arg).collect()
}

/// The load flags of `bench`, each with a list.
pub(super) fn of_bench() -> Vec<Arg> {
    let rules = Dialect::reference().rules();
    let arg = |listed: &'static BenchFlag| {
        let arg = named(&listed.names).value_delimiter(',');
        let def = rules.table.iter().find(|def| def.flag == listed.flag)?;
        if def.is_mode() {
            return Some(modes(arg).value_name("MODE,…").help(format!("{}; they queue", sentence(def.help))));
        }
        let same = |value| {
            let queue = bench::resolve(Dialect::reference(), &[listed.names[0], value]).ok();
            queue.and_then(|queue| queue.load_modes()).unwrap_or_default()
        };
        let help = format!(
            "{} (1), or {} (0); lists multiply; deprecated, 1 is the same as -lm {} and 0 as -lm {}",
            sentence(def.help),
            def.off_help.unwrap_or_default(),
            same("1"),
            same("0"),
        );
        let words = PossibleValuesParser::new(rules.booleans.on.iter().chain(&rules.booleans.off));
        Some(arg.value_parser(words).value_name("0|1,…").help(help))
    };
    rules.bench.iter().flat_map(|bench| &bench.flags).filter_map(arg).collect()
}

/// Every name on a command line of the common parser.
pub(super) fn names() -> Vec<&'static str> {
    Dialect::reference().rules().table.iter().flat_map(|def| def.on.iter().chain(&def.off)).copied().collect()
}

/// What has to be known of the load flags of `run` beside what each does.
pub(super) fn rules_of_run() -> String {
    format!(
        "These are the load flags of the reference dialect; --dialect reads them by other rules. In long \
         names _ equals -. A load mode on the line decides alone, wherever it stands; of a switch the last statement \
         counts. Variables yield to the line, and those of switches take {} or {}.",
        Dialect::reference().rules().booleans.on.join(", "),
        Dialect::reference().rules().booleans.off.join(", ")
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
        render::flag_list(Dialect::reference())
    )
}

/// The load modes of the reference dialect as the values of an argument.
fn modes(arg: Arg) -> Arg {
    let words = Dialect::reference().rules().words.iter();
    let default = resolve(Dialect::reference(), &[], &[]).ok().and_then(|found| found.load_mode);
    let words = words.map(|word| {
        let note = if Some(word.name) == default { " (the default)" } else { "" };
        PossibleValue::new(word.name).help(format!("{}{note}", sentence(word.help)))
    });
    arg.action(ArgAction::Append).value_parser(PossibleValuesParser::new(words))
}

/// The lazy modes of the reference dialect as the values of an argument.
fn lazy_modes(arg: Arg) -> Arg {
    let rules = Dialect::reference().rules();
    let words = rules.lazy_modes.iter().map(|mode| {
        let note = if mode.exceptions == rules.exceptions { " (the default)" } else { "" };
        PossibleValue::new(mode.name).help(format!("{}{note}", sentence(mode.help)))
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
