/* The board's wires that are levels: D8 and D9 to the DUT's UART, D3 its timestamp pin, D6 the sync output. */
#ifndef PINS_H
#define PINS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <simavr/sim_avr.h>

/* What the pins tell: a byte that D9 has sent, with its first and last cycle; the rest as in board.h. */
struct pins_listener {
    void (*sent)(uint8_t byte, uint64_t first, uint64_t last);
    void (*frame)(uint64_t cycle);
    void (*sync)(uint64_t cycle, int level);
};

/* Wires them; all inputs are high. */
void pins_open(avr_t *avr, const struct pins_listener *listener);

/* The board was reset: its pins are inputs, and simavr has forgotten their levels. */
void pins_reset(void);

/* As the functions of board.h. */
void pins_dut_send(uint64_t cycle, double baud, const uint8_t *bytes, size_t count);
bool pins_dut_cut(uint64_t cycle);
bool pins_set_d3(uint64_t cycle, int level);
void pins_set_dut_baud(double baud);
void pins_watch_sync(bool on);

#endif
