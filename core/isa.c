#include "core/isa.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#if defined(__x86_64__) && defined(__GNUC__)
#include <cpuid.h>

enum isa isa_best(void)
{
    unsigned eax, ebx, ecx, edx;
    /* F16C is bit 29 of leaf 1: not every compiler knows its name */
    if (!__get_cpuid(1, &eax, &ebx, &ecx, &edx) || !(ecx & (1u << 29)))
        return ISA_GENERIC;
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") ? ISA_AVX2 : ISA_GENERIC;
}
#else
enum isa isa_best(void)
{
    return ISA_GENERIC;
}
#endif

/* One more than the set in use; 0: not chosen yet. Two threads that choose at once choose the
 * same. */
static atomic_int chosen;

enum isa isa_current(void)
{
    int isa = atomic_load_explicit(&chosen, memory_order_relaxed);
    if (isa == 0) {
        const char *forced = getenv("AXSCOPE_ISA");
        isa = 1 + (forced && strcmp(forced, "generic") == 0 ? ISA_GENERIC : isa_best());
        atomic_store_explicit(&chosen, isa, memory_order_relaxed);
    }
    return (enum isa)(isa - 1);
}

const char *isa_name(enum isa isa)
{
    return isa == ISA_AVX2 ? "avx2" : "generic";
}

void isa_use(enum isa isa)
{
    assert(isa <= isa_best());
    atomic_store(&chosen, 1 + (int)isa);
}
