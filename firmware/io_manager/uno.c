/* The Arduino Uno: registers and interrupts of the ATmega328P at 16 MHz. The DUT's UART is in uno_dut_uart.c.
 *
 * Timer1 runs free at 2 MHz and serves three: the timestamp pin's interrupt reads it, input capture (D8) times the
 * edges of the DUT's transmissions, compare output A (D9) makes the edges of ours, so no bit depends on how soon an
 * interrupt is served. Compare B ends sync pulses. Timer2 wakes the main loop every millisecond.
 *
 * What must be on time is the stamp of an edge on D3: at most 10 cycles pass in any place with interrupts off. So
 * every other interrupt lets itself be interrupted as its first deed, having removed its cause by the few instructions
 * that cannot wait. None is interrupted by itself: what causes it again is a bit (1664 cycles at 9600 baud, 832 at
 * 19200) or a byte of the host (1389) away, and all of them in a pile take less (README.md, "Timing"). At 38400 baud a
 * bit is 416 cycles: there it may happen while both directions are busy, is noticed, and told.
 *
 * Two traps of simavr 1.6, both unlike hardware, shape this code. An interrupt that is raised while it is masked is
 * dropped, flag or not: none is ever masked while its cause may arise, but that of the host's transmitter, which comes
 * again. And a write to TIFR1 clears all of the timer's flags, whatever was written, with the interrupts that wait:
 * it is not written without need. (So a firmware that counts overflows and clears ICF1 or OCF1x loses some.)
 *
 * Timer1's 16-bit registers share one hidden byte (data sheet 16.3), which the timestamp interrupt uses too: they are
 * touched in critical sections only.
 */
#include <avr/interrupt.h>
#include <avr/io.h>
#include <avr/sleep.h>
#include <avr/wdt.h>

#include "critical.h"
#include "flash.h"
#include "hardware.h"
#include "input.h"
#include "laps.h"
#include "manager.h"
#include "output.h"
#include "uno.h"

#ifndef CLOCK_START
#define CLOCK_START 0 /* wraps of the counter; a test of the clock sets another */
#endif

/* Values of registers that have no others. */
enum { HOST_RECEIVE = 1 << RXEN0 | 1 << TXEN0 | 1 << RXCIE0, HOST_SEND_TOO = HOST_RECEIVE | 1 << UDRIE0 };

/* Of variables that only assembly names: link-time optimisation must neither drop nor rename them. */
#define FROM_ASSEMBLY __attribute__((used, externally_visible))

/* Names of interrupt bodies begin like those of vectors, or the compiler takes them for misspelt ones. */
#define BODY(name) void name(void); __attribute__((signal, used)) void name(void)

/* ---- timestamp pin D3 ---- */

FROM_ASSEMBLY volatile uint16_t stamp;
FROM_ASSEMBLY volatile uint8_t pins_then;
static volatile uint8_t sync_mode;

/* From the edge to the reading of TCNT1L: 4 cycles to enter (8 from sleep), 3 for the vector's jump, 4 here. */
ISR(INT1_vect, ISR_NAKED)
{
    __asm__ __volatile__("push r24           \n\t"
                         "lds  r24, %[low]   \n\t"
                         "sts  stamp, r24    \n\t"
                         "in   r24, %[pins]  \n\t"
                         "sts  pins_then, r24\n\t"
                         "lds  r24, %[high]  \n\t"
                         "sts  stamp+1, r24  \n\t"
                         "pop  r24           \n\t"
                         "rjmp __vector_stamp\n\t" ::[low] "n"(_SFR_MEM_ADDR(TCNT1L)),
                         [high] "n"(_SFR_MEM_ADDR(TCNT1H)), [pins] "I"(_SFR_IO_ADDR(PIND)));
}

BODY(__vector_stamp)
{
    uint8_t high = pins_then & D3;
    if (!high || (EICRA & 1 << ISC11)) { /* a falling edge; or only those are watched */
        if (sync_mode == SYNC_PULSE) {
            PORTD |= D6;
        } else if (sync_mode == SYNC_GATE) {
            PIND = D6; /* toggles */
        }
    }
    if (!stamps_put(stamp, high)) {
        EIMSK = 0;
    }
    wake();
}

void hardware_stamps_off(void)
{
    EIMSK = 0;
}

void hardware_stamps_on(bool both_edges)
{
    EICRA = both_edges ? 1 << ISC10 : 1 << ISC11;
    EIFR = 1 << INTF1; /* an edge of the past is none */
    EIMSK = 1 << INT1;
}

/* ---- sync output D6 ---- */

enum { PULSE_TICKS = 2000 };

static volatile bool pulse_ends; /* the next match is the end of a pulse */

ISR(TIMER1_COMPB_vect, ISR_NOBLOCK)
{
    if (pulse_ends) {
        PORTD &= (uint8_t)~D6;
        pulse_ends = false;
    }
}

void hardware_set_sync(enum sync mode)
{
    sync_mode = SYNC_OFF;
    if (mode == SYNC_GATE) {
        PORTD |= D6;
    } else {
        PORTD &= (uint8_t)~D6;
    }
    sync_mode = (uint8_t)mode;
}

void hardware_end_pulse(uint16_t began)
{
    if (sync_mode != SYNC_PULSE) {
        return;
    }
    uint16_t end = began + PULSE_TICKS;
    if ((int16_t)(end - hardware_now()) < SOON) {
        PORTD &= (uint8_t)~D6; /* late: the main loop was busy */
        return;
    }
    cli();
    OCR1B = end;
    sei();
    let_in(); /* the interrupt of a match with the old value, if there was one */
    pulse_ends = true;
}

/* ---- host: UART0 ---- */

/* Status and byte are read before anything else may happen; reading the byte removes the cause. GPIOR1 and GPIOR2
 * are this interrupt's. */
ISR(USART_RX_vect, ISR_NAKED)
{
    __asm__ __volatile__("push r24                  \n\t"
                         "lds  r24, %[status]       \n\t"
                         "out  %[keep_status], r24  \n\t"
                         "lds  r24, %[data]         \n\t"
                         "sei                       \n\t"
                         "out  %[keep_data], r24    \n\t"
                         "pop  r24                  \n\t"
                         "rjmp __vector_host_byte   \n\t" ::[status] "n"(_SFR_MEM_ADDR(UCSR0A)),
                         [data] "n"(_SFR_MEM_ADDR(UDR0)), [keep_status] "I"(_SFR_IO_ADDR(GPIOR1)),
                         [keep_data] "I"(_SFR_IO_ADDR(GPIOR2)));
}

BODY(__vector_host_byte)
{
    input_put(GPIOR2, GPIOR1 & 1 << DOR0);
    wake();
}

/* Masks itself, by a register that has only two values, and lets others in. */
ISR(USART_UDRE_vect, ISR_NAKED)
{
    __asm__ __volatile__("push r24                \n\t"
                         "ldi  r24, %[receive]    \n\t"
                         "sts  %[control], r24    \n\t"
                         "sei                     \n\t"
                         "pop  r24                \n\t"
                         "rjmp __vector_host_room \n\t" ::[receive] "M"(HOST_RECEIVE),
                         [control] "n"(_SFR_MEM_ADDR(UCSR0B)));
}

BODY(__vector_host_room)
{
    uint8_t byte;
    if (output_get(&byte)) {
        UDR0 = byte;
        UCSR0B = HOST_SEND_TOO;
    }
    wake();
}

void hardware_host_kick(void)
{
    UCSR0B = HOST_SEND_TOO;
}

/* ---- time ---- */

uint16_t hardware_now(void)
{
    return counter();
}

ISR(TIMER2_COMPA_vect, ISR_NAKED)
{
    __asm__ __volatile__("sbi %[flags], %[work] \n\t"
                         "reti                  \n\t" ::[flags] "I"(_SFR_IO_ADDR(GPIOR0)),
                         [work] "I"(WORK));
}

bool hardware_timer_runs(void)
{
    uint16_t start = hardware_now();
    for (uint8_t k = 0; k < 100; k++) {
        wdt_reset(); /* something to do; about 30 us in all */
    }
    uint16_t passed = hardware_now() - start;
    return passed > 20 && passed < 2000;
}

/* ---- watchdog ---- */

/* A reset by the watchdog is known by a word that its interrupt leaves in RAM before the reset, because a boot loader
 * may have cleared the register that tells. */
enum { HUNG = 0x57D6 };
static uint16_t hung __attribute__((section(".noinit")));
FROM_ASSEMBLY uint16_t hung_at __attribute__((section(".noinit")));

/* The first time-out comes here; the second resets. No nesting, no return. */
ISR(WDT_vect, ISR_NAKED)
{
    __asm__ __volatile__("eor  r1, r1        \n\t"
                         "pop  r25           \n\t" /* high byte of the word address, then the low one */
                         "pop  r24           \n\t"
                         "sts  hung_at, r24  \n\t"
                         "sts  hung_at+1, r25\n\t");
    hung = HUNG;
    for (;;) {
    }
}

/* 1 s to the interrupt, and another to the reset. */
static void start_watchdog(void)
{
    MCUSR = 0; /* WDRF would keep the watchdog on */
    wdt_reset();
    WDTCSR = 1 << WDCE | 1 << WDE;
    WDTCSR = 1 << WDIE | 1 << WDE | 1 << WDP2 | 1 << WDP1;
}

/* Before main: a watchdog that is still on from before the reset, and short, must not strike again. */
__attribute__((naked, used, section(".init3"))) void stop_watchdog(void);
void stop_watchdog(void)
{
    MCUSR = 0;
    wdt_disable();
}

void hardware_hang(void)
{
    for (;;) {
    }
}

static void tell_watchdog(void)
{
    if (hung == HUNG) {
        output_text(TEXT("e-[Reset by watchdog, was at: "));
        output_number((uint32_t)hung_at * 2U); /* words to bytes, as a listing has them */
        output_char(']');
        output_end();
    }
    hung = 0;
}

/* ---- unused RAM ---- */

enum { PAINT = 0xC5 };
extern uint8_t _end; /* of .noinit: the linker's */

/* Before main, while nothing is on the stack: fills what the stack may come to use. */
__attribute__((naked, used, section(".init4"))) void paint_ram(void);
void paint_ram(void)
{
    __asm__ __volatile__("ldi  r30, lo8(_end)  \n\t"
                         "ldi  r31, hi8(_end)  \n\t"
                         "ldi  r24, %[paint]   \n\t"
                         "ldi  r25, hi8(%[top])\n\t"
                         "1: st Z+, r24        \n\t"
                         "cpi  r30, lo8(%[top])\n\t"
                         "cpc  r31, r25        \n\t"
                         "brlo 1b              \n\t" ::[paint] "M"(PAINT), [top] "i"(RAMEND + 1));
}

uint16_t hardware_untouched_ram(void)
{
    const uint8_t *byte = &_end;
    while (*byte == PAINT && byte < (const uint8_t *)SP) {
        byte++;
    }
    return (uint16_t)(byte - &_end);
}

/* ---- start ---- */

static void start_board(void)
{
    PORTB = D8 | D9; /* pull-up; idle high */
    DDRB = D9;
    PORTD = D3;
    DDRD = D6;

    UBRR0 = 16; /* 117647 baud: 2.1 % off, as all Unos are, the USB side alike */
    UCSR0A = 1 << U2X0;
    UCSR0B = HOST_RECEIVE;

    TCCR1B = TIMER_FALLING;
    TIMSK1 = 1 << ICIE1 | 1 << OCIE1A | 1 << OCIE1B;
    start_dut_uart();

    TCCR2A = 1 << WGM21; /* compare clears it */
    OCR2A = 124;         /* 16 MHz / 128 / 125 = 1 kHz */
    TIMSK2 = 1 << OCIE2A;
    TCCR2B = 1 << CS22 | 1 << CS20;

    SMCR = 1 << SE; /* `sleep` means idle: all clocks but the core's run on */
    start_watchdog();
}

int main(void)
{
    start_board();
    sei();
    manager_start(CLOCK_START);
    tell_watchdog();
    for (;;) {
        wdt_reset();
        GPIOR0 &= (uint8_t)~(1 << WORK);
        manager_work();
        cli();
        if (!(GPIOR0 & 1 << WORK)) {
            sei(); /* takes effect after the next instruction, so nothing comes in between */
            sleep_cpu();
        }
        sei();
    }
}
