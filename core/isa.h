/* The instruction set that the kernels use, chosen once at run time by asking the processor.
 * AXSCOPE_ISA=generic in the environment forces plain C. */
#ifndef CORE_ISA_H
#define CORE_ISA_H

enum isa {
    ISA_GENERIC, /* plain C, for any processor */
    ISA_AVX2,    /* x86-64 with AVX2, FMA and F16C */
};

enum isa isa_current(void);
const char *isa_name(enum isa isa); /* "generic", "avx2" */

/* What the processor has, whatever the environment says. */
enum isa isa_best(void);

/* Uses another set from now on; for tests. It must be one the processor has. */
void isa_use(enum isa isa);

#endif
