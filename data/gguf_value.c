/* What the values of a GGUF file's metadata say; gguf.c has checked that their bytes are there. */
#include "data/bytes.h"
#include "data/gguf.h"

#include <string.h>

size_t gguf_type_size(uint32_t type)
{
    static const unsigned char sizes[] = {
        [GGUF_U8] = 1,  [GGUF_I8] = 1,  [GGUF_U16] = 2, [GGUF_I16] = 2,
        [GGUF_U32] = 4, [GGUF_I32] = 4, [GGUF_F32] = 4, [GGUF_BOOL] = 1,
        [GGUF_U64] = 8, [GGUF_I64] = 8, [GGUF_F64] = 8,
    };
    return type < sizeof sizes ? sizes[type] : 0;
}

static bool read_int(int64_t *out, const uint8_t *p, enum gguf_type type)
{
    switch (type) {
    case GGUF_U8:
    case GGUF_BOOL:
        return *out = *p, true;
    case GGUF_I8:
        return *out = (int8_t)*p, true;
    case GGUF_U16:
        return *out = load_u16(p), true;
    case GGUF_I16:
        return *out = (int16_t)load_u16(p), true;
    case GGUF_U32:
        return *out = load_u32(p), true;
    case GGUF_I32:
        return *out = (int32_t)load_u32(p), true;
    case GGUF_U64:
        return *out = (int64_t)load_u64(p), *out >= 0;
    case GGUF_I64:
        return *out = (int64_t)load_u64(p), true;
    default:
        return false;
    }
}

static bool read_real(double *out, const uint8_t *p, enum gguf_type type)
{
    float f;
    if (type == GGUF_F32)
        return memcpy(&f, p, sizeof f), *out = (double)f, true;
    return type == GGUF_F64 && (memcpy(out, p, sizeof *out), true);
}

bool gguf_int(int64_t *out, const struct gguf_value *v)
{
    return v && read_int(out, v->bytes, v->type);
}

bool gguf_real(double *out, const struct gguf_value *v)
{
    return v && read_real(out, v->bytes, v->type);
}

const char *gguf_string(size_t *len, const struct gguf_value *v)
{
    if (!v || v->type != GGUF_STRING)
        return NULL;
    const uint8_t *at = v->bytes;
    return gguf_next_string(len, &at);
}

double gguf_item_real(const struct gguf_value *v, size_t i)
{
    const uint8_t *p = v->bytes + i * gguf_type_size(v->item_type);
    double real = 0;
    int64_t whole = 0;
    if (read_real(&real, p, v->item_type))
        return real;
    read_int(&whole, p, v->item_type);
    return (double)whole;
}

const char *gguf_next_string(size_t *len, const uint8_t **at)
{
    *len = (size_t)load_u64(*at);
    const char *text = (const char *)*at + 8;
    *at += 8 + *len;
    return text;
}
