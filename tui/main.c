#include "tui/version.h"

#include <stdio.h>

int main(void)
{
    printf("axscope %s\n", version_string());
    return 0;
}
