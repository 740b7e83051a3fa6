//! The mappings of a process as the kernel lists them: `/proc/PID/smaps`, `proc_pid_smaps(5)`.

use std::ops::Range;

use libc::pid_t;

/// One mapping.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Listed {
    /// Its addresses.
    pub(super) range: Range<u64>,
    /// Whether the process may write to it.
    pub(super) writable: bool,
    /// Bytes of it that are in memory for this process.
    pub(super) resident: u64,
    /// Bytes in pages that were used since the bits were cleared.
    pub(super) referenced: u64,
    /// Whether its pages are kept in memory: the flag `lo`.
    pub(super) locked: bool,
}

impl Listed {
    /// How many addresses it shares with a range.
    pub(super) fn shared(&self, range: &Range<u64>) -> u64 {
        self.range.end.min(range.end).saturating_sub(self.range.start.max(range.start))
    }
}

/// The mappings of a process; `None` where the kernel does not say.
pub(super) fn of(tid: pid_t) -> Option<Vec<Listed>> {
    std::fs::read_to_string(format!("/proc/{tid}/smaps")).ok().map(|text| parse(&text))
}

/// The mappings of this process.
pub(super) fn own() -> Option<Vec<Listed>> {
    std::fs::read_to_string("/proc/self/smaps").ok().map(|text| parse(&text))
}

/// The addresses and the permissions of a mapping, from the line that begins it.
fn head(line: &str) -> Option<Listed> {
    let (addresses, rest) = line.split_once(' ')?;
    let (start, end) = addresses.split_once('-')?;
    let range = u64::from_str_radix(start, 16).ok()?..u64::from_str_radix(end, 16).ok()?;
    Some(Listed { range, writable: rest.as_bytes().get(1) == Some(&b'w'), ..Listed::default() })
}

fn parse(text: &str) -> Vec<Listed> {
    let mut found: Vec<Listed> = Vec::new();
    for line in text.lines() {
        if let Some(listed) = head(line) {
            found.push(listed);
            continue;
        }
        let (Some(listed), Some((name, rest))) = (found.last_mut(), line.split_once(':')) else { continue };
        let bytes = || {
            let number = rest.trim().strip_suffix(" kB").and_then(|text| text.trim().parse::<u64>().ok());
            number.unwrap_or(0) << 10
        };
        match name {
            "Rss" => listed.resident = bytes(),
            "Referenced" => listed.referenced = bytes(),
            "VmFlags" => listed.locked = rest.split_ascii_whitespace().any(|flag| flag == "lo"),
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mapping_is_read_with_what_stands_under_it() {
        let text = "\
7f0000000000-7f0000003000 rw-p 00000000 00:00 0 
Size:                 12 kB
Rss:                   8 kB
Referenced:            4 kB
VmFlags: rd wr mr mw me lo ac
7f0000010000-7f0000011000 r--s 00001000 fe:01 77  /models/a: b-c d.gguf
Rss:                   0 kB
VmFlags: rd sh mr
";
        let first = Listed {
            range: 0x7f00_0000_0000..0x7f00_0000_3000,
            writable: true,
            resident: 8 << 10,
            referenced: 4 << 10,
            locked: true,
        };
        let second = Listed { range: 0x7f00_0001_0000..0x7f00_0001_1000, ..Listed::default() };
        assert_eq!(parse(text), [first, second]);
    }
}
