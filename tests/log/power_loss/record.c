/* Records what a process does to the files of one folder, in order: writes, truncations, syncs, and changes
 * of names. Loaded in front of libc (LD_PRELOAD); the folder is named in RECORD_FOLDER, the trace file in
 * RECORD_TRACE. Each record: u32 operation, u32 length, u64 inode, u64 offset, then `length` bytes.
 *
 * Memory-mapped writes are not seen; SQLite maps only its -shm file, which means nothing after a crash. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { CREATE = 1, WRITE, TRUNCATE, SYNC, RENAME, UNLINK, OPEN };
enum { FILES_MAX = 4096 };

static char *paths[FILES_MAX]; /* by descriptor; empty where it is not in the folder */
static const char *folder;
static int trace = -1;
static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;

#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static ssize_t (*next_write)(int, const void *, size_t);

__attribute__((constructor)) static void begin(void) {
    folder = getenv("RECORD_FOLDER");
    next_write = NEXT(write);
    if (folder && getenv("RECORD_TRACE"))
        trace = NEXT(open)(getenv("RECORD_TRACE"), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

static int inside(const char *path) {
    size_t length = strlen(folder ? folder : "");
    return trace >= 0 && path && strncmp(path, folder, length) == 0 && (path[length] == '/' || path[length] == '\0');
}

static int tracked(int fd) { return fd >= 0 && fd < FILES_MAX && paths[fd]; }

static void put(const void *data, size_t length) {
    const char *at = data;
    while (length > 0) {
        ssize_t wrote = next_write(trace, at, length);
        if (wrote <= 0)
            abort();
        at += wrote;
        length -= (size_t)wrote;
    }
}

static void record(uint32_t operation, uint64_t inode, uint64_t offset, const void *data, size_t length) {
    struct { uint32_t operation, length; uint64_t inode, offset; } head = {operation, (uint32_t)length, inode, offset};
    put(&head, sizeof head);
    put(data, length);
}

static uint64_t inode_of(int fd) {
    struct stat found;
    return fstat(fd, &found) == 0 ? found.st_ino : 0;
}

/* ---------------------------------------------------------------- opening and closing */

static int track(int fd, const char *path, int flags, int existed) {
    if (fd >= FILES_MAX)
        abort();
    if (fd < 0 || !inside(path))
        return fd;
    free(paths[fd]);
    paths[fd] = strdup(path);
    record(existed ? OPEN : CREATE, inode_of(fd), 0, path, strlen(path));
    if (existed && (flags & O_TRUNC))
        record(TRUNCATE, inode_of(fd), 0, "", 0);
    return fd;
}

#define OPENING(name, parameters, call)                                                                                \
    int name parameters {                                                                                              \
        va_list more;                                                                                                  \
        va_start(more, flags);                                                                                         \
        mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(more, mode_t) : 0;                                        \
        va_end(more);                                                                                                  \
        if (!inside(path))                                                                                             \
            return NEXT(name) call;                                                                                    \
        pthread_mutex_lock(&turn);                                                                                     \
        int existed = access(path, F_OK) == 0;                                                                         \
        int fd = track(NEXT(name) call, path, flags, existed);                                                         \
        int saved = errno;                                                                                             \
        pthread_mutex_unlock(&turn);                                                                                   \
        errno = saved;                                                                                                 \
        return fd;                                                                                                     \
    }

OPENING(open, (const char *path, int flags, ...), (path, flags, mode))
OPENING(open64, (const char *path, int flags, ...), (path, flags, mode))
OPENING(openat, (int at, const char *path, int flags, ...), (at, path, flags, mode))
OPENING(openat64, (int at, const char *path, int flags, ...), (at, path, flags, mode))

int close(int fd) {
    pthread_mutex_lock(&turn);
    if (tracked(fd)) {
        free(paths[fd]);
        paths[fd] = NULL;
    }
    int result = NEXT(close)(fd);
    pthread_mutex_unlock(&turn);
    return result;
}

/* ---------------------------------------------------------------- contents */

ssize_t write(int fd, const void *data, size_t length) {
    if (!tracked(fd))
        return next_write(fd, data, length);
    pthread_mutex_lock(&turn);
    off_t offset = fcntl(fd, F_GETFL) & O_APPEND ? lseek(fd, 0, SEEK_END) : lseek(fd, 0, SEEK_CUR);
    ssize_t wrote = next_write(fd, data, length);
    if (wrote > 0)
        record(WRITE, inode_of(fd), (uint64_t)offset, data, (size_t)wrote);
    pthread_mutex_unlock(&turn);
    return wrote;
}

#define WRITING_AT(name, offset_t)                                                                                     \
    ssize_t name(int fd, const void *data, size_t length, offset_t offset) {                                           \
        if (!tracked(fd))                                                                                              \
            return NEXT(name)(fd, data, length, offset);                                                               \
        pthread_mutex_lock(&turn);                                                                                     \
        ssize_t wrote = NEXT(name)(fd, data, length, offset);                                                          \
        if (wrote > 0)                                                                                                 \
            record(WRITE, inode_of(fd), (uint64_t)offset, data, (size_t)wrote);                                        \
        pthread_mutex_unlock(&turn);                                                                                   \
        return wrote;                                                                                                  \
    }

WRITING_AT(pwrite, off_t)
WRITING_AT(pwrite64, off64_t)

#define TRUNCATING(name, offset_t)                                                                                     \
    int name(int fd, offset_t length) {                                                                                \
        if (!tracked(fd))                                                                                              \
            return NEXT(name)(fd, length);                                                                             \
        pthread_mutex_lock(&turn);                                                                                     \
        int result = NEXT(name)(fd, length);                                                                           \
        if (result == 0)                                                                                               \
            record(TRUNCATE, inode_of(fd), (uint64_t)length, "", 0);                                                   \
        pthread_mutex_unlock(&turn);                                                                                   \
        return result;                                                                                                 \
    }

TRUNCATING(ftruncate, off_t)
TRUNCATING(ftruncate64, off64_t)

/* A sync is recorded without being done: the trace is replayed, the disk under it does not matter. */
static int sync_of(int fd, int (*next)(int)) {
    if (!tracked(fd))
        return next(fd);
    pthread_mutex_lock(&turn);
    record(SYNC, inode_of(fd), 0, paths[fd], strlen(paths[fd]));
    pthread_mutex_unlock(&turn);
    return 0;
}

int fsync(int fd) { return sync_of(fd, NEXT(fsync)); }
int fdatasync(int fd) { return sync_of(fd, NEXT(fdatasync)); }

/* ---------------------------------------------------------------- names */

int rename(const char *from, const char *to) {
    if (!inside(from))
        return NEXT(rename)(from, to);
    char both[2 * PATH_MAX];
    size_t first = strlen(from) + 1, second = strlen(to);
    pthread_mutex_lock(&turn);
    int result = NEXT(rename)(from, to);
    if (result == 0) {
        memcpy(both, from, first);
        memcpy(both + first, to, second);
        record(RENAME, 0, 0, both, first + second);
    }
    pthread_mutex_unlock(&turn);
    return result;
}

int unlink(const char *path) {
    if (!inside(path))
        return NEXT(unlink)(path);
    pthread_mutex_lock(&turn);
    int result = NEXT(unlink)(path);
    if (result == 0)
        record(UNLINK, 0, 0, path, strlen(path));
    pthread_mutex_unlock(&turn);
    return result;
}

int unlinkat(int at, const char *name, int flags) {
    if (!tracked(at) || (flags & AT_REMOVEDIR))
        return NEXT(unlinkat)(at, name, flags);
    char path[2 * PATH_MAX];
    size_t first = strlen(paths[at]), second = strlen(name);
    pthread_mutex_lock(&turn);
    int result = NEXT(unlinkat)(at, name, flags);
    if (result == 0) {
        memcpy(path, paths[at], first);
        path[first] = '/';
        memcpy(path + first + 1, name, second);
        record(UNLINK, 0, 0, path, first + 1 + second);
    }
    pthread_mutex_unlock(&turn);
    return result;
}
