/* UART0 of the board and the host at its other end, byte by byte. */
#ifndef HOST_UART_H
#define HOST_UART_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <simavr/sim_avr.h>

/* Wires it; `baud` is the host's. A byte that was sent goes to `sent`, with its first and last cycle; what deserves a
 * human's attention to `note`. Returns false if this simavr has no UART0. */
bool host_uart_open(avr_t *avr, double baud, void (*sent)(uint8_t, uint64_t, uint64_t), void (*note)(const char *));

/* Bytes from the host: see board_host_send. */
void host_uart_receive(uint64_t cycle, const uint8_t *bytes, size_t count);

/* The board was reset: a byte that was being sent is cut. */
void host_uart_reset(void);

#endif
