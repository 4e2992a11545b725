#include "data/bytes.h"
#include "data/file.h"
#include "data/json.h"
#include "data/safetensors.h"

#include <assert.h>
#include <stdlib.h>

#define ALIGNMENT 64 /* of the first data byte */

/* Large elements first: every tensor is aligned to its elements and no gap is left, which other
 * readers refuse. Fills offsets and order. */
static void lay_out(size_t *offset, size_t *order, const struct tensor *tensors, size_t n)
{
    size_t at = 0, n_placed = 0;
    for (size_t element = 8; element > 0; element /= 2) {
        for (size_t i = 0; i < n; i++) {
            if (dtype_size(tensors[i].dtype) != element)
                continue;
            offset[i] = at;
            order[n_placed++] = i;
            at += tensors[i].n_bytes;
        }
    }
    assert(n_placed == n);
}

static void write_entry(struct json_writer *w, const struct tensor *t, size_t offset)
{
    size_t n;
    assert(tensor_n_elements(&n, t, NULL) == ERR_OK && n * dtype_size(t->dtype) == t->n_bytes);
    jw_key(w, t->name);
    jw_object(w);
    jw_key(w, "dtype");
    jw_string(w, dtype_name(t->dtype));
    jw_key(w, "shape");
    jw_array(w);
    for (int i = 0; i < t->n_dims; i++)
        jw_int(w, (long long)t->shape[i]);
    jw_array_end(w);
    jw_key(w, "data_offsets");
    jw_array(w);
    jw_int(w, (long long)offset);
    jw_int(w, (long long)(offset + t->n_bytes));
    jw_array_end(w);
    jw_object_end(w);
}

static void write_metadata(struct json_writer *w, const char *const (*metadata)[2], size_t n)
{
    if (n == 0)
        return;
    jw_key(w, "__metadata__");
    jw_object(w);
    for (size_t i = 0; i < n; i++) {
        jw_key(w, metadata[i][0]);
        jw_string(w, metadata[i][1]);
    }
    jw_object_end(w);
}

/* The header with its length in front, padded with blanks so that the data is aligned. */
static void build_header(struct buf *out, const struct tensor *tensors, size_t n,
                         const size_t *offset, const char *const (*metadata)[2], size_t n_metadata)
{
    uint8_t len[8] = {0};
    buf_add(out, len, sizeof len);
    struct json_writer w;
    json_writer_init(&w, NULL, out);
    jw_object(&w);
    write_metadata(&w, metadata, n_metadata);
    for (size_t i = 0; i < n; i++)
        write_entry(&w, &tensors[i], offset[i]);
    jw_object_end(&w);
    while (out->len % ALIGNMENT != 0)
        buf_char(out, ' ');
    store_u64((uint8_t *)out->data, out->len - sizeof len);
}

int safetensors_write(const char *path, const struct tensor *tensors, size_t n_tensors,
                      const char *const (*metadata)[2], size_t n_metadata, struct err *err)
{
    struct file_writer w;
    int rc = file_create(&w, path, err);
    if (rc != ERR_OK)
        return rc;
    size_t *offset = mem_alloc(n_tensors, sizeof *offset);
    size_t *order = mem_alloc(n_tensors, sizeof *order);
    lay_out(offset, order, tensors, n_tensors);
    struct buf header = {0};
    build_header(&header, tensors, n_tensors, offset, metadata, n_metadata);
    fwrite(header.data, 1, header.len, w.stream);
    for (size_t i = 0; i < n_tensors; i++)
        if (tensors[order[i]].n_bytes > 0)
            fwrite(tensors[order[i]].data, 1, tensors[order[i]].n_bytes, w.stream);
    buf_clear(&header);
    free(order);
    free(offset);
    return file_commit(&w, err);
}
