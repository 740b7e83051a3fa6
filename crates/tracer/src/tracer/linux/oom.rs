//! Whether the kernel killed a process for lack of memory: it counts such kills, by control group and for
//! the machine.
//!
//! Sources: `Documentation/admin-guide/cgroup-v2.rst` (`memory.events`), `cgroup-v1/memory.rst`
//! (`memory.oom_control`), `proc_vmstat(5)`.

use std::fs;
use std::path::{Path, PathBuf};

use libc::pid_t;

/// The count of a process's control group, or of the machine, as it was.
pub(super) struct OomCount {
    file: PathBuf,
    before: u64,
}

impl OomCount {
    /// The count for a process, as it is now.
    pub(super) fn of(pid: pid_t) -> Self {
        let groups = fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap_or_default();
        let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
        let mut files = candidates(&groups, &mounts);
        files.push(PathBuf::from("/proc/vmstat"));
        let counted = files.into_iter().find_map(|file| Some((count(&file)?, file)));
        let (before, file) = counted.unwrap_or_default();
        Self { file, before }
    }

    /// Whether it has risen since.
    pub(super) fn has_risen(&self) -> bool {
        count(&self.file).is_some_and(|now| now > self.before)
    }

    /// The limit on memory of the group that counts, and the most that it used; `None` for what it does not say.
    pub(super) fn limit_and_peak(&self) -> (Option<u64>, Option<u64>) {
        let number = |names: [&str; 2]| {
            let text = |name: &&str| fs::read_to_string(self.file.with_file_name(name)).ok();
            names.iter().find_map(text)?.trim().parse::<u64>().ok()
        };
        // Without a limit the first hierarchy says the largest number of pages that there is, the second a word.
        let limit = number(["memory.max", "memory.limit_in_bytes"]).filter(|limit| *limit < 1 << 62);
        (limit, number(["memory.peak", "memory.max_usage_in_bytes"]))
    }
}

/// The number behind `oom_kill` in a file.
fn count(file: &Path) -> Option<u64> {
    let text = fs::read_to_string(file).ok()?;
    text.lines().find_map(|line| line.strip_prefix("oom_kill ")?.trim().parse().ok())
}

/// Where the count of a process's control group may stand, likeliest first: below the mount of its
/// hierarchy, at its path there, or at the mount itself where a container sees no more.
fn candidates(groups: &str, mounts: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for mount in mounts.lines() {
        // ID PARENT MAJOR:MINOR ROOT MOUNT-POINT OPTIONS … - TYPE SOURCE SUPER-OPTIONS
        let Some((place, kind)) = mount.split_once(" - ") else { continue };
        let place: Vec<&str> = place.split(' ').collect();
        let kind: Vec<&str> = kind.split(' ').collect();
        let [_, _, _, root, point, ..] = place[..] else { continue };
        let has_memory = kind.last().is_some_and(|options| options.split(',').any(|one| one == "memory"));
        let (file, first) = match kind[0] {
            "cgroup2" => ("memory.events", false),
            "cgroup" if has_memory => ("memory.oom_control", true),
            _ => continue,
        };
        // HIERARCHY:CONTROLLERS:PATH; the second hierarchy has no controllers here.
        let group = groups.lines().find_map(|line| {
            let mut parts = line.splitn(3, ':').skip(1);
            let (controllers, path) = (parts.next()?, parts.next()?);
            let found = match first {
                true => controllers.split(',').any(|one| one == "memory"),
                false => controllers.is_empty(),
            };
            found.then_some(path)
        });
        let Some(group) = group else { continue };
        let point = Path::new(point);
        let below = |path: &str| point.join(path.trim_start_matches('/')).join(file);
        let root = root.trim_end_matches('/');
        let seen = group.strip_prefix(root).filter(|rest| rest.is_empty() || rest.starts_with('/'));
        files.extend([below(group), below(seen.unwrap_or("/")), below("/")]);
    }
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_stand_where_the_hierarchy_is_mounted() {
        let groups = "4:memory:/job/7\n3:cpu:/\n0::/user/app\n";
        let mounts = "30 1 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n\
                      31 1 0:27 /job /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n\
                      32 1 0:28 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n\
                      33 1 0:29 / / rw - ext4 /dev/vda rw\n";
        let expected = [
            "/sys/fs/cgroup/user/app/memory.events",
            "/sys/fs/cgroup/user/app/memory.events",
            "/sys/fs/cgroup/memory.events",
            "/sys/fs/cgroup/memory/job/7/memory.oom_control",
            "/sys/fs/cgroup/memory/7/memory.oom_control",
            "/sys/fs/cgroup/memory/memory.oom_control",
        ];
        assert_eq!(candidates(groups, mounts), expected.map(PathBuf::from));
        assert_eq!(candidates("", mounts), Vec::<PathBuf>::new());
    }

    #[test]
    fn the_count_of_this_process_has_not_risen() {
        let oom = OomCount::of(std::process::id().cast_signed());
        assert!(!oom.has_risen());
    }

    #[test]
    fn limit_and_peak_stand_beside_the_count() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("memory.events");
        let oom = OomCount { file, before: 0 };
        assert_eq!(oom.limit_and_peak(), (None, None));
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        write("memory.max", "max\n");
        write("memory.peak", "4096\n");
        assert_eq!(oom.limit_and_peak(), (None, Some(4096)));
        write("memory.max", "8192\n");
        assert_eq!(oom.limit_and_peak(), (Some(8192), Some(4096)));
        let first = tempfile::tempdir().unwrap();
        let oom = OomCount { file: first.path().join("memory.oom_control"), before: 0 };
        std::fs::write(first.path().join("memory.limit_in_bytes"), "9223372036854771712\n").unwrap();
        std::fs::write(first.path().join("memory.max_usage_in_bytes"), "77\n").unwrap();
        assert_eq!(oom.limit_and_peak(), (None, Some(77)));
    }

    #[test]
    fn a_count_is_a_line_of_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("memory.events");
        std::fs::write(&file, "oom 3\noom_kill 2\noom_group_kill 1\n").unwrap();
        let oom = OomCount { before: count(&file).unwrap(), file };
        assert_eq!(oom.before, 2);
        assert!(!oom.has_risen());
        std::fs::write(&oom.file, "oom 3\noom_kill 3\n").unwrap();
        assert!(oom.has_risen());
    }
}
