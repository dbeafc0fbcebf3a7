/* Bytes from the host, and the commands in them.
 *
 * One ring holds what came; a command stays in it until it has been answered, so a long `dut` command is stored
 * once. Commands end in '%'. When the ring is full, bytes are dropped up to the next '%' for which there is room. The
 * command that lost its end so has a mark there: it is answered by an error, and the next one kept is intact.
 */
#ifndef INPUT_H
#define INPUT_H

#include <stdbool.h>
#include <stdint.h>

enum {
    INPUT_SIZE = 128, /* a power of two */
    COMMAND_LIMIT = 120, /* characters of a command without its '%' */
    COMMAND_END = '%',
    DAMAGE_MARK = 0, /* ends a command that bytes are missing from */
};

/* What is dropped: nothing; nothing, but a command has been; the tail of a command that ends in a mark; a command of
 * which nothing was kept. */
enum drop { DROP_NONE, DROP_BETWEEN, DROP_TAIL, DROP_WHOLE };

struct input {
    volatile uint8_t in, out; /* in: the interrupt's; out: the main loop's */
    volatile uint8_t drop; /* enum drop */
    volatile uint16_t lost; /* bytes, saturating; the main loop takes them by input_take_lost */
    uint8_t bytes[INPUT_SIZE];
};

extern struct input input;

enum command_state { COMMAND_NONE, COMMAND_WHOLE, COMMAND_LONG, COMMAND_DAMAGED };

static inline uint8_t input_next(uint8_t index)
{
    return (uint8_t)((index + 1U) & (INPUT_SIZE - 1U));
}

/* Takes a byte from the UART, or (`overrun`) one before which the UART has lost others. Called by its interrupt, and
 * only there. One place is kept free for the mark. */
static inline void input_put(uint8_t byte, bool overrun)
{
    uint8_t in = input.in;
    uint8_t drop = input.drop;
    bool room = ((uint8_t)(in - input.out) & (INPUT_SIZE - 1U)) < INPUT_SIZE - 2;
    if (room && !overrun && drop <= DROP_BETWEEN) {
        input.bytes[in] = byte == DAMAGE_MARK ? 1 : byte; /* a NUL is as wrong in a command as any control */
        input.in = input_next(in);
        input.drop = DROP_NONE;
        return;
    }
    if (input.lost != UINT16_MAX) {
        input.lost++;
    }
    if (drop == DROP_NONE) {
        input.bytes[in] = DAMAGE_MARK;
        input.in = input_next(in);
        drop = DROP_TAIL;
    } else if (drop == DROP_BETWEEN) {
        drop = DROP_WHOLE;
    }
    input.drop = byte == COMMAND_END ? DROP_BETWEEN : drop;
}

/* Looks for the end of the first command. The rest is about that command, until input_done. */
enum command_state input_look(void);

/* Its characters, and how many of them. For COMMAND_LONG: how many characters were too many. */
uint8_t input_length(void);
uint16_t input_excess(void);
char input_char(uint8_t index);

/* Frees the command. */
void input_done(void);

/* As after power-up, for tests: on the board the start-up code has done it, and the linker drops this. */
void input_reset(void);

/* Bytes lost since the last call. */
uint16_t input_take_lost(void);

#endif
