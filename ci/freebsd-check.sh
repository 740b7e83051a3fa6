#!/usr/bin/env bash
# FreeBSD, as far as it goes without one: types and lints, tests included. Nothing is linked or run.
# Exit 3 with "not run: REASON" where the tools cannot be had.
. "$(dirname "$0")/cross/common.sh"
. "$(dirname "$0")/cross/check.sh"
check_target x86_64-unknown-freebsd
