//! One table for each dialect: the whole difference between the eras.
//!
//! Facts from the sources of llama.cpp at the commits named in each `about` and from recorded
//! runs of such builds. Defects are kept, because they are what the era did. The comment of a table
//! says which of its cells are inferred and from what; what no comment names was read or recorded.
//!
//! Two things of the later eras are no part of a spelling and are not here: the configuration files
//! below the environment, and the lazy mode of the last era, which maps lazy tensors in every load
//! mode.

use super::bench::{BenchCombine, BenchRules, Items};
use super::dialect::{Combine, Refusal, Rules, Speech, Switches, Variables, Word};
use super::flags::Flag::{self, Direct, Lock, Map, Mode};
use super::{LoadPlan, OnRefused};

const LEGACY: &[Flag] = &[Lock, Map, Direct];
const ALL: &[Flag] = &[Lock, Map, Direct, Mode];

const AUTO: Word =
    Word { name: "auto", plan: LoadPlan::AUTO, help: "mmap where the platform maps well, none elsewhere" };
const NONE: Word =
    Word { name: "none", plan: LoadPlan::read(false), help: "buffered reads into memory of our own" };
const MMAP: Word = Word { name: "mmap", plan: LoadPlan::map(false), help: "map the file" };
const MLOCK_MAPS: Word =
    Word { name: "mlock", plan: LoadPlan::map(true), help: "map the file and lock it into memory" };
const MLOCK_READS: Word =
    Word { name: "mlock", plan: LoadPlan::read(true), help: "read into memory and lock it" };
const MMAP_MLOCK: Word =
    Word { name: "mmap+mlock", plan: LoadPlan::map(true), help: "map the file and lock it into memory" };
const NONE_MLOCK: Word =
    Word { name: "none+mlock", plan: LoadPlan::read(true), help: "read into memory and lock it" };
const DIO: Word = Word {
    name: "dio",
    plan: LoadPlan::direct(false, OnRefused::Read),
    help: "reads past the page cache; buffered when refused",
};
const DIO_MLOCK: Word = Word {
    name: "dio+mlock",
    plan: LoadPlan::direct(true, OnRefused::Read),
    help: "as dio, and lock the memory",
};

/// What a legacy switch writes into the one field of the enum eras. The negative form of direct
/// I/O writes `none`, so it also takes the mapping away.
macro_rules! overwrites {
    ($mlock:expr) => {
        &[
            (Lock, true, $mlock),
            (Map, true, MMAP),
            (Map, false, NONE),
            (Direct, true, DIO),
            (Direct, false, NONE),
        ]
    };
}

/// The words of the legacy warnings, wrong advice included: `mmap` is recommended for `--no-mmap`
/// too, `dio` for `-ndio`, and `mlock` kept being recommended after it had stopped mapping.
const ENUM_SPEECH: Speech = Speech::Fixed {
    deprecated: &[
        (Lock, "--mlock is deprecated. use --load-mode mlock instead"),
        (Map, "--mmap and --no-mmap are deprecated. use --load-mode mmap instead"),
        (Direct, "--direct-io and --no-direct-io are deprecated. use --load-mode dio instead"),
    ],
    combined: Some(
        "a load mode and legacy switches stand on one command line: only the last flag takes effect",
    ),
};
const NO_DEPRECATION: Speech = Speech::Fixed { deprecated: &[], combined: None };

/// llama-bench has no lock switch.
const BENCH_LEGACY: &[Flag] = &[Map, Direct];
const BENCH_ALL: &[Flag] = &[Map, Direct, Mode];

/// The deprecation texts of llama-bench, in substance: it names `mmap` and `dio` for a 0 as well.
const BENCH_DEPRECATED: &[(Flag, &str)] = &[
    (Map, "-mmp and --mmap are deprecated: use --load-mode mmap instead"),
    (Direct, "-dio and --direct-io are deprecated: use --load-mode dio instead"),
];

/// The lists of llama-bench before load modes.
const fn bench_product(map: bool) -> BenchRules {
    BenchRules {
        flags: BENCH_LEGACY,
        combine: BenchCombine::Multiply {
            start: Switches { lock: false, map, direct: false },
            refused: Refusal::WithoutDirect,
        },
        items: Items::Stream,
        deprecated: &[],
    }
}

/// The one list of llama-bench with load modes: a 0 of either switch appends `none`.
const fn bench_queue(
    flags: &'static [Flag],
    start: Word,
    deprecated: &'static [(Flag, &'static str)],
) -> BenchRules {
    BenchRules {
        flags,
        combine: BenchCombine::Queue {
            start,
            assigns: &[(Map, true, MMAP), (Map, false, NONE), (Direct, true, DIO), (Direct, false, NONE)],
        },
        items: Items::Stream,
        deprecated,
    }
}

/// The project's own rules; nothing of it is a fact about llama.cpp.
pub(super) static REFERENCE: Rules = Rules {
    name: "reference",
    about: "the rules of loadparity itself: independent switches, and a load mode that decides alone",
    flags: ALL,
    words: &[AUTO, NONE, MMAP, MLOCK_MAPS, MMAP_MLOCK, NONE_MLOCK, DIO, DIO_MLOCK],
    combine: Combine::Switches {
        start: Switches { lock: false, map: true, direct: false },
        turns_off: &[],
        refused: Refusal::Read,
    },
    equals_form: true,
    variables: Variables::Checked,
    speech: Speech::Exact,
    bench: BenchRules {
        flags: BENCH_ALL,
        combine: BenchCombine::Multiply {
            start: Switches { lock: false, map: true, direct: false },
            refused: Refusal::Read,
        },
        items: Items::Words,
        deprecated: &[],
    },
};

/// Read at e3546c794 and recorded. A direct load refused at open is mapped unless mapping is off, which
/// is also the plan on systems without direct I/O.
pub(super) static BOOLEANS: Rules = Rules {
    name: "booleans",
    about: "llama.cpp before PR #20834 (e3546c794): three independent booleans",
    flags: LEGACY,
    words: &[],
    combine: Combine::Switches {
        start: Switches { lock: false, map: true, direct: false },
        turns_off: &[],
        refused: Refusal::WithoutDirect,
    },
    equals_form: false,
    variables: Variables::Lenient,
    speech: NO_DEPRECATION,
    bench: bench_product(true),
};

/// Read in two vendored copies of January 2026, whose exact commits are unknown. Inferred: what a refused
/// direct load does while mapping is off (from `booleans`), and llama-bench's defaults, both off from #18841
/// on (from the thread; before it the tool could not turn direct I/O off at all).
pub(super) static DIO_DEFAULT: Rules = Rules {
    name: "dio-default",
    about: "llama.cpp from #18166 to #19109 (January 2026): direct I/O on by default, an explicit --mmap turns it off",
    flags: LEGACY,
    words: &[],
    combine: Combine::Switches {
        start: Switches { lock: false, map: true, direct: true },
        turns_off: &[(Map, Direct)],
        refused: Refusal::WithoutDirect,
    },
    equals_form: false,
    variables: Variables::Lenient,
    speech: NO_DEPRECATION,
    bench: bench_product(false),
};

/// No source of this state was found: it is the next state without #26135. So every cell is inferred that
/// the pull request's own text and the first bug reports do not show, above all that a refused direct load is
/// read (the mapping branch is gone in the next state; #26135 may have dropped it instead), and that `mlock`
/// maps in llama-bench too.
pub(super) static ENUM_V1: Rules = Rules {
    name: "enum-v1",
    about: "PR #20834 as merged (2026-07-23): one field, the last flag wins, mlock maps",
    flags: ALL,
    words: &[NONE, MMAP, MLOCK_MAPS, DIO],
    combine: Combine::OneField { start: MMAP, assigns: overwrites!(MLOCK_MAPS) },
    equals_form: false,
    variables: Variables::Lenient,
    speech: ENUM_SPEECH,
    bench: bench_queue(BENCH_ALL, MMAP, BENCH_DEPRECATED),
};

/// Read in a vendored copy of late July 2026. Its flags are recorded in a build of the next era, from which
/// it differs by `auto` alone.
pub(super) static ENUM_V2: Rules = Rules {
    name: "enum-v2",
    about: "llama.cpp after #26135 (late July 2026): mlock stops mapping, mmap+mlock is split off",
    flags: ALL,
    words: &[NONE, MMAP, MLOCK_READS, MMAP_MLOCK, DIO],
    combine: Combine::OneField { start: MMAP, assigns: overwrites!(MLOCK_READS) },
    equals_form: false,
    variables: Variables::Lenient,
    speech: ENUM_SPEECH,
    bench: bench_queue(BENCH_ALL, MMAP, BENCH_DEPRECATED),
};

/// Read at 4df29be4f and recorded.
pub(super) static ENUM_V3: Rules = Rules {
    name: "enum-v3",
    about: "llama.cpp after #26081 (4df29be4f): auto is added and is the default",
    flags: ALL,
    words: &[AUTO, NONE, MMAP, MLOCK_READS, MMAP_MLOCK, DIO],
    combine: Combine::OneField { start: AUTO, assigns: overwrites!(MLOCK_READS) },
    equals_form: false,
    variables: Variables::Lenient,
    speech: ENUM_SPEECH,
    bench: bench_queue(BENCH_ALL, AUTO, BENCH_DEPRECATED),
};

/// Read at 0c1e57098 and recorded, the unread variables too.
pub(super) static ENUM_V4: Rules = Rules {
    name: "enum-v4",
    about: "llama.cpp after #28334 (0c1e57098): the legacy switches are gone, their variables silently unread",
    flags: &[Mode],
    words: &[AUTO, NONE, MMAP, MLOCK_READS, MMAP_MLOCK, DIO],
    combine: Combine::OneField { start: AUTO, assigns: &[] },
    equals_form: false,
    variables: Variables::Lenient,
    speech: NO_DEPRECATION,
    bench: bench_queue(&[Mode], AUTO, &[]),
};
