//! What the machine says of itself: small files of Linux, which are not there elsewhere.
//!
//! Sources: `proc_meminfo(5)`, `Documentation/admin-guide/cgroup-v2.rst` (`memory.max`, `memory.current`),
//! `Documentation/admin-guide/cgroup-v1/memory.rst` (`memory.limit_in_bytes`, `memory.usage_in_bytes`),
//! `Documentation/admin-guide/mm/transhuge.rst`, `Documentation/admin-guide/LSM/Yama.rst` (`ptrace_scope`),
//! `Documentation/admin-guide/mm/numaperf.rst` (`has_memory`, `nodeN/meminfo`), `proc_pid_status(5)` (`CapEff`).

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
    /// Free memory of each node, in bytes, in the order of their numbers; empty where it is not said.
    #[serde(default)]
    pub numa_free: Vec<u64>,
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
    /// Who may trace whom, by Yama: 0 every process of the same user, 1 its own children, 2 an administrator, 3
    /// nobody; `null` where there is no Yama.
    #[serde(default)]
    pub scope: Option<u8>,
    /// Whether this process may trace those of others (`CAP_SYS_PTRACE`).
    #[serde(default)]
    pub of_others: Option<bool>,
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
            numa_free: numa_free(Path::new("/sys/devices/system/node")),
            tracing: tracing().map(|tracing| Tracing {
                scope: text("/proc/sys/kernel/yama/ptrace_scope").and_then(|text| text.trim().parse().ok()),
                of_others: text("/proc/self/status").and_then(|text| may_trace_others(&text)),
                ..tracing
            }),
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
            let free: Vec<String> = self.numa_free.iter().map(|free| bytes(*free)).collect();
            let free = if free.len() > 1 { format!(", free {}", free.join(" and ")) } else { String::new() };
            lines.push(format!("NUMA nodes     {nodes}{free}"));
        }
        lines.extend(self.tracing.as_ref().map(|tracing| match (&tracing.error, &tracing.how) {
            (Some(error), _) => format!("tracing        does not work: {error}{}", tracing.limits()),
            (None, how) => format!(
                "tracing        works{}{}",
                how.as_ref().map(|how| format!(", {how}")).unwrap_or_default(),
                tracing.limits()
            ),
        }));
        lines
    }
}

impl Tracing {
    /// What is said of the permission to trace.
    fn limits(&self) -> String {
        let scope = match self.scope {
            Some(0) => "; Yama: every process of the same user (ptrace_scope 0)",
            Some(1) => "; Yama: commands that it starts (ptrace_scope 1)",
            Some(2) => {
                "; Yama: with CAP_SYS_PTRACE alone (`sysctl kernel.yama.ptrace_scope=1` allows commands that are started)"
            }
            Some(_) => "; Yama: nothing until the machine starts again (ptrace_scope 3)",
            None => "",
        };
        format!("{scope}{}", if self.of_others == Some(true) { "; CAP_SYS_PTRACE" } else { "" })
    }
}

/// Whether the effective capabilities of a `status` file have `CAP_SYS_PTRACE`, which is number 19.
fn may_trace_others(status: &str) -> Option<bool> {
    let line = status.lines().find_map(|line| line.strip_prefix("CapEff:"))?;
    Some(u64::from_str_radix(line.trim(), 16).ok()? & 1 << 19 != 0)
}

/// Free memory of each node that has a number, in bytes.
fn numa_free(folder: &Path) -> Vec<u64> {
    let node = |number: u32| {
        let text = fs::read_to_string(folder.join(format!("node{number}/meminfo"))).ok()?;
        let line = text.lines().find_map(|line| line.split_once("MemFree:"))?.1;
        line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
    };
    (0..).map_while(node).collect()
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

/// What the limits of the process's control groups and of those above them leave, in bytes, of both versions.
fn group_allows(groups: &str, mount: &Path) -> Option<u64> {
    let second = groups.lines().find_map(|line| line.strip_prefix("0::"));
    let second = second.and_then(|path| left_in(path, mount, "memory.max", "memory.current"));
    // `4:memory:/path`: version 1, where each controller has a hierarchy of its own.
    let first = groups.lines().find_map(|line| {
        let (controllers, path) = line.split_once(':')?.1.split_once(':')?;
        controllers.split(',').any(|controller| controller == "memory").then_some(path)
    });
    let first = first.and_then(|path| {
        left_in(path, &mount.join("memory"), "memory.limit_in_bytes", "memory.usage_in_bytes")
    });
    // Version 1 writes a number that no machine has for no limit.
    let first = first.filter(|left| *left < 1 << 62);
    first.into_iter().chain(second).min()
}

/// What a group below `mount` and those above it leave.
fn left_in(path: &str, mount: &Path, limit: &str, used: &str) -> Option<u64> {
    let mut group: Option<PathBuf> = Some(mount.join(path.trim_start_matches('/')));
    let mut least = None;
    while let Some(folder) = group.filter(|folder| folder.starts_with(mount)) {
        let number = |name: &str| fs::read_to_string(folder.join(name)).ok()?.trim().parse::<u64>().ok();
        if let (Some(limit), Some(used)) = (number(limit), number(used)) {
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
    Some(Tracing { error, how, scope: None, of_others: None })
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

    #[test]
    fn a_limit_of_the_first_version_counts_too() {
        let mount = tempfile::tempdir().expect("a folder");
        let group = mount.path().join("memory/docker");
        fs::create_dir_all(&group).expect("folders");
        let write = |name: &str, text: &str| fs::write(group.join(name), text).expect("a file");
        write("memory.usage_in_bytes", "100\n");
        write("memory.limit_in_bytes", "9223372036854771712\n");
        let groups = "5:cpu,cpuacct:/docker\n4:memory:/docker\n";
        assert_eq!(group_allows(groups, mount.path()), None);
        write("memory.limit_in_bytes", "400\n");
        assert_eq!(group_allows(groups, mount.path()), Some(300));
        assert_eq!(group_allows("5:cpu:/docker\n", mount.path()), None);
    }

    #[test]
    fn who_may_trace_is_read() {
        assert_eq!(may_trace_others("Name:\tx\nCapEff:\t0000000000080000\n"), Some(true));
        assert_eq!(may_trace_others("CapEff:\t0000000000000001\n"), Some(false));
        assert_eq!(may_trace_others("CapPrm:\t0\n"), None);
    }

    #[test]
    fn free_memory_of_each_node_is_read() {
        let folder = tempfile::tempdir().expect("a folder");
        for (node, free) in [(0, 8), (1, 4)] {
            let node = folder.path().join(format!("node{node}"));
            fs::create_dir_all(&node).expect("a folder");
            fs::write(node.join("meminfo"), format!("Node 0 MemTotal: 9 kB\nNode 0 MemFree:   {free} kB\n"))
                .expect("a file");
        }
        assert_eq!(numa_free(folder.path()), [8192, 4096]);
    }
}
