#!/usr/bin/env bash
# Builds for Windows (x86_64-pc-windows-gnu) and runs that under Wine: `check`, then every test.
#   ci/windows-wine.sh                 both
#   ci/windows-wine.sh check           check alone; writes target/results/windows.json
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

what=${1:-all}
[ $# -gt 0 ] && shift
case $what in
    all | check | test) ;;
    stop) wine_tools; windows_stop; exit ;;
    *) sed -n '2,8s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac
mkdir -p target/results

step() { printf '\n== %s\n' "$*"; }
logits() { grep -o '"logits": *"[0-9a-f]*"' "$1" | sort -u; }

# The same on this machine, before the environment is another compiler's.
if [ "$what" != test ]; then
    step "check on Linux, to compare with"
    cargo run --locked -- check --format json=target/results/linux.json
fi
windows_setup

if [ "$what" != test ]; then
    step "check under Wine"
    rm -f target/results/windows.json
    "$CROSS_CARGO" run --release --locked --target $windows_target -- \
        check --format terminal --format json=target/results/windows.json
    linux=$(logits target/results/linux.json)
    windows=$(logits target/results/windows.json)
    if [ -z "$linux" ] || [ "$linux" != "$windows" ]; then
        echo "the logits differ: Linux $linux, Windows $windows" >&2
        exit 1
    fi
    echo "the logits are those of Linux: $windows"
fi

if [ "$what" != check ]; then
    step "tests under Wine"
    command -v cargo-nextest > /dev/null || not_run "the tests need cargo-nextest: cargo install cargo-nextest --locked"
    profile=default
    [ -n "${CI:-}" ] && profile=ci
    cargo-nextest nextest run --release --locked --no-fail-fast --target $windows_target --profile "$profile" "$@"
fi
