#include "tui/version.h"

const char *version_string(void)
{
    return AXSCOPE_VERSION;
}
