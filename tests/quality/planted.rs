//! What a row of the catalogue is.

use loadparity::plan::LoadPlan;
use loadparity::rules::{Profile, Rule};

use crate::support::saboteur::Sabotage;

/// The four kinds of bugs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Plan,
    Path,
    Bytes,
    Fault,
}

impl Kind {
    pub const ALL: [Self; 4] = [Self::Plan, Self::Path, Self::Bytes, Self::Fault];

    pub fn words(self) -> &'static str {
        match self {
            Self::Plan => "wrong plan",
            Self::Path => "wrong path",
            Self::Bytes => "wrong bytes",
            Self::Fault => "wrong under fault",
        }
    }
}

/// How the rule names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Named {
    /// It is a finding.
    Broken,
    /// It is *not observed*, which is no pass.
    NotObserved,
}

/// What is asked of a subject.
#[derive(Clone, Copy, Debug)]
pub enum Asked {
    /// The matrix, with these spellings alone; the whole of it where there is none.
    Check(&'static [&'static str]),
    /// Single faults in this spelling.
    Faults(&'static str),
    /// Single faults in these two spellings.
    Both(&'static str, &'static str),
    /// Single faults and pairs in this spelling.
    Pairs(&'static str),
    /// The matrix with one spelling under one fault.
    Under(&'static str, &'static str),
}

/// Where it is planted.
#[derive(Clone, Copy, Debug)]
pub enum Plant {
    /// A trace, in the notation of `tests/rules/notation.rs`.
    Trace(LoadPlan, &'static Profile, &'static str),
    /// Between the reference engine and a simulated machine.
    Seam(Sabotage, Asked),
    /// A variant of the C loader.
    Loader(&'static str, Asked),
    /// The same, on a model in three shards.
    Shards(&'static str, Asked),
    /// The honest C loader behind a shell script.
    Script(&'static str, Asked),
    /// A variant of the C loader as the new build, the honest one as the old.
    Build(&'static str, &'static str),
    /// A dialect file in which a text was replaced by another.
    Dialect(&'static str, &'static str),
    /// The result of one of three machines, changed.
    Machine(fn(&mut serde_json::Value)),
    /// A list of known divergences that has one too many.
    List,
}

/// A planted bug.
#[derive(Clone, Copy, Debug)]
pub struct Planted {
    pub name: &'static str,
    pub kind: Kind,
    /// What is planted, as a clause.
    pub what: &'static str,
    /// The rule that must name it.
    pub rule: Rule,
    pub named: Named,
    pub plant: Plant,
}

impl Planted {
    /// Whether this system can run it.
    pub fn runs_here(&self) -> bool {
        let linux = matches!(
            self.plant,
            Plant::Loader(..) | Plant::Shards(..) | Plant::Script(..) | Plant::Build(..) | Plant::List
        );
        cfg!(target_os = "linux") || !linux
    }

    /// Where it is planted, in a word.
    pub fn place(&self) -> &'static str {
        match self.plant {
            Plant::Trace(..) => "trace",
            Plant::Seam(..) => "seam",
            Plant::Loader(..) | Plant::Shards(..) | Plant::Script(..) | Plant::List => "loader",
            Plant::Build(..) => "build",
            Plant::Dialect(..) => "dialect",
            Plant::Machine(_) => "machine",
        }
    }
}
