/* Checked allocation and a growable byte buffer.
 *
 * Small allocations (mem_*) cannot fail for the caller: the exit hook runs (the screen restores
 * the terminal) and the program aborts. Large ones (weights, caches) use mem_try_*, which return
 * NULL. All blocks are freed with free(). Every size is a product that is checked. */
#ifndef DATA_MEM_H
#define DATA_MEM_H

#include <stdbool.h>
#include <stddef.h>

/* Called once before the program aborts for lack of memory; may be NULL. */
void mem_set_abort_hook(void (*hook)(void));

void *mem_alloc(size_t n, size_t size);  /* uninitialised [n] of size */
void *mem_zalloc(size_t n, size_t size); /* zeroed */
void *mem_realloc(void *block, size_t n, size_t size);
char *mem_strdup(const char *s);
char *mem_strndup(const char *s, size_t len); /* copies len bytes, adds a NUL */

void *mem_try_alloc(size_t n, size_t size); /* 64-byte aligned; NULL if it does not fit */
void *mem_try_zalloc(size_t n, size_t size);
float *mem_try_floats(size_t n_rows, size_t n_cols); /* [n_rows, n_cols] as mem_try_alloc */

/* From now on a block of a megabyte or more goes back to the system when it is freed, however many
 * have been freed before: caches that grow by copying leave no holes. For main() alone. */
void mem_return_large(void);

/* *out = a * b or a + b; false on overflow (out unspecified). */
bool size_mul(size_t *out, size_t a, size_t b);
bool size_add(size_t *out, size_t a, size_t b);

/* Makes room for at least `n` items of `size` in a {items, cap} vector, growing by doubling. */
void *mem_grow(void *items, size_t *cap, size_t n, size_t size);

/* A growable byte string; always NUL-terminated once anything was added. */
struct buf {
    char *data; /* owned; NULL while empty */
    size_t len; /* bytes, without the NUL */
    size_t cap;
};

void buf_add(struct buf *b, const void *bytes, size_t len);
void buf_str(struct buf *b, const char *s);
void buf_char(struct buf *b, char c);
void buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void buf_clear(struct buf *b);             /* frees; the buffer can be used again */
const char *buf_cstr(const struct buf *b); /* "" while empty; valid until the next buf_ call */

#endif
