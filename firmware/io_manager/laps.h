/* Edges of the DUT's timestamp pin: stamps from the interrupt, laps for the host. */
#ifndef LAPS_H
#define LAPS_H

#include <stdbool.h>
#include <stdint.h>

#include "clock.h"

enum { STAMPS_SIZE = 16 /* a power of two */, LAPS_SIZE = 8 };

struct stamps {
    volatile uint8_t in, out;
    volatile bool overflow; /* the interrupt has found the ring full, and switched itself off */
    volatile uint16_t at[STAMPS_SIZE];
    volatile uint8_t high[STAMPS_SIZE]; /* level of the pin, some 10 cycles after the edge */
};

extern struct stamps stamps;

/* Puts a stamp into the ring; false if that is full. Called by the pin's interrupt, and only there. */
static inline bool stamps_put(uint16_t ticks, uint8_t high)
{
    uint8_t in = stamps.in;
    uint8_t next = (uint8_t)((in + 1U) & (STAMPS_SIZE - 1U));
    if (next == stamps.out) {
        stamps.overflow = true;
        return false;
    }
    stamps.at[in] = ticks;
    stamps.high[in] = high;
    stamps.in = next;
    return true;
}

struct lap_settings {
    bool enabled;      /* `enable-timer` */
    bool falling_only; /* `tm 0` */
    bool in_ticks;     /* `lap tk` */
    bool widths;       /* `width 1` */
};

extern struct lap_settings lap_settings;

/* Takes the pin's interrupt into or out of service as the settings say. Laps that wait are still told. */
void laps_apply(void);

/* Places the stamps in time that were in the ring when its `in` was this, before the clock's look `now`. */
void laps_work(const struct time *now, uint8_t in_before_look);

/* As after power-up, for tests: on the board the start-up code has done it, and the linker drops this. */
void laps_reset(void);

/* Whether there is a line for the host; writes it if there is room, and returns whether it did. */
bool laps_wait(void);

/* Whether the next edge would find no place. */
bool laps_full(void);

bool laps_write(void);

#endif
