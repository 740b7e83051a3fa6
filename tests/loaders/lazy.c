// A small GGUF loader with a load mode and, beside it, a lazy mode: whatever the load mode is, token_embd.weight is
// mapped, brought in on demand and left out of locks. Its flags are described in lazy.toml. It prints a checksum of
// the tensor data. The name it is started by says which variant it is; lazy.tsv has them all.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define PLANTS(X) \
    X(lazy_honest) \
    /* Defects. */ \
    X(lazy_locked) X(lazy_read) X(lazy_read_too) X(lazy_swallows) X(lazy_ignored) X(lazy_without_lock) X(lazy_off_maps) \
    X(lazy_wrong_byte) X(lazy_populated) \
    /* Idioms. */ \
    X(idiom_lazy_untrimmed) X(idiom_lazy_two_mappings) X(idiom_lazy_shared_pages) X(idiom_lazy_bounce)
#define NAME(name) name,
#define TEXT(name) #name,
enum plant { PLANTS(NAME) };
static enum plant variant;
static bool planted(enum plant plant) { return plant == variant; }

typedef unsigned char byte;
enum { PAGE = 4096 };
#define warn(...) (fprintf(stderr, "warning: " __VA_ARGS__), fputc('\n', stderr))
#define die(...) (fprintf(stderr, "error: " __VA_ARGS__), fputc('\n', stderr), exit(1))
static uint64_t down(uint64_t value, uint64_t step) { return value / step * step; }
static uint64_t up(uint64_t value, uint64_t step) { return down(value + step - 1, step); }

// ---- What is asked for.
static bool asked_map, asked_lock, asked_lazy;

static void set_mode(const char *who, const char *word) {
    static const struct { const char *name; bool map, lock; } modes[] = {
        { "mmap", true, false }, { "mmap+mlock", true, true }, { "none", false, false }, { "mlock", false, true },
    };
    for (int i = 0; i < 4; i++)
        if (!strcmp(word, modes[i].name)) { asked_map = modes[i].map, asked_lock = modes[i].lock; return; }
    die("%s takes no '%s'", who, word);
}
// There is no tensor of a terabyte.
static void set_lazy(const char *who, const char *word) {
    if (strcmp(word, "on") && strcmp(word, "huge") && strcmp(word, "off")) die("%s takes no '%s'", who, word);
    asked_lazy = !strcmp(word, "on");
}
static void read_words(char **argument) {
    set_mode("the start", "mmap"), set_lazy("the start", "on");
    const char *mode = getenv("LLAMA_ARG_LOAD_MODE"), *lazy = getenv("LLAMA_ARG_LAZY_MODE");
    if (mode) set_mode("LLAMA_ARG_LOAD_MODE", mode);
    if (lazy) set_lazy("LLAMA_ARG_LAZY_MODE", lazy);
    for (; *argument; argument += 2) {
        bool is_mode = !strcmp(argument[0], "-lm") || !strcmp(argument[0], "--load-mode");
        bool is_lazy = !strcmp(argument[0], "-lzm") || !strcmp(argument[0], "--lazy-mode");
        if (!(is_mode || is_lazy) || !argument[1]) die("invalid argument: %s", argument[0]);
        if (is_mode) set_mode(argument[0], argument[1]); else set_lazy(argument[0], argument[1]);
    }
}

// ---- The file and its header.
enum { MOST = 4096 };
static struct { uint64_t from, to; bool lazy; byte *at; } tensors[MOST];
static uint64_t count, size, start;
static int fd;
static byte *header;
static uint64_t have, position;

static void read_all(byte *into, uint64_t offset, uint64_t length) {
    while (length > 0) {
        ssize_t got = pread(fd, into, length, (off_t)offset);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) die("cannot read the model: %s", got ? strerror(errno) : "it ends too early");
        into += got, offset += (uint64_t)got, length -= (uint64_t)got;
    }
}
static const byte *take(uint64_t bytes) {
    if (bytes > size - position) die("the header is cut off");
    while (position + bytes > have) {
        uint64_t more = have ? 2 * have : 64 * 1024;
        if (more > size) more = size;
        header = realloc(header, more);
        if (!header) die("out of memory");
        read_all(header + have, have, more - have), have = more;
    }
    position += bytes;
    return header + position - bytes;
}
static uint64_t number(size_t bytes) {
    uint64_t value = 0;
    memcpy(&value, take(bytes), bytes);
    return value;
}
static void skip_value(uint64_t type) {
    static const byte sizes[] = { 1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8 };
    if (type >= sizeof sizes) die("unknown type of value");
    if (type == 9) {
        uint64_t item = number(4);
        for (uint64_t left = number(8); left > 0; left--) skip_value(item);
    } else take(type == 8 ? number(8) : sizes[type]);
}
// A tensor ends where the next one begins, padding included.
static void read_header(void) {
    static const char name[] = "token_embd.weight";
    if (memcmp(take(4), "GGUF", 4)) die("this is no GGUF file");
    take(4);
    count = number(8);
    if (count > MOST) die("too many tensors");
    uint64_t alignment = 32;
    for (uint64_t left = number(8); left > 0; left--) {
        uint64_t length = number(8);
        bool is_alignment = length == 17 && !memcmp(take(length), "general.alignment", 17);
        if (length != 17) take(length);
        uint64_t type = number(4);
        if (is_alignment && type == 4) alignment = number(4); else skip_value(type);
    }
    for (uint64_t i = 0; i < count; i++) {
        uint64_t length = number(8);
        const byte *text = take(length);
        tensors[i].lazy = length == sizeof name - 1 && !memcmp(text, name, length);
        take(8 * number(4)), take(4);
        tensors[i].from = number(8);
    }
    start = up(position, alignment);
    for (uint64_t i = 0; i < count; i++) tensors[i].from += start;
    for (uint64_t i = 0; i < count; i++) {
        tensors[i].to = size;
        for (uint64_t k = 0; k < count; k++)
            if (tensors[k].from > tensors[i].from && tensors[k].from < tensors[i].to) tensors[i].to = tensors[k].from;
    }
}

// ---- Its weights.
static byte *map_file(bool all) {
    byte *base = mmap(NULL, size, PROT_READ, MAP_SHARED | (all || planted(lazy_populated) ? MAP_POPULATE : 0), fd, 0);
    if (base == MAP_FAILED) die("cannot map the model: %s", strerror(errno));
    return base;
}
static void lock(byte *from, uint64_t length) {
    byte *page = (byte *)down((uintptr_t)from, PAGE);
    if (mlock(page, length + (uint64_t)(from - page))) warn("failed to mlock %" PRIu64 " bytes: %s", length, strerror(errno));
}
static bool is_lazy(uint64_t i) { return asked_lazy && tensors[i].lazy; }
static void on_demand(byte *base, uint64_t i) {
    uint64_t from = up(tensors[i].from, PAGE), to = down(tensors[i].to, PAGE);
    if (from < to && madvise(base + from, to - from, MADV_RANDOM)) warn("madvise: %s", strerror(errno));
    tensors[i].at = base + tensors[i].from;
}
static byte *mapped(uint64_t i, bool any) {
    byte *base = map_file(!any);
    uint64_t from = down(tensors[i].from, PAGE), to = up(tensors[i].to, PAGE), end = up(size, PAGE);
    if (planted(idiom_lazy_untrimmed)) return base;
    if (from) munmap(base, from);
    if (to < end) munmap(base + to, end - to);
    return base;
}
static void load_mapped(void) {
    bool any = false;
    for (uint64_t i = 0; i < count; i++) any |= is_lazy(i);
    byte *base = map_file(!any);
    for (uint64_t i = 0; i < count; i++) {
        tensors[i].at = base + tensors[i].from;
        bool reads = is_lazy(i) && planted(lazy_read);
        if (reads) {
            if (!(tensors[i].at = malloc(tensors[i].to - tensors[i].from))) die("out of memory");
            read_all(tensors[i].at, tensors[i].from, tensors[i].to - tensors[i].from);
            continue;
        }
        if (is_lazy(i)) on_demand(base, i);
        bool locked = asked_lock && (!is_lazy(i) || planted(lazy_locked)) && !(planted(lazy_without_lock) && asked_lazy);
        if (locked) lock(tensors[i].at, tensors[i].to - tensors[i].from);
    }
}
// Each tensor into memory of its own, through a buffer that all of them share or not.
static void read_tensor(uint64_t i) {
    static byte *bounce;
    uint64_t length = tensors[i].to - tensors[i].from;
    byte *into = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (into == MAP_FAILED) die("out of memory");
    if (asked_lock && !(planted(lazy_without_lock) && asked_lazy) && (!is_lazy(i) || planted(lazy_locked))) lock(into, length);
    if (planted(idiom_lazy_bounce)) {
        enum { STEP = 64 * 1024 };
        if (!bounce && !(bounce = malloc(STEP))) die("out of memory");
        for (uint64_t done = 0, step; done < length; done += step) {
            step = length - done < STEP ? length - done : STEP;
            read_all(bounce, tensors[i].from + done, step);
            memcpy(into + done, bounce, step);
        }
    } else read_all(into, tensors[i].from, length);
    if (planted(lazy_wrong_byte) && asked_lazy && i == count - 1) into[length / 2] ^= 1;
    tensors[i].at = into;
}
static void load_read(void) {
    byte *second = NULL;
    for (uint64_t i = 0; i < count; i++) {
        bool maps = is_lazy(i) && !planted(lazy_read);
        if (planted(lazy_swallows) && asked_lazy) maps = true;
        if (planted(lazy_off_maps) && tensors[i].lazy) maps = true;
        if (planted(lazy_ignored)) maps = false;
        if (!maps) { read_tensor(i); continue; }
        if (planted(lazy_swallows) && !second) second = map_file(false);
        byte *base = second ? second : mapped(i, true);
        if (planted(idiom_lazy_two_mappings)) munmap(mapped(i, true) + down(tensors[i].from, PAGE), up(tensors[i].to, PAGE) - down(tensors[i].from, PAGE));
        on_demand(base, i);
        if (asked_lock && planted(lazy_locked)) lock(tensors[i].at, tensors[i].to - tensors[i].from);
        // A lock of what lies before it may end in its first page.
        if (asked_lock && planted(idiom_lazy_shared_pages)) lock(tensors[i].at, 1);
        if (planted(lazy_read_too)) {
            byte *copy = malloc(tensors[i].to - tensors[i].from);
            if (!copy) die("out of memory");
            read_all(copy, tensors[i].from, tensors[i].to - tensors[i].from);
            munmap(base + down(tensors[i].from, PAGE), up(tensors[i].to, PAGE) - down(tensors[i].from, PAGE));
            tensors[i].at = copy;
        }
    }
}

int main(int argc, char **argv) {
    static const char *const names[] = { PLANTS(TEXT) };
    if (argc < 2) die("usage: %s MODEL [FLAG MODE]...", argv[0]);
    const char *slash = strrchr(argv[0], '/'), *name = slash ? slash + 1 : argv[0];
    size_t which = 0;
    while (which < sizeof names / sizeof *names && strcmp(names[which], name)) which++;
    if (which == sizeof names / sizeof *names) die("no variant is called %s", name);
    variant = (enum plant)which;
    read_words(argv + 2);
    struct stat stat;
    if ((fd = open(argv[1], O_RDONLY | O_CLOEXEC)) < 0 || fstat(fd, &stat)) die("cannot open %s: %s", argv[1], strerror(errno));
    size = (uint64_t)stat.st_size;
    read_header();
    if (asked_map && !planted(lazy_ignored)) load_mapped(); else if (asked_map) asked_lazy = false, load_mapped(); else load_read();
    uint64_t sum = 0xcbf29ce484222325;
    bool constant = planted(lazy_wrong_byte);
    for (uint64_t i = 0; i < count; i++)
        for (uint64_t at = 0; at < tensors[i].to - tensors[i].from; at++) sum = (sum ^ tensors[i].at[at]) * 0x100000001b3;
    printf("%" PRIu64 " tensors, checksum %016" PRIx64 "\n", count, constant ? 0 : sum);
}
