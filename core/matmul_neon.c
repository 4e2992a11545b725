/* The kernels with NEON. */
#include "core/matmul_kernels.h"

#if defined(__aarch64__) && defined(__GNUC__)

#include "core/vec_neon.h"
#include "data/quant.h"

#define BLOCKS_TO_F32 quant_to_f32
#include "core/matmul_body.h"

const struct matmul_kernels matmul_neon = MATMUL_KERNELS;

#else

/* never chosen here, but there must be something to name */
const struct matmul_kernels matmul_neon = {0};

#endif
