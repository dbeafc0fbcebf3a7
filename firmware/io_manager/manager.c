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

/* Writes one line to the host, if one waits for which there is room. Laps take turns with the others; who has its
 * turn is waited for, so that a long line is not starved by short ones. No lap comes from the moment that a command
 * is taken until its last line: MLCommons' host class counts lines, and is out of step for good when one comes before
 * the echo of `dut`. Only where edges would be lost otherwise, one does. An answer goes before lines of the DUT: they
 * may be its result. */
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
