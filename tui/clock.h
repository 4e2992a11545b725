/* Time that only goes forward, for waits and durations. */
#ifndef TUI_CLOCK_H
#define TUI_CLOCK_H

double clock_seconds(void); /* since a moment that is the same for the whole process */

#endif
