#!/usr/bin/env bash
# Builds for AArch64 Linux and runs that under qemu-user: `check` for every model, merged with this
# machine's results, the bits of every CPU level, and every test that emulation can run.
#   ci/aarch64-qemu.sh                 all of it
#   ci/aarch64-qemu.sh check           check, merge and bits alone; writes target/results/aarch64-*.json
#   ci/aarch64-qemu.sh test [ARG...]   tests alone; the arguments go to cargo-nextest
# Installs what it needs by package name. Where it cannot run it says `not run: reason` and ends
# with 3; 1 is a failure of loadparity.
#
# What qemu-user shows: the NEON kernels' bits, layouts and the system calls of AArch64, which pass
# through to this machine's kernel. What it does not: another page size (mappings keep this machine's),
# and speed. Left out, because the emulator has no ptrace: tests/strace_witness.rs.
cd "$(dirname "$0")/.."
. ci/cross/aarch64.sh
. ci/cross/compare.sh

what=${1:-all}
[ $# -gt 0 ] && shift
case $what in
    all | check | test) ;;
    *) sed -n '2,8s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac
results=$PWD/target/results
mkdir -p "$results"

step() { printf '\n== %s\n' "$*"; }

# Built by the host's own compiler before the environment is the other one's.
host=${CARGO_TARGET_DIR:-$PWD/target}/release/loadparity
here() { "$host" "$@"; }
if [ "$what" != test ]; then
    step "check on this machine, to compare with"
    cargo build --release --locked
    checked linux here
fi
aarch64_setup

if [ "$what" != test ]; then
    step "check under qemu"
    "$CROSS_CARGO" build --locked --target $aarch64_target
    guest=$CARGO_TARGET_DIR/$aarch64_target/debug/loadparity
    there() { "$guest" "$@"; }
    checked aarch64 there
    grep -q '"arch": *"aarch64"' "$results/aarch64-embedded.json" || { echo "that was no AArch64 program" >&2; exit 1; }
    step "both machines"
    here merge "$results"/linux-*.json "$results"/aarch64-*.json --expect linux/x86_64,linux/aarch64
    step "every CPU level"
    same_levels scalar neon
fi

if [ "$what" != check ]; then
    step "tests under qemu"
    command -v cargo-nextest > /dev/null || not_run "the tests need cargo-nextest: cargo install cargo-nextest --locked"
    cargo-nextest nextest run --locked --no-fail-fast --target $aarch64_target --profile emulated \
        -E 'not binary(strace_witness)' "$@"
fi
