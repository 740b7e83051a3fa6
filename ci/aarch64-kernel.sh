#!/usr/bin/env bash
# Runs tests on a Linux kernel of AArch64, in a machine that qemu-system emulates.
#   ci/aarch64-kernel.sh               what qemu-user cannot run: every test that traces a process
#   ci/aarch64-kernel.sh ARG...        what cargo-nextest selects by these arguments
#   PAGE=16k ci/aarch64-kernel.sh ...  on a kernel whose pages have 16 KiB
# The tests of commands (-E 'test(/^command_/)') take most of half an hour, the others two minutes. Installs
# what it needs by package name; kernel, busybox and strace are Debian's arm64 packages. Where it cannot run
# it says `not run: reason` and ends with 3; 1 is a failed test, or a machine that did not get to its end.
#
# What it shows that ci/aarch64-qemu.sh cannot: ptrace, seccomp and the registers of AArch64 as its own kernel
# has them, another page size, and direct reads of a disk with a block size. What it does not: speed.
. "$(dirname "$0")/cross/aarch64.sh"
cd "$cross_root"
aarch64_setup
need qemu-system-arm e2fsprogs cpio kmod xz-utils python3
case ${PAGE:-4k} in
    4k) kernel=linux-image-cloud-arm64 ;;
    16k) kernel=linux-image-arm64-16k ;;
    *) echo "PAGE: 4k or 16k" >&2; exit 2 ;;
esac
aarch64_packages $kernel busybox-static strace
command -v cargo-nextest > /dev/null || not_run "the tests need cargo-nextest: cargo install cargo-nextest --locked"

selection=("$@")
[ $# -gt 0 ] || selection=(-E 'binary(tracer)')
machine=$CROSS_HOME/machine-arm64
rm -rf "$machine"
mkdir -p "$machine"/{boot/bin,boot/modules,disk}
trap 'rm -rf "$machine"' EXIT

cargo-nextest nextest list --locked --target $aarch64_target --message-format json "${selection[@]}" > "$machine/tests.json"
# One line a test: its program, a tab, its name.
python3 - "$machine/tests.json" > "$machine/tests" << 'P'
import json, sys
for suite in json.load(open(sys.argv[1]))["rust-suites"].values():
    for name, case in suite.get("testcases", {}).items():
        if case["filter-match"]["status"] == "matches" and not case["ignored"]:
            print(suite["binary-path"], name, sep="\t")
P
[ -s "$machine/tests" ] || { echo "no test is selected by: ${selection[*]}" >&2; exit 2; }

# The disk: the checkout and the tests where they lie here, because tests know both by absolute paths.
disk=$machine/disk
mkdir -p "$disk"/{bin,dev,proc,sys,tmp,etc,usr/bin} "$disk$cross_root" "$disk$CARGO_TARGET_DIR/$aarch64_target/tmp"
cp -a "$QEMU_LD_PREFIX/lib" "$disk/lib"
cp "$aarch64_unpacked/bin/busybox" "$disk/bin/busybox"
cp "$aarch64_unpacked/usr/bin/strace" "$disk/usr/bin/strace"
for tool in sh cat cp date echo env false grep mkdir mktemp printf rm sleep timeout true uname xargs; do ln -s busybox "$disk/bin/$tool"; done
echo 'root:x:0:0:root:/:/bin/sh' > "$disk/etc/passwd"
git ls-files -z --cached --others --exclude-standard | tar --null -cf - -T - | tar -xf - -C "$disk$cross_root"
program=$CARGO_TARGET_DIR/$aarch64_target/debug/loadparity
for file in "$program" $(cut -f 1 "$machine/tests" | sort -u); do
    mkdir -p "$disk${file%/*}"
    aarch64-linux-gnu-strip --strip-debug "$file" -o "$disk$file"
done
cp "$machine/tests" "$disk/tests"
# A process for each test, as cargo-nextest does it: the tracer waits for every child of its process.
cat > "$disk/run-test" << 'R'
#!/bin/sh
said=$(mktemp) began=$(date +%s) verdict=PASS
if ! timeout 1800 "$1" --exact "$2" < /dev/null > "$said" 2>&1; then
    verdict=FAIL
    cat "$said"
fi
rm "$said"
printf '\n%s %s %s, %s s\n' $verdict "${1##*/}" "$2" $(($(date +%s) - began))
R
chmod +x "$disk/run-test"
mke2fs -q -t ext4 -d "$disk" "$machine/disk.img" "$(($(du -sm "$disk" | cut -f 1) * 5 / 4 + 1024))M" > /dev/null

boot=$machine/boot
cp "$aarch64_unpacked/bin/busybox" "$boot/bin/busybox"
# What the disk needs, in the order of loading; what is built into the kernel is left out.
release=$(basename "$aarch64_unpacked"/lib/modules/*)
depmod -b "$aarch64_unpacked" "$release"
drivers=()
for file in $(modprobe -d "$aarch64_unpacked" -S "$release" --show-depends -a virtio_pci virtio_blk ext4 |
    sed -n 's/^insmod \([^ ]*\).*/\1/p' | awk '!seen[$0]++'); do
    driver=$(basename "$file" .xz)
    case $file in
        *.xz) xz -dc "$file" > "$boot/modules/$driver" ;;
        *) cp "$file" "$boot/modules/$driver" ;;
    esac
    drivers+=("$driver")
done
cat > "$boot/init" << I
#!/bin/busybox sh
/bin/busybox mkdir -p /dev /disk
/bin/busybox mount -t devtmpfs none /dev
for driver in ${drivers[*]}; do /bin/busybox insmod /modules/\$driver; done
/bin/busybox mount -t ext4 /dev/vda /disk
/bin/busybox mount -t devtmpfs none /disk/dev
/bin/busybox mount -t proc none /disk/proc
/bin/busybox mount -t sysfs none /disk/sys
PATH=/bin:/usr/bin TMPDIR=/tmp /bin/busybox chroot /disk /bin/sh -c "cd '$cross_root'; uname -srm; grep -m 1 KernelPageSize /proc/self/smaps; xargs -P 2 -n 2 /run-test < /tests; echo tests ended"
/bin/busybox poweroff -f
I
chmod +x "$boot/init"
ln -s busybox "$boot/bin/sh"
(cd "$boot" && find . | cpio -o -H newc --quiet) | gzip -1 > "$machine/boot.img"

echo "$(wc -l < "$machine/tests") tests on an emulated machine" >&2
qemu-system-aarch64 -M virt -cpu max,pauth-impdef=on -accel tcg,thread=multi -smp 2 -m 3072 -nographic -no-reboot -nic none \
    -kernel "$aarch64_unpacked"/boot/vmlinuz-* -initrd "$machine/boot.img" \
    -drive "if=none,id=disk,format=raw,file=$machine/disk.img" -device virtio-blk-pci,drive=disk \
    -append "console=ttyAMA0 quiet panic=-1" < /dev/null | tee "$machine/console" || true
grep -q '^tests ended' "$machine/console" || { echo "the machine stopped before its tests ended" >&2; exit 1; }
passed=$(grep -c '^PASS ' "$machine/console" || true) all=$(wc -l < "$machine/tests")
echo "$passed of $all tests passed on the emulated machine"
[ "$passed" -eq "$all" ]
