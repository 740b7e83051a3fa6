//! The one table of load flags: parsing, help, documentation and the enumeration of spellings all
//! read [`FLAGS`]. Which of them a dialect knows, and what they mean there, is in its rules.

/// One decision a user can take about loading; also the index into [`FLAGS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Flag {
    /// Lock the weights into memory.
    Lock,
    /// Map the file.
    Map,
    /// Bypass the page cache.
    Direct,
    /// The whole mode in one word.
    Mode,
}

impl Flag {
    /// The flag's row in the table.
    #[must_use]
    pub fn def(self) -> &'static FlagDef {
        &FLAGS[self as usize]
    }

    /// Whether this is one of the switches that the load mode replaced.
    #[must_use]
    pub fn is_legacy(self) -> bool {
        self != Self::Mode
    }
}

/// A row of the flag table.
#[derive(Debug)]
pub struct FlagDef {
    /// Which decision the row is about.
    pub flag: Flag,
    /// The names that turn it on or, for a flag with a value, that introduce the value. The first
    /// is the canonical one.
    pub on: &'static [&'static str],
    /// The names that turn it off; empty when there is no negative form.
    pub off: &'static [&'static str],
    /// The names in llama-bench, where the flag takes a comma list; empty where it has no such flag.
    pub bench: &'static [&'static str],
    /// The environment variable.
    pub variable: &'static str,
    /// The variable with the negative sense, if there is one.
    pub no_variable: Option<&'static str>,
    /// The placeholder of the value; `None` for a switch.
    pub value: Option<&'static str>,
    /// What the names that turn it on, or the flag with its value, ask for: for `--help` and the
    /// documentation.
    pub help: &'static str,
    /// The same of the names that turn it off, if there are any.
    pub off_help: Option<&'static str>,
}

/// Every load flag, in the order in which llama.cpp registers them. That order is behaviour: the
/// environment is applied along it.
pub static FLAGS: [FlagDef; 4] = [
    FlagDef {
        flag: Flag::Lock,
        on: &["--mlock"],
        off: &[],
        bench: &[],
        variable: "LLAMA_ARG_MLOCK",
        no_variable: None,
        value: None,
        help: "lock the weights into memory",
        off_help: None,
    },
    FlagDef {
        flag: Flag::Map,
        on: &["--mmap"],
        off: &["--no-mmap"],
        bench: &["-mmp", "--mmap"],
        variable: "LLAMA_ARG_MMAP",
        no_variable: Some("LLAMA_ARG_NO_MMAP"),
        value: None,
        help: "map the file",
        off_help: Some("read the file into memory"),
    },
    FlagDef {
        flag: Flag::Direct,
        on: &["-dio", "--direct-io"],
        off: &["-ndio", "--no-direct-io"],
        bench: &["-dio", "--direct-io"],
        variable: "LLAMA_ARG_DIO",
        no_variable: Some("LLAMA_ARG_NO_DIO"),
        value: None,
        help: "read past the page cache",
        off_help: Some("do not read past the page cache"),
    },
    FlagDef {
        flag: Flag::Mode,
        on: &["-lm", "--load-mode"],
        off: &[],
        bench: &["-lm", "--load-mode"],
        variable: "LLAMA_ARG_LOAD_MODE",
        no_variable: None,
        value: Some("MODE"),
        help: "load the weights in this mode",
        off_help: None,
    },
];

/// The words an environment variable accepts for "on".
pub const TRUTHY: [&str; 4] = ["1", "true", "on", "enabled"];
/// The words an environment variable accepts for "off".
pub const FALSY: [&str; 4] = ["0", "false", "off", "disabled"];

/// A name on the command line that the table knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Named {
    /// The decision it is about.
    pub flag: Flag,
    /// The sense: `false` for a negative form.
    pub on: bool,
    /// The name as the table spells it (dashes for underscores).
    pub name: &'static str,
}

/// Finds a command-line name, without a value attached. Inside long names `_` equals `-`.
#[must_use]
pub fn find(typed: &str) -> Option<Named> {
    if !typed.starts_with('-') {
        return None;
    }
    FLAGS.iter().find_map(|def| {
        let named = |on: bool| move |&name: &&'static str| Named { flag: def.flag, on, name };
        def.on
            .iter()
            .find(|name| same(name, typed))
            .map(named(true))
            .or_else(|| def.off.iter().find(|name| same(name, typed)).map(named(false)))
    })
}

/// Finds a name on a llama-bench command line, without a value attached: the flag, and the name as
/// the table spells it.
#[must_use]
pub fn find_bench(typed: &str) -> Option<(Flag, &'static str)> {
    let of =
        |def: &'static FlagDef| def.bench.iter().find(|name| same(name, typed)).map(|name| (def.flag, *name));
    FLAGS.iter().find_map(of)
}

/// Whether `typed` is `name`. Inside long names `_` equals `-`.
fn same(name: &str, typed: &str) -> bool {
    if typed.starts_with("--") { equals_ignoring_underscores(name, typed) } else { name == typed }
}

fn equals_ignoring_underscores(name: &str, typed: &str) -> bool {
    name.len() == typed.len()
        && name.bytes().zip(typed.bytes()).all(|(n, t)| n == t || (n == b'-' && t == b'_'))
}

/// An environment variable that the table knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Variable {
    /// The decision it is about.
    pub flag: Flag,
    /// Whether it is the variable with the negative sense.
    pub negative: bool,
}

/// Finds an environment variable; names are case sensitive.
#[must_use]
pub fn find_variable(name: &str) -> Option<Variable> {
    // A process environment is mostly other people's variables.
    if !name.starts_with("LLAMA_ARG_") {
        return None;
    }
    FLAGS.iter().find_map(|def| {
        if def.variable == name {
            Some(Variable { flag: def.flag, negative: false })
        } else if def.no_variable == Some(name) {
            Some(Variable { flag: def.flag, negative: true })
        } else {
            None
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flag_is_its_own_index() {
        for (index, def) in FLAGS.iter().enumerate() {
            assert_eq!(def.flag as usize, index);
            assert_eq!(def.flag.def().variable, def.variable);
            assert_eq!(def.off_help.is_some(), !def.off.is_empty(), "{}", def.variable);
        }
    }

    #[test]
    fn every_name_finds_itself_and_no_other() {
        let mut seen = std::collections::BTreeSet::new();
        for def in &FLAGS {
            for (names, on) in [(def.on, true), (def.off, false)] {
                for &name in names {
                    assert!(seen.insert(name), "{name} stands twice in the table");
                    assert_eq!(find(name), Some(Named { flag: def.flag, on, name }));
                }
            }
            for (name, negative) in [(Some(def.variable), false), (def.no_variable, true)] {
                let Some(name) = name else { continue };
                assert!(seen.insert(name), "{name} stands twice in the table");
                assert_eq!(find_variable(name), Some(Variable { flag: def.flag, negative }));
            }
        }
    }

    #[test]
    fn every_bench_name_finds_itself() {
        let mut seen = std::collections::BTreeSet::new();
        for def in &FLAGS {
            for &name in def.bench {
                assert!(seen.insert(name), "{name} stands twice in the table");
                assert_eq!(find_bench(name), Some((def.flag, name)));
            }
        }
        assert_eq!(find_bench("--load_mode"), Some((Flag::Mode, "--load-mode")));
        assert_eq!(find_bench("--direct_io"), Some((Flag::Direct, "--direct-io")));
        for none in ["--mlock", "--no-mmap", "-ndio", "-lm_", "mmp", ""] {
            assert_eq!(find_bench(none), None, "{none}");
        }
    }

    #[test]
    fn underscores_equal_dashes_inside_long_names_only() {
        assert_eq!(find("--no_direct-io"), find("--no-direct-io"));
        assert_eq!(find("--load_mode").map(|n| n.name), Some("--load-mode"));
        assert_eq!(find("_-mlock"), None);
        assert_eq!(find("-_mlock"), None);
        assert_eq!(find("--ml_ck"), None);
        assert_eq!(find("--no+mmap"), None);
        assert_eq!(find("--mlocks"), None);
        assert_eq!(find("mlock"), None);
        assert_eq!(find("--MLOCK"), None);
        assert_eq!(find(""), None);
        assert_eq!(find_variable("LLAMA-ARG-MMAP"), None);
        assert_eq!(find_variable("LLAMA_ARG_MMAPS"), None);
    }
}
