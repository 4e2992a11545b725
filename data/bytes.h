/* Little-endian numbers at any address, whose bytes the caller has checked, or at a buffer's end.
 */
#ifndef DATA_BYTES_H
#define DATA_BYTES_H

#include "data/mem.h"

#include <stddef.h>
#include <stdint.h>

static inline uint16_t load_u16(const uint8_t *p)
{
    return (uint16_t)(p[0] | p[1] << 8);
}

static inline uint32_t load_u32(const uint8_t *p)
{
    return (uint32_t)load_u16(p) | (uint32_t)load_u16(p + 2) << 16;
}

static inline uint64_t load_u64(const uint8_t *p)
{
    return (uint64_t)load_u32(p) | (uint64_t)load_u32(p + 4) << 32;
}

static inline void store_u16(uint8_t *p, uint16_t v)
{
    p[0] = (uint8_t)v;
    p[1] = (uint8_t)(v >> 8);
}

static inline void store_u32(uint8_t *p, uint32_t v)
{
    store_u16(p, (uint16_t)v);
    store_u16(p + 2, (uint16_t)(v >> 16));
}

static inline void store_u64(uint8_t *p, uint64_t v)
{
    store_u32(p, (uint32_t)v);
    store_u32(p + 4, (uint32_t)(v >> 32));
}

static inline void buf_add_u16(struct buf *out, uint16_t v)
{
    uint8_t bytes[2];
    store_u16(bytes, v);
    buf_add(out, bytes, sizeof bytes);
}

static inline void buf_add_u32(struct buf *out, uint32_t v)
{
    uint8_t bytes[4];
    store_u32(bytes, v);
    buf_add(out, bytes, sizeof bytes);
}

static inline void buf_add_u64(struct buf *out, uint64_t v)
{
    uint8_t bytes[8];
    store_u64(bytes, v);
    buf_add(out, bytes, sizeof bytes);
}

#endif
