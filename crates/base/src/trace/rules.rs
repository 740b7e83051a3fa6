//! The normalisations behind a canonical path, each with a name that a report can show.

/// One normalisation. A difference between two traces that no rule names is a difference between
/// their paths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs, reason = "`explanation` documents each rule, in one place")]
pub enum Rule {
    FileRoles,
    RegionNames,
    ThreadsDropped,
    TimesDropped,
    InjectionMarksDropped,
    QueriesDropped,
    ProcessesDropped,
    ReadsCoalesced,
    ShortReadsMerged,
    InterruptedReadsDropped,
    EmptyReadsDropped,
    RefusedReadsCollapsed,
    LockGrowthCoalesced,
    RefusedLockLengthDropped,
    NoticeTextDropped,
    TeardownSorted,
    NativeFlagsDropped,
    NativeCallsDropped,
    OpensJoined,
    CoverageNotRanges,
    DirectMarginsDropped,
    BufferSizesDropped,
    PrefetchNamed,
    ReadAheadDropped,
    UnusedPagesDropped,
}

impl Rule {
    /// Every rule, in the order in which they are explained.
    pub const ALL: &'static [Rule] = &[
        Rule::FileRoles,
        Rule::RegionNames,
        Rule::ThreadsDropped,
        Rule::TimesDropped,
        Rule::InjectionMarksDropped,
        Rule::QueriesDropped,
        Rule::ProcessesDropped,
        Rule::ReadsCoalesced,
        Rule::ShortReadsMerged,
        Rule::InterruptedReadsDropped,
        Rule::EmptyReadsDropped,
        Rule::RefusedReadsCollapsed,
        Rule::LockGrowthCoalesced,
        Rule::RefusedLockLengthDropped,
        Rule::NoticeTextDropped,
        Rule::TeardownSorted,
        Rule::NativeFlagsDropped,
        Rule::NativeCallsDropped,
        Rule::OpensJoined,
        Rule::CoverageNotRanges,
        Rule::DirectMarginsDropped,
        Rule::BufferSizesDropped,
        Rule::PrefetchNamed,
        Rule::ReadAheadDropped,
        Rule::UnusedPagesDropped,
    ];

    /// The name in reports and files.
    pub fn id(self) -> &'static str {
        match self {
            Rule::FileRoles => "file-roles",
            Rule::RegionNames => "region-names",
            Rule::ThreadsDropped => "threads-dropped",
            Rule::TimesDropped => "times-dropped",
            Rule::InjectionMarksDropped => "injection-marks-dropped",
            Rule::QueriesDropped => "queries-dropped",
            Rule::ProcessesDropped => "processes-dropped",
            Rule::ReadsCoalesced => "reads-coalesced",
            Rule::ShortReadsMerged => "short-reads-merged",
            Rule::InterruptedReadsDropped => "interrupted-reads-dropped",
            Rule::EmptyReadsDropped => "empty-reads-dropped",
            Rule::RefusedReadsCollapsed => "refused-reads-collapsed",
            Rule::LockGrowthCoalesced => "lock-growth-coalesced",
            Rule::RefusedLockLengthDropped => "refused-lock-length-dropped",
            Rule::NoticeTextDropped => "notice-text-dropped",
            Rule::TeardownSorted => "teardown-sorted",
            Rule::NativeFlagsDropped => "native-flags-dropped",
            Rule::NativeCallsDropped => "native-calls-dropped",
            Rule::OpensJoined => "opens-joined",
            Rule::CoverageNotRanges => "coverage-not-ranges",
            Rule::DirectMarginsDropped => "direct-margins-dropped",
            Rule::BufferSizesDropped => "buffer-sizes-dropped",
            Rule::PrefetchNamed => "prefetch-named",
            Rule::ReadAheadDropped => "read-ahead-dropped",
            Rule::UnusedPagesDropped => "unused-pages-dropped",
        }
    }

    /// What it takes away and why that is incidental.
    pub fn explanation(self) -> &'static str {
        match self {
            Rule::FileRoles => "Paths and descriptors became roles: the first file opened is the model.",
            Rule::RegionNames => "Addresses became regions, numbered by first appearance.",
            Rule::ThreadsDropped => "Which thread made a call was dropped: the scheduler decides that.",
            Rule::TimesDropped => "Durations were dropped.",
            Rule::InjectionMarksDropped => "A made-up result counts like a real one.",
            Rule::QueriesDropped => {
                "Questions (size, alignment, mapping hint) were dropped: they move nothing."
            }
            Rule::ProcessesDropped => {
                "Forks, execs and ends of processes were dropped: what they change shows in what is mapped and locked."
            }
            Rule::ReadsCoalesced => {
                "Reads of one file between two other steps became byte ranges with their repetitions."
            }
            Rule::ShortReadsMerged => "A short read counts for the bytes that arrived.",
            Rule::InterruptedReadsDropped => "An interrupted read whose bytes arrived later was dropped.",
            Rule::EmptyReadsDropped => "A read at the end of the file that returned nothing was dropped.",
            Rule::RefusedReadsCollapsed => {
                "Refused reads became one step without a range: how many threads were waiting is chance."
            }
            Rule::LockGrowthCoalesced => {
                "Successive locks (or unlocks) of a region that touch became one range."
            }
            Rule::RefusedLockLengthDropped => "A refused lock is identified by its region and offset.",
            Rule::NoticeTextDropped => {
                "A notice is identified by its code and level: texts name paths and numbers."
            }
            Rule::TeardownSorted => {
                "Unlock, unmap and close in teardown were sorted: drop order is incidental."
            }
            Rule::NativeFlagsDropped => "The platform's own flag names were dropped.",
            Rule::NativeCallsDropped => {
                "Calls that only one system has, such as a changed protection or limit, were dropped."
            }
            Rule::OpensJoined => {
                "Opens of one file in one way became one, and so did their closes if none is missing: how many handles a platform needs is its own affair."
            }
            Rule::CoverageNotRanges => {
                "Ranges of mappings and locks became the tensor bytes they cover: rounding to pages of 4, 16 or 64 KiB goes, a missing byte stays."
            }
            Rule::DirectMarginsDropped => {
                "Bytes that a direct read transferred within 64 KiB of a tensor were dropped: they are there for the alignment."
            }
            Rule::BufferSizesDropped => {
                "The size of a buffer was dropped: direct reads round it to the machine's alignment."
            }
            Rule::PrefetchNamed => {
                "Populating a mapping and advice that it will be needed became one prefetch, however the platform does it and whether it can."
            }
            Rule::ReadAheadDropped => {
                "Advice on the order in which a file or a mapping will be read was dropped: not every platform has it."
            }
            Rule::UnusedPagesDropped => {
                "Giving back pages without tensors, or whose tensors are read, before the teardown was dropped: not every platform can."
            }
        }
    }
}

impl std::fmt::Display for Rule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.id())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_has_its_own_id_and_a_sentence() {
        let mut ids: Vec<_> = Rule::ALL.iter().map(|rule| rule.id()).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), Rule::ALL.len());
        assert!(Rule::ALL.iter().all(|rule| rule.explanation().ends_with('.')));
        assert!(Rule::ALL.is_sorted(), "the table follows the enum");
    }
}
