#!/usr/bin/env bash
# Builds for Windows (x86_64-pc-windows-gnu) and runs that under Wine.
#   ci/windows-wine.sh                 all of it
#   ci/windows-wine.sh check           check, merged with this machine's results, and bits
#   ci/windows-wine.sh results         check alone; writes target/results/windows-*.json
#   ci/windows-wine.sh bits            bits alone; writes target/results/bits-windows.json
#   ci/windows-wine.sh test [ARG...]   every test; the arguments go to cargo-nextest
#   ci/windows-wine.sh baseline ARG... loadparity baseline: golden paths of Windows
#   ci/windows-wine.sh stop            ends the Wine processes that are kept for the next run
# Installs what it needs by package name. Where it cannot run it says `not run: reason` and ends
# with 3; 1 is a failure of loadparity.
#
# What Wine shows: linking, calling conventions, layouts, the 64 KiB grain of mappings, sharing,
# error codes, and that every call succeeds where it should. What it does not, because it enforces
# neither: that an unaligned unbuffered read is refused (the direct plans are `unsupported` here and
# no pass), that a lock beyond the working set is refused, and that raising the working set helps.
#
# Not built for Windows, each by its own cfg: what traces a process (tests/tracer) and what sets limits of
# Unix (tests/platform/lock_limit.rs, tests/engine/mapped_memory.rs). What the contract suite does not run
# stands in tests/platform/native_world.rs.
. "$(dirname "$0")/cross/windows.sh"
. "$(dirname "$0")/cross/machine.sh"
case ${1:-all} in
    all | check | results | bits | test | baseline) ;;
    stop) wine_tools; windows_stop; exit ;;
    *) sed -n '2,11s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac

name=windows title="Windows under Wine" target=$windows_target expect=linux,windows tests=()
set_up() { windows_setup; }
there() { "$CARGO_TARGET_X86_64_PC_WINDOWS_GNU_RUNNER" "$guest" "$@"; }
foreign "$@"
