/* Lines of the DUT, relayed whole: "[dut]: <line>" CR LF.
 *
 * A line waits here until its LF has come and the output has room for all of it, so no other line can split it.
 * What does not fit is cut, and a message says how many bytes that cost; the rest of such a line is dropped.
 */
#ifndef RELAY_H
#define RELAY_H

#include <stdbool.h>
#include <stdint.h>

enum { RELAY_SIZE = 192, RELAY_LINE = 180 /* characters of the DUT's longest line */ };

/* A byte from the DUT. */
void relay_byte(uint8_t byte);

/* A byte of the DUT that could not be received; the line went low: the line on its way is cut. */
void relay_lost(void);
void relay_break(void);

/* As after power-up, for tests: on the board the start-up code has done it, and the linker drops this. */
void relay_reset(void);

/* Whether there is a line, or a message about lost bytes, for the host. */
bool relay_waits(void);

/* Writes it if there is room in the output; returns whether it did. */
bool relay_write(void);

#endif
