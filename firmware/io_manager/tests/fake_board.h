/* The board, for tests on this machine: the host and the DUT are the test. */
#ifndef FAKE_BOARD_H
#define FAKE_BOARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct board {
    uint16_t now;          /* the counter */
    bool dut_busy;         /* the sender takes no byte */
    bool line;             /* D8 */
    bool stamps_on, both_edges;
    uint8_t bit_ticks;
    int sync;
    unsigned pulses_ended;
    bool hung;
    char sent_to_dut[4096];
    size_t sent_count;
    char said_to_host[65536];
    size_t said_count;
};

extern struct board board;

/* Everything as after power-up. */
void board_restart(void);

/* The host sends, the main loop runs, what it says is collected. Returns all that was said by this call. */
const char *ask(const char *text);

/* The same for bytes; the main loop runs after each `every` bytes (0: only in the end). */
const char *send_bytes(const void *bytes, size_t count, size_t every);

/* The main loop runs until it has nothing to say; returns what it said. */
const char *settle(void);

/* One round of the main loop, after which the UART takes that many bytes. */
void round_of_work(unsigned bytes_out);

/* The DUT sends bytes, each bit so many ticks long, with a round of work after each edge. */
void dut_sends(const void *bytes, size_t count, double bit_ticks);

/* The DUT's line takes a level, and time passes. */
void dut_line(bool level, uint16_t ticks);

/* An edge of the timestamp pin, so many ticks from now. */
void pin_edge(uint16_t ticks, bool high);

/* Time passes, in steps with rounds of work. */
void pass(uint32_t ticks);

#endif
