/* The products of attention with NEON. */
#include "core/attention_kernels.h"

#if defined(__aarch64__) && defined(__GNUC__)

#include "core/vec_neon.h"

#include "core/attention_body.h"

const struct attention_kernels attention_neon = ATTENTION_KERNELS;

#else

/* never chosen here, but there must be something to name */
const struct attention_kernels attention_neon = {0};

#endif
