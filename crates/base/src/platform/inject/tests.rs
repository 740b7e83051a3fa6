//! What each fault does to the calls of a simulated machine, and what is told of it.

use super::*;
use crate::platform::{Advice, Errno, ErrorKind, MapRequest, Sim, SimFile, SimProfile};

fn content() -> Vec<u8> {
    (0..16384u32).map(|at| (at % 251) as u8).collect()
}

fn inject(schedule: &[&str]) -> (Injector, Sim) {
    let sim = Sim::new(SimProfile::linux_4k()).with_file("m", SimFile::new(content()));
    let faults = schedule.iter().map(|text| text.parse().unwrap()).collect();
    (Injector::new(Arc::new(sim.clone()), faults), sim)
}

fn open(platform: &Injector, direct: bool) -> Result<Arc<dyn File>> {
    platform.open(Path::new("m"), direct)
}

fn map(platform: &Injector) -> Result<Box<dyn super::super::Mapping>> {
    open(platform, false)?.map(MapRequest { offset: 0, len: 16384, populate: false })
}

/// Makes every injectable call once and returns the calls that failed, with what was said of them.
fn every_call(platform: &Injector) -> Vec<(&'static str, Errno)> {
    let mut failed = Vec::new();
    let mut note = |call, result: Result<()>| {
        let injected = take_injected();
        assert_eq!(result.is_err(), injected, "{call}");
        failed.extend(result.err().map(|errno| (call, errno)));
    };
    // Handles come from opens that are not counted here, so that a fault on one call does not
    // hide the next.
    let direct = open(platform, true);
    note("open.direct", direct.as_ref().map(|_| ()).map_err(Errno::clone));
    let buffered = open(platform, false);
    note("open.buffered", buffered.as_ref().map(|_| ()).map_err(Errno::clone));
    let buffer = platform.alloc(512, 512);
    note("alloc", buffer.as_ref().map(|_| ()).map_err(Errno::clone));
    if let (Ok(file), Ok(mut buffer)) = (direct, buffer) {
        note("read.direct", file.read_at(0, buffer.bytes_mut()).map(drop));
        note("lock.buffer", buffer.lock());
        note("unlock.buffer", buffer.unlock());
    }
    if let Ok(file) = buffered {
        note("size", file.size().map(drop));
        note("alignment", file.alignment().map(drop));
        note("maphint", file.map_hint().map(drop));
        note("read.buffered", file.read_at(0, &mut [0; 9]).map(drop));
        note("advise.file", file.advise(0, 0, Advice::Sequential));
        let mapping = file.map(MapRequest { offset: 0, len: 16384, populate: false });
        note("map", mapping.as_ref().map(|_| ()).map_err(Errno::clone));
        if let Ok(mut mapping) = mapping {
            note("advise.map", mapping.advise(0..4096, Advice::Random));
            note("lock.map", mapping.lock(0..4096));
            note("unlock.map", mapping.unlock(0..4096));
            note("unmap", mapping.unmap(0..4096));
        }
    }
    failed
}

#[test]
fn every_target_meets_exactly_its_calls() {
    // Threads are not started over the seam.
    for target in Target::all().filter(|target| target.name() != "thread") {
        let name = target.to_string();
        let (platform, sim) = inject(&[&format!("{name}:error=EACCES")]);
        let failed = every_call(&platform);
        assert!(!failed.is_empty(), "{name} met nothing");
        for (call, errno) in &failed {
            assert!(*call == name || call.starts_with(&format!("{name}.")), "{name} met {call}");
            assert_eq!((errno.code, errno.kind), (13, ErrorKind::Denied), "{name}");
        }
        let pairs = ["open", "read", "advise", "lock", "unlock"];
        let expected = if pairs.contains(&name.as_str()) { 2 } else { 1 };
        assert_eq!(failed.len(), expected, "{name}");
        assert_eq!(platform.fired(), [expected as u64], "{name}");
        assert_eq!(sim.census(), Default::default(), "{name}");
    }
}

#[test]
fn without_a_schedule_nothing_is_injected() {
    let (platform, _) = inject(&[]);
    assert_eq!(every_call(&platform), []);
    assert!(platform.fired().is_empty());
}

#[test]
fn a_refused_call_is_not_made() {
    let (platform, sim) = inject(&["open:error=EIO", "alloc:error=ENOMEM"]);
    assert!(open(&platform, false).is_err());
    assert_eq!(platform.alloc(9, 1).err().map(|errno| errno.kind), Some(ErrorKind::OutOfMemory));
    assert_eq!(sim.census(), Default::default());
}

#[test]
fn a_refused_lock_means_the_quota() {
    let schedule = ["lock.map:error=ENOMEM:when=1", "lock.map:error=EAGAIN:when=2", "lock.map:error=EPERM"];
    let (platform, _) = inject(&schedule);
    let mapping = map(&platform).unwrap();
    let kinds = [(); 3].map(|()| mapping.lock(0..1).err().map(|errno| errno.kind));
    assert_eq!(kinds, [Some(ErrorKind::LockLimit); 3]);

    let (platform, _) = inject(&["unlock:error=ENOMEM", "map:error=EAGAIN"]);
    assert_eq!(map(&platform).err().map(|errno| errno.kind), Some(ErrorKind::Other));
}

#[test]
fn calls_are_counted_for_each_fault_from_one() {
    let (platform, _) =
        inject(&["read:error=EIO:when=2", "read.direct:error=EINTR:when=2", "read:eof:when=5+2"]);
    let (direct, buffered) = (open(&platform, true).unwrap(), open(&platform, false).unwrap());
    let mut buffer = platform.alloc(512, 512).unwrap();
    let mut read = |file: &Arc<dyn File>| {
        let result = file.read_at(0, buffer.bytes_mut()).map_err(|errno| errno.code);
        (result, take_injected())
    };
    assert_eq!(read(&buffered), (Ok(512), false));
    assert_eq!(read(&direct), (Err(5), true));
    assert_eq!(read(&direct), (Err(4), true), "the refused call counted for both faults");
    assert_eq!(read(&buffered), (Ok(512), false));
    assert_eq!(read(&direct), (Ok(0), true));
    assert_eq!(read(&buffered), (Ok(512), false));
    assert_eq!(read(&buffered), (Ok(0), true));
    assert_eq!(platform.fired(), [1, 1, 2]);
}

#[test]
fn a_short_read_is_made_short() {
    let (platform, _) = inject(&["read:short=100:when=1", "read:short=700:when=2"]);
    let file = open(&platform, false).unwrap();
    let mut dst = [0xEE; 512];
    assert_eq!(file.read_at(1000, &mut dst), Ok(100));
    assert!(take_injected());
    assert_eq!(dst[..100], content()[1000..1100]);
    assert!(dst[100..].iter().all(|&byte| byte == 0xEE), "nothing behind it was touched");
    assert_eq!(file.read_at(0, &mut dst), Ok(512));
    assert!(!take_injected(), "700 bytes is no cut for a read of 512");
    assert_eq!(platform.fired(), [1, 0]);
}

#[test]
fn a_cut_that_the_end_of_the_file_made_first_does_not_fire() {
    let (platform, _) = inject(&["read:short=100"]);
    let file = open(&platform, false).unwrap();
    assert_eq!(file.read_at(16384 - 50, &mut [0; 512]), Ok(50));
    assert!(!take_injected());
    assert_eq!(platform.fired(), [0]);
}

#[test]
fn a_short_direct_read_stops_at_the_alignment() {
    let (platform, _) = inject(&["read:short=1300:when=1", "read:short=1:when=2"]);
    let file = open(&platform, true).unwrap();
    let mut buffer = platform.alloc(4096, 512).unwrap();
    assert_eq!(file.read_at(0, buffer.bytes_mut()), Ok(1024));
    assert_eq!(file.read_at(0, buffer.bytes_mut()), Ok(512));
    assert_eq!(platform.fired(), [1, 1]);
}

#[test]
fn a_truncated_file_ends_early_for_reads_alone() {
    let (platform, _) = inject(&["read:truncate=1000"]);
    for direct in [false, true] {
        let file = open(&platform, direct).unwrap();
        let mut buffer = platform.alloc(1024, 512).unwrap();
        assert_eq!(file.read_at(512, buffer.bytes_mut()), Ok(488));
        assert!(take_injected());
        assert_eq!(buffer.bytes()[..488], content()[512..1000]);
        assert!(buffer.bytes()[488..].iter().all(|&byte| byte == 0), "the right bytes are not there");
        assert_eq!(file.read_at(2048, buffer.bytes_mut()), Ok(0));
        assert!(take_injected());
        assert_eq!(file.read_at(0, &mut buffer.bytes_mut()[..512]), Ok(512));
        assert!(!take_injected());
        assert_eq!(file.size(), Ok(16384));
    }
    assert_eq!(platform.fired(), [4]);
}

#[test]
fn corruption_flips_the_bits_asked_for_and_no_others() {
    let (platform, _) = inject(&["read:corrupt=1003^0x81", "read:corrupt:when=3"]);
    let file = open(&platform, false).unwrap();
    let read = |offset: u64, len: usize| {
        let mut dst = vec![0; len];
        assert_eq!(file.read_at(offset, &mut dst), Ok(len));
        let expected = &content()[offset as usize..][..len];
        let changed = (0..len).filter(|&at| dst[at] != expected[at]);
        let changes: Vec<_> = changed.map(|at| (at, dst[at] ^ expected[at])).collect();
        (changes, take_injected())
    };
    assert_eq!(read(1000, 10), (vec![(3, 0x81)], true));
    assert_eq!(read(1004, 10), (vec![], false));
    assert_eq!(read(0, 9), (vec![(4, 1)], true));
    assert_eq!(read(1003, 1), (vec![(0, 0x81)], true));
    assert_eq!(platform.fired(), [2, 1]);
    assert_eq!(file.read_at(16384, &mut [0; 4]), Ok(0));
    assert!(!take_injected(), "nothing arrived, nothing was flipped");
}

#[test]
fn faults_on_one_read_combine() {
    let (platform, _) = inject(&["read:short=100", "read:short=50", "read:truncate=1040", "read:corrupt"]);
    let file = open(&platform, false).unwrap();
    let mut dst = [0; 512];
    assert_eq!(file.read_at(1000, &mut dst), Ok(40));
    assert_eq!(dst[20], content()[1020] ^ 1, "the middle of what is left");
    assert_eq!(platform.fired(), [0, 1, 1, 1], "the shortest cut decides");
}

#[test]
fn the_mark_is_cleared_by_the_next_call_and_kept_per_thread() {
    let (platform, _) = inject(&["size:error=EIO:when=1"]);
    let file = open(&platform, false).unwrap();
    assert!(file.size().is_err());
    assert!(file.size().is_ok());
    assert!(!take_injected(), "nobody asked in time");

    let (platform, _) = inject(&["size:error=EIO"]);
    let file = open(&platform, false).unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| assert!(file.size().is_err() && take_injected()));
    });
    assert!(!take_injected());
}

#[test]
fn the_mark_passes_through_a_second_injector() {
    let (inner, _) = inject(&["read:short=5:when=1"]);
    let outer = Injector::new(Arc::new(inner), vec!["read:short=9".parse().unwrap()]);
    let file = outer.open(Path::new("m"), false).unwrap();
    assert_eq!(file.read_at(0, &mut [0; 64]), Ok(5));
    assert!(take_injected());
    assert_eq!(outer.fired(), [0]);
    assert_eq!(file.read_at(0, &mut [0; 64]), Ok(9));
    assert!(take_injected());
}

#[test]
fn concurrent_calls_get_numbers_of_their_own() {
    let (platform, _) = inject(&["size:error=EIO:when=1+2"]);
    let file = open(&platform, false).unwrap();
    let failures: usize = std::thread::scope(|scope| {
        let count = || (0..500).filter(|_| file.size().is_err()).count();
        let threads = [(); 4].map(|()| scope.spawn(count));
        threads.map(|thread| thread.join().unwrap()).iter().sum()
    });
    assert_eq!(failures, 1000);
    assert_eq!(platform.fired(), [1000]);
}

#[test]
fn a_loop_over_the_nth_call_ends_when_nothing_fires() {
    let mut rounds = 0;
    loop {
        let (platform, sim) = inject(&[&format!("read:error=EIO:when={}", rounds + 1)]);
        let file = open(&platform, false).unwrap();
        let reads = (0..7).map(|block| file.read_at(block * 100, &mut [0; 100]));
        assert_eq!(reads.filter(Result::is_err).count() as u64, platform.fired()[0]);
        drop(file);
        assert_eq!(sim.census(), Default::default());
        if platform.fired() == [0] {
            break;
        }
        rounds += 1;
    }
    assert_eq!(rounds, 7);
}

#[test]
fn a_delay_is_counted_and_changes_nothing_else() {
    let (platform, _) = inject(&["read:delay=1:when=2", "open:delay=1", "lock:error=ENOMEM"]);
    let file = open(&platform, false).unwrap();
    assert!(take_injected(), "the open came late");
    let mut bytes = [0; 64];
    for (call, late) in [(1, false), (2, true), (3, false)] {
        assert_eq!(file.read_at(0, &mut bytes), Ok(64));
        assert_eq!(take_injected(), late, "read {call}");
        assert_eq!(bytes, content()[..64]);
    }
    assert_eq!(platform.fired(), [1, 1, 0]);
}

#[test]
fn a_question_of_the_size_is_answered_otherwise_and_reads_are_not() {
    let (platform, _) = inject(&["size:reports=100:when=2", "size:reports=16384"]);
    let file = open(&platform, false).unwrap();
    let answers: Vec<_> = (0..3).map(|_| (file.size().unwrap(), take_injected())).collect();
    assert_eq!(answers, [(16384, false), (100, true), (16384, false)]);
    assert_eq!(file.read_at(8192, &mut [0; 9]), Ok(9));
    assert_eq!(platform.fired(), [1, 0]);
}
