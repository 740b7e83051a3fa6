#!/usr/bin/env bash
# Builds for AArch64 Linux and runs that under qemu-user.
#   ci/aarch64-qemu.sh                 all of it
#   ci/aarch64-qemu.sh check           check, merged with this machine's results, and bits
#   ci/aarch64-qemu.sh results         check alone; writes target/results/aarch64-*.json
#   ci/aarch64-qemu.sh bits            bits alone; writes target/results/bits-aarch64.json
#   ci/aarch64-qemu.sh test [ARG...]   every test that emulation can run; the arguments go to cargo-nextest
#   ci/aarch64-qemu.sh baseline ARG... loadparity baseline: golden paths
# Installs what it needs by package name. Where it cannot run it says `not run: reason` and ends
# with 3; 1 is a failure of loadparity.
#
# What qemu-user shows: the NEON kernels' bits, layouts and the system calls of AArch64, which pass
# through to this machine's kernel. What it does not: another page size (mappings keep this machine's),
# and speed. Left out, because the emulator has no ptrace: every test that traces a process; those run by
# ci/aarch64-kernel.sh.
. "$(dirname "$0")/cross/aarch64.sh"
. "$(dirname "$0")/cross/machine.sh"
case ${1:-all} in
    all | check | results | bits | test | baseline) ;;
    *) sed -n '2,10s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac

name=aarch64 title="Linux on AArch64 under qemu" target=$aarch64_target expect=linux/x86_64,linux/aarch64
tests=(-E "not binary(tracer)")
set_up() { aarch64_setup; }
there() { "$guest" "$@"; }
foreign "$@"
