#include "stats.h"

uint32_t stats[STATS];

/* Kept out of line: adding one to 32 bits takes 40 bytes of flash at each place. */
__attribute__((noinline)) void stats_count(enum stat stat)
{
    stats[stat]++;
}
