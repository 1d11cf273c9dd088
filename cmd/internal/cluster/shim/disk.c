/* Lets a program's disk lie, stall or be full. REDLOCK_DISK names a file of one page by which the harness
 * says what the disk does, and in which the program counts how often it was done. */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { SOUND, LYING, STALLING, FULL };

struct disk {
    int64_t mode;
    int64_t stall; /* ns, of each sync */
    int64_t done;  /* how many syncs or writes were tampered with */
};

static struct disk *disk;

__attribute__((constructor)) static void attach_disk(void) {
    const char *path = getenv("REDLOCK_DISK");
    int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (fd < 0) return;
    void *page = mmap(NULL, sizeof *disk, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (page != MAP_FAILED) disk = page;
}

static int64_t mode(void) { return disk ? __atomic_load_n(&disk->mode, __ATOMIC_ACQUIRE) : SOUND; }

static void count(void) { __atomic_fetch_add(&disk->done, 1, __ATOMIC_RELEASE); }

static int sync_by(long call, int fd) {
    switch (mode()) {
    case LYING:
        count();
        return 0;
    case STALLING: {
        int64_t stall = __atomic_load_n(&disk->stall, __ATOMIC_RELAXED);
        struct timespec left = {stall / 1000000000, stall % 1000000000};
        while (nanosleep(&left, &left) == -1 && errno == EINTR) {}
        count();
    }
    }
    return syscall(call, fd);
}

int fsync(int fd) { return sync_by(SYS_fsync, fd); }

int fdatasync(int fd) { return sync_by(SYS_fdatasync, fd); }

/* A full disk takes no more of a file; sockets and pipes go on. */
ssize_t write(int fd, const void *bytes, size_t length) {
    struct stat s;
    /* Not fstat itself: that's a symbol of glibc 2.33, and a server may come with an older one. */
    if (mode() == FULL && syscall(SYS_fstat, fd, &s) == 0 && S_ISREG(s.st_mode)) {
        count();
        errno = ENOSPC;
        return -1;
    }
    return syscall(SYS_write, fd, bytes, length);
}
