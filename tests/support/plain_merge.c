#include "tests/support/plain_merge.h"

#include <string.h>

size_t merge_plainly(int *ids, size_t n, const struct vocab *v)
{
    for (;;) {
        const struct vocab_merge *best = NULL;
        size_t at = 0;
        for (size_t i = 0; i + 1 < n; i++) {
            const struct vocab_merge *m = vocab_find_merge(v, ids[i], ids[i + 1]);
            if (m && (!best || m < best)) {
                best = m;
                at = i;
            }
        }
        if (!best)
            return n;
        ids[at] = best->merged;
        memmove(ids + at + 1, ids + at + 2, (n - at - 2) * sizeof *ids);
        n--;
    }
}
