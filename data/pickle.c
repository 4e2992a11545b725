#include "data/pickle.h"

#include "data/bytes.h"
#include "data/mem.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Opcodes as CPython's pickletools names them. */
enum opcode {
    OP_MARK = '(',
    OP_EMPTY_TUPLE = ')',
    OP_STOP = '.',
    OP_BININT = 'J',
    OP_BININT1 = 'K',
    OP_BININT2 = 'M',
    OP_BINPERSID = 'Q',
    OP_REDUCE = 'R',
    OP_BINUNICODE = 'X',
    OP_BUILD = 'b',
    OP_GLOBAL = 'c',
    OP_BINGET = 'h',
    OP_LONG_BINGET = 'j',
    OP_BINPUT = 'q',
    OP_LONG_BINPUT = 'r',
    OP_SETITEM = 's',
    OP_TUPLE = 't',
    OP_SETITEMS = 'u',
    OP_EMPTY_DICT = '}',
    OP_PROTO = 0x80,
    OP_TUPLE1 = 0x85,
    OP_TUPLE2 = 0x86,
    OP_TUPLE3 = 0x87,
    OP_NEWTRUE = 0x88,
    OP_NEWFALSE = 0x89,
    OP_LONG1 = 0x8a,
};

#define MAX_PROTO 5

struct reader {
    struct pickle *pickle;
    const uint8_t *bytes;
    size_t size, at; /* at: the next byte */
    size_t op_at;    /* the opcode being carried out */
    struct pickle_value **stack;
    size_t n_stack, cap_stack;
    size_t *marks; /* [n_marks] stack heights */
    size_t n_marks, cap_marks;
    struct pickle_value **memo; /* [n_memo], holes are NULL */
    size_t n_memo, cap_memo;
    const char *const *globals;
    const char *name;
    struct err *err;
};

static int fail(struct reader *r, enum err_code code, const char *what)
{
    err_set(r->err, code, "%s: pickle byte %zu: %s", r->name, r->op_at, what);
    if (code == ERR_UNSUPPORTED)
        err_hint(r->err,
                 "Only plain tensors and dicts of tensors are read: torch.save the tensor.");
    else
        err_hint(r->err, "The file is incomplete or damaged; download or copy it again.");
    return code;
}

static int cut_short(struct reader *r)
{
    return fail(r, ERR_FORMAT, "ends inside an instruction");
}

/* --- values and the stack --- */

static struct pickle_value *push_new(struct reader *r, enum pickle_kind kind)
{
    struct pickle *p = r->pickle;
    struct pickle_value *v = mem_zalloc(1, sizeof *v);
    v->kind = kind;
    p->values = mem_grow(p->values, &p->cap_values, p->n_values + 1, sizeof(void *));
    p->values[p->n_values++] = v;
    r->stack = mem_grow(r->stack, &r->cap_stack, r->n_stack + 1, sizeof(void *));
    r->stack[r->n_stack++] = v;
    return v;
}

static int push_number(struct reader *r, enum pickle_kind kind, int64_t number)
{
    push_new(r, kind)->number = number;
    return ERR_OK;
}

static int push_text(struct reader *r, enum pickle_kind kind, const uint8_t *text, size_t len)
{
    struct pickle_value *v = push_new(r, kind);
    v->text = mem_strndup((const char *)text, len);
    v->text_len = len;
    return ERR_OK;
}

/* How many values lie above the newest mark, or on the whole stack. */
static size_t n_free(const struct reader *r)
{
    return r->n_stack - (r->n_marks > 0 ? r->marks[r->n_marks - 1] : 0);
}

/* Replaces the top n values by one that holds them. */
static int collect(struct reader *r, enum pickle_kind kind, size_t n)
{
    if (n_free(r) < n)
        return fail(r, ERR_FORMAT, "takes a value from an empty stack");
    struct pickle_value **items = mem_alloc(n, sizeof(void *));
    r->n_stack -= n;
    if (n)
        memcpy(items, r->stack + r->n_stack, n * sizeof(void *));
    struct pickle_value *v = push_new(r, kind);
    v->items = items;
    v->n_items = v->cap_items = n;
    return ERR_OK;
}

/* Ends the newest mark; *n values lie above where it was. */
static int pop_mark(struct reader *r, size_t *n)
{
    if (r->n_marks == 0)
        return fail(r, ERR_FORMAT, "has no mark to go back to");
    *n = n_free(r);
    r->n_marks--;
    return ERR_OK;
}

static int push_mark(struct reader *r)
{
    r->marks = mem_grow(r->marks, &r->cap_marks, r->n_marks + 1, sizeof *r->marks);
    r->marks[r->n_marks++] = r->n_stack;
    return ERR_OK;
}

/* --- memo: picklers number their values from 0, so an index never exceeds the length --- */

static int memo_put(struct reader *r, size_t i)
{
    if (n_free(r) == 0)
        return fail(r, ERR_FORMAT, "memorises a value from an empty stack");
    if (i > r->size)
        return fail(r, ERR_FORMAT, "uses a memo number beyond any that can occur");
    r->memo = mem_grow(r->memo, &r->cap_memo, i + 1, sizeof(void *));
    for (; r->n_memo <= i; r->n_memo++)
        r->memo[r->n_memo] = NULL;
    r->memo[i] = r->stack[r->n_stack - 1];
    return ERR_OK;
}

static int memo_get(struct reader *r, size_t i)
{
    if (i >= r->n_memo || !r->memo[i])
        return fail(r, ERR_FORMAT, "recalls a value that was never memorised");
    r->stack = mem_grow(r->stack, &r->cap_stack, r->n_stack + 1, sizeof(void *));
    r->stack[r->n_stack++] = r->memo[i];
    return ERR_OK;
}

/* --- instructions with operands --- */

/* The next n bytes, or NULL. */
static const uint8_t *take(struct reader *r, size_t n)
{
    if (n > r->size - r->at)
        return NULL;
    const uint8_t *p = r->bytes + r->at;
    r->at += n;
    return p;
}

/* An unsigned operand of 1, 2 or 4 bytes. */
static bool take_uint(struct reader *r, uint32_t *out, size_t n)
{
    const uint8_t *p = take(r, n);
    if (p)
        *out = n == 1 ? p[0] : n == 2 ? load_u16(p) : load_u32(p);
    return p != NULL;
}

static int read_long1(struct reader *r)
{
    uint32_t n;
    const uint8_t *p = take_uint(r, &n, 1) ? take(r, n) : NULL;
    if (!p)
        return cut_short(r);
    if (n > 8)
        return fail(r, ERR_UNSUPPORTED, "holds an integer of more than 64 bits");
    uint64_t bits = n > 0 && p[n - 1] & 0x80 ? UINT64_MAX : 0;
    for (size_t i = n; i-- > 0;)
        bits = bits << 8 | p[i];
    int64_t number;
    memcpy(&number, &bits, sizeof number);
    return push_number(r, PICKLE_INT, number);
}

static int read_unicode(struct reader *r)
{
    uint32_t len;
    const uint8_t *p = take_uint(r, &len, 4) ? take(r, len) : NULL;
    if (!p)
        return cut_short(r);
    if (memchr(p, '\0', len))
        return fail(r, ERR_FORMAT, "holds a string with a NUL byte");
    return push_text(r, PICKLE_STRING, p, len);
}

/* Two lines: module and name. */
static int read_global(struct reader *r)
{
    const uint8_t *start = r->bytes + r->at;
    size_t left = r->size - r->at;
    const uint8_t *first = left ? memchr(start, '\n', left) : NULL;
    const uint8_t *second =
        first ? memchr(first + 1, '\n', left - (size_t)(first + 1 - start)) : NULL;
    if (!second)
        return cut_short(r);
    r->at += (size_t)(second + 1 - start);
    size_t len = (size_t)(second - start);
    struct buf full = {0};
    buf_add(&full, start, len);
    full.data[first - start] = ' ';
    int rc = ERR_UNSUPPORTED;
    for (const char *const *g = r->globals; *g; g++)
        if (strlen(*g) == len && memcmp(*g, full.data, len) == 0)
            rc = push_text(r, PICKLE_GLOBAL, (const uint8_t *)full.data, len);
    if (rc != ERR_OK) {
        struct buf what = {0};
        buf_printf(&what, "names '%.80s', which is not read and never run", full.data);
        fail(r, ERR_UNSUPPORTED, what.data);
        buf_clear(&what);
    }
    buf_clear(&full);
    return rc;
}

/* --- instructions on the stack --- */

/* Moves the top n values, key and value in turn, into the dict below them. */
static int set_items(struct reader *r, size_t n)
{
    if (n_free(r) < n + 1 || n % 2 != 0)
        return fail(r, ERR_FORMAT, "sets items without a dict");
    struct pickle_value *dict = r->stack[r->n_stack - n - 1];
    if (dict->kind != PICKLE_DICT)
        return fail(r, ERR_FORMAT, "sets items of something that is no dict");
    dict->items = mem_grow(dict->items, &dict->cap_items, dict->n_items + n, sizeof(void *));
    if (n)
        memcpy(dict->items + dict->n_items, r->stack + r->n_stack - n, n * sizeof(void *));
    dict->n_items += n;
    r->n_stack -= n;
    return ERR_OK;
}

static int reduce(struct reader *r)
{
    if (n_free(r) < 2 || r->stack[r->n_stack - 2]->kind != PICKLE_GLOBAL ||
        r->stack[r->n_stack - 1]->kind != PICKLE_TUPLE)
        return fail(r, ERR_FORMAT, "calls something that is no function");
    if (strcmp(r->stack[r->n_stack - 2]->text, PICKLE_ORDERED_DICT) != 0)
        return collect(r, PICKLE_CALL, 2);
    if (r->stack[r->n_stack - 1]->n_items > 0)
        return fail(r, ERR_UNSUPPORTED, "makes an OrderedDict from a list");
    r->n_stack -= 2;
    push_new(r, PICKLE_DICT);
    return ERR_OK;
}

/* Drops the attributes of a dict: a module's state_dict has the versions of its parts there. */
static int build(struct reader *r)
{
    if (n_free(r) < 2 || r->stack[r->n_stack - 2]->kind != PICKLE_DICT ||
        r->stack[r->n_stack - 1]->kind != PICKLE_DICT)
        return fail(r, ERR_UNSUPPORTED, "gives attributes to something that is no dict");
    r->n_stack--;
    return ERR_OK;
}

static int stop(struct reader *r)
{
    if (r->n_stack != 1 || r->n_marks != 0)
        return fail(r, ERR_FORMAT, "stops with other than one value");
    r->pickle->root = r->stack[0];
    return ERR_OK;
}

static int read_proto(struct reader *r)
{
    uint32_t version;
    if (!take_uint(r, &version, 1))
        return cut_short(r);
    return version <= MAX_PROTO ? ERR_OK : fail(r, ERR_UNSUPPORTED, "has an unknown protocol");
}

static int unknown(struct reader *r, unsigned op)
{
    struct buf what = {0};
    buf_printf(&what, "has the instruction 0x%02x, which is not among those torch.save needs", op);
    fail(r, ERR_UNSUPPORTED, what.data);
    buf_clear(&what);
    return ERR_UNSUPPORTED;
}

/* Instructions that take a number from the input. */
static int step_operand(struct reader *r, unsigned op)
{
    size_t width = op == OP_BININT1 || op == OP_BINGET || op == OP_BINPUT ? 1
                   : op == OP_BININT2                                     ? 2
                                                                          : 4;
    uint32_t n;
    if (!take_uint(r, &n, width))
        return cut_short(r);
    if (op == OP_BINGET || op == OP_LONG_BINGET)
        return memo_get(r, n);
    if (op == OP_BINPUT || op == OP_LONG_BINPUT)
        return memo_put(r, n);
    return push_number(r, PICKLE_INT, op == OP_BININT ? (int64_t)(int32_t)n : (int64_t)n);
}

static int step(struct reader *r, unsigned op)
{
    size_t n = 0;
    switch (op) {
    case OP_PROTO:
        return read_proto(r);
    case OP_BININT:
    case OP_BININT1:
    case OP_BININT2:
    case OP_BINGET:
    case OP_LONG_BINGET:
    case OP_BINPUT:
    case OP_LONG_BINPUT:
        return step_operand(r, op);
    case OP_LONG1:
        return read_long1(r);
    case OP_BINUNICODE:
        return read_unicode(r);
    case OP_GLOBAL:
        return read_global(r);
    case OP_NEWTRUE:
    case OP_NEWFALSE:
        return push_number(r, PICKLE_BOOL, op == OP_NEWTRUE);
    case OP_MARK:
        return push_mark(r);
    case OP_EMPTY_TUPLE:
        return collect(r, PICKLE_TUPLE, 0);
    case OP_TUPLE1:
    case OP_TUPLE2:
    case OP_TUPLE3:
        return collect(r, PICKLE_TUPLE, op - OP_TUPLE1 + 1);
    case OP_TUPLE:
        return pop_mark(r, &n) == ERR_OK ? collect(r, PICKLE_TUPLE, n) : ERR_FORMAT;
    case OP_EMPTY_DICT:
        return collect(r, PICKLE_DICT, 0);
    case OP_SETITEM:
        return set_items(r, 2);
    case OP_SETITEMS:
        return pop_mark(r, &n) == ERR_OK ? set_items(r, n) : ERR_FORMAT;
    case OP_BINPERSID:
        return collect(r, PICKLE_PERSISTENT, 1);
    case OP_REDUCE:
        return reduce(r);
    case OP_BUILD:
        return build(r);
    case OP_STOP:
        return stop(r);
    default:
        return unknown(r, op);
    }
}

static int run(struct reader *r)
{
    while (!r->pickle->root) {
        r->op_at = r->at;
        if (r->at == r->size)
            return fail(r, ERR_FORMAT, "ends without a STOP");
        int rc = step(r, r->bytes[r->at++]);
        if (rc != ERR_OK)
            return rc;
    }
    return ERR_OK;
}

int pickle_parse(struct pickle *out, const void *bytes, size_t size, const char *const *globals,
                 const char *name, struct err *err)
{
    *out = (struct pickle){0};
    struct reader r = {
        .pickle = out, .bytes = bytes, .size = size, .globals = globals, .name = name, .err = err};
    int rc = run(&r);
    free(r.stack);
    free(r.marks);
    free(r.memo);
    if (rc != ERR_OK)
        pickle_clear(out);
    return rc;
}

void pickle_clear(struct pickle *pickle)
{
    for (size_t i = 0; i < pickle->n_values; i++) {
        free(pickle->values[i]->text);
        free(pickle->values[i]->items);
        free(pickle->values[i]);
    }
    free(pickle->values);
    *pickle = (struct pickle){0};
}
