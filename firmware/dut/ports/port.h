/* What the harness needs of a board. A port implements these functions and constants, owns `main`, and calls
 * `dut_run` from it (docs/how-to/port-a-board.md).
 *
 * All of them are called from the main program, never from an interrupt. */
#ifndef PORT_H
#define PORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    PORT_NONE = -1, /* port_read: no byte is there */
    PORT_LOST = -2, /* port_read: input was lost at this place; port_lost says how much */
};

/* What the DUT is doing, for a second pin or a trace. The last five are told inside the window, and only if the host
 * asks for them (`phases on`, `layer`). */
enum dut_phase {
    PHASE_IDLE = 0, /* commands, printing, waiting, timestamp marks */
    PHASE_BOOT = 1,
    PHASE_LOAD = 2, /* input from the buffer into the network's input tensor, before the window */
    PHASE_WARM_UP = 3,
    PHASE_INFERENCE = 4, /* the network: all measured inferences, or with `phases on` each of them by itself */
    PHASE_PAUSE = 5,     /* before and after PHASE_MARK; each of the three lasts DUT_PHASE_PULSE_US */
    PHASE_MARK = 6,      /* the mark before each inference */
    PHASE_PRE = 7,       /* pre-processing: input from the buffer into the network's input tensor */
    PHASE_POST = 8,      /* post-processing: scores out of the output tensor */
    PHASE_LAYER = 9,     /* one layer alone, over and over */
};

/* Level of the phase pin: high while the network or a layer runs, and for a short pulse before each inference. The
 * length of a pulse tells the two apart (README, "Layers and phases"). */
static inline bool phase_pin_is_high(enum dut_phase phase)
{
    return phase == PHASE_INFERENCE || phase == PHASE_MARK || phase == PHASE_LAYER;
}

/* The board, as `name` prints it. */
extern const char port_vendor[];

/* Ticks per second of port_ticks. */
extern const uint32_t port_tick_hz;

/* Clocks, pins (timestamp pin high), UART (8N1). Called once, first of all. */
void port_init(void);

/* The next byte of input, PORT_NONE or PORT_LOST. Never waits. */
int port_read(void);

/* Bytes of input lost since the last call. Asked after every PORT_LOST. */
uint32_t port_lost(void);

/* Sends text; returns once all of it is sent or in a buffer that will be. Never drops any. */
void port_write(const char *text, size_t length);

/* Sleeps until there may be input. Returns at once if there is some: a byte that comes between the last
 * port_read and the sleep must not be slept over. */
void port_idle(void);

/* The time, 64 bit. May stand still during port_idle, must run on during inferences. The harness calls it
 * at least once per inference, so that a port can extend a narrower counter in here (ports/common/clock64.h). */
uint64_t port_ticks(void);

/* Returns when port_ticks has reached this time, asleep until then if the board can. */
void port_wait_until(uint64_t ticks);

/* Level of the timestamp pin. */
void port_pin(bool high);

/* A phase begins: sets the phase pin to phase_pin_is_high(phase), if the board has one. May do nothing. With `phases on`
 * it is called six times in each inference: whatever it does lies inside the window. */
void port_phase(enum dut_phase phase);

#endif
