/* What an emulated DUT tells of itself, beside its UART: each event with the DUT's own time. */
#ifndef TRACE_H
#define TRACE_H

#include <stdint.h>

/* kind (1 byte), argument (1 byte), ticks (8 bytes, the least first) */
#define TRACE_BYTES 10u

enum trace_kind {
    TRACE_LOW = 'L',     /* the timestamp pin goes low */
    TRACE_HIGH = 'H',    /* and high */
    TRACE_PHASE = 'P',   /* a phase begins: its number is the argument */
    TRACE_TEXT = 'T',    /* so many bytes of UART text (1 to 255) have just been written */
    TRACE_IDLE = 'I',    /* going to sleep; the argument: bytes of input taken since the last one, modulo 256 */
    TRACE_WOKEN = 'W',   /* woken by input */
};

/* Makes a record. */
static inline void trace_encode(uint8_t record[TRACE_BYTES], enum trace_kind kind, uint8_t argument, uint64_t ticks)
{
    record[0] = (uint8_t)kind;
    record[1] = argument;
    for (unsigned k = 0u; k < 8u; k++) {
        record[2u + k] = (uint8_t)(ticks >> (8u * k));
    }
}

#endif
