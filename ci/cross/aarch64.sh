# Sourced: AArch64 Linux with Debian's cross compiler and qemu-user as the runner.
#   aarch64_setup    makes this shell ready for `cargo --target $aarch64_target`
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
aarch64_target=aarch64-unknown-linux-gnu

aarch64_setup() {
    need qemu-user-static gcc-aarch64-linux-gnu libc6-dev-arm64-cross
    use_target "$aarch64_target"
    export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc
    export CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER=qemu-aarch64-static
    export QEMU_LD_PREFIX=/usr/aarch64-linux-gnu
    # Tests start the program themselves: the kernel has to know whom to give it to.
    local formats=/proc/sys/fs/binfmt_misc
    if [ ! -e $formats/qemu-aarch64 ]; then
        [ -e $formats/register ] || mount -t binfmt_misc none $formats 2> /dev/null || true
        [ ! -w $formats/register ] || grep -v '^#' /usr/lib/binfmt.d/qemu-aarch64.conf > $formats/register || true
    fi
    [ -e $formats/qemu-aarch64 ] || not_run "this kernel starts no AArch64 program (binfmt_misc)"
}
