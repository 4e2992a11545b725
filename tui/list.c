#include "tui/list.h"

void list_select(struct list *l, size_t i)
{
    l->selected = l->n == 0 ? 0 : i < l->n ? i : l->n - 1;
}

void list_set_n(struct list *l, size_t n)
{
    l->n = n;
    list_select(l, l->selected);
}

void list_move(struct list *l, long by)
{
    if (by < 0)
        list_select(l, l->selected > (size_t)-by ? l->selected - (size_t)-by : 0);
    else
        list_select(l, l->n - l->selected > (size_t)by ? l->selected + (size_t)by : l->n);
}

void list_scroll(struct list *l, int height)
{
    size_t h = (size_t)height;
    if (height <= 0) /* hidden by a page */
        return;
    if (l->selected < l->top)
        l->top = l->selected;
    if (l->selected >= l->top + h)
        l->top = l->selected - h + 1;
    if (l->top + h > l->n)
        l->top = l->n > h ? l->n - h : 0;
}
