# Sourced by the checks of systems that nothing here can run: types and lints of every target.
# The caller has sourced common.sh.

# not_run REASON : no pass, and no failure of the code either
not_run() { echo "not run: $1" >&2; exit 3; }

# cross_ready : a compiler, or the reason why there is none
cross_ready() {
    command -v apt-get > /dev/null && command -v dpkg > /dev/null || not_run "this needs a Debian system"
    need_rust || not_run "rustc-web, cargo-web and rust-web-src could not be installed"
}

# check_target TARGET [check|build] : builds that target's std where it is absent (metadata only,
# unless "build"), then checks the crate with all its tests; a warning is an error
check_target() {
    "$cross_here/build-sysroot.sh" "$1" "${2:-check}" || not_run "the standard library of $1 could not be built"
    local env=$CROSS_HOME/env/$1.sh
    env_begin "$env" "$1"
    (
        CROSS_RUSTFLAGS="-D warnings"
        . "$env"
        cd "$cross_here/../.."
        export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$PWD/target/cross}
        /usr/bin/cargo check --locked --all-targets --target "$1"
    )
    echo "$1: every target checks, without a warning"
}
