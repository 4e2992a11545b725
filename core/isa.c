#include "core/isa.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#if defined(__x86_64__) && defined(__GNUC__)
#include <cpuid.h>

static bool has_avx2(void)
{
    unsigned eax, ebx, ecx, edx;
    /* F16C is bit 29 of leaf 1: not every compiler knows its name */
    return __get_cpuid(1, &eax, &ebx, &ecx, &edx) && (ecx & (1u << 29)) &&
           __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

bool isa_has(enum isa isa)
{
    switch (isa) {
    case ISA_GENERIC:
        return true;
    case ISA_AVX2:
        return has_avx2();
    case ISA_AVX512:
        return has_avx2() && __builtin_cpu_supports("avx512f") &&
               __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
               __builtin_cpu_supports("avx512vl");
    default:
        return false;
    }
}
#elif defined(__aarch64__) && defined(__GNUC__)
bool isa_has(enum isa isa)
{
    return isa == ISA_GENERIC || isa == ISA_NEON;
}
#else
bool isa_has(enum isa isa)
{
    return isa == ISA_GENERIC;
}
#endif

enum isa isa_best(void)
{
    int isa = N_ISAS - 1;
    while (!isa_has((enum isa)isa))
        isa--;
    return (enum isa)isa;
}

const char *isa_name(enum isa isa)
{
    static const char *const names[N_ISAS] = {[ISA_GENERIC] = "generic",
                                              [ISA_NEON] = "neon",
                                              [ISA_AVX2] = "avx2",
                                              [ISA_AVX512] = "avx512"};
    return names[isa];
}

/* The set that the environment names, N_ISAS, which nothing has, if there is none of that name;
 * false: it names none. */
static bool forced_isa(enum isa *out)
{
    const char *name = getenv("AXSCOPE_ISA");
    if (!name || !*name)
        return false;
    int isa = 0;
    while (isa < N_ISAS && strcmp(name, isa_name((enum isa)isa)) != 0)
        isa++;
    *out = (enum isa)isa;
    return true;
}

int isa_check_forced(struct err *err)
{
    enum isa forced;
    if (!forced_isa(&forced) || isa_has(forced))
        return ERR_OK;
    if (forced < N_ISAS)
        err_set(err, ERR_ARG, "AXSCOPE_ISA=%s: this processor lacks those instructions",
                isa_name(forced));
    else
        err_set(err, ERR_ARG, "AXSCOPE_ISA=%s: there is no such instruction set",
                getenv("AXSCOPE_ISA"));
    err_hint(err, "Leave it unset for the best one here, %s; generic works everywhere.",
             isa_name(isa_best()));
    return ERR_ARG;
}

static enum isa choose(void)
{
    enum isa forced;
    return forced_isa(&forced) && isa_has(forced) ? forced : isa_best();
}

/* One more than the set in use; 0: not chosen yet. Two threads that choose at once choose the
 * same. */
static atomic_int chosen;

enum isa isa_current(void)
{
    int isa = atomic_load_explicit(&chosen, memory_order_relaxed);
    if (isa == 0) {
        isa = 1 + (int)choose();
        atomic_store_explicit(&chosen, isa, memory_order_relaxed);
    }
    return (enum isa)(isa - 1);
}

bool isa_uses_avx2(void)
{
    return isa_current() >= ISA_AVX2;
}

void isa_use(enum isa isa)
{
    assert(isa_has(isa));
    atomic_store(&chosen, 1 + (int)isa);
}
