#include "data/memory.h"

#include "data/file.h"
#include "data/mem.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX_TEXT ((size_t)1 << 16)

/* A group's files, and where its kind is mounted. */
struct group_kind {
    const char *mount, *limit, *usage, *inactive, *active;
};
static const struct group_kind version_2 = {"sys/fs/cgroup", "memory.max", "memory.current",
                                            "inactive_file", "active_file"};
static const struct group_kind version_1 = {"sys/fs/cgroup/memory", "memory.limit_in_bytes",
                                            "memory.usage_in_bytes", "total_inactive_file",
                                            "total_active_file"};

static size_t size_min(size_t a, size_t b)
{
    return a < b ? a : b;
}

static bool read_text(struct buf *out, const char *dir, const char *name)
{
    char *path = path_join(dir, name);
    bool ok = file_exists(path) && file_read(out, path, MAX_TEXT, NULL) == ERR_OK;
    free(path);
    return ok;
}

/* A number at the start of text; "max", or one too large, is SIZE_MAX. */
static bool read_size(size_t *out, const char *text)
{
    char *end;
    errno = 0;
    unsigned long long n = strtoull(text, &end, 10);
    bool is_max = strncmp(text, "max", 3) == 0;
    *out = is_max || errno == ERANGE || n > SIZE_MAX ? SIZE_MAX : (size_t)n;
    return is_max || end != text;
}

/* The number behind `key` at the start of a line; 0 without one. */
static size_t line_value(const char *text, const char *key)
{
    size_t len = strlen(key), n = 0;
    for (const char *at = text; at; at = strchr(at, '\n')) {
        at += *at == '\n';
        if (strncmp(at, key, len) == 0 && strchr(" :\t", at[len]))
            return read_size(&n, at + len + (at[len] == ':')) ? n : 0;
    }
    return 0;
}

static bool file_size_value(size_t *out, const char *dir, const char *name)
{
    struct buf text = {0};
    bool ok = read_text(&text, dir, name) && read_size(out, buf_cstr(&text));
    buf_clear(&text);
    return ok;
}

/* --- control groups --- */

/* What a group's own limit leaves; SIZE_MAX without one. */
static size_t group_room(const char *dir, const struct group_kind *kind)
{
    size_t limit, used;
    if (!file_size_value(&limit, dir, kind->limit) || limit == SIZE_MAX ||
        !file_size_value(&used, dir, kind->usage))
        return SIZE_MAX;
    struct buf stat = {0};
    size_t files = 0;
    if (read_text(&stat, dir, "memory.stat"))
        files =
            line_value(buf_cstr(&stat), kind->inactive) + line_value(buf_cstr(&stat), kind->active);
    buf_clear(&stat);
    used -= size_min(used, files);
    return limit - size_min(limit, used);
}

/* The least of a group and of those it lies in. A container often sees its own group as the root
 * of the mount, under a path that is the host's: then only the root is there. */
static size_t groups_room(const char *root, const struct group_kind *kind, const char *path)
{
    char *mount = path_join(root, kind->mount), *dir = path_join(mount, path + (*path == '/'));
    size_t room = SIZE_MAX, n_mount = strlen(mount);
    for (;;) {
        room = size_min(room, group_room(dir, kind));
        char *slash = strrchr(dir, '/');
        if (!slash || (size_t)(slash - dir) < n_mount)
            break;
        *slash = '\0';
    }
    free(dir);
    free(mount);
    return room;
}

/* Is `name` one of the comma-separated words in list[0..len)? */
static bool has_word(const char *list, size_t len, const char *name)
{
    size_t n = strlen(name);
    for (size_t at = 0; at + n <= len; at += strcspn(list + at, ",:") + 1)
        if (strncmp(list + at, name, n) == 0 && (at + n == len || list[at + n] == ','))
            return true;
    return false;
}

/* /proc/self/cgroup: lines of ID:CONTROLLERS:PATH; version 2 is the one without controllers. */
static size_t all_groups_room(const char *root)
{
    struct buf text = {0};
    size_t room = SIZE_MAX;
    if (!read_text(&text, root, "proc/self/cgroup"))
        return room;
    for (char *line = text.data; line && *line;) {
        char *end = line + strcspn(line, "\n"), *next = *end ? end + 1 : end;
        *end = '\0';
        char *controllers = strchr(line, ':'), *path = NULL;
        if (controllers)
            path = strchr(++controllers, ':');
        if (path && path == controllers)
            room = size_min(room, groups_room(root, &version_2, path + 1));
        else if (path && has_word(controllers, (size_t)(path - controllers), "memory"))
            room = size_min(room, groups_room(root, &version_1, path + 1));
        line = next;
    }
    buf_clear(&text);
    return room;
}

/* --- the system --- */

static size_t built_in(void)
{
#ifdef _SC_PHYS_PAGES
    long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);
    size_t bytes;
    return pages > 0 && size > 0 && size_mul(&bytes, (size_t)pages, (size_t)size) ? bytes : 0;
#else
    return 0;
#endif
}

size_t memory_available_below(const char *root)
{
    struct buf text = {0};
    size_t kib = 0, bytes;
    if (read_text(&text, root, "proc/meminfo"))
        kib = line_value(buf_cstr(&text), "MemAvailable");
    buf_clear(&text);
    bytes = kib > 0 && size_mul(&bytes, kib, 1024) ? bytes : built_in();
    size_t room = all_groups_room(root);
    return bytes == 0 ? (room == SIZE_MAX ? 0 : room) : size_min(bytes, room);
}

size_t memory_available(void)
{
    return memory_available_below("/");
}
