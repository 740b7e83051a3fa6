//! A hand-made timeline with a mark of each form.

use crate::check::document::{
    Cached, Faulted, Lane, Mark, MarkKind, PhaseSpan, Timeline, TimelineDocument, TimelineFile, TraceSource,
};

fn mark(kind: MarkKind, (start_ns, end_ns): (u64, u64), range: Option<(u64, u64)>) -> Mark {
    Mark {
        kind,
        lane: 0,
        file: Some(0),
        offset_bytes: range.map(|(offset, _)| offset),
        length_bytes: range.map_or(0, |(_, length)| length),
        start_ns,
        end_ns,
        held_until_ns: None,
        calls: 1,
        refused: None,
        injected: false,
        text: String::new(),
    }
}

/// One load of a file of 1 MiB: read, mapped, locked; refused, injected, reported; with a long pause.
pub(in crate::report) fn timeline() -> Timeline {
    let mib = 1 << 20;
    let mut direct = mark(MarkKind::Open, (4_000, 5_000), None);
    direct.refused = Some("EINVAL".to_owned());
    direct.injected = true;
    let mut notice = mark(MarkKind::Notice, (5_100, 5_200), None);
    notice.file = None;
    notice.text = "warning: direct I/O was refused".to_owned();
    let mut map = mark(MarkKind::Map, (20_000, 21_000), Some((0, mib)));
    map.held_until_ns = Some(2_000_000);
    let mut lock = mark(MarkKind::Lock, (22_000, 30_000), Some((65_536, mib / 2)));
    lock.held_until_ns = Some(2_000_000);
    let mut refused = mark(MarkKind::Lock, (30_500, 31_000), Some((mib / 2 + 65_536, 65_536)));
    refused.refused = Some("ENOMEM".to_owned());
    let mut read = mark(MarkKind::DirectRead, (32_000, 60_000), Some((mib / 2, mib / 4)));
    (read.lane, read.calls) = (1, 12);
    let phase = |phase: &str, start_ns, end_ns| PhaseSpan { phase: phase.to_owned(), start_ns, end_ns };
    Timeline {
        timed: true,
        length_ns: 2_000_500,
        calls: 20,
        files: vec![TimelineFile { path: "/models/model.gguf".to_owned(), size_bytes: mib }],
        lanes: vec![Lane { process: 0, thread: 0 }, Lane { process: 0, thread: 1 }],
        phases: vec![
            phase("header", 0, 4_000),
            phase("load", 4_000, 2_000_000),
            phase("teardown", 2_000_000, 2_000_500),
        ],
        marks: vec![
            mark(MarkKind::Open, (0, 1_000), None),
            mark(MarkKind::Read, (1_000, 3_000), Some((0, 65_536))),
            direct,
            notice,
            mark(MarkKind::Advice, (15_000, 15_500), Some((0, mib))),
            map,
            lock,
            refused,
            read,
            mark(MarkKind::Release, (2_000_000, 2_000_500), Some((0, mib))),
        ],
        cached: vec![
            Cached { file: Some(0), at_ns: 0, pages: 256, resident_pages: 12 },
            Cached { file: Some(0), at_ns: 2_000_500, pages: 256, resident_pages: 256 },
        ],
        faulted: vec![Faulted {
            file: 0,
            at_ns: 2_000_000,
            ranges_bytes: vec![[0, 65_536], [131_072, 262_144]],
        }],
    }
}

/// The same as a document.
pub(in crate::report) fn document() -> TimelineDocument {
    TimelineDocument {
        schema: TimelineDocument::SCHEMA.to_owned(),
        source: TraceSource {
            command: ["./loader", "-m", "model.gguf", "--mlock"].map(str::to_owned).to_vec(),
            os: "linux".to_owned(),
            arch: "x86_64".to_owned(),
            ended: Some("exit code 0".to_owned()),
            unseen: Vec::new(),
        },
        timeline: timeline(),
    }
}
