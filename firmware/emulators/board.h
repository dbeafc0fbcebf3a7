/* An Arduino Uno in simavr: an ATmega328P with its wires, in units of its own clock cycles.
 *
 * Wires: UART0 to the host, D8 and D9 to the DUT's UART (8N1, as bit levels), D3 the DUT's timestamp pin,
 * D6 the sync output. Everything that comes from outside is put at a cycle in advance; everything that goes
 * out is reported with the cycles at which it began and ended.
 */
#ifndef BOARD_H
#define BOARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What the board tells while it runs. */
struct board_listener {
    /* Bytes that UART0 has sent: cycle at which the first start bit began and the last stop bit ended. */
    void (*host)(uint64_t first, uint64_t last, const uint8_t *bytes, size_t count);
    /* The same for D9, sampled in the middle of the bits. */
    void (*dut)(uint64_t first, uint64_t last, const uint8_t *bytes, size_t count);
    /* A byte on D9, begun at this cycle, whose stop bit was low: it is not reported as a byte. */
    void (*frame)(uint64_t cycle);
    /* D6 changed (only while watched). */
    void (*sync)(uint64_t cycle, int level);
    /* Something that deserves a human's attention. */
    void (*note)(const char *text);
};

/* Loads a firmware. Baud rates are those of the other side: host (into UART0) and DUT (how D9 is read).
 * Returns false, with a reason on stderr, if the file cannot be loaded. */
bool board_open(const char *elf, uint32_t hz, double host_baud, double dut_baud,
                const struct board_listener *listener);

/* The present cycle. Rises through resets as well. */
uint64_t board_cycle(void);

/* Bytes into UART0, each ten bits after the one before; the first start bit at `cycle` or after what is still
 * on its way. Returns false if that is in the past. */
bool board_host_send(uint64_t cycle, const uint8_t *bytes, size_t count);

/* Bytes onto D8 at a baud rate; first start bit at `cycle` or after what is still on its way. */
bool board_dut_send(uint64_t cycle, double baud, const uint8_t *bytes, size_t count);

/* The DUT loses its power at that cycle: the byte that is under way on D8 is cut off, those that wait do not come, and
 * the line is high, as pulled up, until bytes are sent for that cycle (after this call) or a later one. Several may be
 * planned, in order of time. */
bool board_plan_cut(uint64_t cycle);

/* D3 takes a level at that cycle. Several may be planned, in order of time. */
bool board_set_d3(uint64_t cycle, int level);

/* External reset at that cycle. What is on the wires towards the board stays on its way. */
bool board_plan_reset(uint64_t cycle);

/* The last cycle at which Timer1 was zero: what a clock made of it can be compared with. */
uint64_t board_timer1_zero(void);

/* Baud rate at which D9 is read from its next byte on. */
void board_set_dut_baud(double baud);

/* Whether changes of D6 are reported. */
void board_watch_sync(bool on);

/* Runs to a cycle, or to the end of the first piece that goes out (host side: LF, DUT side: '%'), whichever is
 * first. Bytes of unfinished pieces that are through are reported at the end. */
void board_run(uint64_t cycle);

#endif
