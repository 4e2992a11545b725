/* The kernels with AVX2, FMA and F16C. */
#include "core/matmul_kernels.h"

#if defined(__x86_64__) && defined(__GNUC__)

#include "core/quant_avx2.h"
#include "core/vec_avx2.h"

#define BLOCKS_TO_F32 quant_avx2_to_f32
#include "core/matmul_body.h"

const struct matmul_kernels matmul_avx2 = MATMUL_KERNELS;

#else

/* never chosen here, but there must be something to name */
const struct matmul_kernels matmul_avx2 = {0};

#endif
