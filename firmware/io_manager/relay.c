#include "relay.h"

#include "flash.h"
#include "output.h"
#include "stats.h"

enum {
    PREFIX = 7,         /* of "[dut]: " */
    REPORT_EVERY = 1000 /* lost bytes after which a DUT that never ends its line is reported again */
};

static uint8_t ring[RELAY_SIZE];
static uint8_t head, tail; /* next free place; oldest byte */
static uint8_t used;    /* bytes in the ring */
static uint8_t ended;   /* LFs in the ring */
static uint8_t open;    /* bytes behind the last LF */
static bool cut;        /* the open line will not be continued: all bytes are dropped until that has been told */
static bool told;       /* it has been, but the DUT is still in the middle of a line */
static bool aligned;    /* while cut: the next byte begins a line */
static uint16_t lost;   /* bytes that no message has told yet */

static uint8_t next(uint8_t index)
{
    return (uint8_t)(index + 1U) == RELAY_SIZE ? 0 : (uint8_t)(index + 1U);
}

static void lose(void)
{
    lost++;
    stats_count(STAT_DUT_LOST);
}

static void begin_cut(bool at_line_start)
{
    cut = true;
    told = false;
    aligned = at_line_start;
}

void relay_byte(uint8_t byte)
{
    stats_count(STAT_DUT_BYTES);
    if (!cut && (used == RELAY_SIZE || (byte != '\n' && open == RELAY_LINE))) {
        begin_cut(false);
    }
    if (cut) {
        lose();
        aligned = byte == '\n';
        return;
    }
    ring[head] = byte;
    head = next(head);
    used++;
    open++;
    if (byte == '\n') {
        ended++;
        open = 0;
    }
}

void relay_lost(void)
{
    lose();
    if (cut) {
        aligned = false;
    } else if (open) {
        begin_cut(false);
    } /* else: rubbish before a line, as when a DUT gets its power, does not spoil the line */
}

void relay_break(void)
{
    if (cut) {
        aligned = true;
    } else if (open) {
        begin_cut(true);
    }
}

static bool message_due(void)
{
    if (!cut) {
        return lost != 0;
    }
    if (ended || open) {
        return false; /* first what came before it */
    }
    return !told || aligned || lost >= REPORT_EVERY;
}

bool relay_waits(void)
{
    return ended || (cut && open) || message_due();
}

static uint8_t first_line(void)
{
    uint8_t length = 0;
    for (uint8_t k = tail; ring[k] != '\n'; k = next(k)) {
        length++;
    }
    return length;
}

static void drop(uint8_t bytes)
{
    while (bytes--) {
        tail = next(tail);
        used--;
    }
}

static void write_message(void)
{
    output_error(cut ? TEXT("DUT line cut, bytes lost: ") : TEXT("DUT bytes lost: "), lost);
    lost = 0;
    told = true;
    if (aligned) {
        cut = false;
    }
}

bool relay_write(void)
{
    if (message_due()) {
        if (output_room() < OUTPUT_LINE) {
            return false;
        }
        write_message();
        return true;
    }
    uint8_t length = ended ? first_line() : open;
    if (output_room() < PREFIX + length) {
        return false;
    }
    output_text(TEXT("[dut]: "));
    for (uint8_t k = 0; k < length; k++) {
        char c = (char)ring[tail];
        drop(1);
        if (c != '\r' || k + 1U < length) {
            output_char(c);
        }
    }
    output_end();
    if (ended) {
        drop(1); /* the LF */
        ended--;
        stats_count(STAT_DUT_LINES);
    } else {
        open = 0;
    }
    return true;
}

void relay_reset(void)
{
    head = tail = used = ended = open = 0;
    cut = told = aligned = false;
    lost = 0;
}
