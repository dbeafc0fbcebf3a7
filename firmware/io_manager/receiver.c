#include "receiver.h"

#include "hardware.h"
#include "relay.h"
#include "stats.h"

/* An edge of the last few ticks may not be in the ring yet. */
enum { EDGE_DELAY = 24 };

enum { DATA_BITS = 8 };

struct edges edges;

static struct {
    uint8_t bit;      /* ticks */
    bool receiving;   /* a start bit has come */
    bool broken;      /* a stop bit was low: wait for the line to rise */
    bool level;       /* since the last edge */
    uint8_t count;    /* data bits that are in */
    uint8_t shift;
    uint16_t sample;  /* when the next bit is looked at */
} line = {.bit = TICKS_PER_BIT_9600, .level = true};

void receiver_restart(uint8_t bit_ticks)
{
    line.bit = bit_ticks;
    line.receiving = false;
    line.broken = false;
    line.level = true;
    hardware_restart_receiver();
}

static void stop_bit(void)
{
    line.receiving = false;
    if (line.level) {
        relay_byte(line.shift);
        return;
    }
    line.broken = true;
    if (line.shift == 0) {
        stats_count(STAT_DUT_BREAKS);
        relay_break();
    } else {
        stats_count(STAT_DUT_FRAMING);
        relay_lost();
    }
    if (hardware_dut_line() && edges.in == edges.out) {
        /* The line is high and no edge said so: it came while the one before was served. */
        receiver_restart(line.bit);
    }
}

/* Looks at the bits that are due before `now`, all at the present level. */
static void sample(uint16_t now)
{
    while (line.receiving && (int16_t)(now - line.sample) > 0) {
        if (line.count == DATA_BITS) {
            stop_bit();
        } else {
            line.shift = (uint8_t)(line.shift >> 1 | (line.level ? 0x80 : 0));
            line.count++;
            line.sample += line.bit;
        }
    }
}

static void edge(uint16_t at, bool level)
{
    sample(at);
    line.level = level;
    if (level) {
        line.broken = false;
        if ((uint16_t)(line.sample - at) > line.bit) {
            line.receiving = false; /* over before the middle of its start bit: a glitch, not a byte */
        }
    } else if (!line.receiving && !line.broken) {
        line.receiving = true;
        line.count = 0;
        line.sample = (uint16_t)(at + line.bit + line.bit / 2U);
    }
}

void receiver_work(uint16_t now)
{
    while (edges.out != edges.in) {
        uint16_t entry = edges.at[edges.out];
        edges.out = (uint8_t)((edges.out + 1U) & (EDGES_SIZE - 1U));
        edge((uint16_t)(entry & 0xFFFEU), entry & 1U);
    }
    sample((uint16_t)(now - EDGE_DELAY));
    if (edges.overflow) {
        edges.overflow = false;
        relay_lost(); /* at least */
        receiver_restart(line.bit);
    }
}

void receiver_reset(void)
{
    edges = (struct edges){0};
    receiver_restart(TICKS_PER_BIT_9600);
}
