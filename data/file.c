#define _XOPEN_SOURCE 700 /* realpath */
#define _DEFAULT_SOURCE   /* madvise */
#include "data/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* Names tried for a temporary file before giving up. */
#define TMP_NAME_TRIES 100

static const char *remedy(int cause)
{
    switch (cause) {
    case ENOENT:
    case ENOTDIR:
    case ELOOP:
    case ENAMETOOLONG:
        return "Check the path; it is relative to the folder the program was started in.";
    case EACCES:
    case EPERM:
        return "Check the permissions of the file and of the folders above it.";
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
    case EROFS:
        return "Free some space or choose another place.";
    default:
        return "Check the file and the disk that it lies on.";
    }
}

static int io_error(struct err *err, const char *path, const char *what)
{
    int cause = errno;
    err_set(err, ERR_IO, "%s: %s: %s", path, what, strerror(cause));
    err_hint(err, "%s", remedy(cause));
    return ERR_IO;
}

static int refuse_dir(struct err *err, const char *path)
{
    err_set(err, ERR_IO, "%s: is a folder, a file is needed", path);
    err_hint(err, "Name a file inside it.");
    return ERR_IO;
}

/* Maps an open file of known kind; the descriptor stays the caller's. */
static int map_fd(struct file_map *out, int fd, const char *path, struct err *err)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return io_error(err, path, "cannot be examined");
    if (S_ISDIR(st.st_mode))
        return refuse_dir(err, path);
    if (!S_ISREG(st.st_mode)) {
        err_set(err, ERR_IO, "%s: is a pipe or device, which cannot be mapped", path);
        err_hint(err, "Store the data in a regular file first.");
        return ERR_IO;
    }
    if ((uintmax_t)st.st_size > SIZE_MAX)
        return err_hint_missing(
            err, err_set(err, ERR_LIMIT, "%s: is too large for this machine's addresses", path),
            "Use a 64-bit system.");
    size_t size = (size_t)st.st_size;
    if (size > 0) {
        void *data = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (data == MAP_FAILED)
            return io_error(err, path, "cannot be mapped");
        out->data = data;
    }
    out->size = size;
    out->path = mem_strdup(path);
    return ERR_OK;
}

int file_map(struct file_map *out, const char *path, struct err *err)
{
    *out = (struct file_map){0};
    /* without O_NONBLOCK, opening a named pipe would wait for a writer */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return io_error(err, path, "cannot be opened");
    int rc = map_fd(out, fd, path, err);
    close(fd);
    return rc;
}

void file_unmap(struct file_map *map)
{
    if (map->data) {
        union {
            const uint8_t *in;
            void *out;
        } address = {map->data};
        munmap(address.out, map->size);
    }
    free(map->path);
    *map = (struct file_map){0};
}

void file_map_release(const void *data, size_t size)
{
#ifdef MADV_DONTNEED /* posix_madvise is free to do nothing, and does */
    const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    uintptr_t from = ((uintptr_t)data + page - 1) / page * page;
    uintptr_t to = ((uintptr_t)data + size) / page * page;
    if (to > from)
        madvise((void *)from, to - from, MADV_DONTNEED);
#else
    (void)data, (void)size;
#endif
}

static int read_stream(struct buf *out, FILE *stream, const char *name, size_t max_bytes,
                       struct err *err)
{
    char chunk[16384];
    size_t total = 0, n;
    while ((n = fread(chunk, 1, sizeof chunk, stream)) > 0) {
        total += n;
        if (total > max_bytes) {
            err_set(err, ERR_LIMIT, "%s: is longer than the limit of %zu bytes", name, max_bytes);
            err_hint(err, "Give a shorter file.");
            return ERR_LIMIT;
        }
        buf_add(out, chunk, n);
    }
    return ferror(stream) ? io_error(err, name, "cannot be read") : ERR_OK;
}

int file_read(struct buf *out, const char *path, size_t max_bytes, struct err *err)
{
    if (strcmp(path, "-") == 0)
        return read_stream(out, stdin, "standard input", max_bytes, err);
    if (file_is_dir(path))
        return refuse_dir(err, path);
    FILE *stream = fopen(path, "rb");
    if (!stream)
        return io_error(err, path, "cannot be opened");
    int rc = read_stream(out, stream, path, max_bytes, err);
    fclose(stream);
    return rc;
}

/* A new file beside the final one; its mode follows the user's mask, unlike mkstemp's. */
static int create_beside(char **tmp_path, const char *path)
{
    for (int i = 0; i < TMP_NAME_TRIES; i++) {
        struct buf name = {0};
        buf_printf(&name, "%s.tmp-%ld-%d", path, (long)getpid(), i);
        int fd = open(name.data, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (fd >= 0) {
            *tmp_path = name.data;
            return fd;
        }
        buf_clear(&name);
        if (errno != EEXIST)
            return -1;
    }
    return -1;
}

int file_create(struct file_writer *out, const char *path, struct err *err)
{
    *out = (struct file_writer){0};
    struct stat st;
    if (stat(path, &st) == 0 && !S_ISREG(st.st_mode)) {
        err_set(err, ERR_IO, "%s: exists and is not a regular file", path);
        err_hint(err, "Choose another name: the file is replaced as a whole when it is complete.");
        return ERR_IO;
    }
    /* a symbolic link stays one: its target is replaced */
    char *target = realpath(path, NULL);
    char *final = mem_strdup(target ? target : path);
    free(target);
    int fd = create_beside(&out->tmp_path, final);
    FILE *stream = fd >= 0 ? fdopen(fd, "wb") : NULL;
    if (!stream) {
        io_error(err, path, "cannot be created");
        if (fd >= 0) {
            close(fd);
            unlink(out->tmp_path);
        }
        free(out->tmp_path);
        free(final);
        *out = (struct file_writer){0};
        return ERR_IO;
    }
    out->stream = stream;
    out->path = final;
    return ERR_OK;
}

static void writer_clear(struct file_writer *w)
{
    free(w->path);
    free(w->tmp_path);
    *w = (struct file_writer){0};
}

/* Makes the rename itself durable; best effort, not every file system can do it. */
static void sync_parent(const char *path)
{
    char *dir = mem_strdup(path);
    char *slash = strrchr(dir, '/');
    if (slash)
        slash[slash == dir ? 1 : 0] = '\0';
    int fd = open(slash ? dir : ".", O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        fsync(fd);
        close(fd);
    }
    free(dir);
}

int file_commit(struct file_writer *w, struct err *err)
{
    int rc = ERR_OK;
    if (fflush(w->stream) != 0 || ferror(w->stream) || fsync(fileno(w->stream)) != 0)
        rc = io_error(err, w->path, "cannot be written");
    if (fclose(w->stream) != 0 && rc == ERR_OK)
        rc = io_error(err, w->path, "cannot be written");
    if (rc == ERR_OK && rename(w->tmp_path, w->path) != 0)
        rc = io_error(err, w->path, "cannot be replaced");
    if (rc == ERR_OK)
        sync_parent(w->path);
    else
        unlink(w->tmp_path);
    writer_clear(w);
    return rc;
}

void file_discard(struct file_writer *w)
{
    if (!w->stream)
        return;
    fclose(w->stream);
    unlink(w->tmp_path);
    writer_clear(w);
}

int file_write(const char *path, const void *bytes, size_t len, struct err *err)
{
    struct file_writer w;
    int rc = file_create(&w, path, err);
    if (rc != ERR_OK)
        return rc;
    if (len)
        fwrite(bytes, 1, len, w.stream); /* file_commit looks at the stream's error flag */
    return file_commit(&w, err);
}

bool file_exists(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0;
}

bool file_exists_in(const char *dir, const char *name)
{
    char *path = path_join(dir, name);
    bool found = file_exists(path);
    free(path);
    return found;
}

bool file_is_dir(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

char *path_join(const char *dir, const char *name)
{
    struct buf path = {0};
    buf_str(&path, dir);
    if (path.len > 0 && path.data[path.len - 1] != '/')
        buf_char(&path, '/');
    buf_str(&path, name);
    return path.data;
}
