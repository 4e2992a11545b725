/* The panel kernels with NEON. */
#include "core/panel.h"

#if defined(__aarch64__) && defined(__GNUC__)

#include "core/vec_neon.h"

#define PANEL_MAX_X 3
#include "core/panel_body.h"

/* dst[i * PANEL_ROWS + j] = column i of row j, for 4 by 4. */
static inline void store_square(float *dst, const vec rows[4])
{
    vec a = vtrn1q_f32(rows[0], rows[1]), b = vtrn2q_f32(rows[0], rows[1]);
    vec c = vtrn1q_f32(rows[2], rows[3]), d = vtrn2q_f32(rows[2], rows[3]);
    vec_store(dst, vcombine_f32(vget_low_f32(a), vget_low_f32(c)));
    vec_store(dst + PANEL_ROWS, vcombine_f32(vget_low_f32(b), vget_low_f32(d)));
    vec_store(dst + 2 * PANEL_ROWS, vcombine_f32(vget_high_f32(a), vget_high_f32(c)));
    vec_store(dst + 3 * PANEL_ROWS, vcombine_f32(vget_high_f32(b), vget_high_f32(d)));
}

static inline void make_rows(float *dst, const char *const rows[4], size_t n_cols, enum dtype dtype)
{
    const size_t size = vec_element(dtype);
    vec v[4];
    size_t i = 0;
    for (; i + 4 <= n_cols; i += 4) {
        for (int k = 0; k < 4; k++)
            v[k] = vec_from(rows[k] + i * size, dtype);
        store_square(dst + i * PANEL_ROWS, v);
    }
    if (i == n_cols)
        return;
    for (int k = 0; k < 4; k++)
        v[k] = vec_from_tail(rows[k] + i * size, dtype, n_cols - i);
    store_square(dst + i * PANEL_ROWS, v);
}

static void make(float *dst, const char *w, enum dtype dtype, size_t stride, size_t n_rows,
                 size_t n_cols)
{
    for (size_t j = 0; j < n_rows; j += 4) {
        const char *rows[4];
        for (size_t k = 0; k < 4; k++) /* absent ones repeat the last */
            rows[k] = w + (j + k < n_rows ? j + k : n_rows - 1) * stride;
        if (dtype == DTYPE_BF16)
            make_rows(dst + j, rows, n_cols, DTYPE_BF16);
        else if (dtype == DTYPE_F16)
            make_rows(dst + j, rows, n_cols, DTYPE_F16);
        else
            make_rows(dst + j, rows, n_cols, DTYPE_F32);
    }
}

const struct panel_kernels panel_neon = {make, multiply, PANEL_MAX_X};

#else

/* never chosen here, but there must be something to name */
const struct panel_kernels panel_neon = {NULL, NULL, 1};

#endif
