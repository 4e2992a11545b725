/* Files: read-only mappings, whole small files, atomic writes, paths. */
#ifndef DATA_FILE_H
#define DATA_FILE_H

#include "data/err.h"
#include "data/mem.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* A file mapped read-only and private. Bytes are valid until file_unmap. */
struct file_map {
    const uint8_t *data; /* NULL when the file is empty */
    size_t size;         /* bytes */
    char *path;          /* owned; as given */
};

int file_map(struct file_map *out, const char *path, struct err *err) ERR_CHECK;
void file_unmap(struct file_map *map);
/* Gives whole pages inside data[0..size), which lies in a mapped file, back to the system; they are
 * read again when they are used again. */
void file_map_release(const void *data, size_t size);

/* Reads a whole file of at most max_bytes into out (appended). "-" reads standard input. */
int file_read(struct buf *out, const char *path, size_t max_bytes, struct err *err) ERR_CHECK;

/* A file that appears under its name only when it is complete: writes go to a temporary file
 * beside it; file_commit syncs and renames, file_discard removes. One of the two must be called. */
struct file_writer {
    FILE *stream;   /* write here */
    char *path;     /* owned; final name */
    char *tmp_path; /* owned */
};

int file_create(struct file_writer *out, const char *path, struct err *err) ERR_CHECK;
int file_commit(struct file_writer *w, struct err *err) ERR_CHECK; /* frees in any case */
void file_discard(struct file_writer *w);
int file_write(const char *path, const void *bytes, size_t len, struct err *err) ERR_CHECK;

bool file_exists(const char *path); /* a file or a folder */
bool file_exists_in(const char *dir, const char *name);
bool file_is_dir(const char *path);
char *path_join(const char *dir, const char *name); /* caller frees */

#endif
