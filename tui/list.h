/* Selection and scrolling of a list of n rows in a window of some height. */
#ifndef TUI_LIST_H
#define TUI_LIST_H

#include <stddef.h>

struct list {
    size_t n;
    size_t selected; /* < n, or 0 when empty */
    size_t top;      /* first row shown */
};

void list_set_n(struct list *l, size_t n); /* keeps the selection where it still exists */
void list_select(struct list *l, size_t i);
void list_move(struct list *l, long by);
/* Scrolls so that the selection is visible in `height` rows and no row is wasted; a list without
 * rows stays where it is. */
void list_scroll(struct list *l, int height);

#endif
