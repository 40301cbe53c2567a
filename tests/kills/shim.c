/* Counts the calls of a group of processes to the C library, and kills them at the n-th call of a kind.
 *
 * Loaded with LD_PRELOAD, so that it sees what Python, SQLite and libpq do. It does nothing until `kills_watch` gives
 * it a memory that the processes of a group share. It also shows them a clock that is ahead: `kills_ahead`.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum kind { FLUSH, RENAME, LINK, UNLINK, SEND, WRITE, PAGE, CREATE, LOCK, KINDS };
enum victim { SELF, GROUP, LEADER };

/* The same layout as in tests/kills/shim.py. */
struct shared {
    long kind, nth, after, victim, struck;
    long count[KINDS];
};

static struct shared *shared;
static long long ahead;
static __thread int chosen;

void kills_watch(struct shared *memory) { shared = memory; }

void kills_ahead(long long seconds) { ahead = seconds; }

static void die(void) {
    pid_t leader = getpgrp();
    shared->struck = 1;
    if (shared->victim == GROUP)
        kill(0, SIGKILL);
    else
        kill(shared->victim == LEADER ? leader : getpid(), SIGKILL);
}

static void before(enum kind kind) {
    chosen = 0;
    if (!shared)
        return;
    long count = __sync_add_and_fetch(&shared->count[kind], 1);
    chosen = shared->kind == kind && shared->nth == count;
    if (chosen && !shared->after)
        die();
}

static void after(void) {
    int error = errno;
    if (chosen && shared->after)
        die();
    chosen = 0;
    errno = error;
}

#define REAL(name) \
    static __typeof__(name) *real; \
    if (!real) \
        real = (__typeof__(name) *)dlsym(RTLD_NEXT, #name)

#define WATCHED(kind, type, name, parameters, arguments) \
    type name parameters { \
        REAL(name); \
        before(kind); \
        type result = real arguments; \
        after(); \
        return result; \
    }

WATCHED(FLUSH, int, fsync, (int fd), (fd))
WATCHED(FLUSH, int, fdatasync, (int fd), (fd))
WATCHED(RENAME, int, rename, (const char *from, const char *to), (from, to))
WATCHED(LINK, int, link, (const char *from, const char *to), (from, to))
WATCHED(LINK, int, linkat, (int a, const char *from, int b, const char *to, int flags), (a, from, b, to, flags))
WATCHED(UNLINK, int, unlink, (const char *path), (path))
WATCHED(UNLINK, int, unlinkat, (int fd, const char *path, int flags), (fd, path, flags))
WATCHED(UNLINK, int, rmdir, (const char *path), (path))
WATCHED(SEND, ssize_t, send, (int fd, const void *data, size_t size, int flags), (fd, data, size, flags))
WATCHED(WRITE, ssize_t, write, (int fd, const void *data, size_t size), (fd, data, size))
WATCHED(WRITE, ssize_t, writev, (int fd, const struct iovec *data, int count), (fd, data, count))
WATCHED(PAGE, ssize_t, pwrite, (int fd, const void *data, size_t size, off_t at), (fd, data, size, at))
WATCHED(PAGE, ssize_t, pwrite64, (int fd, const void *data, size_t size, off64_t at), (fd, data, size, at))
WATCHED(PAGE, int, ftruncate, (int fd, off_t size), (fd, size))
WATCHED(PAGE, int, ftruncate64, (int fd, off64_t size), (fd, size))
WATCHED(CREATE, int, mkdir, (const char *path, mode_t mode), (path, mode))
WATCHED(LOCK, int, flock, (int fd, int operation), (fd, operation))

#define OPENS(name) \
    int name(const char *path, int flags, ...) { \
        REAL(name); \
        va_list rest; \
        va_start(rest, flags); \
        mode_t mode = (flags & (O_CREAT | O_TMPFILE)) ? va_arg(rest, mode_t) : 0; \
        va_end(rest); \
        if (!(flags & O_CREAT)) \
            return real(path, flags, mode); \
        before(CREATE); \
        int result = real(path, flags, mode); \
        after(); \
        return result; \
    }

OPENS(open)
OPENS(open64)

int clock_gettime(clockid_t clock, struct timespec *now) {
    REAL(clock_gettime);
    int result = real(clock, now);
    if (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)
        now->tv_sec += ahead;
    return result;
}

time_t time(time_t *now) {
    REAL(time);
    time_t result = real(NULL) + ahead;
    if (now)
        *now = result;
    return result;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    static int (*real)(struct timeval *, void *);
    if (!real)
        real = (int (*)(struct timeval *, void *))dlsym(RTLD_NEXT, "gettimeofday");
    int result = real(now, zone);
    now->tv_sec += ahead;
    return result;
}
