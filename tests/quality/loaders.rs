//! Bugs planted in a small loader in C, which is watched at its system calls: `tests/loaders`.

use loadparity::rules::Rule;

use crate::planted::{Asked, Kind, Named, Plant, Planted};

const fn row(variant: &'static str, kind: Kind, what: &'static str, rule: Rule, asked: Asked) -> Planted {
    Planted { name: variant, kind, what, rule, named: Named::Broken, plant: Plant::Loader(variant, asked) }
}

const fn unseen(variant: &'static str, kind: Kind, what: &'static str, rule: Rule, asked: Asked) -> Planted {
    Planted { named: Named::NotObserved, ..row(variant, kind, what, rule, asked) }
}

const fn shards(variant: &'static str, kind: Kind, what: &'static str, rule: Rule, asked: Asked) -> Planted {
    Planted { plant: Plant::Shards(variant, asked), ..row(variant, kind, what, rule, asked) }
}

const fn script(
    name: &'static str,
    kind: Kind,
    what: &'static str,
    rule: Rule,
    script: &'static str,
    asked: Asked,
) -> Planted {
    Planted { name, kind, what, rule, named: Named::Broken, plant: Plant::Script(script, asked) }
}

const fn check(spelling: &'static [&'static str]) -> Asked {
    Asked::Check(spelling)
}

const READ: &str = "--no-mmap";
const DIRECT: &str = "-dio";

/// The rows.
pub const ROWS: &[Planted] = &[
    row(
        "env_beats_argv",
        Kind::Plan,
        "a variable wins over a flag",
        Rule::PlanTaken,
        check(&["LLAMA_ARG_MMAP=0 --mmap"]),
    ),
    script(
        "takes-what-is-refused",
        Kind::Plan,
        "words that the dialect refuses are left out, and the model is loaded",
        Rule::UsageRefused,
        r#"m=$2; exec "$1" "$m""#,
        check(&["--load-mode no-such-mode", ""]),
    ),
    row(
        "lock_first_half",
        Kind::Path,
        "half of the mapping is locked",
        Rule::TensorsLocked,
        check(&["--mlock"]),
    ),
    row(
        "lock_wrong_place",
        Kind::Path,
        "as many bytes are locked as the file has, elsewhere",
        Rule::TensorsLocked,
        check(&["--mlock"]),
    ),
    row(
        "unlocks_at_once",
        Kind::Path,
        "the lock is released before the weights are used",
        Rule::TensorsLocked,
        check(&["--no-mmap --mlock"]),
    ),
    row(
        "lock_lost_in_copy",
        Kind::Path,
        "locked memory is copied to memory without a lock",
        Rule::TensorsLocked,
        check(&["--no-mmap --mlock"]),
    ),
    row(
        "locked_after_output",
        Kind::Path,
        "the lock is made when the output has been written",
        Rule::TensorsLocked,
        check(&["--mlock"]),
    ),
    row(
        "wrong_in_heap",
        Kind::Bytes,
        "one byte in memory of malloc is wrong, and the output is a constant",
        Rule::SameBytes,
        check(&["--no-mmap"]),
    ),
    row(
        "tail_not_loaded",
        Kind::Path,
        "the end of the weights is never read",
        Rule::TensorsRead,
        check(&[READ]),
    ),
    row(
        "opened_for_writing",
        Kind::Path,
        "the model is opened for writing too",
        Rule::OpenedReadOnly,
        check(&[""]),
    ),
    row(
        "mapped_writable",
        Kind::Path,
        "the mapping is private and writable",
        Rule::MappedReadOnly,
        check(&[""]),
    ),
    row("made_writable", Kind::Path, "a mapping is made writable later", Rule::MappedReadOnly, check(&[""])),
    row("resized_by_path", Kind::Path, "the model is resized by its path", Rule::NeverWritten, check(&[""])),
    row(
        "direct_decoy",
        Kind::Path,
        "what direct reads bring is thrown away and read again",
        Rule::DirectHeld,
        check(&[DIRECT]),
    ),
    row(
        "direct_decoy_kept",
        Kind::Path,
        "what direct reads bring stays unused and is read again",
        Rule::DirectHeld,
        check(&[DIRECT]),
    ),
    unseen(
        "decoy_mapping",
        Kind::Path,
        "the file is mapped, and no page of it is touched",
        Rule::WeightsLoaded,
        check(&[""]),
    ),
    shards(
        "locks_first_shard",
        Kind::Path,
        "the first of three shards is locked alone",
        Rule::TensorsLocked,
        check(&["--mlock"]),
    ),
    row(
        "flips_a_byte",
        Kind::Bytes,
        "a byte is changed after it was read, behind a constant output",
        Rule::SameBytes,
        check(&[READ]),
    ),
    row(
        "silent_output",
        Kind::Bytes,
        "a byte is changed after it was read, and nothing is printed",
        Rule::SameBytes,
        check(&[READ]),
    ),
    row(
        "overwrites_later",
        Kind::Bytes,
        "long after the load a tensor is overwritten",
        Rule::SameBytes,
        check(&[READ]),
    ),
    script(
        "another-output",
        Kind::Bytes,
        "one spelling prints another line",
        Rule::SameOutput,
        r#""$@"; case " $* " in *no-mmap*) echo more;; esac"#,
        check(&[READ]),
    ),
    row(
        "used_one_byte_late",
        Kind::Fault,
        "after an interrupted read the weights are used from one byte further on than they lie",
        Rule::FaultOutput,
        Asked::Faults(READ),
    ),
    row(
        "short_read_ends_it",
        Kind::Fault,
        "after a short read the rest of the piece stays zero",
        Rule::FaultOutput,
        Asked::Faults(READ),
    ),
    row(
        "short_and_constant",
        Kind::Fault,
        "the same behind a constant output",
        Rule::FaultOutput,
        Asked::Faults(READ),
    ),
    row(
        "restarts_at_zero",
        Kind::Fault,
        "a short read goes on at the start of the file",
        Rule::FaultOutput,
        Asked::Faults(READ),
    ),
    row(
        "direct_tail_zeroed",
        Kind::Fault,
        "a short direct read counts as whole",
        Rule::FaultOutput,
        Asked::Faults(DIRECT),
    ),
    row(
        "interrupted_is_the_end",
        Kind::Fault,
        "an interrupted read counts as the end of the file",
        Rule::FaultOutput,
        Asked::Faults(READ),
    ),
    row(
        "says_and_goes_on",
        Kind::Fault,
        "a read that fails is reported, and the load goes on without it",
        Rule::FaultOutput,
        Asked::Faults(READ),
    ),
    row(
        "swallowed_in_thread",
        Kind::Fault,
        "a read that fails ends one thread of four",
        Rule::FaultOutput,
        Asked::Faults(READ),
    ),
    row(
        "fallback_reads_once",
        Kind::Fault,
        "behind a refused direct read a short read loses the rest",
        Rule::FaultOutput,
        Asked::Pairs(DIRECT),
    ),
    shards(
        "wrong_shard",
        Kind::Fault,
        "a shard that is not there is replaced by the one before it",
        Rule::FaultOutput,
        Asked::Faults(""),
    ),
    row(
        "refusal_unreported",
        Kind::Fault,
        "a refused direct open leads to a mapping without a word",
        Rule::FaultReported,
        Asked::Faults(DIRECT),
    ),
    row(
        "late_refusal_unreported",
        Kind::Fault,
        "a late refused direct read leads to buffered reads without a word",
        Rule::FaultReported,
        Asked::Faults(DIRECT),
    ),
    row(
        "mute_behind_a_warning",
        Kind::Fault,
        "a warning that always comes stands for the one that is missing",
        Rule::FaultReported,
        Asked::Faults(DIRECT),
    ),
    row(
        "map_refused_unreported",
        Kind::Fault,
        "a refused mapping leads to reads without a word",
        Rule::FaultReported,
        Asked::Faults(""),
    ),
    row(
        "half_locked_after_again",
        Kind::Fault,
        "what a lock was refused for once stays unlocked without a word",
        Rule::FaultReported,
        Asked::Faults("--mlock"),
    ),
    row(
        "variable_falls_back_otherwise",
        Kind::Fault,
        "of two spellings of one plan one falls back to a mapping and the other to reads",
        Rule::PlanTaken,
        Asked::Both("-dio", "LLAMA_ARG_DIO=1"),
    ),
    row(
        "fails_mute",
        Kind::Fault,
        "a read that fails ends the program without a word",
        Rule::FaultReported,
        Asked::Faults(READ),
    ),
    row(
        "interrupted_ends_it",
        Kind::Fault,
        "an interrupted read ends the program",
        Rule::TransientSurvived,
        Asked::Faults(READ),
    ),
    row(
        "buffered_for_ever",
        Kind::Fault,
        "one interrupted direct read, and the rest comes through the page cache",
        Rule::DirectHeld,
        Asked::Faults(DIRECT),
    ),
    row(
        "leaks_on_retry",
        Kind::Fault,
        "every retry leaves a descriptor open",
        Rule::ResourcesReleased,
        Asked::Faults(READ),
    ),
    row(
        "map_unchecked",
        Kind::Fault,
        "a mapping that was refused is used",
        Rule::FaultCrash,
        Asked::Faults(""),
    ),
    row(
        "retry_forever",
        Kind::Fault,
        "a read that fails is made again for ever",
        Rule::FaultHang,
        Asked::Faults(READ),
    ),
    Planted {
        name: "mute-fallback-of-a-command",
        plant: Plant::Loader("refusal_unreported", Asked::Under(DIRECT, "open.direct:error=EINVAL")),
        ..row(
            "",
            Kind::Fault,
            "the same, with the fault injected in a check",
            Rule::FallbackReported,
            check(&[]),
        )
    },
];
