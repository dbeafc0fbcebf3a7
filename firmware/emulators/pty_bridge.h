/* The board on two ptys, for any host program; see pty_bridge.c. */
#ifndef PTY_BRIDGE_H
#define PTY_BRIDGE_H

#include <stdint.h>
#include <stdio.h>

/* Bridges until stdin ends or a signal comes. `pace` is cycles of the board per cycle of real time, 0 for as
 * fast as it goes. Lines go to `out`. Returns the exit status. */
int bridge(const char *elf, uint32_t hz, double host_baud, double dut_baud, double pace, FILE *out);

#endif
