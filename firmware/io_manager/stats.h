/* Counts since start, as the command `stats` tells them. */
#ifndef STATS_H
#define STATS_H

#include <stdint.h>

enum stat {
    STAT_HOST_BYTES, /* looked at */
    STAT_HOST_LOST,  /* told in answers */
    STAT_DUT_BYTES,
    STAT_DUT_LINES,
    STAT_DUT_LOST,    /* bytes: framing errors among them */
    STAT_DUT_FRAMING, /* stop bit low */
    STAT_DUT_BREAKS,  /* line low for a byte or longer: a DUT without power, or in reset */
    STAT_DUT_LATE,   /* bits to the DUT that began too late, by a pile of interrupts */
    STAT_EDGES,
    STAT_EDGES_LOST, /* at least */
    STATS
};

extern uint32_t stats[STATS];

/* One more. For the main loop: an interrupt would have to save all registers for the call. */
void stats_count(enum stat stat);

#endif
