#include "tui/rect.h"

struct rect rect_make(int y, int x, int height, int width)
{
    return (struct rect){y, x, max_int(height, 0), max_int(width, 0)};
}

bool rect_is_empty(struct rect r)
{
    return r.height == 0 || r.width == 0;
}

bool rect_contains(struct rect r, int y, int x)
{
    return y >= r.y && y < r.y + r.height && x >= r.x && x < r.x + r.width;
}

struct rect rect_intersect(struct rect a, struct rect b)
{
    int y = max_int(a.y, b.y), x = max_int(a.x, b.x);
    return rect_make(y, x, min_int(a.y + a.height, b.y + b.height) - y,
                     min_int(a.x + a.width, b.x + b.width) - x);
}

struct rect rect_take_top(struct rect *r, int n)
{
    n = max_int(0, min_int(n, r->height));
    struct rect cut = {r->y, r->x, n, r->width};
    r->y += n;
    r->height -= n;
    return cut;
}

struct rect rect_take_bottom(struct rect *r, int n)
{
    n = max_int(0, min_int(n, r->height));
    r->height -= n;
    return (struct rect){r->y + r->height, r->x, n, r->width};
}

struct rect rect_take_left(struct rect *r, int n)
{
    n = max_int(0, min_int(n, r->width));
    struct rect cut = {r->y, r->x, r->height, n};
    r->x += n;
    r->width -= n;
    return cut;
}

struct rect rect_take_right(struct rect *r, int n)
{
    n = max_int(0, min_int(n, r->width));
    r->width -= n;
    return (struct rect){r->y, r->x + r->width, r->height, n};
}
