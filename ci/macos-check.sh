#!/usr/bin/env bash
# macOS, as far as it goes without one: types and lints for Apple silicon and Intel, tests
# included, and a linked Mach-O program for Apple silicon. Nothing here can run one.
#   ci/macos-check.sh          both
#   ci/macos-check.sh check    without linking: no zig, and a metadata-only std
# Exit 3 with "not run: REASON" where the tools cannot be had.
. "$(dirname "$0")/cross/common.sh"
. "$(dirname "$0")/cross/check.sh"
case ${1:-all} in all | check) ;; *) sed -n '2,6s/^# \{0,1\}//p' "$0" >&2; exit 2 ;; esac
check_target aarch64-apple-darwin "$([ "${1:-all}" = check ] && echo check || echo build)"
check_target x86_64-apple-darwin
[ "${1:-all}" = all ] || exit 0

# Linking proves that the system's library has every function that is called.
zig=$CROSS_HOME/zig
if [ ! -x "$zig/bin/cargo-zigbuild" ]; then
    python3 -m venv "$zig" && "$zig/bin/pip" install -q ziglang cargo-zigbuild ||
        not_run "zig could not be installed from PyPI (ziglang, cargo-zigbuild)"
fi
use_target aarch64-apple-darwin
cd "$cross_root"
export PATH="$zig/bin:$PATH" CARGO_ZIGBUILD_CACHE_DIR="$CROSS_HOME/zig-cache"
cargo-zigbuild zigbuild --locked --target aarch64-apple-darwin
program=$CARGO_TARGET_DIR/aarch64-apple-darwin/debug/loadparity
# The magic number of a 64-bit Mach-O file, and the number of its CPU.
[ "$(od -An -tx4 -N8 "$program" | tr -d ' ')" = feedfacf0100000c ] || { echo "$program is no arm64 Mach-O" >&2; exit 1; }
echo "aarch64-apple-darwin: linked $program"
