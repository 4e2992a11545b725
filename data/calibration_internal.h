/* What data/calibration.c and data/calibration_sums.c share. */
#ifndef DATA_CALIBRATION_INTERNAL_H
#define DATA_CALIBRATION_INTERNAL_H

#include "data/safetensors.h"

#include <stdbool.h>
#include <stdint.h>

/* A whole number of the metadata, at most 18 digits of base 10 or 16; false if it is none. */
bool calibration_read_number(uint64_t *out, const struct safetensors *st, const char *key,
                             int base);

#endif
