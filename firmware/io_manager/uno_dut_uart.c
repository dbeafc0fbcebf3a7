/* The DUT's UART on the Arduino Uno: D8 by input capture, D9 by compare unit A. The rules that interrupts keep, and the
 * traps of simavr, are told in uno.c.
 */
#include <avr/interrupt.h>
#include <avr/io.h>

#include "hardware.h"
#include "receiver.h"
#include "stats.h"
#include "uno.h"

static struct {
    volatile bool idle, full;
    volatile uint8_t next; /* the byte that waits, if full */
    uint16_t frame;        /* bit 0 begins with the next match */
    uint8_t bits;          /* how many; 0: no bit begins, the stop bit ends */
    volatile uint16_t due; /* the next match */
    uint8_t bit;           /* ticks */
} sender;

/* ---- from the DUT: D8 ---- */

/* Waits for an edge of that direction. The change itself may set the flag, which must be cleared then (data sheet
 * 16.6.3); but only then, see above. With interrupts off. */
__attribute__((always_inline)) static inline void capture_next(uint8_t direction)
{
    TCCR1B = direction;
    if (TIFR1 & 1 << ICF1) {
        TIFR1 = 1 << ICF1;
    }
}

ISR(TIMER1_CAPT_vect, ISR_NOBLOCK)
{
    uint8_t control = TCCR1B;
    bool rising = control & 1 << ICES1;
    cli();
    uint16_t at = ICR1;
    sei();
    edges_put(at, rising);
    wake();
    uint8_t in = edges.in;
    cli();
    capture_next(control ^ 1 << ICES1);
    sei();
    if (rising != !(PINB & D8)) {
        return;
    }
    /* The next edge has been: if it was captured, it waits, or interrupted this already. */
    uint16_t width = counter() - at; /* of the pulse between the two, at most */
    let_in();
    cli();
    if (in != edges.in || TIFR1 & 1 << ICF1) {
        sei();
        return;
    }
    capture_next(control);
    sei();
    if (width < sender.bit / 2U && rising == !(PINB & D8)) {
        /* Too short for a bit: a glitch. Neither of its edges is in the ring then, unless another came meanwhile. */
        cli();
        if (in == edges.in) {
            edges.in = (uint8_t)(in - 1U) & (EDGES_SIZE - 1U);
            sei();
            return;
        }
        sei();
    }
    edges.overflow = true;
}

void hardware_restart_receiver(void)
{
    cli();
    capture_next(TIMER_FALLING);
    edges.out = edges.in;
    sei();
}

bool hardware_dut_line(void)
{
    return PINB & D8;
}

/* ---- to the DUT: D9 ---- */

/* The compare unit toggles D9 at each match, and a match is set up for each change of level. It is not told to set
 * or clear the pin instead, which would do for every bit alike: simavr 1.6 then inverts the pin whenever the timer
 * wraps or a compare register is written. Between bytes the unit is disconnected, and the port holds the pin high. */

enum {
    FRAME_BITS = 10,
    LEAD_TICKS = 200, /* to set up the first match: more than the longest pile of interrupts, twice */
    DISCONNECT = 0,
    TOGGLE = 1 << COM1A0,
    SET_HIGH = 1 << COM1A1 | 1 << COM1A0,
};

static inline void load_frame(uint8_t byte)
{
    sender.frame = (uint16_t)(1U << 9 | (uint16_t)byte << 1); /* start bit 0, data, stop bit 1 */
    sender.bits = FRAME_BITS;
}

/* A match has just begun a run of equal bits; this prepares the match at its end. */
ISR(TIMER1_COMPA_vect, ISR_NOBLOCK)
{
    if (sender.idle) {
        return; /* a wrap of the counter */
    }
    uint8_t bits = sender.bits;
    uint8_t run = 0;
    if (bits) {
        uint16_t frame = sender.frame;
        uint8_t level = frame & 1;
        do {
            run++;
            frame >>= 1;
        } while (--bits && (frame & 1) == level);
        sender.frame = frame;
        sender.bits = bits;
    } else if (sender.full) {
        run = 1; /* it came after the stop bit's end had been set up: one more */
    } else {
        sender.idle = true;
        wake();
        return;
    }
    uint8_t mode = TOGGLE;
    if (bits == 0) {
        if (sender.full) {
            load_frame(sender.next); /* begins with the match that ends the stop bit */
            sender.full = false;
            wake();
        } else {
            mode = DISCONNECT;
        }
    }
    TCCR1A = mode;
    uint16_t due = sender.due + (uint16_t)(run * sender.bit);
    sender.due = due; /* from here on the next match may come, and interrupt this */
    cli();
    OCR1A = due;
    sei();
    let_in();
    uint16_t now = counter();
    if ((int16_t)(due - now) < 1 && due == sender.due) {
        stats[STAT_DUT_LATE]++;
        due = now + SOON; /* too late by now; but the match would else come a whole wrap later */
        sender.due = due;
        cli();
        OCR1A = due;
        sei();
    }
}

bool hardware_dut_ready(void)
{
    return !sender.full;
}

bool hardware_dut_idle(void)
{
    return sender.idle;
}

void hardware_dut_send(uint8_t byte)
{
    sender.next = byte;
    sender.full = true; /* from here on the interrupt may take it, unless it has gone idle */
    if (!sender.idle) {
        return;
    }
    sender.full = false;
    load_frame(byte);
    uint16_t due = hardware_now() + LEAD_TICKS;
    sender.due = due;
    cli();
    OCR1A = due;
    sei();
    /* Not before that: a match with the old value, which comes with each wrap, would toggle the pin. */
    TCCR1A = SET_HIGH;
    TCCR1C = 1 << FOC1A; /* whatever it was, the unit's level is high now */
    TCCR1A = TOGGLE;
    sender.idle = false; /* an interrupt by such a match has come and gone by now */
}

void hardware_set_bit_ticks(uint8_t ticks)
{
    sender.bit = ticks;
}

void start_dut_uart(void)
{
    sender.bit = TICKS_PER_BIT_9600;
    sender.idle = true;
}
