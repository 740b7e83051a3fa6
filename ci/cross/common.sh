# Sourced: what the cross-target scripts share. For Debian 12 or newer on x86-64; installing needs root.
#
# The cross targets are built with Debian's own rustc (rustc-web, kept apart from rustup's), because
# that one comes with the source of its standard library, of which each target needs a build.
# CROSS_RUSTC, CROSS_RUSTDOC and CROSS_CARGO name another one, with its source in its sysroot.
# State lies under CROSS_HOME, by default in the user's cache folder; all of it can be deleted.
set -euo pipefail
cross_here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cross_root=$(cd "$cross_here/../.." && pwd)
export CROSS_HOME=${CROSS_HOME:-${XDG_CACHE_HOME:-$HOME/.cache}/loadparity-cross}
mkdir -p "$CROSS_HOME/bin"

# not_run REASON... : a check that did not run is no pass
not_run() { echo "not run: $*" >&2; exit 3; }

apt_install() {
    local options=(-y -qq --no-install-recommends -o DPkg::Lock::Timeout=600 -o Acquire::Retries=3)
    DEBIAN_FRONTEND=noninteractive apt-get install "${options[@]}" "$@" >> "$CROSS_HOME/apt.log" 2>&1
}

can_install() { command -v apt-get > /dev/null && [ "$(id -u)" = 0 ]; }

# need PACKAGE... : installs, by name, what is missing
need() {
    local missing=() package
    command -v dpkg-query > /dev/null || not_run "this system has no dpkg to look for $*"
    for package in "$@"; do
        [ "$(dpkg-query -Wf '${db:Status-Status}' "$package" 2> /dev/null)" = installed ] || missing+=("$package")
    done
    [ ${#missing[@]} -eq 0 ] && return 0
    can_install || not_run "${missing[*]} must be installed, which takes root and apt-get"
    echo "installing ${missing[*]}" >&2
    apt_install "${missing[@]}" && return 0
    apt-get update -qq >> "$CROSS_HOME/apt.log" 2>&1 || true
    apt_install "${missing[@]}" || not_run "${missing[*]} could not be installed; see $CROSS_HOME/apt.log"
}

# new_enough : whether the rustc in use is at least the one that the package asks for
new_enough() {
    local wanted found
    wanted=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' "$cross_root/Cargo.toml")
    found=$("$CROSS_RUSTC" -vV 2> /dev/null | sed -n 's/^release: //p')
    [ -n "$found" ] && [ "$(printf '%s\n' "$wanted" "$found" | sort -V | head -1)" = "$wanted" ]
}

# need_rust : sets CROSS_RUSTC, CROSS_RUSTDOC and CROSS_CARGO to a compiler with library source
need_rust() {
    local packages=(rustc-web cargo-web rust-web-src)
    if [ -z "${CROSS_RUSTC:-}" ]; then
        need "${packages[@]}" gcc libc6-dev
        CROSS_RUSTC=/usr/bin/rustc CROSS_RUSTDOC=/usr/bin/rustdoc CROSS_CARGO=/usr/bin/cargo
        if ! new_enough && can_install; then
            # Newer ones come with the security updates of the distribution.
            echo "upgrading ${packages[*]}" >&2
            apt-get update -qq >> "$CROSS_HOME/apt.log" 2>&1 || true
            apt_install "${packages[@]}" || true
        fi
    fi
    new_enough || not_run "$("$CROSS_RUSTC" --version 2>&1 | head -1) is older than the package allows"
    export CROSS_RUSTC CROSS_CARGO CROSS_RUSTDOC=${CROSS_RUSTDOC:-${CROSS_RUSTC%rustc}rustdoc}
}

# use_target TARGET [MODE] : builds its standard library (MODE of build-sysroot.sh) and points cargo to
# it, in this shell
use_target() {
    local name
    need_rust
    "$cross_here/build-sysroot.sh" "$1" "${2:-build}" || not_run "the standard library of $1 could not be built"
    name=$(printf %s "$1" | tr 'a-z-' 'A-Z_')
    export RUSTUP_TOOLCHAIN='' RUSTC=$CROSS_RUSTC RUSTDOC=$CROSS_RUSTDOC CARGO=$CROSS_CARGO
    export "CARGO_TARGET_${name}_RUSTFLAGS=--sysroot $CROSS_HOME/sysroot"
    export "CARGO_TARGET_${name}_RUSTDOCFLAGS=--sysroot $CROSS_HOME/sysroot"
    # Nobody debugs under an emulator, and linking is the faster for it.
    export CARGO_PROFILE_DEV_DEBUG=${CARGO_PROFILE_DEV_DEBUG:-false}
    # Another compiler than the host's: its artefacts would take turns with the host's.
    export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$cross_root/target/cross}
}
