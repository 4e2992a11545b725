/* The products of attention with AVX2, FMA and F16C. */
#include "core/attention_kernels.h"

#if defined(__x86_64__) && defined(__GNUC__)

#include "core/vec_avx2.h"

#include "core/attention_body.h"

const struct attention_kernels attention_avx2 = ATTENTION_KERNELS;

#else

/* never chosen here, but there must be something to name */
const struct attention_kernels attention_avx2 = {0};

#endif
