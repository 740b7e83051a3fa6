//! The simulated file systems beside those of this kernel: each behaviour of the contract is put to both, and they
//! have to agree but for the differences that are listed with their reasons. One that is listed and not met fails too.
//!
//! The real ones are made on loop devices and in memory, in a mount namespace of their own, and the suite runs there
//! as an ordinary user, whom a lock limit binds. Where that may not be done it is *not run*, and said to be.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use loadparity::platform::SimSystem;

use crate::native_world::NativeWorld;
use crate::sim_world::SimWorld;
use crate::suite::{Content, World, behaviours, run};

/// Where the file system is that this process puts to the test; unset in the process that asks for it.
const FOLDER: &str = "LOADPARITY_KERNEL_FILES";

/// Systems by the name of their profile, and how to make one at `files` with a disk at `disk`.
const SYSTEMS: &[(&str, &str)] = &[
    ("ext4-512", "disk 512 mkfs.ext4 -q -F"),
    ("ext4-4kn", "disk 4096 mkfs.ext4 -q -F"),
    ("xfs", "disk 512 mkfs.xfs -q -f"),
    ("xfs-4kn", "disk 4096 mkfs.xfs -q -f"),
    ("btrfs", "disk 512 mkfs.btrfs -q -f"),
    ("tmpfs", "mount -t tmpfs none files"),
    ("overlay-ext4", "disk 512 mkfs.ext4 -q -F; over files"),
    ("overlay-tmpfs", "mount -t tmpfs none files; over files"),
];

/// Makes what a row of the table says; runs in the folder that `files` is in.
const MAKE: &str = r#"
set -e
mkdir files
disk() {
    sector=$1; shift
    command -v "$1" >/dev/null || { echo "$1 is not there"; exit 3; }
    truncate -s 512M disk
    device=$(losetup -b "$sector" --show -f disk) || { echo "no loop device"; exit 3; }
    if "$@" "$device" && mount "$device" files; then losetup -d "$device"; else losetup -d "$device"; exit 3; fi
}
over() {
    mkdir "$1/lower" "$1/upper" "$1/work"
    mount -t overlay overlay -o "lowerdir=$1/lower,upperdir=$1/upper,workdir=$1/work" "$1"
}
"#;

/// Runs the suite there as an ordinary user, who may not reach the folder of the build.
const RUN: &str = r#"
chmod 777 files
: > program
mount --bind "$1" program
exec setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=-all --bounding-set=-all -- \
    env LOADPARITY_KERNEL_FILES="$PWD/files" ./program --exact sim_and_kernel::simulator_and_kernel_agree --nocapture
"#;

/// A difference that stays: system, behaviour, why.
const DIFFERENCES: &[(&str, &str, &str)] = &[];

/// What a direct open is told of alignment, beside the behaviours.
const ALIGNMENT: &str = "direct.alignment";

/// What came of each behaviour: `shown`, `not run` or `broken`; of [`ALIGNMENT`] its numbers.
type Came = BTreeMap<&'static str, (String, String)>;

fn put_to(world: &dyn World) -> Came {
    let outcome = run(world);
    let told = world.site(&Content::pattern(100_000), None).ok().map(|site| {
        let direct = site.platform.open(&site.path, true).and_then(|file| file.alignment());
        direct.map_or_else(
            |errno| errno.name.into_owned(),
            |told| match told.enforced {
                true => format!("memory {}, offset {}", told.memory, told.offset),
                false => "not enforced".to_owned(),
            },
        )
    });
    let told = told.map(|told| (ALIGNMENT, (told, String::new())));
    let shown = outcome.shown.into_iter().map(|name| (name, ("shown".to_owned(), String::new())));
    let not_run = outcome.not_run.into_iter().map(|(name, why)| (name, ("not run".to_owned(), why)));
    let broken = outcome.broken.into_iter().map(|(name, why)| (name, ("broken".to_owned(), why)));
    shown.chain(not_run).chain(broken).chain(told).collect()
}

const LINE: &str = "of the kernel: ";

/// What a kernel's file system does, or why it is not run.
fn kernel(make: &str) -> Result<Came, String> {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).expect("an open folder");
    let script = format!("{MAKE}{make}\n{RUN}");
    let ran = Command::new("unshare")
        .args(["--mount", "--propagation", "private", "sh", "-c", &script, "sh"])
        .arg(std::env::current_exe().expect("the test's own program"))
        .current_dir(folder.path())
        .output()
        .map_err(|error| format!("unshare: {error}"))?;
    let text = String::from_utf8_lossy(&ran.stdout).into_owned();
    let mut came = Came::new();
    // The harness writes the name of the test before its first line.
    for line in text.lines().filter_map(|line| Some(line.split_once(LINE)?.1)) {
        let [name, status, why] = line.splitn(3, '\t').collect::<Vec<_>>()[..] else { panic!("{line}") };
        let mut names = behaviours().map(|known| known.name).chain([ALIGNMENT]);
        let name = names.find(|known| *known == name).expect("a behaviour");
        came.insert(name, (status.to_owned(), why.to_owned()));
    }
    if came.is_empty() {
        let errors = String::from_utf8_lossy(&ran.stderr).into_owned();
        let last = text.lines().chain(errors.lines()).last().unwrap_or("nothing said");
        return Err(format!("it cannot be made here: {last}"));
    }
    assert_eq!(came.len(), behaviours().count() + 1, "{text}");
    Ok(came)
}

#[test]
fn simulator_and_kernel_agree() {
    if let Some(folder) = std::env::var_os(FOLDER) {
        for (name, (status, why)) in put_to(&NativeWorld::bound_by_limits(Path::new(&folder))) {
            println!("{LINE}{name}\t{status}\t{}", why.replace(['\n', '\t'], " "));
        }
        return;
    }
    let mut wrong = Vec::new();
    for (name, make) in SYSTEMS {
        let profile = SimSystem::named(name).expect("a system").profile;
        let of_kernel = match kernel(make) {
            Ok(came) => came,
            Err(why) => {
                eprintln!("not run: {name}: {why}");
                continue;
            }
        };
        let of_sim = put_to(&SimWorld::new(profile, &[]));
        let differs = |behaviour: &&str| of_kernel[*behaviour].0 != of_sim[*behaviour].0;
        let met: BTreeSet<&str> = of_kernel.keys().copied().filter(|name| differs(name)).collect();
        let listed: BTreeSet<&str> = DIFFERENCES
            .iter()
            .filter(|(system, ..)| system == name)
            .map(|(_, behaviour, _)| *behaviour)
            .collect();
        for behaviour in met.difference(&listed) {
            let (kernel, sim) = (&of_kernel[behaviour], &of_sim[behaviour]);
            wrong.push(format!("{name}: {behaviour}: kernel {kernel:?}, simulator {sim:?}"));
        }
        for behaviour in listed.difference(&met) {
            wrong.push(format!("{name}: {behaviour}: they agree, and a difference is listed"));
        }
        let count = |status: &str| of_kernel.values().filter(|(came, _)| came == status).count();
        eprintln!(
            "{name}: {} behaviours shown by the kernel, {} not run there, {} broken; {} differ as listed",
            count("shown"),
            count("not run"),
            count("broken"),
            met.intersection(&listed).count()
        );
        // The comparison tells systems apart: this one is not any other's twin.
        let strangers = if of_sim[ALIGNMENT].0 == "not enforced" { "ext4-512" } else { "tmpfs" };
        let other = put_to(&SimWorld::new(SimSystem::named(strangers).expect("a system").profile, &[]));
        assert!(of_kernel.iter().any(|(name, came)| other[name].0 != came.0), "{name} is like {strangers}");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(DIFFERENCES.iter().all(|(.., why)| why.len() > 20), "each has a reason");
}
