/* What the two files about the ATmega328P share. */
#ifndef UNO_H
#define UNO_H

#include <stdint.h>

#include <avr/interrupt.h>
#include <avr/io.h>

/* Pins. */
enum { D3 = 1 << PORTD3, D6 = 1 << PORTD6, D8 = 1 << PORTB0, D9 = 1 << PORTB1 };

/* A match of Timer1 can be set up that many ticks ahead. */
enum { SOON = 8 };

/* TCCR1B: prescaler 8; capture falling edges. With ICES1 it is rising ones. */
enum { TIMER_FALLING = 1 << CS11 };

/* The main loop does not sleep again while this is set in GPIOR0. */
enum { WORK = 0 };

#define wake() (GPIOR0 |= 1 << WORK) /* one instruction: sbi */

/* Between `sei` and a `cli` right behind it no interrupt that waits is served; here it is. */
#define let_in() __asm__ __volatile__("nop")

/* Timer1, for interrupts that have let others in: inline, or they would save all registers for a call. */
__attribute__((always_inline)) static inline uint16_t counter(void)
{
    cli();
    uint16_t now = TCNT1;
    sei();
    return now;
}

/* The DUT's UART as after power-up. */
void start_dut_uart(void);

#endif
