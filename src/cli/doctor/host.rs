//! What the machine says of itself: small files of Linux, which are not there elsewhere.
//!
//! Sources: `proc_meminfo(5)`, `Documentation/admin-guide/cgroup-v2.rst` (`memory.max`, `memory.current`),
//! `Documentation/admin-guide/mm/transhuge.rst`, `Documentation/admin-guide/LSM/Yama.rst`.

use std::fs;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::bytes;

/// What the machine says; `null` is what it does not say.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Host {
    /// Memory that can be had without swapping, in bytes.
    pub available: Option<u64>,
    /// What the control group still allows, in bytes; `null` without a limit too.
    pub group_allows: Option<u64>,
    /// Transparent huge pages: `always`, `madvise` or `never`.
    pub huge_pages: Option<String>,
    /// NUMA nodes with memory, such as `0-1`.
    pub numa_nodes: Option<String>,
    /// Whether commands can be traced.
    pub tracing: Option<Tracing>,
}

/// Whether `trace`, and `check` of a command, can work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Tracing {
    /// Why a small command could not be traced.
    pub error: Option<String>,
    /// How it is stopped on its calls.
    pub how: Option<String>,
}

impl Host {
    /// This machine.
    pub(super) fn here() -> Self {
        let text = |path: &str| fs::read_to_string(path).ok();
        Self {
            available: text("/proc/meminfo").and_then(|text| available(&text)),
            group_allows: group_allows(
                &text("/proc/self/cgroup").unwrap_or_default(),
                Path::new("/sys/fs/cgroup"),
            ),
            huge_pages: text("/sys/kernel/mm/transparent_hugepage/enabled").and_then(|text| chosen(&text)),
            numa_nodes: text("/sys/devices/system/node/has_memory").map(|text| text.trim().to_owned()),
            tracing: tracing(),
        }
    }

    /// Memory to be had: the less of what the machine has and what the control group allows.
    pub(super) fn room(&self) -> Option<u64> {
        match (self.available, self.group_allows) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }

    /// For a person.
    pub(super) fn lines(&self, page_size: u64) -> Vec<String> {
        let huge = self.huge_pages.as_ref().map(|how| format!(", transparent huge pages {how}"));
        let mut lines = vec![format!("page size      {}{}", bytes(page_size), huge.unwrap_or_default())];
        if let Some(available) = self.available {
            let group = self.group_allows.map(|left| format!(", {} left in the control group", bytes(left)));
            lines.push(format!("memory         {} available{}", bytes(available), group.unwrap_or_default()));
        }
        if let Some(nodes) = &self.numa_nodes {
            lines.push(format!("NUMA nodes     {nodes}"));
        }
        lines.extend(self.tracing.as_ref().map(|Tracing { error, how }| match (error, how) {
            (Some(error), _) => format!("tracing        does not work: {error}"),
            (None, how) => format!(
                "tracing        works{}",
                how.as_ref().map(|how| format!(", {how}")).unwrap_or_default()
            ),
        }));
        lines
    }
}

/// `MemAvailable` in bytes.
fn available(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

/// The word in brackets.
fn chosen(text: &str) -> Option<String> {
    let (_, rest) = text.split_once('[')?;
    Some(rest.split_once(']')?.0.to_owned())
}

/// What the limits of the process's control group and of those above it leave, in bytes (version 2).
fn group_allows(groups: &str, mount: &Path) -> Option<u64> {
    let path = groups.lines().find_map(|line| line.strip_prefix("0::"))?;
    let mut group: Option<PathBuf> = Some(mount.join(path.trim_start_matches('/')));
    let mut least = None;
    while let Some(folder) = group.filter(|folder| folder.starts_with(mount)) {
        let number = |name: &str| fs::read_to_string(folder.join(name)).ok()?.trim().parse::<u64>().ok();
        if let (Some(limit), Some(used)) = (number("memory.max"), number("memory.current")) {
            let left = limit.saturating_sub(used);
            least = Some(least.map_or(left, |least: u64| least.min(left)));
        }
        group = folder.parent().map(Path::to_owned);
    }
    least
}

/// Traces a small command.
fn tracing() -> Option<Tracing> {
    let command = crate::tracer::Command { argv: vec!["true".into()], ..crate::tracer::Command::default() };
    let options = crate::tracer::Options { capture: true, ..crate::tracer::Options::default() };
    let (error, how) = match crate::tracer::run(&command, &options) {
        Ok(traced) => (None, Some(traced.mode)),
        Err(error) => (Some(error.to_string()), None),
    };
    let how = how.map(|how| match how {
        crate::tracer::Mode::Filter => "by a seccomp filter".to_owned(),
        crate::tracer::Mode::EverySyscall(_) => "on every system call: slower".to_owned(),
    });
    Some(Tracing { error, how })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_the_kernel_are_read() {
        assert_eq!(available("MemTotal:  10 kB\nMemAvailable:       8 kB\n"), Some(8192));
        assert_eq!(available("MemTotal:  10 kB\n"), None);
        assert_eq!(chosen("always [madvise] never\n").as_deref(), Some("madvise"));
        assert_eq!(chosen("always"), None);
    }

    /// The tightest limit of a group and those above it counts, and no limit is none.
    #[test]
    fn the_tightest_group_counts() {
        let mount = tempfile::tempdir().expect("a folder");
        let inner = mount.path().join("a/b");
        fs::create_dir_all(&inner).expect("folders");
        let write = |path: &str, text: &str| fs::write(mount.path().join(path), text).expect("a file");
        assert_eq!(group_allows("0::/a/b\n", mount.path()), None);
        write("a/b/memory.max", "max\n");
        write("a/b/memory.current", "50\n");
        assert_eq!(group_allows("0::/a/b\n", mount.path()), None);
        write("a/memory.max", "1000\n");
        write("a/memory.current", "400\n");
        assert_eq!(group_allows("0::/a/b\n", mount.path()), Some(600));
        write("a/b/memory.max", "100\n");
        assert_eq!(group_allows("1:name=x:/y\n0::/a/b\n", mount.path()), Some(50));
    }
}
