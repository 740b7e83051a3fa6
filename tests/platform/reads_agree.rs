//! Whatever way bytes come in, they are the file's: random reads, direct reads and mappings of a
//! simulated machine against a plain vector, and random locks against a plain list of pages.

#![allow(clippy::unwrap_used, reason = "helpers of tests may panic")]

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use loadparity::platform::{
    Buffer, ErrorKind, File, Injector, Lockable, MapRequest, Mapping, Platform, Sim, SimDirect, SimFile,
    SimProfile,
};
use proptest::prelude::*;

/// One access. Places are parts of the file's size out of 65536, so that they fit any file.
#[derive(Clone, Copy, Debug)]
enum Access {
    Buffered { at: u64, len: usize },
    Direct { at: u64, grains: usize },
    Map { at: u64, len: u64 },
}

fn access() -> impl Strategy<Value = Access> {
    // A little past the end is part of the range.
    let at = || 0u64..70_000;
    prop_oneof![
        (at(), 0usize..40_000).prop_map(|(at, len)| Access::Buffered { at, len }),
        (at(), 1usize..9).prop_map(|(at, grains)| Access::Direct { at, grains }),
        (at(), 1u64..150_000).prop_map(|(at, len)| Access::Map { at, len }),
    ]
}

/// A machine with odd habits, and the file's place: at the front or behind a large hole.
fn machine() -> impl Strategy<Value = (SimProfile, u64)> {
    let profile = proptest::sample::select(SimProfile::all().to_vec());
    let max_read = proptest::option::of(1usize..20_000);
    let interrupt_every = proptest::option::of(2u32..5);
    let base = prop_oneof![Just(0u64), Just(6 << 30)];
    (profile, max_read, interrupt_every, base).prop_map(|(profile, max_read, interrupt_every, base)| {
        (SimProfile { max_read, interrupt_every, ..profile }, base)
    })
}

/// The reference: the file's bytes from `base` on, before which all is zero.
struct Reference {
    base: u64,
    bytes: Vec<u8>,
}

impl Reference {
    fn size(&self) -> u64 {
        self.base + self.bytes.len() as u64
    }

    /// At most `len` bytes at `base + at`.
    fn at(&self, at: u64, len: usize) -> &[u8] {
        let start = self.bytes.len().min(at as usize);
        &self.bytes[start..self.bytes.len().min(start + len)]
    }
}

/// Reads on after short and interrupted reads; on a direct file, from the last whole grain.
fn read_on(file: &dyn File, offset: u64, dst: &mut [u8], grain: usize) -> usize {
    let mut done = 0;
    let mut interrupted = 0;
    while done < dst.len() {
        let from = done / grain * grain;
        match file.read_at(offset + from as u64, &mut dst[from..]) {
            Ok(arrived) if from + arrived <= done => break,
            Ok(arrived) => done = from + arrived,
            Err(errno) => {
                assert_eq!(errno.kind, ErrorKind::Interrupted, "{errno}");
                interrupted += 1;
                assert!(interrupted < 100_000, "never gets on");
            }
        }
    }
    done
}

fn check(platform: &dyn Platform, profile: &SimProfile, reference: &Reference, access: Access) {
    let place = |at: u64| at * reference.bytes.len() as u64 / 65536;
    let path = Path::new("m");
    match access {
        Access::Buffered { at, len } => {
            let (at, mut dst) = (place(at), vec![0xEE; len]);
            let file = platform.open(path, false).unwrap();
            let arrived = read_on(&*file, reference.base + at, &mut dst, 1);
            assert_eq!(&dst[..arrived], reference.at(at, len), "{access:?}");
        }
        Access::Direct { at, grains } => {
            let file = platform.open(path, true).unwrap();
            let alignment = file.alignment().unwrap();
            let grain = alignment.offset as usize;
            let at = place(at) / alignment.offset * alignment.offset;
            let len = grains * grain.max(512);
            let mut buffer = platform.alloc(len, alignment.memory as usize).unwrap();
            let arrived = read_on(&*file, reference.base + at, buffer.bytes_mut(), grain);
            assert_eq!(&buffer.bytes()[..arrived], reference.at(at, len), "{access:?}");
            if matches!(profile.direct, SimDirect::Enforced { .. }) {
                assert!(file.read_at(reference.base + at + 1, buffer.bytes_mut()).is_err());
            }
        }
        Access::Map { at, len } => {
            let at = place(at) / profile.allocation_granularity * profile.allocation_granularity;
            let offset = reference.base + at;
            let file = platform.open(path, false).unwrap();
            let mapping = file.map(MapRequest { offset, len, populate: len % 2 == 0 });
            if offset + len > reference.size() {
                assert_eq!(mapping.err().map(|errno| errno.kind), Some(ErrorKind::Invalid), "{access:?}");
            } else {
                let mapping = mapping.unwrap();
                assert_eq!(mapping.bytes(0..len as usize), reference.at(at, len as usize), "{access:?}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn all_ways_bring_the_same_bytes(
        (profile, base) in machine(),
        bytes in proptest::collection::vec(any::<u8>(), 1..200_000),
        accesses in proptest::collection::vec(access(), 1..12),
        inject in any::<bool>(),
    ) {
        let file = SimFile::sparse(base).with_bytes(base, bytes.clone());
        let sim = Sim::new(profile.clone()).with_file("m", file);
        let reference = Reference { base, bytes };
        let mut platform: Arc<dyn Platform> = Arc::new(sim.clone());
        if inject {
            // Short reads and interruptions of the injector are no different.
            let faults = ["read:short=3000:when=2+3", "read:error=EINTR:when=3+4"];
            let faults = faults.map(|text| text.parse().unwrap());
            platform = Arc::new(Injector::new(platform, faults.to_vec()));
        }
        for access in accesses {
            check(&*platform, &profile, &reference, access);
        }
        prop_assert_eq!(sim.census(), Default::default());
    }
}

const PAGES: usize = 10;
const LIMIT: usize = 6;

/// One step on the locks of a mapping and a buffer of [`PAGES`] pages each. Ranges are in tenths
/// of a page, so that they begin and end anywhere.
#[derive(Clone, Debug)]
enum Step {
    Lock(Range<usize>),
    Unlock(Range<usize>),
    Unmap(Range<usize>),
    LockBuffer,
    UnlockBuffer,
}

fn step() -> impl Strategy<Value = Step> {
    let range = || (0..PAGES * 10, 1usize..40).prop_map(|(start, len)| start..(start + len).min(PAGES * 10));
    let pages = (0..PAGES, 1usize..4).prop_map(|(start, len)| start * 10..(start + len).min(PAGES) * 10);
    prop_oneof![
        5 => range().prop_map(Step::Lock),
        3 => range().prop_map(Step::Unlock),
        1 => pages.prop_map(Step::Unmap),
        1 => Just(Step::LockBuffer),
        1 => Just(Step::UnlockBuffer),
    ]
}

/// What the kernel keeps, one flag a page.
#[derive(Default)]
struct Book {
    locked: [bool; PAGES],
    gone: [bool; PAGES],
    buffer: bool,
}

impl Book {
    fn total(&self) -> usize {
        let buffer = if self.buffer { BUFFER_PAGES } else { 0 };
        self.locked.iter().filter(|&&page| page).count() + buffer
    }

    /// Takes a step; says whether it has to be served.
    fn take(&mut self, step: &Step) -> bool {
        let pages = |range: &Range<usize>| range.start / 10..range.end.div_ceil(10);
        match step {
            Step::Lock(range) => {
                let fresh = pages(range).filter(|&page| !self.locked[page]).count();
                let served = !self.gone[pages(range)].contains(&true) && self.total() + fresh <= LIMIT;
                if served {
                    self.locked[pages(range)].fill(true);
                }
                served
            }
            Step::Unlock(range) => {
                let served = !self.gone[pages(range)].contains(&true);
                if served {
                    self.locked[pages(range)].fill(false);
                }
                served
            }
            Step::Unmap(range) => {
                self.locked[pages(range)].fill(false);
                self.gone[pages(range)].fill(true);
                true
            }
            Step::LockBuffer => {
                self.buffer |= self.total() + BUFFER_PAGES <= LIMIT;
                self.buffer
            }
            Step::UnlockBuffer => {
                self.buffer = false;
                true
            }
        }
    }
}

const BUFFER_PAGES: usize = 2;

proptest! {
    #[test]
    fn locks_are_kept_as_a_list_of_pages_keeps_them(
        which in 0usize..3,
        steps in proptest::collection::vec(step(), 1..30),
    ) {
        let profile = SimProfile::all()[which].clone();
        let page = profile.page_size as usize;
        let lock_limit = Lockable::Bytes((LIMIT * page) as u64);
        let len = PAGES * page;
        let sim = Sim::new(SimProfile { lock_limit, ..profile })
            .with_file("m", SimFile::sparse(len as u64));
        let request = MapRequest { offset: 0, len: len as u64, populate: false };
        let mut mapping = sim.open(Path::new("m"), false).unwrap().map(request).unwrap();
        let buffer = sim.alloc(BUFFER_PAGES * page, page).unwrap();
        let mut book = Book::default();
        for step in &steps {
            let bytes = |range: &Range<usize>| range.start * page / 10..range.end * page / 10;
            let result = take(&mut *mapping, &*buffer, step, bytes);
            prop_assert_eq!(result, book.take(step), "{:?}", step);
            prop_assert_eq!(sim.census().locked_bytes, (book.total() * page) as u64, "{:?}", step);
            let gone = book.gone.iter().filter(|&&gone| gone).count();
            prop_assert_eq!(sim.census().mapped_bytes, ((PAGES - gone) * page) as u64, "{:?}", step);
        }
        drop(mapping);
        prop_assert_eq!(sim.census().locked_bytes, if book.buffer { 2 * page as u64 } else { 0 });
        drop(buffer);
        prop_assert_eq!(sim.census(), Default::default());
    }
}

fn take(
    mapping: &mut dyn Mapping,
    buffer: &dyn Buffer,
    step: &Step,
    bytes: impl Fn(&Range<usize>) -> Range<usize>,
) -> bool {
    let result = match step {
        Step::Lock(range) => mapping.lock(bytes(range)),
        Step::Unlock(range) => mapping.unlock(bytes(range)),
        Step::Unmap(range) => mapping.unmap(bytes(range)),
        Step::LockBuffer => buffer.lock(),
        Step::UnlockBuffer => buffer.unlock(),
    };
    result.is_ok()
}
