/* Lines to the host. A line is put whole or not at all: whoever writes one asks for room first. */
#ifndef OUTPUT_H
#define OUTPUT_H

#include <stdbool.h>
#include <stdint.h>

#include "clock.h"

enum { OUTPUT_SIZE = 192, OUTPUT_LINE = 64 /* no line is longer but an echo and the DUT's own */ };

struct output {
    volatile uint8_t in, out; /* in: the main loop's; out: the interrupt's */
    uint8_t bytes[OUTPUT_SIZE];
};

extern struct output output;

/* Takes a byte for the UART; false if there is none. Called by its interrupt, and only there. */
static inline bool output_get(uint8_t *byte)
{
    uint8_t out = output.out;
    if (out == output.in) {
        return false;
    }
    *byte = output.bytes[out];
    output.out = (uint8_t)(out + 1U) == OUTPUT_SIZE ? 0 : (uint8_t)(out + 1U);
    return true;
}

/* Characters for which there is room, CR and LF of one line not counted. */
uint8_t output_room(void);

/* As after power-up, for tests: on the board the start-up code has done it, and the linker drops this. */
void output_reset(void);

/* Parts of a line. */
void output_char(char c);
void output_text(const char *text); /* in flash */
void output_number(uint32_t number);
void output_time(const struct time *time); /* in ticks */

/* CR, LF; sends. */
void output_end(void);

/* A line that is a text. */
void output_line(const char *text);

/* A line "e-[<text><number>]". */
void output_error(const char *text, uint16_t number);

#endif
