/* Each flush takes SLOW_FLUSH milliseconds longer, as on a disk without a cache: for LD_PRELOAD. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <unistd.h>

static int flush(const char *name, int file)
{
    int (*real)(int) = (int (*)(int)) dlsym(RTLD_NEXT, name);
    const char *delay = getenv("SLOW_FLUSH");
    int result = real(file);
    if (delay)
        usleep((useconds_t) (atof(delay) * 1000));
    return result;
}

int fsync(int file) { return flush("fsync", file); }
int fdatasync(int file) { return flush("fdatasync", file); }
