# Sourced by the scripts beside it. Debian 12 or newer, x86-64, root (for apt-get).
set -euo pipefail
cross_here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
export CROSS_HOME=${CROSS_HOME:-${XDG_CACHE_HOME:-$HOME/.cache}/cross-os}
mkdir -p "$CROSS_HOME/bin" "$CROSS_HOME/env"

# fetch PACKAGE... : install or renew by name
fetch() {
    local opt=(-y -qq --no-install-recommends -o DPkg::Lock::Timeout=600 -o Acquire::Retries=3)
    DEBIAN_FRONTEND=noninteractive apt-get install "${opt[@]}" "$@" > "$CROSS_HOME/apt.log" 2>&1
}

# need PACKAGE... : install what is missing, by name
need() {
    local miss=() p
    for p in "$@"; do
        [ "$(dpkg-query -Wf '${db:Status-Status}' "$p" 2>/dev/null)" = installed ] || miss+=("$p")
    done
    [ ${#miss[@]} -eq 0 ] && return 0
    fetch "${miss[@]}" && return 0
    apt-get update -qq >> "$CROSS_HOME/apt.log" 2>&1 || true
    fetch "${miss[@]}" || { tail -20 "$CROSS_HOME/apt.log" >&2; return 1; }
}

# need_rust : a rustc with its own library source, kept apart from rustup's, and new enough for
# this crate: a machine may have an older release of the same packages
need_rust() {
    need rustc-web cargo-web rust-web-src gcc libc6-dev
    local least
    least=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' "$cross_here/../../Cargo.toml")
    rust_is() { dpkg --compare-versions "$(/usr/bin/rustc --version | cut -d' ' -f2)" ge "$least"; }
    rust_is && return 0
    apt-get update -qq >> "$CROSS_HOME/apt.log" 2>&1 || true
    fetch rustc-web cargo-web rust-web-src || { tail -20 "$CROSS_HOME/apt.log" >&2; return 1; }
    rust_is || { echo "rustc-web is older than $least, which this crate needs" >&2; return 1; }
}

# env_begin FILE TARGET : what every target's env file holds
env_begin() {
    local up
    up=$(printf %s "$2" | tr 'a-z-' 'A-Z_')
    cat > "$1" <<T
export CROSS_HOME='$CROSS_HOME'
export RUSTUP_TOOLCHAIN= CARGO=/usr/bin/cargo RUSTC=/usr/bin/rustc RUSTDOC=/usr/bin/rustdoc
export CARGO_TARGET_${up}_RUSTFLAGS="--sysroot $CROSS_HOME/sysroot\${CROSS_RUSTFLAGS:+ \$CROSS_RUSTFLAGS}"
export CARGO_TARGET_${up}_RUSTDOCFLAGS="--sysroot $CROSS_HOME/sysroot"
T
}
