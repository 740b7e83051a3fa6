# Sourced: sets this shell up to build for aarch64-unknown-linux-gnu and to run that under qemu-user.
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
aarch64_target=aarch64-unknown-linux-gnu

# aarch64_apt VERB ARG... : apt-get or apt-cache for arm64, whose lists are read into a folder of their own, so that
# the machine's architectures stay as they are; Debian's backports count as well. `update` comes first.
aarch64_apt() {
    local folder=$CROSS_HOME/apt-arm64 tool=apt-get
    [ "$1" != depends ] || tool=apt-cache
    mkdir -p "$folder/lists/partial" "$folder/cache/archives/partial"
    {
        cat /etc/apt/sources.list 2> /dev/null || true
        (. /etc/os-release && echo "deb http://deb.debian.org/debian $VERSION_CODENAME-backports main")
    } > "$folder/sources.list"
    "$tool" -qq -o APT::Architecture=arm64 -o APT::Architectures::=arm64 -o Dir::State::Lists="$folder/lists" \
        -o Dir::Cache="$folder/cache" -o Dir::State::status=/dev/null -o Dir::Etc::sourcelist="$folder/sources.list" "$@"
}

# Debian's own build of the standard library, where it is of this compiler's version: seconds instead
# of minutes.
aarch64_packaged_std() {
    local version built folder=$CROSS_HOME/std-arm64 lib=$CROSS_HOME/sysroot/lib/rustlib/$aarch64_target
    [ "$CROSS_RUSTC" = /usr/bin/rustc ] || return 1
    version=$(dpkg-query -Wf '${Version}' rustc-web)
    # What build-sysroot.sh asks for, so that it finds the library built.
    built=$("$CROSS_RUSTC" -vV | sed -n 's/^release: //p')-$("$CROSS_RUSTC" -vV | sed -n 's/^commit-hash: //p' | cut -c1-9)
    built=$lib/lib/.built-$built-build
    [ -e "$built" ] && return 0
    rm -rf "$folder"
    mkdir -p "$folder"
    (
        cd "$folder"
        aarch64_apt update || true
        aarch64_apt download "libstd-rust-web-dev:arm64=$version"
    ) > "$CROSS_HOME/apt-arm64.log" 2>&1 || return 1
    dpkg-deb -x "$folder"/libstd-rust-web-dev_*.deb "$folder/unpacked"
    [ -d "$folder/unpacked/usr/lib/rustlib/$aarch64_target/lib" ] || return 1
    rm -rf "$lib"
    mkdir -p "${lib%/*}"
    mv "$folder/unpacked/usr/lib/rustlib/$aarch64_target" "$lib"
    touch "$built"
    ln -sfn /usr/lib/rustlib/x86_64-unknown-linux-gnu "${lib%/*}/x86_64-unknown-linux-gnu"
    rm -rf "$folder"
}

# aarch64_packages PACKAGE... : Debian's arm64 packages, unpacked in one folder, $aarch64_unpacked, and nowhere
# installed. For the metapackage of a kernel, that kernel.
aarch64_packages() {
    local package folder=$CROSS_HOME/packages-arm64/$1 wanted=()
    aarch64_unpacked=$folder/unpacked
    [ "$(cat "$folder/.unpacked" 2> /dev/null)" != "$*" ] || return 0
    rm -rf "$folder"
    mkdir -p "$folder"
    (
        cd "$folder"
        aarch64_apt update || true
        for package in "$@"; do
            case $package in
                linux-image-*) wanted+=("$(aarch64_apt depends "$package" | sed -n 's/^ *Depends: //p' | head -n 1)") ;;
                *) wanted+=("$package") ;;
            esac
        done
        aarch64_apt download "${wanted[@]}"
    ) > "$CROSS_HOME/apt-arm64.log" 2>&1 || not_run "$* cannot be had for arm64; see $CROSS_HOME/apt-arm64.log"
    for package in "$folder"/*.deb; do dpkg-deb -x "$package" "$aarch64_unpacked"; done
    rm "$folder"/*.deb
    echo "$*" > "$folder/.unpacked"
}

# Tests start the program themselves, so the kernel has to know what runs it.
aarch64_binfmt() {
    local folder=/proc/sys/fs/binfmt_misc
    [ -e $folder/qemu-aarch64 ] && return 0
    [ -e $folder/register ] || mount -t binfmt_misc none $folder 2> /dev/null || true
    [ ! -w $folder/register ] || grep -v '^#' /usr/lib/binfmt.d/qemu-aarch64.conf > $folder/register || true
    [ -e $folder/qemu-aarch64 ] ||
        not_run "the kernel starts no AArch64 program (binfmt_misc cannot be set up), and tests start the program"
}

aarch64_setup() {
    [ "$(uname -sm)" = "Linux x86_64" ] || not_run "this takes Linux on x86-64, here is $(uname -sm)"
    need_rust
    need qemu-user-static gcc-aarch64-linux-gnu libc6-dev-arm64-cross
    aarch64_packaged_std || echo "Debian's own standard library cannot be had; it will be built" >&2
    use_target $aarch64_target
    aarch64_binfmt
    export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc
    export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER=qemu-aarch64-static
    export QEMU_LD_PREFIX=/usr/aarch64-linux-gnu
}
