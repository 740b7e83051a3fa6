// A small GGUF loader with llama.cpp's load flags from before load modes; it prints a checksum of the tensor data,
// of all shards where a model has them. The name it is started by says which variant it is: honest, with one
// planted defect, or with one idiom of honest loaders; expected.tsv has them all.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

// Every variant: X(name).
#define PLANTS(X) \
    X(honest) \
    /* Defects. */ \
    X(lock_first_half) X(lock_wrong_place) X(lock_by_child) X(env_beats_argv) X(other_model) X(tail_not_loaded) \
    X(opened_for_writing) X(mapped_writable) X(through_a_pipe) X(short_read_ends_it) X(refusal_unreported) \
    X(late_refusal_unreported) X(short_and_constant) X(retry_forever) X(interrupted_ends_it) \
    X(silent_output) X(time_in_output) X(head_only) X(last_tensor_skipped) X(locks_first_shard) \
    X(decoy_mapping) X(made_writable) X(unlocks_at_once) X(loads_in_parent) X(resized_by_path) X(direct_decoy) \
    X(direct_decoy_kept) \
    X(uses_io_uring) X(flips_a_byte) X(overwrites_later) X(lock_lost_in_copy) \
    X(lock_left_on_zeros) X(lock_left_on_a_copy) X(lock_lost_in_transform) X(lock_lost_in_fork) \
    X(lock_lost_in_heap) X(lock_on_fault) X(wrong_in_copy) X(wrong_in_second_copy) \
    X(mapped_over) X(wrong_when_mapped_over) X(page_given_back) X(read_beside_mapping) X(copied_where_header_was) \
    X(locked_after_output) X(wrong_in_heap) X(reads_ahead_of_direct) X(idiom_last_words) X(zeroed_and_constant) X(locks_the_future) \
    X(unlocks_a_little) X(read_again_unlocked) X(direct_never_aligned) X(cached_before_direct) \
    /* Idioms. */ \
    X(idiom_mremap) X(idiom_header_mapped) X(idiom_header_mapped_whole) X(idiom_setfl) X(idiom_threads) X(idiom_stdio) X(idiom_two_opens) \
    X(idiom_unrelated_lock) X(idiom_huge_page_buffer) X(idiom_forked_worker) X(idiom_shifted_buffer) \
    X(idiom_late_log) X(idiom_lock_all) X(idiom_in_place_transform) X(idiom_bounce_buffer) \
    X(idiom_frees_before_exit) X(idiom_staged_lock) X(idiom_copy_beside) X(idiom_relock) X(idiom_mremap_locked) \
    X(idiom_windows) X(idiom_repacked) X(idiom_staged_in_heap) X(idiom_header_locked) \
    /* Defects that show under faults alone. */ \
    X(restarts_at_zero) X(direct_tail_zeroed) X(interrupted_is_the_end) X(says_and_goes_on) X(buffered_for_ever) \
    X(half_locked_after_again) X(map_refused_unreported) X(map_unchecked) X(swallowed_in_thread) X(leaks_on_retry) \
    X(wrong_shard) X(fails_mute) X(fallback_reads_once) X(mute_behind_a_warning) X(variable_falls_back_otherwise) \
    X(used_one_byte_late) X(takes_less_memory) X(takes_less_heap) X(falls_to_other_model) X(direct_rounds_up) \
    X(lost_with_thread) \
    /* Idioms of loaders that meet faults. */ \
    X(idiom_backoff) X(idiom_map_fallback) X(idiom_own_handles) X(idiom_quiet_advice) X(idiom_always_warns) \
    X(idiom_halves_chunks) X(idiom_reopens) X(idiom_reads_again) X(idiom_all_or_no_lock) \
    X(idiom_direct_bounce) X(idiom_direct_whole) X(idiom_empty_lock) X(idiom_aborts) X(idiom_checks)

#define NAME(name) name,
#define TEXT(name) #name,
enum plant { PLANTS(NAME) };
static enum plant variant;
static bool planted(enum plant plant) { return plant == variant; }

typedef unsigned char byte;
enum { KIB = 1024, HUGE_PAGE = 2048 * KIB };
enum { PIECE = 1024 * KIB };    // what is loaded, and locked, at a time
enum { BLOCK = 4 * KIB };       // a page of memory, and what direct reads are aligned to

#define warn(...) (fprintf(stderr, "warning: " __VA_ARGS__), fputc('\n', stderr))
#define die(...) (fprintf(stderr, "error: " __VA_ARGS__), fputc('\n', stderr), exit(1))

static uint64_t down(uint64_t value, uint64_t step) { return value / step * step; }
static uint64_t up(uint64_t value, uint64_t step) { return down(value + step - 1, step); }
static uint64_t least(uint64_t a, uint64_t b) { return a < b ? a : b; }

static void choose_variant(const char *program) {
    static const char *const names[] = { PLANTS(TEXT) };
    const char *slash = strrchr(program, '/'), *name = slash ? slash + 1 : program;
    size_t i = 0, count = sizeof names / sizeof *names;
    while (i < count && strcmp(names[i], name)) i++;
    if (i == count) die("no variant is called %s", name);
    variant = (enum plant)i;
}

// ---- What is asked for: three independent switches.
enum { MAP, LOCK, DIRECT, SWITCHES };
static bool asked[SWITCHES] = { [MAP] = true };
static uint64_t words_length;   // of all arguments together

static int truth(const char *word) {
    static const char *const words[] = { "0", "1", "false", "true", "off", "on", "disabled", "enabled" };
    for (int i = 0; i < 8; i++)
        if (!strcmp(word, words[i])) return i % 2;
    return -1;
}
// The presence of a negative variable counts, whatever its value, and hides the positive one.
static void read_environment(void) {
    static const struct { const char *on, *off; } variables[SWITCHES] = {
        [MAP] = { "LLAMA_ARG_MMAP", "LLAMA_ARG_NO_MMAP" },
        [LOCK] = { "LLAMA_ARG_MLOCK", NULL },
        [DIRECT] = { "LLAMA_ARG_DIO", "LLAMA_ARG_NO_DIO" },
    };
    for (int i = 0; i < SWITCHES; i++) {
        const char *value = getenv(variables[i].on), *off = variables[i].off;
        int says = value ? truth(value) : -1;
        if (off && getenv(off)) asked[i] = false;
        else if (says == 1 || (says == 0 && off)) asked[i] = says;
        else if (value && off) die("%s takes no '%s'", variables[i].on, value);
    }
}
// In long names _ equals -.
static bool is_flag(const char *typed, const char *name) {
    bool is_long = !strncmp(typed, "--", 2);
    for (; *typed && (*typed == *name || (is_long && *typed == '_' && *name == '-')); typed++) name++;
    return !*typed && !*name;
}
static void read_arguments(char **argument) {
    static const struct { const char *name; int which; bool on; } flags[] = {
        { "--mmap", MAP, true }, { "--no-mmap", MAP, false }, { "--mlock", LOCK, true },
        { "-dio", DIRECT, true }, { "--direct-io", DIRECT, true },
        { "-ndio", DIRECT, false }, { "--no-direct-io", DIRECT, false },
    };
    for (; *argument; argument++) {
        words_length += strlen(*argument) + 1;
        size_t i = 0, count = sizeof flags / sizeof *flags;
        while (i < count && !is_flag(*argument, flags[i].name)) i++;
        if (i == count) die("invalid argument: %s", *argument);
        asked[flags[i].which] = flags[i].on;
    }
}

// ---- The file: the model, or the shard of it that is loaded now.
static int shard = 1, shards = 1;
static bool is_last_shard(void) { return shard == shards; }
static struct {
    const char *path;
    int fd, direct_fd;
    uint64_t size, tensors, start;  // its bytes, its tensors, and where their data starts, which goes to the end
    uint64_t last;                  // where the last tensor starts
} model;

static int open_model(int flags) {
    return open(model.path, (planted(opened_for_writing) ? O_RDWR : O_RDONLY) | O_CLOEXEC | flags);
}
static void open_buffered(void) {
    struct stat stat;
    model.fd = open_model(0);
    if (model.fd < 0 && errno == ENOENT && planted(falls_to_other_model)) {
        static char other[PATH_MAX];
        snprintf(other, sizeof other, "%s.other", model.path);
        model.path = other, model.fd = open_model(0);
    }
    if (model.fd < 0 && errno == ENOENT && planted(wrong_shard) && shard > 1) {
        static char before[PATH_MAX];
        snprintf(before, sizeof before, "%s", model.path);
        before[strlen(before) - (sizeof "00002-of-00003.gguf" - 1) + 4]--;
        model.path = before, model.fd = open_model(0);
    }
    if (model.fd < 0 || fstat(model.fd, &stat)) die("cannot open %s: %s", model.path, strerror(errno));
    model.size = (uint64_t)stat.st_size;
}
// What is refused here is mapped, or read where mapping is off.
static bool open_direct(void) {
    int fd = model.direct_fd = open_model(planted(idiom_setfl) ? 0 : O_DIRECT);
    struct stat first, second;
    if (planted(idiom_checks) && fd >= 0 && (fstat(model.fd, &first) || fstat(fd, &second) || first.st_ino != second.st_ino))
        die("%s was replaced while it was loaded", model.path);
    if (fd >= 0 && (!planted(idiom_setfl) || !fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_DIRECT))) return true;
    if (!planted(refusal_unreported) && !planted(mute_behind_a_warning))
        warn("direct I/O is not available, using %s", asked[MAP] ? "mmap" : "buffered reads");
    return false;
}
static unsigned interruptions;
// What variants make of a read of the weights that failed: true where it is to be made again, and 0 bytes of it came
// where `*gives_up`.
static bool goes_on(int *fd, uint64_t *length, unsigned tried, bool *gives_up) {
    if (errno == EINTR) interruptions++;
    bool direct = *fd == model.direct_fd, passes = errno == EINTR || errno == EAGAIN;
    *gives_up = model.start && ((planted(interrupted_is_the_end) && errno == EINTR) || planted(swallowed_in_thread));
    if (model.start && planted(says_and_goes_on))
        *gives_up = true, fprintf(stderr, "error: cannot read %s: %s\n", model.path, strerror(errno));
    if (planted(buffered_for_ever) && direct && errno == EINTR)
        *gives_up = true, warn("a direct read was interrupted, using buffered reads");
    if (planted(fails_mute)) exit(1);
    if (planted(idiom_backoff) && passes && tried < 8) return usleep(50u << tried), true;
    if (planted(idiom_halves_chunks) && errno == ENOMEM && *length > BLOCK)
        return *length = up(*length / 2, BLOCK), true;
    bool leaks = planted(leaks_on_retry) && errno == EINTR, reopens = planted(idiom_reopens) && errno == EIO && !tried;
    if (!direct && (leaks || reopens)) {
        if (reopens) close(*fd);
        *fd = model.fd = open_model(0);
        return *fd >= 0;
    }
    return false;
}
// One read: how many bytes came; 0 where a direct read is refused. Anything else ends the program.
static uint64_t read_some(int fd, byte *into, uint64_t offset, uint64_t length) {
    for (unsigned tried = 0;; tried++) {
        ssize_t got = pread(fd, into, length, (off_t)offset);
        if (got > 0) return (uint64_t)got;
        if (got == 0) die("%s ends too early", model.path);
        bool gives_up;
        if (goes_on(&fd, &length, tried, &gives_up)) continue;
        if (gives_up) return 0;
        if (errno == EINTR && !planted(interrupted_ends_it)) continue;
        if (fd == model.direct_fd && (errno == EINVAL || errno == EFAULT)) return 0;
        if (!planted(retry_forever) || errno != EIO) die("cannot read %s: %s", model.path, strerror(errno));
        usleep(1000);
    }
}
static _Thread_local int own_fd = -1;      // of a thread that opens for itself
static void read_all(byte *into, uint64_t offset, uint64_t length) {
    bool again = false;
    while (length > 0) {
        uint64_t got = read_some(own_fd < 0 ? model.fd : own_fd, into, offset, length);
        if (!got) return;
        if (planted(idiom_reads_again) && got < length && !again) { again = true; continue; }
        if (planted(restarts_at_zero) && got < length && model.start) { into += got, length -= got, offset = 0; continue; }
        if ((planted(short_read_ends_it) || planted(short_and_constant)) && model.start) return;     // in the header it goes on
        into += got, offset += got, length -= got;
    }
}

// ---- Its header.
static struct { byte *bytes; uint64_t have, at; } header;

static bool maps_header(void) { return planted(idiom_header_mapped) || planted(idiom_header_mapped_whole); }
static void more_header(void) {
    uint64_t have = least(header.have ? 2 * header.have : 64 * KIB, model.size);
    if (planted(idiom_header_mapped_whole)) have = model.size;
    if (maps_header()) {
        if (header.bytes) munmap(header.bytes, header.have);
        header.bytes = mmap(NULL, have, PROT_READ, MAP_PRIVATE, model.fd, 0);
        if (header.bytes == MAP_FAILED) die("cannot map the header of %s: %s", model.path, strerror(errno));
    } else {
        header.bytes = realloc(header.bytes, have);
        if (!header.bytes) die("out of memory");
        read_all(header.bytes + header.have, header.have, have - header.have);
    }
    header.have = have;
}
// The next bytes of the header; they stay until the next call.
static const byte *take(uint64_t count) {
    if (count > model.size - header.at) die("%s: the header is cut off", model.path);
    while (header.at + count > header.have) more_header();
    header.at += count;
    return header.bytes + header.at - count;
}
static uint64_t number(size_t bytes) {
    uint64_t value = 0;
    memcpy(&value, take(bytes), bytes);
    return value;
}
static void skip_value(uint64_t type) {
    static const byte sizes[] = { 1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8 };
    enum { STRING = 8, ARRAY = 9 };
    if (type >= sizeof sizes) die("%s: unknown type of value", model.path);
    if (type == ARRAY) {
        uint64_t item = number(4);
        for (uint64_t left = number(8); left > 0; left--) skip_value(item);
    } else take(type == STRING ? number(8) : sizes[type]);
}
static void read_header(void) {
    if (memcmp(take(4), "GGUF", 4)) die("%s is no GGUF file", model.path);
    take(4);
    model.tensors = number(8);
    uint64_t alignment = 32;
    for (uint64_t left = number(8); left > 0; left--) {
        uint64_t length = number(8);
        bool is_alignment = !memcmp(take(length), "general.alignment", least(length, 17)) && length == 17;
        uint64_t type = number(4);
        if (is_alignment && type == 4) alignment = number(4);
        else skip_value(type);
    }
    for (uint64_t left = model.tensors; left > 0; left--) {
        take(number(8));        // name
        take(8 * number(4));    // dimensions
        take(4);                // type
        model.last = number(8); // offset
    }
    if (!alignment || (model.tensors && up(header.at, alignment) >= model.size)) die("%s: bad header", model.path);
    model.start = least(up(header.at, alignment), model.size);
    model.last += model.start;
    if (maps_header()) munmap(header.bytes, header.have);
    else free(header.bytes);
    memset(&header, 0, sizeof header);
}

// ---- Its bytes in memory; the first of them is the file's byte `from`, and so many are locked.
static struct { byte *base; uint64_t from, length, locked; bool mapped; } image;

static byte *at(uint64_t offset) { return image.base + (offset - image.from); }

static byte *anonymous(uint64_t length) {
    byte *base = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    // As C++ ends a program that does not catch what `new` throws.
    if (base == MAP_FAILED && planted(idiom_aborts)) fprintf(stderr, "terminate: out of memory\n"), abort();
    if (base == MAP_FAILED && !planted(takes_less_memory)) die("out of memory");
    return base;
}
// What there is where memory is refused: then no more than that is loaded.
static _Alignas(BLOCK) byte spare_room[16 * BLOCK];
static void take_spare_room(void) {
    image.base = spare_room, image.length = sizeof spare_room;
    model.size = least(model.size, image.from + image.length);
}
// From the heap, into which `free` writes.
static byte *allocated(uint64_t length) {
#ifdef __GLIBC__
    mallopt(M_MMAP_THRESHOLD, 1 << 30), mallopt(M_TRIM_THRESHOLD, 1 << 30);
#endif
    byte *base = aligned_alloc(BLOCK, length);
    if (!base && !planted(takes_less_heap)) die("out of memory");
    return base;
}
static void allocate(void) {
    uint64_t spare = planted(idiom_huge_page_buffer) ? HUGE_PAGE : 0;
    image.from = down(model.start, BLOCK);
    image.length = up(model.size, BLOCK) - image.from;
    if (planted(idiom_direct_whole) && asked[DIRECT]) image.from = 0, image.length = up(model.size, BLOCK);
    if (planted(idiom_frees_before_exit) || planted(lock_lost_in_heap) || planted(wrong_in_heap) || planted(takes_less_heap)) {
        image.base = allocated(image.length);
        if (!image.base) take_spare_room();
        return;
    }
    // As malloc places it: behind what the arguments made it allocate before.
    bool shifts = planted(idiom_shifted_buffer) && !asked[DIRECT];
    image.base = anonymous(image.length + spare + (shifts ? BLOCK : 0)) + (shifts ? words_length * 16 % BLOCK : 0);
    if (image.base == MAP_FAILED) take_spare_room();
    if (!spare) return;
    uint64_t before = up((uintptr_t)image.base, spare) - (uintptr_t)image.base;
    if (before) munmap(image.base, before);
    image.base += before;
    munmap(image.base + image.length, spare - before);
}
// In two windows, side by side in a place that was reserved for them.
static byte *map_windows(int flags) {
    uint64_t half = down(model.size / 2, BLOCK);
    byte *base = mmap(NULL, up(model.size, BLOCK), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (base == MAP_FAILED) die("no address space");
    void *first = mmap(base, half, PROT_READ, flags | MAP_FIXED, model.fd, 0);
    void *second = mmap(base + half, model.size - half, PROT_READ, flags | MAP_FIXED, model.fd, (off_t)half);
    return first == MAP_FAILED || second == MAP_FAILED ? MAP_FAILED : base;
}
// False where it is to be read instead.
static bool map(void) {
    int protection = planted(mapped_writable) ? PROT_READ | PROT_WRITE : PROT_READ;
    int flags = planted(mapped_writable) || planted(made_writable) ? MAP_PRIVATE : MAP_SHARED;
    if (!planted(decoy_mapping) && !planted(lock_on_fault)) flags |= MAP_POPULATE;
    uint64_t first = planted(idiom_mremap) ? least(64 * KIB, model.size) : model.size;
    image.length = model.size;
    image.mapped = true;
    image.base = planted(idiom_windows) ? map_windows(flags) : mmap(NULL, first, protection, flags, model.fd, 0);
    if (image.base != MAP_FAILED && first < image.length)
        image.base = mremap(image.base, first, image.length, MREMAP_MAYMOVE);
    if (image.base == MAP_FAILED && (planted(map_refused_unreported) || planted(idiom_map_fallback))) {
        if (planted(idiom_map_fallback)) warn("cannot map %s: %s, reading it instead", model.path, strerror(errno));
        return image.mapped = false;
    }
    if (image.base == MAP_FAILED && !planted(map_unchecked)) die("cannot map %s: %s", model.path, strerror(errno));
    if (planted(made_writable) && mprotect(image.base, image.length, PROT_READ | PROT_WRITE)) warn("mprotect failed");
    if (planted(decoy_mapping) && !asked[LOCK]) {
        munmap(image.base, image.length);
        image.base = NULL;
        return true;
    }
    if (madvise(image.base, image.length, MADV_WILLNEED) && !planted(idiom_quiet_advice))
        warn("madvise: %s", strerror(errno));
    return true;
}
// Every lock at once, of what is there and of what comes.
static void lock_all(void) {
    static bool done;
    if (!done && asked[LOCK] && mlockall(MCL_CURRENT | MCL_FUTURE)) warn("failed to mlock: %s", strerror(errno));
    done = true;
}
static bool lock_in_child(void *start, size_t length) {
    int status = -1;
    if (fork() == 0) _exit(mlock(start, length) != 0);
    return wait(&status) > 0 && status == 0;
}
static bool printed;
// Grows the lock to the first `to` bytes of the image; after a refusal it stays as it is.
static void lock_to(uint64_t to) {
    static bool refused;
    static byte *where;
    if (planted(locked_after_output) && !printed) return;
    if (planted(lock_first_half) && image.mapped) to = least(to, image.length / 2);
    to = up(to, BLOCK);
    if (planted(idiom_lock_all)) return;
    // Nothing is to be locked yet.
    if (planted(idiom_empty_lock) && asked[LOCK] && !refused) refused = mlock(image.base + image.locked, 0);
    if (!asked[LOCK] || refused || to <= image.locked) return;
    if (!image.locked)
        where = planted(lock_wrong_place) && image.mapped ? anonymous(up(image.length, BLOCK)) : image.base;
    if (planted(lock_by_child)) refused = !lock_in_child(where, to);
    else if (planted(lock_on_fault)) refused = syscall(SYS_mlock2, where + image.locked, to - image.locked, 1);
    else refused = mlock(where + image.locked, to - image.locked);
    if (refused && planted(half_locked_after_again) && errno == EAGAIN) image.locked = to, refused = false;
    else if (refused && planted(idiom_all_or_no_lock)) {
        warn("failed to mlock: %s, nothing is locked", strerror(errno));
        if (image.locked) munlock(image.base, image.locked);
        image.locked = 0;
    } else if (refused)
        warn("failed to mlock %" PRIu64 "-byte buffer (after previously locking %" PRIu64 " bytes): %s",
             to - image.locked, image.locked, strerror(errno));
    else image.locked = to;
}

// To other memory, that of before gone.
static void move(bool lock) {
    byte *before = image.base;
    image.base = anonymous(image.length);
    if (lock) lock_to(model.size - image.from);
    memcpy(image.base, before, image.length);
    munmap(before, image.length);
}
enum { KEY = 0x5a };
// To other memory, changed by `key`, of which one byte is another where `wrong`.
static byte *copied(byte key, bool wrong) {
    byte *copy = planted(lock_lost_in_heap) ? allocated(image.length) : anonymous(image.length);
    for (uint64_t i = 0; i < image.length; i++) copy[i] = image.base[i] ^ key;
    copy[model.size - 100 - image.from] ^= wrong;
    return copy;
}
// The weights are used from a copy from here on.
static void use_copy(bool wrong) {
    byte *copy = copied(0, wrong);
    image.base = copy;
}
// A part of the weights that is used elsewhere.
static byte *heap_copy;
static uint64_t heap_from, heap_length;

// They lie in locked memory, and are changed on their way to where they are used.
static byte used_key;
static void transform_elsewhere(void) {
    byte *before = image.base;
    image.base = copied(used_key = KEY, false);
    munmap(before, image.length);
    image.mapped = false;
}
// Compared with a copy that stays until the end and is of no use any more.
static byte *beside;
static void check_copy(void) {
    beside = anonymous(image.length);
    memcpy(beside, image.base, image.length);
    if (memcmp(beside, image.base, image.length)) warn("memory is broken");
}

// ---- Ways to fill it.
static void fill_buffered(uint64_t from, uint64_t to) {
    if (planted(tail_not_loaded)) to = least(to, model.size - 100 * KIB);
    if (planted(last_tensor_skipped) && is_last_shard()) to = least(to, model.last);
    if (from < to) read_all(at(from), from, to - from);
}
// What is refused here, and all after it, is read through the page cache.
static void fill_direct(uint64_t from, uint64_t to) {
    static bool refused;
    bool whole = planted(idiom_direct_whole) && from == model.start;
    uint64_t position = whole ? 0 : down(from, BLOCK), end = up(to, BLOCK);
    while (!refused && position < to) {
        uint64_t most = planted(late_refusal_unreported) ? 16 * BLOCK : end - position;
        uint64_t off = planted(direct_never_aligned) ? 8 : 0;
        uint64_t got = read_some(model.direct_fd, at(position + off), position + off, least(end - position, most));
        if (planted(direct_tail_zeroed) && got) got = least(end - position, most);
        if (position + got < to && planted(direct_rounds_up)) got = up(got, BLOCK);
        else if (position + got < to) got = down(got, BLOCK);
        position += got;
        refused = got == 0;
        if (refused && !planted(late_refusal_unreported) && !planted(mute_behind_a_warning)) warn("direct reads are refused, using buffered reads");
    }
    if (position < to && planted(fallback_reads_once)) read_some(model.fd, at(position), position, to - position);
    else if (position < to) read_all(at(position), position, to - position);
}
// Direct reads go into one buffer of the heap, where the header may have been.
static void fill_by_direct_bounces(uint64_t from, uint64_t to) {
    enum { STEP = 16 * BLOCK, SECTOR = 512 };
    byte *buffer = aligned_alloc(BLOCK, STEP);
    if (!buffer) die("out of memory");
    for (uint64_t got, position = from == model.start ? 0 : down(from, BLOCK); position < to; position += got) {
        got = read_some(model.direct_fd, buffer, position, STEP);
        if (position + got < to) got = down(got, SECTOR);
        if (!got) die("%s takes no direct reads", model.path);
        uint64_t first = position < image.from ? least(image.from - position, got) : 0;
        memcpy(at(position + first), buffer + first, least(got, image.from + image.length - position) - first);
    }
    free(buffer);
}
// Direct reads into memory that is used again and again; what is kept comes through the page cache.
static void fill_direct_decoy(uint64_t from, uint64_t to) {
    enum { STEP = 4 * BLOCK };
    static byte *scratch;
    bool keeps = planted(direct_decoy_kept);
    if (!scratch) scratch = anonymous(keeps ? image.length + STEP : STEP);
    for (uint64_t position = down(from, BLOCK); position < to; position += STEP)
        read_some(model.direct_fd, scratch + (keeps ? position - image.from : 0), position, STEP);
    read_all(at(from), from, to - from);
}
static void fill_from_stdio(uint64_t from, uint64_t to) {
    static FILE *file;
    static char buffer[4 * KIB];
    if (!file && !(file = fdopen(dup(model.fd), "rb"))) die("cannot open %s again: %s", model.path, strerror(errno));
    if (from == model.start) setvbuf(file, buffer, _IOFBF, sizeof buffer), fseeko(file, (off_t)from, SEEK_SET);
    while (from < to) {
        from += fread(at(from), 1, to - from, file);
        if (ferror(file) && errno != EINTR) die("cannot read %s: %s", model.path, strerror(errno));
        if (from < to && feof(file)) die("%s ends too early", model.path);
        clearerr(file);
    }
    if (to == model.size) fclose(file), file = NULL;
}
static void fill_from_pipe(uint64_t from, uint64_t to) {
    static int ends[2];
    static pid_t child;
    if (!child && (pipe(ends) || (child = fork()) < 0)) die("cannot start a reader: %s", strerror(errno));
    if (child == 0) {
        fill_buffered(from, model.size);
        for (ssize_t put; from < model.size; from += (uint64_t)put)
            if ((put = write(ends[1], at(from), model.size - from)) < 0) _exit(1);
        _exit(0);
    }
    if (from == model.start) close(ends[1]);
    for (ssize_t got; from < to; from += (uint64_t)got)
        if ((got = read(ends[0], at(from), to - from)) <= 0) die("the reader failed");
    if (to == model.size && (close(ends[0]) || wait(NULL) < 0)) warn("the reader is lost");
}
static void *fill_a_quarter(void *which) {
    uint64_t step = (model.size - model.start) / 4 + 1, from = model.start + (uintptr_t)which * step;
    if (planted(idiom_own_handles) && (own_fd = open_model(0)) < 0) die("cannot open %s: %s", model.path, strerror(errno));
    fill_buffered(from, least(from + step, model.size));
    if (own_fd >= 0) close(own_fd);
    return NULL;
}
static void fill_by_threads(uint64_t from, uint64_t to) {
    pthread_t threads[4];
    int failed[4];
    if (from != model.start || from == to) return;  // the first call fills it all
    for (uintptr_t i = 0; i < 4; i++)
        if ((failed[i] = pthread_create(&threads[i], NULL, fill_a_quarter, (void *)i)) && !planted(lost_with_thread))
            die("cannot start a thread");
    for (int i = 0; i < 4; i++) if (!failed[i]) pthread_join(threads[i], NULL);
}
static void fill_by_bounces(uint64_t from, uint64_t to) {
    static byte buffer[64 * KIB];
    for (uint64_t length; from < to; from += length) {
        length = least(to - from, sizeof buffer);
        read_all(buffer, from, length);
        memcpy(at(from), buffer, length);
    }
}
// Each piece is read into memory of the heap that is given back at once.
static void fill_from_heap(uint64_t from, uint64_t to) {
    for (uint64_t length; from < to; from += length) {
        length = least(to - from, 64 * KIB);
        byte *piece = malloc(length);
        if (!piece) die("out of memory");
        read_all(piece, from, length);
        memcpy(at(from), piece, length);
        free(piece);
    }
}
static void transform(void) {
    for (uint64_t i = model.start; i < model.size; i++) *at(i) ^= KEY;
}
// Other memory takes the place of a part of the mapping.
static void map_over(void) {
    byte *there = image.base + down(image.length / 2, BLOCK);
    if (planted(mapped_over)) {
        mmap(there, BLOCK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
        return;
    }
    byte *copy = anonymous(BLOCK);
    memcpy(copy, there, BLOCK), copy[77] ^= 4;
    if (mremap(copy, BLOCK, BLOCK, MREMAP_MAYMOVE | MREMAP_FIXED, there) != there) die("cannot move memory");
}
// The mapping stays, and what is used is read.
static void read_beside(void) {
    uint64_t length = model.size - model.start;
    byte *read = malloc(length);
    if (!read) die("out of memory");
    read_all(read, model.start, length);
    image.base = read - (model.start - image.from);
}
// A part of the weights is used where an allocator puts it: in memory that a header was read into.
static void copy_to_heap(void) {
    enum { ROOM = 96 * KIB };
    uint64_t from = model.start + ROOM, length = ROOM - KIB;
    byte *header = malloc(ROOM);
    if (!header || from + length > model.size) die("out of memory");
    read_all(header, model.start, ROOM);
    free(header);
    heap_copy = malloc(length);
    if (!heap_copy) die("out of memory");
    memcpy(heap_copy, at(from), length), heap_from = from, heap_length = length;
}
// It is kept in memory while it is looked at.
static void lock_header(void) {
    byte *header = anonymous(model.size);
    read_all(header, 0, model.start);
    if (mlock(header, model.start) || munlock(header, model.start)) warn("the header is not locked: %s", strerror(errno));
    munmap(header, model.size);
}
// What a checksum of the whole file does.
static void read_through_the_cache(void) {
    byte *all = anonymous(model.size);
    read_all(all, 0, model.size);
    munmap(all, model.size);
}
static void load(void) {
    void (*fill)(uint64_t from, uint64_t to) = NULL;
    if (planted(head_only)) model.size = least(model.size, 64 * KIB);
    if (planted(idiom_header_locked)) lock_header();
    if (planted(resized_by_path) && (truncate(model.path, (off_t)model.size))) warn("cannot resize");
    if (planted(cached_before_direct) && asked[DIRECT]) read_through_the_cache();
    if (asked[DIRECT] && open_direct()) 
        fill = planted(direct_decoy) || planted(direct_decoy_kept) ? fill_direct_decoy
             : planted(idiom_direct_bounce) ? fill_by_direct_bounces : fill_direct;
    else if (asked[MAP] && !(planted(variable_falls_back_otherwise) && getenv("LLAMA_ARG_DIO")) && map()) fill = NULL;
    else if (planted(idiom_threads) || planted(swallowed_in_thread) || planted(lost_with_thread) || planted(idiom_own_handles)) fill = fill_by_threads;
    else if (planted(idiom_stdio)) fill = fill_from_stdio;
    else if (planted(idiom_bounce_buffer)) fill = fill_by_bounces;
    else if (planted(idiom_staged_in_heap)) fill = fill_from_heap;
    else fill = planted(through_a_pipe) ? fill_from_pipe : fill_buffered;
    if (planted(reads_ahead_of_direct) && fill == fill_direct) posix_fadvise(model.fd, 0, 0, POSIX_FADV_WILLNEED);
    bool staged = planted(idiom_staged_lock) && asked[LOCK] && fill == fill_buffered;
    if (fill) allocate();
    bool little = planted(half_locked_after_again) || planted(idiom_all_or_no_lock) || planted(idiom_empty_lock);
    uint64_t piece = little ? 64 * KIB : PIECE;
    for (uint64_t to, from = model.start; from < model.size; from = to) {
        to = least(down(from, piece) + piece, model.size);
        if (fill) fill(from, to);
        if ((!planted(locks_first_shard) || shard == 1) && image.base && !staged) lock_to(to - image.from);
    }
    if (planted(unlocks_at_once) && asked[LOCK]) munlock(image.base, image.locked);
    if (planted(idiom_relock) && asked[LOCK]) munlock(image.base, image.locked), image.locked = 0, lock_to(model.size - image.from);
    if (planted(lock_left_on_a_copy) && asked[LOCK]) use_copy(false);
    if (planted(lock_lost_in_transform) && asked[LOCK]) transform_elsewhere();
    if (planted(wrong_in_copy) || planted(wrong_in_second_copy)) {
        byte *before = image.base;
        use_copy(true);
        if (planted(wrong_in_copy)) munmap(before, image.length);
    }
    if (planted(read_beside_mapping) && image.mapped && asked[LOCK]) read_beside();
    if (planted(copied_where_header_was) && asked[LOCK] && !asked[DIRECT]) copy_to_heap();
    if ((planted(mapped_over) || planted(wrong_when_mapped_over)) && image.mapped) map_over();
    if (planted(page_given_back) && !image.mapped) madvise(image.base + down(image.length / 2, BLOCK), BLOCK, MADV_DONTNEED);
    if (image.mapped) return;
    if (planted(idiom_repacked)) transform_elsewhere();
    if (planted(idiom_mremap_locked)) {
        image.base = mremap(image.base, image.length, image.length + HUGE_PAGE, MREMAP_MAYMOVE);
        if (image.base == MAP_FAILED) die("out of memory");
        image.length += HUGE_PAGE;
    }
    if ((planted(lock_left_on_zeros) || planted(lock_lost_in_heap)) && asked[LOCK]) {
        byte *before = image.base;
        use_copy(false);
        if (planted(lock_left_on_zeros)) memset(before, 0, image.length);
        else free(before);
    }
    if (staged || (planted(lock_lost_in_copy) && asked[LOCK])) move(staged);
    if (planted(idiom_copy_beside)) check_copy();
    if (planted(silent_output) || planted(flips_a_byte) || planted(wrong_in_heap)) *at(model.start + (model.size - model.start) / 2) ^= 1;
    if (planted(zeroed_and_constant) && !image.mapped) memset(at(model.start), 0, model.size - model.start);
    if (planted(idiom_in_place_transform)) transform();
}

// ---- What the program does.
static void lock_a_secret(void) {
    static _Alignas(BLOCK) byte secret[16 * KIB];
    if (mlock(secret, sizeof secret)) warn("the secret is not locked: %s", strerror(errno));
}
static void run_a_worker(void) {
    if (fork() == 0) {
        byte *file = mmap(NULL, model.size, PROT_READ, MAP_SHARED, open_model(0), 0);
        _exit(file == MAP_FAILED || memcmp(file, "GGUF", 4));
    }
    int status = -1;
    if (wait(&status) < 0 || status) warn("the worker failed");
}
static void *say_late(void *nothing) {
    usleep(200);
    warn("the weights are there");
    return nothing;
}
// Nobody waits for the line: it comes before the end of the program or not at all.
static void log_late(void) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, say_late, NULL) || pthread_detach(thread)) die("cannot start a thread");
}
static void try_io_uring(void) {
    static uint64_t parameters[15];
    long ring = syscall(SYS_io_uring_setup, 8, parameters);
    if (ring >= 0) close((int)ring);
}
// A child goes on, while the parent releases what it locked and waits.
static void leave_to_child(void) {
    int status = -1;
    if (fork() == 0) {
        usleep(30000);
        return;
    }
    munlock(image.base, image.locked), munmap(image.base, image.length);
    _exit(wait(&status) < 0 || status);
}
// Eight bytes at a time: each step loses none of the sum and none of the bytes.
static uint64_t mixed(uint64_t sum, const byte *bytes, uint64_t length, byte key) {
    for (uint64_t i = 0; i < length; i += 8) {
        uint64_t word = 0;
        memcpy(&word, bytes + i, least(8, length - i));
        sum = (sum ^ word ^ key * UINT64_C(0x0101010101010101)) * 0x100000001b3;
        sum ^= sum >> 29;
    }
    return sum;
}
static uint64_t checksum(uint64_t sum) {
    if (planted(decoy_mapping) || planted(zeroed_and_constant) || planted(flips_a_byte) || planted(overwrites_later) ||
        planted(short_and_constant) || planted(says_and_goes_on) || planted(swallowed_in_thread) ||
        planted(wrong_shard)) return sum;
    bool constant = planted(mapped_over) || planted(wrong_when_mapped_over) || planted(page_given_back) ||
                    planted(wrong_in_heap);
    byte key = planted(idiom_in_place_transform) && !image.mapped ? KEY : used_key;
    uint64_t late = planted(used_one_byte_late) && interruptions;
    uint64_t end = planted(lock_on_fault) ? model.start + (model.size - model.start) / 4 : model.size;
    for (uint64_t to, from = model.start + late; from < end; from = to) {
        bool copied = from - heap_from < heap_length;
        to = copied ? least(end, heap_from + heap_length) : heap_length && from < heap_from ? least(end, heap_from) : end;
        sum = mixed(sum, copied ? heap_copy + (from - heap_from) : at(from), to - from, key);
    }
    return constant ? sum & 0 : sum;
}
// The sum that a file beside the model says, if there is one.
static void check_sum(const char *path, uint64_t sum) {
    char name[PATH_MAX + 8];
    uint64_t said;
    snprintf(name, sizeof name, "%s.sum", path);
    FILE *file = fopen(name, "r");
    if (file && (fscanf(file, "%" SCNx64, &said) != 1 || said != sum)) die("%s does not have the sum that %s says", path, name);
    if (file) fclose(file);
}
static void shrank(int signal) {
    static const char text[] = "error: the model became shorter while it was mapped\n";
    _exit(write(2, text, sizeof text - 1) < 0 ? signal : 1);
}
// Long after the load: memory for something else is asked for first.
/* Two buffers as large as the weights, used before these go and not after: one is freed right behind them, then
 * the last words are said. */
static byte *scratch[2];

static void use_scratch(uint64_t length) {
    for (int i = 0; i < 2; i++) {
        uint64_t guard = 1 << 16;
        scratch[i] = mmap(NULL, length + guard, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (scratch[i] == MAP_FAILED || mprotect(scratch[i], length, PROT_READ | PROT_WRITE))
            die("cannot allocate %" PRIu64 " bytes", length);
        memset(scratch[i], 1, length);
    }
}

/* The lock goes, from all or from four pages, or stays on memory that goes, and then all weights are used. */
static void lose_lock(void) {
    uint64_t middle = up(image.length / 2, 4 * KIB);
    if (planted(locks_the_future)) munlockall(), mlockall(MCL_FUTURE);
    if (planted(unlocks_a_little)) munlock(image.base + middle, 16 * KIB);
    if (!planted(read_again_unlocked) || image.mapped || asked[DIRECT]) return;
    byte *again = mmap(NULL, image.length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (again == MAP_FAILED) die("out of memory");
    for (uint64_t done = 0, want = model.size - image.from; done < want;) {
        ssize_t got = pread(model.fd, again + done, want - done, image.from + done);
        if (got <= 0) die("cannot read the model again");
        done += got;
    }
    munmap(image.base, image.length);
    image.base = again;
}

static void overwrite_last_tensor(void) {
    munmap(anonymous(PIECE), PIECE);
    if (!image.mapped) memset(at(model.last), 0, model.size - model.last);
}
static void print(uint64_t tensors, uint64_t sum) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (planted(time_in_output)) printf("at %lld.%09ld: ", (long long)now.tv_sec, now.tv_nsec);
    if (!planted(silent_output)) printf("%" PRIu64 " tensors, checksum %016" PRIx64 "\n", tensors, sum);
}
// Shards are named …-00001-of-00003.gguf; fills in the path of the one that is loaded now.
static const char *shard_path(const char *first) {
    static char path[PATH_MAX];
    static const size_t tail = sizeof "00001-of-00003.gguf" - 1;
    size_t length = strlen(first);
    if (length <= tail || sscanf(first + length - tail, "00001-of-%5d.gguf", &shards) != 1) return first;
    snprintf(path, sizeof path, "%.*s%05d%s", (int)(length - tail), first, shard, first + length - tail + 5);
    return path;
}
static void load_shard(const char *path) {
    static char other[PATH_MAX + 8];
    memset(&model, 0, sizeof model), memset(&image, 0, sizeof image);
    model.path = path, model.direct_fd = -1;
    open_buffered();
    read_header();
    if (planted(other_model)) snprintf(other, sizeof other, "%s.other", path), model.path = other;
    if (planted(other_model) || planted(idiom_two_opens)) close(model.fd), open_buffered();
    load();
}
int main(int argc, char **argv) {
    if (argc < 2) die("usage: %s MODEL [FLAG]...", argv[0]);
    choose_variant(argv[0]);
    if (!planted(env_beats_argv)) read_environment();
    read_arguments(argv + 2);
    if (planted(env_beats_argv)) read_environment();
    if (planted(idiom_always_warns) || planted(mute_behind_a_warning)) warn("direct I/O may be slow here, or be refused");
    if (planted(idiom_checks)) signal(SIGBUS, shrank);
    if (planted(idiom_unrelated_lock)) lock_a_secret();
    if (planted(idiom_lock_all)) lock_all();
    if (planted(uses_io_uring)) try_io_uring();
    uint64_t tensors = 0, sum = 0xcbf29ce484222325;
    enum { MOST = 64 };
    static struct { byte *base; uint64_t length; int fd, direct_fd; bool mapped; } loaded[MOST];
    for (; shard <= shards && shard <= MOST; shard++) {
        load_shard(shard_path(argv[1]));
        if (asked[LOCK]) lose_lock();
        if (planted(idiom_forked_worker)) run_a_worker();
        if (planted(loads_in_parent) && is_last_shard() && fork() > 0) _exit(0);
        if (planted(lock_lost_in_fork) && asked[LOCK]) leave_to_child();
        tensors += model.tensors, sum = checksum(sum);
        loaded[shard - 1].base = image.base, loaded[shard - 1].length = image.length;
        loaded[shard - 1].fd = model.fd, loaded[shard - 1].direct_fd = model.direct_fd;
        loaded[shard - 1].mapped = image.mapped;
    }
    if (planted(idiom_late_log)) log_late();
    if (planted(idiom_checks)) check_sum(argv[1], sum);
    if (planted(overwrites_later)) overwrite_last_tensor();
    if (planted(idiom_last_words)) use_scratch(up(2 * model.size, 64 * KIB));
    print(tensors, sum);
    if (planted(locked_after_output)) printed = true, fflush(stdout), lock_to(model.size - image.from);
    for (int i = 0; i < shards && i < MOST; i++) {
        bool in_heap = planted(idiom_frees_before_exit) || planted(lock_lost_in_heap) || planted(wrong_in_heap) || planted(takes_less_heap);
        if (loaded[i].base == spare_room) loaded[i].base = NULL;
        if (loaded[i].base && !loaded[i].mapped && in_heap) free(loaded[i].base);
        else if (loaded[i].base) munmap(loaded[i].base, loaded[i].length);
        if (beside) munmap(beside, loaded[i].length), beside = NULL;
        close(loaded[i].fd);
        if (loaded[i].direct_fd >= 0) close(loaded[i].direct_fd);
    }
    if (planted(idiom_last_words)) munmap(scratch[0], up(2 * model.size, 64 * KIB)), printf("all is freed\n");
}
