//! A recording as trace events, which Chrome's tracing page and Perfetto open.
//!
//! The format is that of the document "Trace Event Format" (object form). What Perfetto's importer makes of it, in
//! `src/trace_processor/importers/json` of its repository, decides the details: calls of one thread may nest or follow
//! each other and never overlap in part, process 0 is the idle process, times are microseconds as floating-point
//! numbers, so they count from the first call.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::{Paths, direct, range, text};
use crate::report::screen::plain;
use crate::trace::{Call, NoticeCode, Op, Outcome, ProcessId, RegionId, Seen, Status, TraceFile, Word};

/// Threads count from here: one with the number of its process would be taken for its main thread.
const FIRST_THREAD: u32 = 10_000;

/// The calls of a recording as trace events, one JSON object.
#[must_use]
pub fn chrome(trace: &TraceFile) -> Value {
    let mut events = Events::new(&trace.ops);
    events.names(trace);
    events.phases(&trace.ops);
    let mut paths = Paths::default();
    for (at, op) in trace.ops.iter().enumerate() {
        let path = paths.of(op);
        events.call(at, op, path);
        events.arrow(at, op);
    }
    events.amounts(&trace.ops);
    for seen in &trace.observations {
        if let Seen::Cache { path, resident, .. } = &seen.seen {
            let at = usize::try_from(seen.after).unwrap_or(usize::MAX).saturating_sub(1);
            let ts = events.times.get(at).map_or(0, |(_, end)| *end);
            let name = format!("page cache of {}", plain(path));
            events.push(
                "C",
                &name,
                process(seen.pid),
                0,
                ts,
                json!({ "args": { "resident pages": resident } }),
            );
        }
    }
    if let Some(Status::Signal(signal) | Status::Stopped(signal)) = trace.end.as_ref().map(|end| end.status) {
        let ts = events.times.iter().map(|(_, end)| *end).max().unwrap_or(0);
        events.push("i", &format!("signal {signal}"), process(0), FIRST_THREAD, ts, json!({ "s": "g" }));
    }
    let header = &trace.header;
    let mut about = Map::new();
    about.insert("schema".to_owned(), crate::trace::SCHEMA_ID.into());
    about.insert("command".to_owned(), plain(&header.command.join(" ")).into());
    about.insert("os".to_owned(), plain(&header.os).into());
    about.insert("arch".to_owned(), plain(&header.arch).into());
    about.insert(
        "created by".to_owned(),
        plain(&format!("{} {}", header.creator, header.creator_version)).into(),
    );
    about.insert(
        "times".to_owned(),
        if events.timed { "observed" } else { "not observed: calls in order" }.into(),
    );
    json!({ "traceEvents": events.all, "displayTimeUnit": "ns", "otherData": about })
}

fn process(pid: ProcessId) -> u32 {
    pid.saturating_add(1)
}

fn thread(op: &Op) -> u32 {
    FIRST_THREAD.saturating_add(op.thread)
}

/// Nanoseconds as microseconds.
fn micros(ns: u64) -> Value {
    #[allow(clippy::cast_precision_loss, reason = "times count from the first call")]
    let micros = ns as f64 / 1000.0;
    json!(micros)
}

struct Events {
    all: Vec<Value>,
    timed: bool,
    /// When each call begins and ends, in nanoseconds since the first.
    times: Vec<(u64, u64)>,
    /// The process that phases stand in, which is none of the recording.
    phases: u32,
    /// The last refusal of each kind that a notice can be about, by process: when and in which thread.
    refusals: BTreeMap<(ProcessId, NoticeCode), (u64, u32)>,
    arrows: u64,
}

impl Events {
    fn new(ops: &[Op]) -> Self {
        let timed = ops.iter().any(|op| op.start_ns > 0);
        let origin = ops.iter().map(|op| op.start_ns).min().unwrap_or(0);
        let time = |(at, op): (usize, &Op)| match timed {
            true => (op.start_ns - origin, (op.start_ns - origin).saturating_add(op.dur_ns)),
            // A microsecond a call.
            false => (at as u64 * 1000, at as u64 * 1000 + 1000),
        };
        let mut times: Vec<(u64, u64)> = ops.iter().enumerate().map(time).collect();
        // A clock that was read in two places can make calls of one thread overlap by a little.
        let mut next: BTreeMap<(ProcessId, u32), u64> = BTreeMap::new();
        for (at, op) in ops.iter().enumerate().rev() {
            let next = next.entry((op.pid, op.thread)).or_insert(u64::MAX);
            let (start, end) = times[at];
            times[at].1 = end.min(*next).max(start);
            *next = (*next).min(start);
        }
        let phases = ops.iter().map(|op| process(op.pid)).max().unwrap_or(0).saturating_add(1);
        Self { all: Vec::new(), timed, times, phases, refusals: BTreeMap::new(), arrows: 0 }
    }

    fn push(&mut self, ph: &str, name: &str, pid: u32, tid: u32, ts: u64, more: Value) {
        let mut event = Map::new();
        event.insert("ph".to_owned(), ph.into());
        event.insert("name".to_owned(), plain(name).into());
        event.insert("pid".to_owned(), pid.into());
        event.insert("tid".to_owned(), tid.into());
        event.insert("ts".to_owned(), micros(ts));
        if let Value::Object(more) = more {
            event.extend(more);
        }
        self.all.push(event.into());
    }

    /// The names of processes and threads, before their first event.
    fn names(&mut self, trace: &TraceFile) {
        let program = trace.header.command.first().map_or("process", String::as_str);
        let program = plain(program.rsplit(['/', '\\']).next().unwrap_or(program)).into_owned();
        let named = |name: &str| json!({ "args": { "name": name } });
        let threads: BTreeSet<(ProcessId, u32)> = trace.ops.iter().map(|op| (op.pid, thread(op))).collect();
        self.push("M", "process_name", self.phases, 1, 0, named("phases"));
        self.push("M", "thread_name", self.phases, 1, 0, named("phase"));
        let mut last = None;
        for (pid, tid) in threads {
            if last != Some(pid) {
                self.push(
                    "M",
                    "process_name",
                    process(pid),
                    tid,
                    0,
                    named(&format!("{program} (process {pid})")),
                );
                last = Some(pid);
            }
            let name = format!("thread {}", tid - FIRST_THREAD);
            self.push("M", "thread_name", process(pid), tid, 0, named(&name));
        }
    }

    fn phases(&mut self, ops: &[Op]) {
        let mut at = 0;
        for part in ops.chunk_by(|a, b| a.phase == b.phase) {
            let start = self.times[at].0;
            at += part.len();
            let end = match self.times.get(at) {
                Some((start, _)) => *start,
                None => self.times.iter().map(|(_, end)| *end).max().unwrap_or(start),
            };
            let dur = end.saturating_sub(start);
            self.push(
                "X",
                part[0].phase.word(),
                self.phases,
                1,
                start,
                json!({ "dur": micros(dur), "cat": "phase" }),
            );
        }
    }

    fn call(&mut self, at: usize, op: &Op, path: Option<&str>) {
        let mut args = Map::new();
        let (offset, length) = range(&op.call);
        let mut add = |name: &str, value: Option<Value>| {
            if let Some(value) = value {
                args.insert(name.to_owned(), value);
            }
        };
        add("seq", Some(op.seq.into()));
        add("file", path.map(|path| plain(path).into()));
        add("region", op.call.region().map(|region| region.0.into()));
        // A number from 2^53 on would be another one in most readers.
        let exact = |value: u64| if value < 1 << 53 { json!(value) } else { json!(value.to_string()) };
        add("offset", offset.map(exact));
        add("length", length.map(exact));
        add("direct", direct(&op.call).map(Value::from));
        let said = text(&op.call);
        add("text", (!said.is_empty()).then(|| plain(&said).into()));
        match &op.outcome {
            Outcome::Ok(returned) => add("returned", Some(exact(*returned))),
            Outcome::Err(errno) => add("errno", Some(plain(&errno.name).into())),
        }
        let (start, end) = self.times[at];
        if self.timed && end - start != op.dur_ns {
            add("duration_ns", Some(exact(op.dur_ns)));
        }
        if op.injected {
            add("injected", Some(true.into()));
        }
        let name = match &op.call {
            Call::Native { name, .. } => name.as_str(),
            call => call.word(),
        };
        let more = json!({ "dur": micros(end - start), "cat": op.phase.word(), "args": args });
        self.push("X", name, process(op.pid), thread(op), start, more);
        if op.injected {
            self.push(
                "i",
                "injected",
                process(op.pid),
                thread(op),
                start,
                json!({ "s": "t", "cat": "fault" }),
            );
        }
    }

    /// An arrow from a refused call to the notice that reports it.
    fn arrow(&mut self, at: usize, op: &Op) {
        let code = match &op.call {
            Call::Open { direct: true, .. }
            | Call::Read { direct: true, .. }
            | Call::SetDirect { direct: true, .. } => NoticeCode::DirectRefused,
            Call::Lock { .. } => NoticeCode::LockRefused,
            Call::FileAdvise { .. } | Call::MapAdvise { .. } => NoticeCode::AdviceRefused,
            Call::Notice(notice) => {
                if let Some((from, tid)) = self.refusals.remove(&(op.pid, notice.code)) {
                    self.arrows += 1;
                    let (id, pid, to) = (self.arrows, process(op.pid), self.times[at].0);
                    let name = "refusal reported";
                    self.push("s", name, pid, tid, from, json!({ "id": id, "cat": "refusal" }));
                    self.push(
                        "f",
                        name,
                        pid,
                        thread(op),
                        to,
                        json!({ "id": id, "cat": "refusal", "bp": "e" }),
                    );
                }
                return;
            }
            _ => return,
        };
        if matches!(op.outcome, Outcome::Err(_)) {
            self.refusals.insert((op.pid, code), (self.times[at].0, thread(op)));
        }
    }

    /// How many bytes were read, are mapped and are locked, whenever that changes.
    fn amounts(&mut self, ops: &[Op]) {
        let mut of: BTreeMap<ProcessId, [u64; 3]> = BTreeMap::new();
        let mut allocated: BTreeSet<RegionId> = BTreeSet::new();
        for (at, op) in ops.iter().enumerate() {
            let Outcome::Ok(returned) = op.outcome else { continue };
            let [read, mapped, locked] = of.entry(op.pid).or_default();
            let before = [*read, *mapped, *locked];
            match &op.call {
                Call::Read { .. } => *read = read.saturating_add(returned),
                Call::Map { len, .. } => *mapped = mapped.saturating_add(*len),
                Call::Alloc { region, .. } => drop(allocated.insert(*region)),
                Call::Unmap { region, len, .. } if !allocated.contains(region) => {
                    *mapped = mapped.saturating_sub(*len);
                }
                Call::Lock { len, .. } => *locked = locked.saturating_add(*len),
                Call::Unlock { len, .. } => *locked = locked.saturating_sub(*len),
                _ => {}
            }
            let after = [*read, *mapped, *locked];
            let ts = self.times[at].1;
            for (name, (before, after)) in
                ["bytes read", "bytes mapped", "bytes locked"].into_iter().zip(before.into_iter().zip(after))
            {
                if before != after {
                    self.push("C", name, process(op.pid), 0, ts, json!({ "args": { "bytes": after } }));
                }
            }
        }
    }
}
