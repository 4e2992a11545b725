#include "tests/support/every_isa.h"

#include "core/isa.h"

#include <stdio.h>

void with_every_isa(void (*check)(void))
{
    const enum isa before = isa_current();
    for (int i = 0; i < N_ISAS; i++) {
        if (!isa_has((enum isa)i)) {
            printf("skipped: this processor has no %s\n", isa_name((enum isa)i));
            continue;
        }
        isa_use((enum isa)i);
        check();
    }
    isa_use(before);
}
