/* Rectangles of screen cells: split, intersect. Sizes are never negative. */
#ifndef TUI_RECT_H
#define TUI_RECT_H

#include <stdbool.h>

static inline int min_int(int a, int b)
{
    return a < b ? a : b;
}

static inline int max_int(int a, int b)
{
    return a > b ? a : b;
}

struct rect {
    int y, x;          /* top left cell */
    int height, width; /* cells, >= 0 */
};

struct rect rect_make(int y, int x, int height, int width); /* negative sizes become 0 */
bool rect_is_empty(struct rect r);
bool rect_contains(struct rect r, int y, int x);
struct rect rect_intersect(struct rect a, struct rect b);

/* Cuts n rows (columns) off one side and returns them; *r keeps the rest. n is cut to what is
 * there. */
struct rect rect_take_top(struct rect *r, int n);
struct rect rect_take_bottom(struct rect *r, int n);
struct rect rect_take_left(struct rect *r, int n);
struct rect rect_take_right(struct rect *r, int n);

#endif
