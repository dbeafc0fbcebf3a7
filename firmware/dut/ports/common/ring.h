/* Bytes from a receive interrupt to the main program. What does not fit is counted, and told at its place:
 * after the first byte that did not fit nothing is taken until the reader has come to that place, so that a
 * command with a hole in it is never taken for a whole one. */
#ifndef RING_H
#define RING_H

#include <stdbool.h>
#include <stdint.h>

#include "port.h"

#define RING_BYTES 256u /* a power of two; three of the longest commands */

struct ring {
    volatile uint8_t bytes[RING_BYTES];
    volatile uint32_t put;  /* written by the interrupt only */
    volatile uint32_t got;  /* written by the main program only */
    volatile uint32_t lost; /* bytes that did not fit, or that the receiver lost, after `put` */
};

/* Whether there is room for another byte. */
static inline bool ring_full(const struct ring *ring)
{
    return ring->put - ring->got == RING_BYTES;
}

/* From the interrupt: notes a byte that the receiver itself lost (overrun, framing). */
static inline void ring_lose(struct ring *ring)
{
    if (ring->lost != UINT32_MAX) {
        ring->lost = ring->lost + 1u;
    }
}

/* From the interrupt: a byte has come. */
static inline void ring_put(struct ring *ring, uint8_t byte)
{
    if (ring_full(ring) || ring->lost != 0u) {
        ring_lose(ring);
        return;
    }
    ring->bytes[ring->put % RING_BYTES] = byte;
    ring->put = ring->put + 1u;
}

/* Whether the reader would get PORT_NONE. */
static inline bool ring_empty(const struct ring *ring)
{
    return ring->put == ring->got && ring->lost == 0u;
}

/* For port_read: the next byte, PORT_NONE, or PORT_LOST. */
static inline int ring_get(struct ring *ring)
{
    const uint32_t lost = ring->lost; /* first: once there is a loss, `put` stands still */
    if (ring->put == ring->got) {
        return lost == 0u ? PORT_NONE : PORT_LOST;
    }
    const uint8_t byte = ring->bytes[ring->got % RING_BYTES];
    ring->got = ring->got + 1u;
    return byte;
}

/* For port_lost, with the receive interrupt masked by the caller: how many, and none from now on. */
static inline uint32_t ring_take_lost(struct ring *ring)
{
    const uint32_t lost = ring->lost;
    ring->lost = 0u;
    return lost;
}

#endif
