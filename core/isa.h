/* The instruction set that the kernels use, chosen once at run time by asking the processor and
 * the system, which has to keep the registers. AXSCOPE_ISA=NAME in the environment forces one that
 * the processor has; another name counts for nothing here, but isa_check_forced tells.
 *
 * AVX512 and NEON have kernels for products in f32 and for attention; what else there is for AVX2
 * is used with AVX512 too. They were tested under emulators alone: their speed is not known.
 * vdpbf16ps (AVX512-BF16) is not used: it rounds both operands to bf16, and activations would lose
 * 16 of their 24 bits. */
#ifndef CORE_ISA_H
#define CORE_ISA_H

#include "data/err.h"

#include <stdbool.h>

/* In ascending order of preference; AVX512 can do what AVX2 can. */
enum isa {
    ISA_GENERIC, /* plain C, for any processor */
    ISA_NEON,    /* every 64-bit ARM */
    ISA_AVX2,    /* x86-64 with AVX2, FMA and F16C */
    ISA_AVX512,  /* with AVX512 F, BW, DQ and VL besides */
    N_ISAS
};

enum isa isa_current(void);
const char *isa_name(enum isa isa); /* "generic", "neon", "avx2", "avx512" */

/* ERR_ARG if AXSCOPE_ISA forces none that there is, or one that the processor lacks; empty counts
 * as not set. For a program to ask before it computes. */
int isa_check_forced(struct err *err) ERR_CHECK;

/* Whether functions for AVX2 may be called: by the set in use, not by the processor. */
bool isa_uses_avx2(void);

/* What the processor has, whatever the environment says: any set, the best one. */
bool isa_has(enum isa isa);
enum isa isa_best(void);

/* Uses another set from now on, to compare the two. It must be one the processor has. */
void isa_use(enum isa isa);

#endif
