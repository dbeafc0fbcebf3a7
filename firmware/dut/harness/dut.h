/* The DUT's serial protocol on top of a port and a workload (protocols.md 1). */
#ifndef DUT_H
#define DUT_H

#include <stdint.h>

/* Boots, then carries out commands for ever. What a port's `main` calls. */
_Noreturn void dut_run(void);

/* The two halves of dut_run, for tests: boots (again); takes all input that is there. */
void dut_boot(void);
void dut_poll(void);

/* Microseconds of so many ticks, rounded down; exact for 64 bits of time. */
uint64_t dut_us(uint64_t ticks, uint32_t tick_hz);

#endif
