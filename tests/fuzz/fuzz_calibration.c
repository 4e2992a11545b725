/* Any bytes as a calibration, finished or not: what is accepted can be used. */
#include "data/calibration.h"
#include "data/calibration_sums.h"

#include <assert.h>
#include <math.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void try_finished(const uint8_t *data, size_t size)
{
    struct calibration *cal;
    struct err err;
    if (calibration_parse(&cal, data, size, "fuzz", &err) != ERR_OK) {
        assert(!cal && *err.message);
        return;
    }
    assert(cal->n_tokens > 0 && cal->spread_floor > 0);
    size_t total = 0;
    for (size_t i = 0; i < cal->passages.n; i++)
        for (size_t k = 0; k < cal->passages.items[i].len; k++)
            total += (uint8_t)cal->passages.items[i].text[k];
    for (size_t c = 0; c < cal->n_concepts; c++) {
        assert(isfinite(cal->mean[c]) && isfinite(cal->max[c]) && cal->spread[c] >= 0);
        assert((size_t)cal->max_passage[c] < cal->passages.n);
        assert(!cal->density || (cal->density[c] >= 0 && cal->density[c] <= 1));
        assert(!isnan(calibration_z(cal, c, 1)));
    }
    assert(total < SIZE_MAX);
    calibration_close(cal);
}

static void try_unfinished(const uint8_t *data, size_t size)
{
    struct calibration_sums *s;
    struct err err;
    if (calibration_sums_parse(&s, data, size, "fuzz", &err) != ERR_OK) {
        assert(!s && *err.message);
        return;
    }
    for (size_t c = 0; c < s->n_concepts; c++) {
        assert(isfinite(s->sum[c]) && s->sum2[c] >= 0);
        assert((size_t)s->max_passage[c] < s->n_passages);
    }
    calibration_sums_free(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    try_finished(data, size);
    try_unfinished(data, size);
    return 0;
}
