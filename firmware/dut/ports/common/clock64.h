/* A 64-bit time out of a free-running counter of at most 32 bits that is looked at at least once per round. */
#ifndef CLOCK64_H
#define CLOCK64_H

#include <stdint.h>

struct clock64 {
    uint64_t ticks;
    uint32_t last; /* the counter when `ticks` was right */
};

/* The time at which the counter, of so many bits, stands at `now`. It counts up; give ~value of one that counts
 * down. */
static inline uint64_t clock64_extend(struct clock64 *clock, uint32_t now, unsigned bits)
{
    clock->ticks += (now - clock->last) & (UINT32_MAX >> (32u - bits));
    clock->last = now;
    return clock->ticks;
}

#endif
