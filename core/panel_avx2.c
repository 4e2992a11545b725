/* The panel kernels with AVX2, FMA and F16C. */
#include "core/panel.h"

#if defined(__x86_64__) && defined(__GNUC__)

#include "core/vec_avx2.h"

#define PANEL_MAX_X 3
#include "core/panel_body.h"

/* --- making a panel: 8 rows by 8 columns at a time --- */

/* Where 8 rows of weights are. */
struct rows8 {
    const char *at[8];
};

VEC_INLINE __m128i load_halves(const char *p)
{
    return _mm_loadu_si128((const __m128i *)(const void *)p);
}

/* Rows i and i + 4 of 8 columns of 16 bits, as the two halves of a vector. */
VEC_INLINE __m256i load_two(const struct rows8 *rows, int i, size_t offset)
{
    return _mm256_inserti128_si256(_mm256_castsi128_si256(load_halves(rows->at[i] + offset)),
                                   load_halves(rows->at[i + 4] + offset), 1);
}

/* Two columns out of pairs of bf16: each is the upper half of an f32. */
VEC_INLINE void store_pair(float *dst, __m256i pairs)
{
    const __m256i upper = _mm256_set1_epi32((int)0xffff0000);
    _mm256_store_si256((__m256i *)(void *)dst, _mm256_slli_epi32(pairs, 16));
    _mm256_store_si256((__m256i *)(void *)(dst + PANEL_ROWS), _mm256_and_si256(pairs, upper));
}

/* Columns are transposed in pairs, which takes half of the shuffles. */
VEC_INLINE void make_bf16(float *dst, const struct rows8 *rows, size_t offset)
{
    const __m256i r0 = load_two(rows, 0, offset), r1 = load_two(rows, 1, offset);
    const __m256i r2 = load_two(rows, 2, offset), r3 = load_two(rows, 3, offset);
    const __m256i a0 = _mm256_unpacklo_epi32(r0, r1), a1 = _mm256_unpackhi_epi32(r0, r1);
    const __m256i a2 = _mm256_unpacklo_epi32(r2, r3), a3 = _mm256_unpackhi_epi32(r2, r3);
    store_pair(dst, _mm256_unpacklo_epi64(a0, a2));
    store_pair(dst + 2 * PANEL_ROWS, _mm256_unpackhi_epi64(a0, a2));
    store_pair(dst + 4 * PANEL_ROWS, _mm256_unpacklo_epi64(a1, a3));
    store_pair(dst + 6 * PANEL_ROWS, _mm256_unpackhi_epi64(a1, a3));
}

VEC_INLINE void make_f32(float *dst, const struct rows8 *rows, size_t offset, enum dtype dtype)
{
    __m256 v[8], a[8], b[8];
    for (int i = 0; i < 8; i++)
        v[i] = vec_from(rows->at[i] + offset, dtype);
    for (int i = 0; i < 8; i += 2) {
        a[i] = _mm256_unpacklo_ps(v[i], v[i + 1]);
        a[i + 1] = _mm256_unpackhi_ps(v[i], v[i + 1]);
    }
    for (int i = 0; i < 8; i += 4) {
        b[i] = _mm256_shuffle_ps(a[i], a[i + 2], 0x44);
        b[i + 1] = _mm256_shuffle_ps(a[i], a[i + 2], 0xee);
        b[i + 2] = _mm256_shuffle_ps(a[i + 1], a[i + 3], 0x44);
        b[i + 3] = _mm256_shuffle_ps(a[i + 1], a[i + 3], 0xee);
    }
    for (int i = 0; i < 4; i++) {
        _mm256_store_ps(dst + i * PANEL_ROWS, _mm256_permute2f128_ps(b[i], b[i + 4], 0x20));
        _mm256_store_ps(dst + (i + 4) * PANEL_ROWS, _mm256_permute2f128_ps(b[i], b[i + 4], 0x31));
    }
}

VEC_INLINE void make8(float *dst, const struct rows8 *rows, size_t offset, enum dtype dtype)
{
    if (dtype == DTYPE_BF16)
        make_bf16(dst, rows, offset);
    else
        make_f32(dst, rows, offset, dtype);
}

VEC_INLINE void make_rows(float *dst, const struct rows8 *rows, size_t n_cols, enum dtype dtype)
{
    const size_t size = vec_element(dtype);
    size_t i = 0;
    for (; i + 8 <= n_cols; i += 8)
        make8(dst + i * PANEL_ROWS, rows, i * size, dtype);
    if (i == n_cols)
        return;
    char last[8][32] = {{0}};
    struct rows8 last_rows;
    for (int j = 0; j < 8; j++) {
        memcpy(last[j], rows->at[j] + i * size, (n_cols - i) * size);
        last_rows.at[j] = last[j];
    }
    make8(dst + i * PANEL_ROWS, &last_rows, 0, dtype);
}

VEC_TARGET void panel_avx2_make(float *dst, const char *w, enum dtype dtype, size_t stride,
                                size_t n_rows, size_t n_cols)
{
    for (size_t j = 0; j < n_rows; j += 8) {
        struct rows8 rows;
        for (size_t k = 0; k < 8; k++) /* absent ones repeat the last */
            rows.at[k] = w + (j + k < n_rows ? j + k : n_rows - 1) * stride;
        if (dtype == DTYPE_BF16)
            make_rows(dst + j, &rows, n_cols, DTYPE_BF16);
        else if (dtype == DTYPE_F16)
            make_rows(dst + j, &rows, n_cols, DTYPE_F16);
        else
            make_rows(dst + j, &rows, n_cols, DTYPE_F32);
    }
}

const struct panel_kernels panel_avx2 = {panel_avx2_make, multiply, PANEL_MAX_X};

#else

/* never chosen here, but there must be something to name */
const struct panel_kernels panel_avx2 = {NULL, NULL, 1};

#endif
