#ifndef TESTS_SUPPORT_EVERY_ISA_H
#define TESTS_SUPPORT_EVERY_ISA_H

/* Runs a check with every instruction set that this processor has, and names the other ones. */
void with_every_isa(void (*check)(void));

#endif
