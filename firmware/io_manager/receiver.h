/* The DUT's UART, from the edges of D8.
 *
 * Timer1 captures the time of each edge in hardware, so nothing here is urgent: the interrupt puts the edge into a
 * ring, and the main loop reads bits off it by sampling the level in the middle of each bit, after the fact. A start
 * bit that is over before its middle was a glitch.
 */
#ifndef RECEIVER_H
#define RECEIVER_H

#include <stdbool.h>
#include <stdint.h>

enum { EDGES_SIZE = 64 /* a power of two; at 9600 baud a byte has at most 10 edges */ };

struct edges {
    volatile uint8_t in, out;
    volatile bool overflow;           /* an edge was lost: the ring was full, or the interrupt late */
    volatile uint16_t at[EDGES_SIZE]; /* ticks; bit 0 is the level after the edge */
};

extern struct edges edges;

/* Puts an edge into the ring. Called by the capture interrupt, and only there. */
static inline void edges_put(uint16_t ticks, bool level)
{
    uint8_t next = (uint8_t)((edges.in + 1U) & (EDGES_SIZE - 1U));
    if (next == edges.out) {
        edges.overflow = true;
        return;
    }
    edges.at[edges.in] = (uint16_t)((ticks & 0xFFFEU) | (level ? 1U : 0U));
    edges.in = next;
}

/* Sets the length of a bit in ticks, and forgets what was on its way. */
void receiver_restart(uint8_t bit_ticks);

/* As after power-up, for tests: on the board the start-up code has done it, and the linker drops this. */
void receiver_reset(void);

/* Reads what there is: edges, and bits that are over at `now`. Calls relay_byte and relay_break. */
void receiver_work(uint16_t now);

#endif
