//! The names that count as load flags and load variables in a file: those of every era of the family,
//! which the reference's table holds, whichever eras a file goes between. Lazy modes are none: they stand
//! beside the load mode in every era that has them, and a file keeps them as they are.

use crate::plan::Dialect;
use crate::plan::flags::{Flag, FlagDef, Named, Variable};
use crate::plan::rules::{Booleans, Rules};

fn rules() -> &'static Rules {
    Dialect::reference().rules()
}

/// Finds a command-line name, without a value attached.
pub(super) fn find(name: &str) -> Option<Named> {
    rules().find(name).filter(|named| named.flag != Flag::Lazy)
}

/// Finds a name on a line of llama-bench.
pub(super) fn find_bench(name: &str) -> Option<Flag> {
    rules().find_bench(name).map(|(flag, _)| flag)
}

/// Finds an environment variable.
pub(super) fn find_variable(name: &str) -> Option<Variable> {
    rules().find_variable(name).filter(|variable| variable.flag != Flag::Lazy)
}

/// The flags, in the order of registration.
pub(super) fn flags() -> impl Iterator<Item = &'static FlagDef> {
    rules().table.iter().filter(|def| !def.is_lazy())
}

/// The row of a name.
pub(super) fn def(named: Named) -> &'static FlagDef {
    &rules().table[named.row]
}

/// The row of a decision.
pub(super) fn row(flag: Flag) -> Option<&'static FlagDef> {
    flags().find(|def| def.flag == flag)
}

/// The words for on and off.
pub(super) fn booleans() -> &'static Booleans {
    &rules().booleans
}

/// Every name on a command line, of llama-bench too.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    let bench = rules().bench.iter().flat_map(|bench| &bench.flags).flat_map(|def| &def.names);
    flags().flat_map(|def| def.on.iter().chain(&def.off)).chain(bench).copied()
}

/// Every load mode of llama.cpp's eras and of the reference.
pub(super) fn modes() -> impl Iterator<Item = &'static str> {
    rules().words.iter().map(|word| word.name)
}
