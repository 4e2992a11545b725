/* The panel kernels with AVX512. Panels are made as for AVX2. */
#include "core/panel.h"

#if defined(__x86_64__) && defined(__GNUC__)

#include "core/vec_avx512.h"

#define PANEL_MAX_X 6
#include "core/panel_body.h"

const struct panel_kernels panel_avx512 = {panel_avx2_make, multiply, PANEL_MAX_X};

#else

/* never chosen here, but there must be something to name */
const struct panel_kernels panel_avx512 = {NULL, NULL, 1};

#endif
