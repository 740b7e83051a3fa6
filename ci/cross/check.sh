# Sourced after common.sh: types and lints of a system that nothing here can run.

# check_target TARGET [check|build] : checks the crate with all its tests for TARGET; a warning is an
# error. Its standard library is built first, as metadata only unless "build".
check_target() (
    use_target "$1" "${2:-check}"
    local name
    name=$(printf %s "$1" | tr 'a-z-' 'A-Z_')
    local flags=CARGO_TARGET_${name}_RUSTFLAGS
    export "$flags=${!flags} -D warnings"
    cd "$cross_root"
    "$CROSS_CARGO" check --locked --all-targets --target "$1"
    echo "$1: every target checks, without a warning"
)
