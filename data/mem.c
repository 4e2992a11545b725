#include "data/mem.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

static void (*abort_hook)(void);

void mem_set_abort_hook(void (*hook)(void))
{
    abort_hook = hook;
}

static void *checked(void *block)
{
    if (block)
        return block;
    if (abort_hook)
        abort_hook();
    fputs("axscope: out of memory\n", stderr);
    abort();
}

bool size_mul(size_t *out, size_t a, size_t b)
{
    return !__builtin_mul_overflow(a, b, out);
}

bool size_add(size_t *out, size_t a, size_t b)
{
    return !__builtin_add_overflow(a, b, out);
}

void *mem_alloc(size_t n, size_t size)
{
    size_t bytes;
    return checked(size_mul(&bytes, n, size) ? malloc(bytes ? bytes : 1) : NULL);
}

void *mem_zalloc(size_t n, size_t size)
{
    return checked(calloc(n ? n : 1, size ? size : 1));
}

void *mem_realloc(void *block, size_t n, size_t size)
{
    size_t bytes;
    return checked(size_mul(&bytes, n, size) ? realloc(block, bytes ? bytes : 1) : NULL);
}

char *mem_strndup(const char *s, size_t len)
{
    char *copy = mem_alloc(len + 1, 1);
    memcpy(copy, s, len);
    copy[len] = '\0';
    return copy;
}

char *mem_strdup(const char *s)
{
    return mem_strndup(s, strlen(s));
}

void *mem_try_alloc(size_t n, size_t size)
{
    size_t bytes;
    if (!size_mul(&bytes, n, size) || bytes > PTRDIFF_MAX - 64)
        return NULL;
    void *block = NULL;
    return posix_memalign(&block, 64, bytes ? bytes : 1) == 0 ? block : NULL;
}

void *mem_try_zalloc(size_t n, size_t size)
{
    void *block = mem_try_alloc(n, size);
    if (block)
        memset(block, 0, n * size);
    return block;
}

float *mem_try_floats(size_t n_rows, size_t n_cols)
{
    size_t n;
    return size_mul(&n, n_rows, n_cols) ? mem_try_alloc(n, sizeof(float)) : NULL;
}

void mem_return_large(void)
{
#ifdef __GLIBC__
    mallopt(M_MMAP_THRESHOLD, 1 << 20);
#endif
}

void *mem_grow(void *items, size_t *cap, size_t n, size_t size)
{
    if (n <= *cap)
        return items;
    size_t wanted = *cap ? *cap : 8;
    while (wanted < n)
        wanted = wanted > SIZE_MAX / 2 ? n : wanted * 2;
    *cap = wanted;
    return mem_realloc(items, wanted, size);
}

void buf_add(struct buf *b, const void *bytes, size_t len)
{
    b->data = mem_grow(b->data, &b->cap, b->len + len + 1, 1);
    if (len)
        memcpy(b->data + b->len, bytes, len);
    b->len += len;
    b->data[b->len] = '\0';
}

void buf_str(struct buf *b, const char *s)
{
    buf_add(b, s, strlen(s));
}

void buf_char(struct buf *b, char c)
{
    buf_add(b, &c, 1);
}

#define PRINTF_GUESS 64 /* bytes; what is longer is formatted twice */

void buf_printf(struct buf *b, const char *fmt, ...)
{
    va_list args, again;
    va_start(args, fmt);
    va_copy(again, args);
    b->data = mem_grow(b->data, &b->cap, b->len + PRINTF_GUESS, 1);
    int len = vsnprintf(b->data + b->len, b->cap - b->len, fmt, args);
    va_end(args);
    if (len >= 0 && (size_t)len >= b->cap - b->len) {
        b->data = mem_grow(b->data, &b->cap, b->len + (size_t)len + 1, 1);
        vsnprintf(b->data + b->len, (size_t)len + 1, fmt, again);
    }
    va_end(again);
    if (len >= 0)
        b->len += (size_t)len;
    else
        b->data[b->len] = '\0';
}

void buf_clear(struct buf *b)
{
    free(b->data);
    *b = (struct buf){0};
}

const char *buf_cstr(const struct buf *b)
{
    return b->data ? b->data : "";
}
