#!/usr/bin/env bash
# Builds for Windows (x86_64-pc-windows-gnu) and runs that under Wine: `check` for every model, merged
# with this machine's results, the bits of every CPU level, and every test.
#   ci/windows-wine.sh                 all of it
#   ci/windows-wine.sh check           check, merge and bits alone; writes target/results/windows-*.json
#   ci/windows-wine.sh test [ARG...]   tests alone; the arguments go to cargo-nextest
#   ci/windows-wine.sh stop            ends the Wine processes that are kept for the next run
# Installs what it needs by package name. Where it cannot run it says `not run: reason` and ends
# with 3; 1 is a failure of loadparity.
#
# What Wine shows: linking, calling conventions, layouts, the 64 KiB grain of mappings, sharing,
# error codes, and that every call succeeds where it should. What it does not, because it enforces
# neither: that an unaligned unbuffered read is refused (the direct plans are `unsupported` here and
# no pass), that a lock beyond the working set is refused, and that raising the working set helps.
#
# Not built for Windows, each by its own cfg: tests/strace_witness.rs (strace), tests/lock_limit.rs
# (RLIMIT_MEMLOCK). What the contract suite does not run stands in tests/support/native_world.rs.
cd "$(dirname "$0")/.."
. ci/cross/windows.sh
. ci/cross/compare.sh

what=${1:-all}
[ $# -gt 0 ] && shift
case $what in
    all | check | test) ;;
    stop) wine_tools; windows_stop; exit ;;
    *) sed -n '2,9s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac
results=$PWD/target/results
mkdir -p "$results"

step() { printf '\n== %s\n' "$*"; }

# Built by the host's own compiler before the environment is the other one's.
host=${CARGO_TARGET_DIR:-$PWD/target}/release/loadparity
here() { "$host" "$@"; }
if [ "$what" != test ]; then
    step "check on Linux, to compare with"
    cargo build --release --locked
    checked linux here
fi
windows_setup

if [ "$what" != test ]; then
    step "check under Wine"
    "$CROSS_CARGO" build --locked --target $windows_target
    guest=$CARGO_TARGET_DIR/$windows_target/debug/loadparity.exe
    there() { "$CARGO_TARGET_X86_64_PC_WINDOWS_GNU_RUNNER" "$guest" "$@"; }
    checked windows there
    step "both machines"
    here merge "$results"/linux-*.json "$results"/windows-*.json --expect linux,windows
    step "every CPU level"
    same_levels scalar avx2
fi

if [ "$what" != check ]; then
    step "tests under Wine"
    command -v cargo-nextest > /dev/null || not_run "the tests need cargo-nextest: cargo install cargo-nextest --locked"
    cargo-nextest nextest run --locked --no-fail-fast --target $windows_target --profile emulated "$@"
fi
