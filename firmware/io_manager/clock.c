#include "clock.h"

void clock_advance(struct time *now, uint16_t counter)
{
    if (counter < now->ticks && ++now->wraps == 0) {
        now->eras++;
    }
    now->ticks = counter;
}

struct time clock_at(const struct time *now, uint16_t stamp)
{
    struct time at = *now;
    at.ticks = stamp;
    if (stamp > now->ticks && at.wraps-- == 0) { /* before the last wrap */
        at.eras--;
    }
    return at;
}

uint32_t clock_between(const struct time *from, const struct time *to)
{
    return (to->wraps << 16 | to->ticks) - (from->wraps << 16 | from->ticks);
}

void clock_halve(struct time *time)
{
    time->ticks = (uint16_t)(time->ticks >> 1 | (time->wraps & 1 ? 0x8000U : 0));
    time->wraps = time->wraps >> 1 | (time->eras & 1 ? 0x80000000U : 0);
    time->eras >>= 1;
}
