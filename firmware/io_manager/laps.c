#include "laps.h"

#include "flash.h"
#include "hardware.h"
#include "output.h"
#include "stats.h"

/* From an edge to its stamp it takes 10 to 30 cycles (README.md, "Timing"): two ticks and a half are the middle. */
enum { LATE_TICKS = 2 };

/* A pulse may be over before the interrupt looks at the pin. Its rising edge then comes at once, or was merged
 * with the falling one: after this many ticks it is not waited for any longer. */
enum { SHORT_PULSE_TICKS = 200 };

struct stamps stamps;
struct lap_settings lap_settings;

static struct lap {
    struct time at; /* of an edge; or, for a width, its ticks */
    bool is_width;
} queue[LAPS_SIZE];
static uint8_t first, count;
static uint16_t lost; /* edges; none is taken before the loss has been told, so the message stands where they were */
static bool fallen;   /* both edges are watched, and the last one fell */
static bool was_short;
static struct time fell_at;

static bool both_edges(void)
{
    return lap_settings.widths || !lap_settings.falling_only;
}

void laps_apply(void)
{
    hardware_stamps_off();
    fallen = false;
    if (lap_settings.enabled) {
        hardware_stamps_on(both_edges());
    }
}

static void lose(void)
{
    lost++;
    stats_count(STAT_EDGES_LOST);
}

static void push(const struct time *at, bool is_width)
{
    if (lost || count == LAPS_SIZE) {
        lose();
        return;
    }
    struct lap *lap = &queue[(first + count) % LAPS_SIZE];
    lap->at = *at;
    lap->is_width = is_width;
    count++;
}

/* Whether an edge of either direction fell. The level says so, but for pulses that are over too soon. */
static bool edge_fell(const struct time *at, bool high)
{
    fallen = !high || !fallen || (was_short && clock_between(&fell_at, at) > SHORT_PULSE_TICKS);
    if (fallen) {
        was_short = high;
    }
    return fallen;
}

static void take(struct time at, bool high)
{
    stats_count(STAT_EDGES);
    bool falls = !both_edges() || edge_fell(&at, high);
    if (falls || !lap_settings.falling_only) {
        push(&at, false);
    }
    if (falls) {
        fell_at = at;
    } else if (lap_settings.widths) {
        uint32_t width = clock_between(&fell_at, &at);
        push(&(struct time){(uint16_t)width, width >> 16, 0}, true);
    }
}

void laps_work(const struct time *now, uint8_t in_before_look)
{
    while (stamps.out != in_before_look) {
        uint8_t out = stamps.out;
        uint16_t at = stamps.at[out];
        bool high = stamps.high[out] != 0;
        stamps.out = (uint8_t)((out + 1U) & (STAMPS_SIZE - 1U));
        hardware_end_pulse(at);
        take(clock_at(now, (uint16_t)(at - LATE_TICKS)), high);
    }
    if (stamps.overflow && stamps.out == stamps.in) {
        stamps.overflow = false;
        lose();
        fallen = false;
        hardware_stamps_on(both_edges());
    }
}

bool laps_wait(void)
{
    return count || lost;
}

bool laps_full(void)
{
    return count == LAPS_SIZE;
}

bool laps_write(void)
{
    if (output_room() < OUTPUT_LINE) {
        return false;
    }
    if (count == 0) {
        output_error(TEXT("Edges lost, at least: "), lost);
        lost = 0;
        return true;
    }
    struct lap *lap = &queue[first];
    struct time at = lap->at;
    first = (uint8_t)((first + 1U) % LAPS_SIZE);
    count--;
    if (lap->is_width) {
        output_text(TEXT("m-pulse-tk-"));
    } else if (lap_settings.in_ticks) {
        output_text(TEXT("m-lap-tk-"));
    } else {
        output_text(TEXT("m-lap-us-"));
        clock_halve(&at);
    }
    output_time(&at);
    output_end();
    return true;
}

void laps_reset(void)
{
    stamps = (struct stamps){0};
    lap_settings = (struct lap_settings){0};
    first = count = 0;
    lost = 0;
    fallen = was_short = false;
}
