#include "manager.h"

#include "clock.h"
#include "commands.h"
#include "hardware.h"
#include "input.h"
#include "laps.h"
#include "output.h"
#include "receiver.h"
#include "relay.h"
#include "stats.h"

static struct time now;

static bool lap_goes_next;

void manager_start(uint32_t wraps)
{
    now.wraps = wraps;
    now.ticks = hardware_now();
}

/* Writes a line to the host, if a line waits and there is room for it. Laps and the other lines take turns. If there
 * is no room for the line whose turn it is, no other line is written, so that short lines cannot delay a long one for
 * ever. No lap is written from the moment that a command is taken until the last line of its answer: MLCommons' host
 * class counts lines, and never gets back into step after a lap before the echo of `dut`. The only exception is when
 * edges would be lost otherwise. An answer goes before lines of the DUT, because they may be its result. */
static bool write_line(void)
{
    bool lap = laps_wait() && (!commands_under_way() || laps_full());
    bool answer = commands_wait();
    bool other = answer || relay_waits();
    if (lap && (lap_goes_next || !other)) {
        lap_goes_next = false;
        return laps_write();
    }
    if (other) {
        lap_goes_next = true;
        return answer ? commands_write() : relay_write();
    }
    return false;
}

void manager_work(void)
{
    uint8_t in_before_look = stamps.in;
    clock_advance(&now, hardware_now());
    laps_work(&now, in_before_look);
    receiver_work(now.ticks);
    commands_work();
    while (write_line()) {
    }
}

void manager_reset(void)
{
    input_reset();
    output_reset();
    receiver_reset();
    relay_reset();
    laps_reset();
    commands_reset();
    for (uint8_t k = 0; k < STATS; k++) {
        stats[k] = 0;
    }
    now = (struct time){0};
    lap_goes_next = false;
}
