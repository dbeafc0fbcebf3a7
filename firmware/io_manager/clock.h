/* Time in ticks of 0.5 us, from a 16-bit counter that wraps every 32.768 ms.
 *
 * Overflow interrupts are not counted: one that comes while a stamp is taken needs care, and in simavr 1.6 they get
 * lost (README.md). The main loop compares the counter with its last look, at least once per
 * wrap (a tick of another timer wakes it every millisecond), and a stamp is placed relative to that.
 */
#ifndef CLOCK_H
#define CLOCK_H

#include <stdint.h>

struct time {
    uint16_t ticks;
    uint32_t wraps; /* units of 65536 ticks */
    uint16_t eras;  /* units of 2^48 ticks, four years */
};

/* Brings `now` forward to the counter; less than 65536 ticks after the last call. */
void clock_advance(struct time *now, uint16_t counter);

/* The time of a stamp that is older than `now`, by less than 65536 ticks. */
struct time clock_at(const struct time *now, uint16_t stamp);

/* Ticks to microseconds. */
void clock_halve(struct time *time);

/* Ticks from one time to a later one, modulo 2^32. */
uint32_t clock_between(const struct time *from, const struct time *to);

#endif
