//! Small loaders, one idiom each, for the tracer to watch: as C programs do it (libc's own calls)
//! and as stdio does it. A test program runs itself again with the idiom's name in a variable, so
//! that no other program has to be built.

#![allow(clippy::undocumented_unsafe_blocks, reason = "each probe is a C program in Rust's clothes")]
#![allow(clippy::unwrap_used, reason = "a probe that fails fails its test")]
#![allow(dead_code, unreachable_pub, reason = "each test file uses its own part of this")]

use std::ffi::{CString, OsString};
use std::os::unix::ffi::OsStringExt;
use std::path::Path;
use std::ptr::null_mut;

use libc::{c_int, c_void};
use loadparity::tracer::Command;

const IDIOM: &str = "LOADPARITY_PROBE";
const MODEL: &str = "LOADPARITY_PROBE_MODEL";

/// Bytes of a page of this machine.
pub fn page() -> usize {
    // SAFETY: sysconf touches no memory of ours.
    usize::try_from(unsafe { libc::sysconf(libc::_SC_PAGESIZE) }).unwrap()
}

/// The command that performs an idiom on a model: this test program, with its test [`hook`] alone.
pub fn command(idiom: &str, model: &Path) -> Command {
    let argv = ["--exact", "probe::hook", "--nocapture", "--test-threads=1"];
    let program = std::env::current_exe().unwrap().into_os_string();
    Command {
        argv: std::iter::once(program).chain(argv.map(OsString::from)).collect(),
        env: vec![(IDIOM.into(), idiom.into()), (MODEL.into(), model.into())],
        ..Command::default()
    }
}

/// Performs the idiom that the environment names; nothing if it names none.
#[test]
fn hook() {
    let Some(idiom) = std::env::var_os(IDIOM) else { return };
    let model = CString::new(std::env::var_os(MODEL).unwrap().into_vec()).unwrap();
    let idiom = idiom.to_str().unwrap();
    let (_, perform) = IDIOMS.iter().find(|row| row.0 == idiom).unwrap();
    unsafe { perform(&model) };
}

type Idiom = unsafe fn(&CString);

pub const IDIOMS: &[(&str, Idiom)] = &[
    ("stdio", stdio),
    ("pread", pread),
    ("read-lseek", read_lseek),
    ("mmap-populate", mmap_populate),
    ("direct-bounce", direct_bounce),
    ("readv", readv),
    ("dup", dup),
    ("setfl-direct", setfl_direct),
    ("received", received),
    ("memfd", memfd),
    ("mlock-growth", mlock_growth),
    ("mlock-on-fault", mlock_on_fault),
    ("mlock-heap", mlock_heap),
    ("mlockall", mlockall),
    ("mremap", mremap),
    ("threads", threads),
    ("threads-64", threads_64),
    ("vfork-exec", vfork_exec),
    ("fork-shared-position", fork_shared_position),
    ("outliving-child", outliving_child),
    ("advice", advice),
    ("process-madvise", process_madvise),
    ("protect-limit", protect_limit),
    ("sendfile", sendfile),
    ("openat2", openat2),
    ("close-range", close_range),
    ("io-uring", io_uring),
    ("many-reads", many_reads),
    ("crash", crash),
    ("sleep", sleep),
    ("stop-and-go", stop_and_go),
    ("registers", registers),
];

unsafe fn open(model: &CString, flags: c_int) -> c_int {
    let fd = unsafe { libc::open(model.as_ptr(), libc::O_RDONLY | flags) };
    assert!(fd >= 0, "{}", std::io::Error::last_os_error());
    fd
}

unsafe fn size(fd: c_int) -> usize {
    unsafe { libc::lseek(fd, 0, libc::SEEK_END) as usize }
}

unsafe fn anonymous(len: usize) -> *mut c_void {
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
    unsafe { libc::mmap(null_mut(), len, libc::PROT_READ | libc::PROT_WRITE, flags, -1, 0) }
}

/// A header through a small buffer, then two "tensors" at odd offsets, as a loader on stdio does.
unsafe fn stdio(model: &CString) {
    unsafe {
        let file = libc::fopen(model.as_ptr(), c"rb".as_ptr());
        let mut header = vec![0u8; 10_000];
        assert_eq!(libc::fread(header.as_mut_ptr().cast(), 1, header.len(), file), header.len());
        for at in [300_001i64, 1_000_007] {
            libc::fseek(file, at, libc::SEEK_SET);
            let mut tensor = vec![0u8; 500_000];
            assert_eq!(libc::fread(tensor.as_mut_ptr().cast(), 1, tensor.len(), file), tensor.len());
        }
        libc::fclose(file);
    }
}

unsafe fn pread(model: &CString) {
    unsafe {
        let fd = open(model, libc::O_CLOEXEC);
        let mut stat = std::mem::zeroed::<libc::stat>();
        libc::fstat(fd, &raw mut stat);
        let len = stat.st_size as usize;
        let buffer = anonymous(len);
        let mut at = 0;
        while at < len {
            let piece = (len - at).min(1 << 20);
            at += libc::pread(fd, buffer.add(at), piece, at as i64) as usize;
        }
        // Past the end: nothing.
        assert_eq!(libc::pread(fd, buffer, 100, len as i64), 0);
        assert_eq!(libc::pread(fd, buffer, 100, -1), -1);
        libc::munmap(buffer, len);
        libc::close(fd);
    }
}

unsafe fn read_lseek(model: &CString) {
    unsafe {
        let fd = open(model, 0);
        let mut bytes = [0u8; 1000];
        libc::read(fd, bytes.as_mut_ptr().cast(), 1000);
        libc::lseek(fd, 500, libc::SEEK_CUR);
        libc::read(fd, bytes.as_mut_ptr().cast(), 100);
        let size = libc::lseek(fd, -50, libc::SEEK_END);
        assert_eq!(libc::read(fd, bytes.as_mut_ptr().cast(), 100), 50);
        assert_eq!(libc::lseek(fd, 0, libc::SEEK_CUR), size + 50);
        libc::close(fd);
    }
}

/// What llama.cpp does in its mode `mmap`, the trimmed head included.
unsafe fn mmap_populate(model: &CString) {
    unsafe {
        let fd = open(model, 0);
        let len = size(fd);
        libc::posix_fadvise(fd, 0, 0, libc::POSIX_FADV_SEQUENTIAL);
        let flags = libc::MAP_SHARED | libc::MAP_POPULATE;
        let map = libc::mmap(null_mut(), len, libc::PROT_READ, flags, fd, 0);
        libc::madvise(map, len, libc::MADV_WILLNEED);
        libc::munmap(map, 2 * page());
        libc::close(fd);
        libc::munmap(map.add(2 * page()), len - 2 * page());
    }
}

unsafe fn direct_bounce(model: &CString) {
    unsafe {
        let fd = open(model, libc::O_DIRECT);
        let mut bounce = null_mut();
        let span = 1 << 20;
        assert_eq!(libc::posix_memalign(&raw mut bounce, page(), span), 0);
        for at in [8192i64, 1 << 20] {
            libc::lseek(fd, at, libc::SEEK_SET);
            assert_eq!(libc::read(fd, bounce, span), span as isize);
        }
        libc::free(bounce);
        libc::close(fd);
    }
}

unsafe fn readv(model: &CString) {
    unsafe {
        let fd = open(model, 0);
        let (mut a, mut b) = (vec![0u8; 1000], vec![0u8; 3000]);
        let pieces = [
            libc::iovec { iov_base: a.as_mut_ptr().cast(), iov_len: a.len() },
            libc::iovec { iov_base: b.as_mut_ptr().cast(), iov_len: b.len() },
        ];
        assert_eq!(libc::readv(fd, pieces.as_ptr(), 2), 4000);
        assert_eq!(libc::preadv(fd, pieces.as_ptr(), 2, 100_000), 4000);
        assert_eq!(libc::preadv2(fd, pieces.as_ptr(), 2, 200_000, 0), 4000);
        assert_eq!(libc::preadv2(fd, pieces.as_ptr(), 2, -1, 0), 4000);
        libc::close(fd);
    }
}

unsafe fn dup(model: &CString) {
    unsafe {
        let first = open(model, 0);
        let second = libc::dup(first);
        let mut bytes = [0u8; 512];
        libc::read(first, bytes.as_mut_ptr().cast(), 512);
        libc::close(first);
        libc::read(second, bytes.as_mut_ptr().cast(), 512);
        let third = libc::fcntl(second, libc::F_DUPFD_CLOEXEC, 100);
        let fourth = libc::dup2(third, 200);
        libc::close(second);
        libc::close(third);
        libc::read(fourth, bytes.as_mut_ptr().cast(), 512);
        // An unrelated file takes the last number.
        let null = libc::open(c"/dev/null".as_ptr(), libc::O_RDONLY);
        libc::dup2(null, fourth);
        libc::read(fourth, bytes.as_mut_ptr().cast(), 512);
    }
}

unsafe fn setfl_direct(model: &CString) {
    unsafe {
        let fd = open(model, 0);
        let buffer = anonymous(2 * page());
        libc::pread(fd, buffer, page(), 0);
        assert_eq!(libc::fcntl(fd, libc::F_SETFL, libc::O_DIRECT), 0);
        libc::pread(fd, buffer, page(), page() as i64);
        libc::fcntl(fd, libc::F_SETFL, 0);
        libc::pread(fd, buffer, page(), 2 * page() as i64);
        libc::close(fd);
    }
}

/// Maps a model whose descriptor came in a message.
unsafe fn received(model: &CString) {
    /// Room for the header of one control message and one descriptor.
    const ROOM: usize = 64;
    unsafe {
        let mut ends = [0; 2];
        assert_eq!(libc::socketpair(libc::AF_UNIX, libc::SOCK_STREAM, 0, ends.as_mut_ptr()), 0);
        let mut byte = 1u8;
        let mut part = libc::iovec { iov_base: (&raw mut byte).cast(), iov_len: 1 };
        let mut control = [0u64; ROOM / 8];
        let mut message: libc::msghdr = std::mem::zeroed();
        (message.msg_iov, message.msg_iovlen) = (&raw mut part, 1);
        message.msg_control = control.as_mut_ptr().cast();
        message.msg_controllen = libc::CMSG_SPACE(4) as _;
        let head = libc::CMSG_FIRSTHDR(&raw const message);
        (*head).cmsg_level = libc::SOL_SOCKET;
        (*head).cmsg_type = libc::SCM_RIGHTS;
        (*head).cmsg_len = libc::CMSG_LEN(4) as _;
        let fd = open(model, 0);
        libc::CMSG_DATA(head).cast::<c_int>().write_unaligned(fd);
        assert_eq!(libc::sendmsg(ends[0], &raw const message, 0), 1);
        libc::close(fd);
        assert_eq!(libc::recvmsg(ends[1], &raw mut message, 0), 1);
        let head = libc::CMSG_FIRSTHDR(&raw const message);
        let fd = libc::CMSG_DATA(head).cast::<c_int>().read_unaligned();
        libc::mmap(null_mut(), page(), libc::PROT_READ, libc::MAP_SHARED, fd, 0);
        libc::close(fd);
    }
}

/// Maps a copy of a model in memory.
unsafe fn memfd(model: &CString) {
    unsafe {
        let fd = open(model, 0);
        let copy = libc::memfd_create(c"weights".as_ptr(), 0);
        assert!(libc::sendfile(copy, fd, null_mut(), 8 * page()) == 8 * page() as isize);
        libc::mmap(null_mut(), page(), libc::PROT_READ, libc::MAP_SHARED, copy, 0);
        libc::close(copy);
        libc::close(fd);
    }
}

/// What llama.cpp does in its mode `mmap+mlock`.
unsafe fn mlock_growth(model: &CString) {
    unsafe {
        let fd = open(model, 0);
        let len = size(fd);
        let map = libc::mmap(null_mut(), len, libc::PROT_READ, libc::MAP_SHARED, fd, 0);
        for (from, pages) in [(0, 4), (4, 1), (5, 20)] {
            assert_eq!(libc::mlock(map.add(from * page()), pages * page()), 0);
        }
        libc::munmap(map, 2 * page());
        assert_eq!(libc::munlock(map.add(4 * page()), page()), 0);
        libc::close(fd);
    }
}

/// Locks a map and memory of its own page by page as they are used.
unsafe fn mlock_on_fault(model: &CString) {
    unsafe {
        let fd = open(model, 0);
        let map = libc::mmap(null_mut(), 4 * page(), libc::PROT_READ, libc::MAP_SHARED, fd, 0);
        let own = libc::mmap(
            null_mut(),
            4 * page(),
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
            -1,
            0,
        );
        for memory in [map, own] {
            assert_eq!(libc::mlock2(memory, 4 * page(), libc::MLOCK_ONFAULT), 0);
        }
        libc::pread(fd, own, 4 * page(), 0);
        libc::close(fd);
    }
}

/// Locks memory that came from the heap and from an old mapping.
unsafe fn mlock_heap(model: &CString) {
    unsafe {
        let heap = libc::sbrk(64 * page() as isize);
        let heap = heap.add(heap.align_offset(page()));
        let fd = open(model, 0);
        libc::pread(fd, heap, page(), 0);
        assert_eq!(libc::mlock(heap, 2 * page()), 0);
        libc::close(fd);
    }
}

unsafe fn mlockall(model: &CString) {
    unsafe {
        let fd = open(model, 0);
        let len = size(fd);
        let map = libc::mmap(null_mut(), len, libc::PROT_READ, libc::MAP_SHARED, fd, 0);
        assert!(!map.is_null());
        assert_eq!(libc::mlockall(libc::MCL_CURRENT), 0);
        assert_eq!(libc::munlockall(), 0);
        libc::close(fd);
    }
}

/// A buffer that grows while it is filled.
unsafe fn mremap(model: &CString) {
    unsafe {
        let fd = open(model, 0);
        let small = anonymous(64 * page());
        libc::pread(fd, small, 64 * page(), 0);
        // Something right behind it, so that it has to move.
        let behind = small.add(64 * page());
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED_NOREPLACE;
        libc::mmap(behind, page(), libc::PROT_READ, flags, -1, 0);
        let large = libc::mremap(small, 64 * page(), 256 * page(), libc::MREMAP_MAYMOVE);
        libc::pread(fd, large.add(64 * page()), 128 * page(), 64 * page() as i64);
        libc::mlock(large, 256 * page());
        libc::munmap(large, 256 * page());
        libc::close(fd);
    }
}

fn read_in_threads(model: &CString, count: usize, open_each: bool) {
    let shared = unsafe { open(model, 0) };
    std::thread::scope(|scope| {
        for index in 0..count {
            scope.spawn(move || unsafe {
                let fd = if open_each { open(model, 0) } else { shared };
                let mut bytes = vec![0u8; 8192];
                for round in 0..4 {
                    let at = ((round * count + index) * 8192) as i64;
                    assert!(libc::pread(fd, bytes.as_mut_ptr().cast(), 8192, at) >= 0);
                }
                if open_each {
                    libc::close(fd);
                }
            });
        }
    });
    unsafe { libc::close(shared) };
}

unsafe fn threads(model: &CString) {
    read_in_threads(model, 8, false);
}

unsafe fn threads_64(model: &CString) {
    read_in_threads(model, 64, true);
}

/// A child that becomes another program while the parent loads.
unsafe fn vfork_exec(model: &CString) {
    unsafe {
        let fd = open(model, 0);
        let mut bytes = [0u8; 4096];
        libc::read(fd, bytes.as_mut_ptr().cast(), 4096);
        let argv = [c"cat".as_ptr().cast_mut(), null_mut()];
        let mut pid = 0;
        // The child reads on through the descriptor that it inherits as its standard input, which
        // moves the position that both share.
        let mut actions = std::mem::zeroed();
        libc::posix_spawn_file_actions_init(&raw mut actions);
        libc::posix_spawn_file_actions_adddup2(&raw mut actions, fd, 0);
        libc::posix_spawn_file_actions_addopen(&raw mut actions, 1, c"/dev/null".as_ptr(), libc::O_WRONLY, 0);
        let env = [null_mut()];
        assert_eq!(
            libc::posix_spawn(
                &raw mut pid,
                c"/bin/cat".as_ptr(),
                &raw const actions,
                std::ptr::null(),
                argv.as_ptr(),
                env.as_ptr()
            ),
            0
        );
        let mut status = 0;
        libc::waitpid(pid, &raw mut status, 0);
        assert_eq!(status, 0);
        assert_eq!(libc::read(fd, bytes.as_mut_ptr().cast(), 10), 0, "cat has read to the end");
        libc::close(fd);
    }
}

unsafe fn fork_shared_position(model: &CString) {
    unsafe {
        let fd = open(model, 0);
        let mut bytes = [0u8; 1000];
        libc::read(fd, bytes.as_mut_ptr().cast(), 1000);
        match libc::fork() {
            0 => {
                libc::read(fd, bytes.as_mut_ptr().cast(), 1000);
                libc::close(fd);
                libc::_exit(0)
            }
            pid => libc::waitpid(pid, null_mut(), 0),
        };
        libc::read(fd, bytes.as_mut_ptr().cast(), 1000);
        libc::close(fd);
    }
}

/// The parent ends at once; its child loads afterwards.
unsafe fn outliving_child(model: &CString) {
    unsafe {
        if libc::fork() == 0 {
            libc::setsid();
            while libc::getppid() == libc::getpgid(0) {}
            libc::usleep(150_000);
            pread(model);
            libc::_exit(0);
        }
        libc::_exit(5);
    }
}

unsafe fn advice(model: &CString) {
    unsafe {
        let fd = open(model, 0);
        for advice in [libc::POSIX_FADV_RANDOM, libc::POSIX_FADV_WILLNEED, libc::POSIX_FADV_NOREUSE] {
            libc::posix_fadvise(fd, 4096, 8192, advice);
        }
        libc::readahead(fd, 8192, 4096);
        let len = size(fd);
        let map = libc::mmap(null_mut(), len, libc::PROT_READ, libc::MAP_PRIVATE, fd, 0);
        libc::madvise(map.add(page()), 2 * page(), libc::MADV_RANDOM);
        libc::madvise(map, len, libc::MADV_HUGEPAGE);
        libc::madvise(map, page(), libc::MADV_DONTNEED);
        libc::close(fd);
    }
}

/// Advice on memory of this process, and on that of a child at the same addresses.
unsafe fn process_madvise(model: &CString) {
    unsafe {
        let fd = open(model, 0);
        let map = libc::mmap(null_mut(), size(fd), libc::PROT_READ, libc::MAP_SHARED, fd, 0);
        let part = |first: usize, pages: usize| libc::iovec {
            iov_base: map.add(first * page()),
            iov_len: pages * page(),
        };
        let parts = [part(0, 1), part(2, 3)];
        let advise = |pid: libc::pid_t, advice: c_int| {
            let pidfd = libc::syscall(libc::SYS_pidfd_open, pid, 0);
            assert!(pidfd >= 0);
            libc::syscall(libc::SYS_process_madvise, pidfd, parts.as_ptr(), parts.len(), advice, 0)
        };
        assert_eq!(advise(libc::getpid(), libc::MADV_WILLNEED), 4 * page() as i64);
        let child = libc::fork();
        if child == 0 {
            loop {
                libc::pause();
            }
        }
        advise(child, libc::MADV_COLD);
        libc::kill(child, libc::SIGKILL);
        libc::waitpid(child, null_mut(), 0);
        libc::close(fd);
    }
}

unsafe fn protect_limit(model: &CString) {
    unsafe {
        let fd = open(model, 0);
        let len = size(fd);
        let map = libc::mmap(null_mut(), len, libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE, fd, 0);
        libc::mprotect(map, page(), libc::PROT_READ);
        let mut limit = std::mem::zeroed::<libc::rlimit>();
        libc::getrlimit(libc::RLIMIT_MEMLOCK, &raw mut limit);
        limit.rlim_cur = limit.rlim_cur.min(65536);
        libc::setrlimit(libc::RLIMIT_MEMLOCK, &raw const limit);
        libc::mlock(map, page());
        libc::close(fd);
    }
}

unsafe fn sendfile(model: &CString) {
    unsafe {
        let fd = open(model, 0);
        let target = libc::memfd_create(c"copy".as_ptr(), 0);
        libc::sendfile(target, fd, null_mut(), 5000);
        let mut offset = 100_000i64;
        libc::sendfile(target, fd, &raw mut offset, 3000);
        libc::copy_file_range(fd, &raw mut offset, target, null_mut(), 2000, 0);
        libc::close(fd);
    }
}

unsafe fn openat2(model: &CString) {
    unsafe {
        let how = [(libc::O_RDONLY | libc::O_CLOEXEC) as u64, 0, 0];
        let (at, path) = (libc::AT_FDCWD, model.as_ptr());
        let fd = libc::syscall(libc::SYS_openat2, at, path, how.as_ptr(), size_of_val(&how)) as c_int;
        assert!(fd >= 0);
        let mut bytes = [0u8; 64];
        libc::pread(fd, bytes.as_mut_ptr().cast(), 64, 0);
        let mut stat = std::mem::zeroed::<libc::statx>();
        let mask = libc::STATX_SIZE | libc::STATX_DIOALIGN;
        libc::statx(fd, c"".as_ptr(), libc::AT_EMPTY_PATH, mask, &raw mut stat);
        libc::statx(fd, c"".as_ptr(), libc::AT_EMPTY_PATH, libc::STATX_SIZE, &raw mut stat);
        libc::close(fd);
    }
}

unsafe fn close_range(model: &CString) {
    unsafe {
        let fds = [open(model, 0), open(model, 0), open(model, 0)];
        libc::dup2(fds[0], 900);
        libc::dup2(fds[1], 901);
        for fd in fds {
            libc::close(fd);
        }
        libc::syscall(libc::SYS_close_range, 900, 1000, 0);
    }
}

unsafe fn io_uring(model: &CString) {
    unsafe {
        let fd = open(model, 0);
        let mut parameters = [0u8; 120];
        libc::syscall(libc::SYS_io_uring_setup, 8, parameters.as_mut_ptr());
        libc::close(fd);
    }
}

unsafe fn many_reads(model: &CString) {
    unsafe {
        let fd = open(model, 0);
        let mut bytes = [0u8; 16];
        for index in 0..100_000i64 {
            libc::pread(fd, bytes.as_mut_ptr().cast(), 16, 16 * index);
        }
        libc::close(fd);
    }
}

unsafe fn crash(model: &CString) {
    unsafe {
        let fd = open(model, 0);
        let mut bytes = [0u8; 16];
        libc::pread(fd, bytes.as_mut_ptr().cast(), 16, 0);
        libc::signal(libc::SIGSEGV, libc::SIG_DFL);
        libc::kill(libc::getpid(), libc::SIGSEGV);
        libc::pause();
    }
}

/// Opens the model, says so, and does nothing more.
unsafe fn sleep(model: &CString) {
    unsafe {
        let fd = open(model, 0);
        let mut bytes = [0u8; 16];
        libc::pread(fd, bytes.as_mut_ptr().cast(), 16, 0);
        libc::fork();
        println!("ready {}", libc::getpid());
        loop {
            libc::pause();
        }
    }
}

/// Stops itself and is woken by its child; then goes on.
unsafe fn stop_and_go(model: &CString) {
    unsafe {
        let me = libc::getpid();
        let child = libc::fork();
        if child == 0 {
            libc::usleep(100_000);
            libc::kill(me, libc::SIGCONT);
            libc::_exit(0);
        }
        libc::kill(me, libc::SIGSTOP);
        libc::waitpid(child, null_mut(), 0);
        pread(model);
    }
}

/// A read whose arguments have to stand in their registers afterwards, as the kernel leaves them.
unsafe fn registers(model: &CString) {
    unsafe {
        let fd = i64::from(open(model, 0));
        let mut bytes = [0u8; 4096];
        let at = bytes.as_mut_ptr() as i64;
        let (result, after): (i64, [i64; 2]);
        let (mut second, mut third) = (at, 4096i64);
        #[cfg(target_arch = "x86_64")]
        {
            let mut rax = libc::SYS_read;
            std::arch::asm!("syscall", inout("rax") rax, in("rdi") fd, inout("rsi") second, inout("rdx") third,
                out("rcx") _, out("r11") _);
            result = rax;
        }
        #[cfg(target_arch = "aarch64")]
        {
            let mut x0 = fd;
            std::arch::asm!("svc 0", in("x8") libc::SYS_read, inout("x0") x0, inout("x1") second,
                inout("x2") third);
            result = x0;
        }
        after = [second, third];
        (second, third) = (at, 4096);
        assert_eq!(after, [second, third]);
        println!("result {result}");
    }
}
