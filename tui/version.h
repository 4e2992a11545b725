/* The program's version, from the source tree it was built from. */
#ifndef TUI_VERSION_H
#define TUI_VERSION_H

const char *version_string(void); /* static storage */

#endif
