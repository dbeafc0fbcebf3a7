#include "clock.h"

void clock_advance(struct time *now, uint16_t counter)
{
    if (counter < now->ticks) {
        now->wraps++;
    }
    now->ticks = counter;
}

struct time clock_at(const struct time *now, uint16_t stamp)
{
    struct time at = {now->wraps, stamp};
    if (stamp > now->ticks) {
        at.wraps--; /* before the last wrap */
    }
    return at;
}

uint32_t clock_between(const struct time *from, const struct time *to)
{
    return (to->wraps << 16 | to->ticks) - (from->wraps << 16 | from->ticks);
}
