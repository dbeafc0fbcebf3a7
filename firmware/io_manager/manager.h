/* The IO manager: everything but registers and interrupts. */
#ifndef MANAGER_H
#define MANAGER_H

#include <stdint.h>

/* Starts the clock, after as many wraps of the counter (0 but in tests of the clock). */
void manager_start(uint32_t wraps);

/* As after power-up, for tests: on the board the start-up code has done it, and the linker drops this. */
void manager_reset(void);

/* One round: stamps, the DUT's bytes, commands, lines to the host. To be called at least every 16 ms. */
void manager_work(void);

#endif
