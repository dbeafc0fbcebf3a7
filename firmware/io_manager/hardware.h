/* What the portable part asks of the board; uno.c does it on the ATmega328P, tests/fake_board.c in unit tests. */
#ifndef HARDWARE_H
#define HARDWARE_H

#include <stdbool.h>
#include <stdint.h>

#define TICKS_PER_SECOND 2000000UL /* Timer1: 16 MHz, prescaler 8 */

/* Baud rates of the DUT's UART. All are 0.16 % fast, because 16 MHz / 8 / 9600 is 208 1/3. */
enum { TICKS_PER_BIT_9600 = 208, TICKS_PER_BIT_19200 = 104, TICKS_PER_BIT_38400 = 52 };

enum sync { SYNC_OFF, SYNC_PULSE, SYNC_GATE };

/* The free-running 16-bit counter of ticks. */
uint16_t hardware_now(void);

/* There are bytes for the host in the output ring. */
void hardware_host_kick(void);

/* Sender to the DUT: whether it takes a byte; take it; whether the last stop bit is over. */
bool hardware_dut_ready(void);
void hardware_dut_send(uint8_t byte);
bool hardware_dut_idle(void);
void hardware_set_bit_ticks(uint8_t ticks);

/* Level of D8. */
bool hardware_dut_line(void);

/* Receiver of the DUT's edges: forget the ones that wait, and wait for a falling one. */
void hardware_restart_receiver(void);

/* Interrupt of the timestamp pin: off, on falling edges, or on both. */
void hardware_stamps_off(void);
void hardware_stamps_on(bool both_edges);

/* Sync output: mode; and the end of a pulse that began at `stamp`. */
void hardware_set_sync(enum sync mode);
void hardware_end_pulse(uint16_t stamp);

/* Bytes of RAM that no stack has ever touched; whether the counter counts. */
uint16_t hardware_untouched_ram(void);
bool hardware_timer_runs(void);

/* Never returns: the watchdog has to. */
void hardware_hang(void);

#endif
