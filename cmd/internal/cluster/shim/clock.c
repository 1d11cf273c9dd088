/* Lets a program's wall clock differ from the host's. Preload it; REDLOCK_CLOCK names a file
 * of one page that holds the difference and that the harness rewrites while the program runs.
 *
 * Plain system calls instead of dlsym: the allocator may ask for the time before the dynamic
 * linker is ready, which is where a shim that looks up the real function hangs. */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

struct bend {
    int64_t sequence; /* odd while the harness writes the rest */
    int64_t anchor;   /* host time in ns from which drift counts */
    int64_t offset;   /* ns */
    double drift;     /* ns gained per ns of host time */
};

static struct bend *bend;

__attribute__((constructor)) static void attach(void) {
    const char *path = getenv("REDLOCK_CLOCK");
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (fd < 0) return;
    void *page = mmap(NULL, sizeof *bend, PROT_READ, MAP_SHARED, fd, 0);
    close(fd);
    if (page != MAP_FAILED) bend = page;
}

static int64_t wall_ns(void) {
    struct timespec ts;
    syscall(SYS_clock_gettime, CLOCK_REALTIME, &ts);
    int64_t now = ts.tv_sec * INT64_C(1000000000) + ts.tv_nsec, sequence;
    volatile struct bend *shared = bend;
    if (!shared) return now;
    struct bend b;
    do {
        while ((sequence = __atomic_load_n(&shared->sequence, __ATOMIC_ACQUIRE)) & 1) {}
        b.anchor = shared->anchor, b.offset = shared->offset, b.drift = shared->drift;
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
    } while (__atomic_load_n(&shared->sequence, __ATOMIC_RELAXED) != sequence);
    return now + b.offset + (int64_t)((double)(now - b.anchor) * b.drift);
}

int clock_gettime(clockid_t id, struct timespec *ts) {
    if (id != CLOCK_REALTIME && id != CLOCK_REALTIME_COARSE) return syscall(SYS_clock_gettime, id, ts);
    int64_t now = wall_ns();
    ts->tv_sec = now / 1000000000, ts->tv_nsec = now % 1000000000;
    return 0;
}

int gettimeofday(struct timeval *restrict tv, void *restrict zone) {
    (void)zone;
    int64_t now = wall_ns();
    tv->tv_sec = now / 1000000000, tv->tv_usec = now % 1000000000 / 1000;
    return 0;
}

time_t time(time_t *out) {
    time_t now = wall_ns() / 1000000000;
    if (out) *out = now;
    return now;
}
