/* The products of attention with AVX512. */
#include "core/attention_kernels.h"

#if defined(__x86_64__) && defined(__GNUC__)

#include "core/vec_avx512.h"

#include "core/attention_body.h"

const struct attention_kernels attention_avx512 = ATTENTION_KERNELS;

#else

/* never chosen here, but there must be something to name */
const struct attention_kernels attention_avx512 = {0};

#endif
