//! One line of strace: who, when, which call with which arguments, what came of it.
//!
//! ```text
//! [pid 17] 12:00:01.5 read(3</m/x.gguf>, ""..., 4096) = 4096 <0.000021>
//! 17 read(3,  <unfinished ...>
//! 17 <... read resumed>""..., 4096) = 4096
//! 17 mlock(0x7f0000000000, 4096) = -1 ENOMEM (Cannot allocate memory) (INJECTED)
//! 17 +++ exited with 0 +++
//! ```

use crate::trace::Status;

/// What a line holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Line<'a> {
    /// A call and its result, or the first half of one.
    Call { name: &'a str, rest: &'a str },
    /// The second half of a call that another thread's line had cut.
    Resumed { name: &'a str, rest: &'a str },
    /// The end of a thread: its exit code, or the signal that killed it.
    Ended(Status),
    /// The end of a thread in whose place another goes on.
    Superseded,
    /// A signal.
    Event,
    /// No line of strace.
    Other,
}

/// What stands before a call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Prefix {
    /// The thread that made it, 0 where none is told.
    pub(super) tid: u64,
    pub(super) time: Option<Time>,
}

/// When a line was written, in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Time {
    /// Since midnight (`-t`, `-tt`).
    OfDay(u64),
    /// Since 1970 (`-ttt`).
    Epoch(u64),
    /// Since the line before (`-r`).
    Since(u64),
}

impl Time {
    fn of(word: &str) -> Option<Self> {
        /// Relative times are seconds of one recording, others seconds since 1970.
        const OLDEST_EPOCH: u64 = 100_000_000;
        let (clock, part) = word.split_once('.').unwrap_or((word, ""));
        let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
        if !digits(part) || part.len() > 9 {
            return None;
        }
        let part: u64 = format!("{part:0<9}").parse().ok()?;
        let nanoseconds = |seconds: u64| Some(seconds.checked_mul(1_000_000_000)?.saturating_add(part));
        if let Some((hours, rest)) = clock.split_once(':') {
            let (minutes, seconds) = rest.split_once(':')?;
            let number = |text: &str| text.parse::<u64>().ok().filter(|n| *n < 100);
            let of_day = number(hours)? * 3600 + number(minutes)? * 60 + number(seconds)?;
            return nanoseconds(of_day).map(Self::OfDay);
        }
        let seconds: u64 = clock.parse().ok()?;
        let time = nanoseconds(seconds)?;
        Some(if seconds < OLDEST_EPOCH { Self::Since(time) } else { Self::Epoch(time) })
    }
}

/// Splits a line into what stands before it and the rest.
pub(super) fn split(line: &str) -> (Prefix, Line<'_>) {
    let (prefix, body) = without_prefix(line.trim_end());
    (prefix, classify(body))
}

fn without_prefix(line: &str) -> (Prefix, &str) {
    let mut rest = line.trim_start();
    let mut prefix = Prefix::default();
    let after_pid =
        rest.strip_prefix("[pid").and_then(|r| r.split_once(']')).or_else(|| rest.split_once(' '));
    if let Some((number, after)) = after_pid
        && let Some(number) = thread(number.trim())
    {
        (prefix.tid, rest) = (number, after.trim_start());
    }
    // Times: 12:00:01, 12:00:01.123456, 1700000000.123456, whole seconds, and the relative form of -r.
    while let Some((word, after)) = rest.split_once(' ') {
        let digits = word.bytes().all(|b| b.is_ascii_digit() || matches!(b, b':' | b'.' | b'+'));
        if !digits || !word.starts_with(|c: char| c.is_ascii_digit()) {
            break;
        }
        prefix.time = prefix.time.or(Time::of(word));
        rest = after.trim_start();
    }
    if let Some((_, after)) = rest.strip_prefix("(+").and_then(|r| r.split_once(')')) {
        rest = after.trim_start();
    }
    // The number of the call (`-n`) and the address that it was made from (`-i`).
    while let Some((inside, after)) = rest.strip_prefix('[').and_then(|r| r.split_once(']'))
        && inside.trim().bytes().all(|b| b.is_ascii_hexdigit() || matches!(b, b'?' | b'x'))
    {
        rest = after.trim_start();
    }
    (prefix, rest)
}

/// A thread's number; `-Y` adds the name of its program in angle brackets.
fn thread(word: &str) -> Option<u64> {
    let number = word.split_once('<').filter(|_| word.ends_with('>')).map_or(word, |(number, _)| number);
    number.parse().ok()
}

fn classify(body: &str) -> Line<'_> {
    if let Some(end) = body.strip_prefix("+++ ") {
        return end_of_thread(end);
    }
    if body.starts_with("--- ") {
        return Line::Event;
    }
    if let Some(rest) = body.strip_prefix("<... ") {
        return match rest.split_once(" resumed>") {
            Some((name, rest)) if is_name(name) => Line::Resumed { name, rest },
            _ => Line::Other,
        };
    }
    match body.split_once('(') {
        Some((name, rest)) if is_name(name) => Line::Call { name, rest },
        _ => Line::Other,
    }
}

/// What stands behind the plus signs.
fn end_of_thread(text: &str) -> Line<'_> {
    if let Some(code) = text.strip_prefix("exited with ") {
        let code = code.split(' ').next().and_then(|code| code.parse().ok());
        return code.map_or(Line::Event, |code| Line::Ended(Status::Code(code)));
    }
    if let Some(name) = text.strip_prefix("killed by ") {
        let number = signal(name.split(' ').next().unwrap_or(name));
        return Line::Ended(number.map_or(Status::Unknown, Status::Signal));
    }
    if text.starts_with("superseded by execve") { Line::Superseded } else { Line::Event }
}

/// The number of a signal on most architectures, `signal(7)`.
fn signal(name: &str) -> Option<i32> {
    const NAMES: [&str; 31] = [
        "SIGHUP",
        "SIGINT",
        "SIGQUIT",
        "SIGILL",
        "SIGTRAP",
        "SIGABRT",
        "SIGBUS",
        "SIGFPE",
        "SIGKILL",
        "SIGUSR1",
        "SIGSEGV",
        "SIGUSR2",
        "SIGPIPE",
        "SIGALRM",
        "SIGTERM",
        "SIGSTKFLT",
        "SIGCHLD",
        "SIGCONT",
        "SIGSTOP",
        "SIGTSTP",
        "SIGTTIN",
        "SIGTTOU",
        "SIGURG",
        "SIGXCPU",
        "SIGXFSZ",
        "SIGVTALRM",
        "SIGPROF",
        "SIGWINCH",
        "SIGIO",
        "SIGPWR",
        "SIGSYS",
    ];
    if let Some(number) = name.strip_prefix("SIGRT_").or_else(|| name.strip_prefix("SIGRTMIN+")) {
        return number.parse::<i32>().ok().filter(|n| (0..=32).contains(n)).map(|n| 32 + n);
    }
    (1..).zip(NAMES).find(|(_, known)| *known == name).map(|(number, _)| number)
}

fn is_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|b| b.is_ascii_lowercase() || b == b'_')
        && bytes.all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

/// What came of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Return<'a> {
    /// A value.
    Value(i128),
    /// A refusal, by name.
    Error(&'a str),
    /// The thread ended in the call, or the call was to be started again.
    Never,
}

/// A whole call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Whole<'a> {
    pub(super) args: Vec<&'a str>,
    pub(super) result: Return<'a>,
    /// What stands in angle brackets behind a returned descriptor.
    pub(super) result_path: Option<&'a str>,
    /// Whether strace made the result up.
    pub(super) injected: bool,
    /// Nanoseconds that the call took, 0 if that was not recorded.
    pub(super) dur_ns: u64,
}

/// Whether strace let go of the thread before the call ended, so that nothing is known of it.
pub(super) fn is_let_go(rest: &str) -> bool {
    rest.trim_end().ends_with("<detached ...>")
}

/// Reads what stands behind the opening parenthesis of a call.
pub(super) fn whole(rest: &str) -> Result<Whole<'_>, String> {
    let (args, after) = arguments(rest)?;
    let after = after.trim_start();
    let Some(result) = after.strip_prefix('=') else {
        return Err("the call has no result, the line may be cut off".to_owned());
    };
    let result = result.trim();
    let (result, dur_ns) = duration(result);
    let (result, injected) = match result.strip_suffix("(INJECTED)") {
        Some(result) => (result.trim_end(), true),
        None => (result, false),
    };
    let (value, more) = result.split_once(' ').unwrap_or((result, ""));
    let (value, result_path) = descriptor(value, result);
    let result = match value {
        "?" => Return::Never,
        "-1" => match more.split(' ').next() {
            Some(name) if name.starts_with('E') => Return::Error(name),
            _ => return Err("the result -1 has no error name".to_owned()),
        },
        value => match number(value) {
            Some(value) => Return::Value(value),
            None => return Err("the result is no number".to_owned()),
        },
    };
    Ok(Whole { args, result, result_path, injected, dur_ns })
}

/// Takes `<0.000021>` off the end.
fn duration(result: &str) -> (&str, u64) {
    let found = result.strip_suffix('>').and_then(|r| r.rsplit_once(" <"));
    let Some((before, seconds)) = found else { return (result, 0) };
    let Some((whole, part)) = seconds.split_once('.') else { return (result, 0) };
    let digits = |text: &str| !text.is_empty() && text.len() <= 9 && text.bytes().all(|b| b.is_ascii_digit());
    if !digits(whole) || !digits(part) {
        return (result, 0);
    }
    let part: u64 = format!("{part:0<9}").parse().unwrap_or(0);
    let whole: u64 = whole.parse().unwrap_or(0);
    (before.trim_end(), whole * 1_000_000_000 + part)
}

/// Splits `3</models/x.gguf>` at the first bracket; a path may hold blanks, so that it is looked
/// for in the whole text.
pub(super) fn descriptor<'a>(word: &'a str, whole: &'a str) -> (&'a str, Option<&'a str>) {
    match whole.split_once('<') {
        Some((number, path)) if word.starts_with(number) => {
            let path = path.rsplit_once('>').map_or(path, |(path, _)| path);
            (number, Some(path))
        }
        _ => (word, None),
    }
}

/// A number as strace prints it: decimal, hexadecimal, or `NULL`.
pub(super) fn number(text: &str) -> Option<i128> {
    if text == "NULL" {
        return Some(0);
    }
    match text.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16).ok().map(i128::from),
        None => text.parse::<i64>().map(i128::from).ok().or_else(|| text.parse::<u64>().map(i128::from).ok()),
    }
}

/// Splits the arguments at their commas, up to the closing parenthesis. Commas inside strings,
/// brackets and the paths of descriptors do not count.
fn arguments(text: &str) -> Result<(Vec<&str>, &str), String> {
    let bytes = text.as_bytes();
    let mut args = Vec::new();
    let (mut depth, mut start, mut at) = (0u32, 0, 0);
    while at < bytes.len() {
        match bytes[at] {
            b'"' => at = end_of_string(bytes, at)?,
            b'<' if at > 0 && is_descriptor_end(&text[start..at]) => at = end_of_path(bytes, at)?,
            b'(' | b'[' | b'{' => depth += 1,
            b')' if depth == 0 => {
                let last = text[start..at].trim();
                if !last.is_empty() || !args.is_empty() {
                    args.push(last);
                }
                return Ok((args, &text[at + 1..]));
            }
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            b',' if depth == 0 => {
                args.push(text[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
        at += 1;
    }
    Err("the arguments do not end, the line may be cut off".to_owned())
}

/// Whether a bracket here opens the path of a descriptor: `3<` or `AT_FDCWD<`.
fn is_descriptor_end(text: &str) -> bool {
    let word = text.rsplit([' ', '[', '{', '=']).next().unwrap_or(text);
    word == "AT_FDCWD" || (!word.is_empty() && word.bytes().all(|b| b.is_ascii_digit()))
}

fn end_of_string(bytes: &[u8], from: usize) -> Result<usize, String> {
    let mut at = from + 1;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 1,
            b'"' => return Ok(at),
            _ => {}
        }
        at += 1;
    }
    Err("a string does not end, the line may be cut off".to_owned())
}

/// A path ends at a bracket that a comma, a blank, another bracket or the end follows; `->` inside
/// the name of a socket does not end it.
fn end_of_path(bytes: &[u8], from: usize) -> Result<usize, String> {
    let ends = |at: usize| {
        bytes[at] == b'>' && matches!(bytes.get(at + 1), None | Some(b',' | b')' | b' ' | b'(' | b']' | b'}'))
    };
    (from + 1..bytes.len())
        .find(|&at| ends(at))
        .ok_or_else(|| "the path of a descriptor does not end, the line may be cut off".to_owned())
}

/// The text of a quoted string with its escapes undone as far as they are ASCII; `None` if it is
/// no string. What strace cut off (`"…"...`) is missing.
pub(super) fn unquoted(arg: &str) -> Option<String> {
    let inner = arg.strip_prefix('"')?;
    let inner = inner.strip_suffix("...").unwrap_or(inner).strip_suffix('"')?;
    let mut text = String::with_capacity(inner.len());
    let mut chars = inner.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '\\' {
            text.push(c);
            continue;
        }
        match chars.next()? {
            'n' => text.push('\n'),
            't' => text.push('\t'),
            'r' => text.push('\r'),
            // `-xx` writes every character so, `-x` those of a string that is no ASCII.
            'x' => {
                let mut value = 0;
                for _ in 0..2 {
                    let Some(next) = chars.peek().and_then(|c| c.to_digit(16)) else { break };
                    value = value * 16 + next;
                    chars.next();
                }
                text.push(char::from_u32(value).unwrap_or('?'));
            }
            digit @ '0'..='7' => {
                let mut value = u32::from(digit) - u32::from('0');
                for _ in 0..2 {
                    let Some(next) = chars.peek().and_then(|c| c.to_digit(8)) else { break };
                    value = value * 8 + next;
                    chars.next();
                }
                text.push(char::from_u32(value).unwrap_or('?'));
            }
            other => text.push(other),
        }
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(line: &str) -> (u64, String, Whole<'_>) {
        match split(line) {
            (prefix, Line::Call { name, rest }) => (prefix.tid, name.to_owned(), whole(rest).unwrap()),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn prefixes_of_all_kinds_come_off() {
        for (line, pid) in [
            ("close(3) = 0", 0),
            ("11096 close(3</opt/a b>)            = 0", 11096),
            ("7925  close(3)  = 0", 7925),
            ("[pid  12] close(3) = 0 <0.000021>", 12),
            ("12 10:00:01.123456 close(3) = 0", 12),
            ("1700000000.123456 close(3) = 0", 0),
            ("12 1700000000.123456 (+     0.000012) close(3) = 0", 12),
            ("12 1700000000 close(3) = 0", 12),
            ("12      0.000012 close(3) = 0", 12),
            ("     0.000012 close(3) = 0", 0),
            ("[pid 12<llama-cli>] close(3) = 0", 12),
            ("12<llama-cli> close(3) = 0", 12),
            ("12 [00007f2a5c0d1b2e] close(3) = 0", 12),
            ("[   3] close(3) = 0", 0),
            ("12 10:00:01 [   3] [????????????????] close(3) = 0", 12),
        ] {
            let (seen, name, whole) = call(line);
            assert_eq!((seen, name.as_str(), &whole.result), (pid, "close", &Return::Value(0)), "{line}");
        }
    }

    #[test]
    fn times_of_all_kinds_are_read() {
        for (line, time) in [
            ("close(3) = 0", None),
            ("12 10:00:01.123456 close(3) = 0", Some(Time::OfDay(36_001_123_456_000))),
            ("10:00:01 close(3) = 0", Some(Time::OfDay(36_001_000_000_000))),
            ("12 1700000000.000001 close(3) = 0", Some(Time::Epoch(1_700_000_000_000_001_000))),
            (
                "12 1700000000.000001 (+     0.000012) close(3) = 0",
                Some(Time::Epoch(1_700_000_000_000_001_000)),
            ),
            ("12      0.000012 close(3) = 0", Some(Time::Since(12_000))),
            ("     3.000012 close(3) = 0", Some(Time::Since(3_000_012_000))),
        ] {
            assert_eq!(split(line).0.time, time, "{line}");
        }
    }

    #[test]
    fn arguments_split_at_their_own_commas() {
        let (_, _, w) =
            call(r#"openat(AT_FDCWD</opt>, "/m/a, (b).gguf", O_RDONLY|O_DIRECT) = 3</m/a, (b).gguf>"#);
        assert_eq!(w.args.len(), 3);
        assert_eq!(unquoted(w.args[1]).as_deref(), Some("/m/a, (b).gguf"));
        assert_eq!((w.result, w.result_path), (Return::Value(3), Some("/m/a, (b).gguf")));
        let (_, _, w) =
            call(r#"readv(3, [{iov_base=""..., iov_len=8}, {iov_base="a\"b", iov_len=9}], 2) = 17"#);
        assert_eq!(w.args.len(), 3);
        let (_, _, w) = call("fork() = 12");
        assert!(w.args.is_empty());
    }

    #[test]
    fn results_of_all_kinds() {
        assert_eq!(
            call("mlock(0x1000, 2) = -1 ENOMEM (Cannot allocate memory) (INJECTED)").2,
            Whole {
                args: vec!["0x1000", "2"],
                result: Return::Error("ENOMEM"),
                result_path: None,
                injected: true,
                dur_ns: 0
            }
        );
        assert_eq!(call("munmap(0x1000, 2) = 0 <1.000021>").2.dur_ns, 1_000_021_000);
        assert_eq!(call("mmap(NULL, 2) = 0x7f0000000000").2.result, Return::Value(0x7f00_0000_0000));
        assert_eq!(call("exit_group(0) = ?").2.result, Return::Never);
        assert_eq!(call("read(3, ) = ? ERESTARTSYS (To be restarted)").2.result, Return::Never);
    }

    #[test]
    fn other_lines_are_told_apart() {
        assert_eq!(split("11 +++ exited with 0 +++").1, Line::Ended(Status::Code(0)));
        let killed = split("11 +++ killed by SIGSEGV (core dumped) +++").1;
        assert_eq!(killed, Line::Ended(Status::Signal(11)));
        assert_eq!(split("+++ killed by SIGRT_1 +++").1, Line::Ended(Status::Signal(33)));
        assert_eq!(split("12 +++ superseded by execve in pid 11 +++").1, Line::Superseded);
        assert_eq!(split("11 --- SIGCHLD {si_signo=SIGCHLD} ---").1, Line::Event);
        assert!(matches!(split("11 <... read resumed>\"\", 4) = 0").1, Line::Resumed { name: "read", .. }));
        for other in ["", "load_tensors: loading (mmap = true)", "0.00.019.642 I load: x", "Hello (world)"] {
            assert!(!matches!(split(other).1, Line::Event | Line::Resumed { .. }), "{other}");
        }
        for cut in ["read(3</models/sm", "read(3, \"abc", "read(3, \"\"..., 4096", "read(3, \"\"..., 4096) ="]
        {
            let (_, Line::Call { rest, .. }) = split(cut) else { panic!("{cut}") };
            assert!(whole(rest).is_err(), "{cut}");
        }
    }

    #[test]
    fn strings_lose_their_escapes() {
        assert_eq!(unquoted(r#""GGUF\3\0\0\0"..."#).as_deref(), Some("GGUF\u{3}\0\0\0"));
        assert_eq!(unquoted(r#""a\n\"b\"\\""#).as_deref(), Some("a\n\"b\"\\"));
        assert_eq!(unquoted(r#""\x47\x47\x55\x46\x03"..."#).as_deref(), Some("GGUF\u{3}"));
        assert_eq!(unquoted(r#""\x2fm.gguf""#).as_deref(), Some("/m.gguf"));
        assert_eq!(unquoted("0x7f00"), None);
        assert_eq!(unquoted("\"\\"), None);
    }
}
