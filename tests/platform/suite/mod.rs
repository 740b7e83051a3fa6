//! The behaviour suite of the platform contract: one named behaviour at least for each rule that
//! stands at the top of `platform/mod.rs`, written against the traits alone.
//!
//! To test another backend, implement [`World`] for it and add it to the list in
//! `contract.rs`.

mod errors;
mod lock;
mod map;
mod memory;
mod open;
mod read;
mod residency;
mod unmap;
mod world;

use std::panic::{AssertUnwindSafe, catch_unwind};

use loadparity::platform::{Errno, ErrorKind, File, Mapping};

pub(crate) use world::{Content, Held, NotRun, Site, Verdict, World};

/// One rule put to the test.
pub(crate) struct Behaviour {
    /// The number of the rule in the contract.
    pub rule: u8,
    pub name: &'static str,
    pub check: fn(&dyn World) -> Verdict,
}

/// Every behaviour, by rule.
pub(crate) fn behaviours() -> impl Iterator<Item = &'static Behaviour> {
    let rooms = [
        open::BEHAVIOURS,
        read::BEHAVIOURS,
        map::BEHAVIOURS,
        unmap::BEHAVIOURS,
        lock::BEHAVIOURS,
        memory::BEHAVIOURS,
        residency::BEHAVIOURS,
        errors::BEHAVIOURS,
    ];
    rooms.into_iter().flatten()
}

/// What came of one world.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    pub shown: Vec<&'static str>,
    pub not_run: Vec<(&'static str, String)>,
    pub broken: Vec<(&'static str, String)>,
}

/// Puts every behaviour to one world.
pub(crate) fn run(world: &dyn World) -> Outcome {
    let mut outcome = Outcome::default();
    for behaviour in behaviours() {
        match catch_unwind(AssertUnwindSafe(|| (behaviour.check)(world))) {
            Ok(Ok(())) => outcome.shown.push(behaviour.name),
            Ok(Err(NotRun(reason))) => outcome.not_run.push((behaviour.name, reason)),
            Err(panic) => outcome.broken.push((behaviour.name, message(&panic))),
        }
    }
    outcome
}

fn message(panic: &Box<dyn std::any::Any + Send>) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string)).unwrap_or_default()
}

/// The error of a call that has to be refused.
#[track_caller]
fn refusal<T>(result: Result<T, Errno>) -> Errno {
    match result {
        Ok(_) => panic!("the call was served and had to be refused"),
        Err(errno) => errno,
    }
}

#[track_caller]
fn assert_refused<T>(result: Result<T, Errno>, kind: ErrorKind) {
    let errno = refusal(result);
    assert_eq!(errno.kind, kind, "{errno}");
}

/// Turns "this OS has no such operation" into a reason; any other result passes through.
fn supported<T>(what: &str, result: Result<T, Errno>) -> Result<Result<T, Errno>, NotRun> {
    match result {
        Err(errno) if errno.kind == ErrorKind::Unsupported => {
            Err(NotRun(format!("{what} is not supported here: {errno}")))
        }
        other => Ok(other),
    }
}

/// Reads until `dst` is full or the file ends, as rule 2 leaves it to the caller to do.
fn read_on(file: &dyn File, offset: u64, dst: &mut [u8]) -> usize {
    let mut done = 0;
    while done < dst.len() {
        match file.read_at(offset + done as u64, &mut dst[done..]) {
            Ok(0) => break,
            Ok(arrived) => done += arrived,
            Err(errno) if errno.kind == ErrorKind::Interrupted => {}
            Err(errno) => panic!("reading at {}: {errno}", offset + done as u64),
        }
    }
    done
}

fn read_vec(file: &dyn File, offset: u64, len: usize) -> Vec<u8> {
    let mut bytes = vec![0xEE; len];
    let arrived = read_on(file, offset, &mut bytes);
    bytes.truncate(arrived);
    bytes
}

/// Whether asking for these bytes panics, as it has to for bytes that are not there.
fn bytes_panic(mapping: &dyn Mapping, range: std::ops::Range<usize>) -> bool {
    catch_unwind(AssertUnwindSafe(|| mapping.bytes(range).len())).is_err()
}

/// A world's page size, where it is needed before there is a site.
fn page_of(world: &dyn World) -> Result<u64, NotRun> {
    Ok(world.site(&Content::pattern(1), None)?.platform.limits().page_size)
}
