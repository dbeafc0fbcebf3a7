/* A wire that carries bytes as levels, 8N1: who sends on it, and who listens. Both tell by `due` when they want to be
 * called next, NEVER for not at all.
 */
#ifndef LINE_H
#define LINE_H

#include <stdbool.h>
#include <stdint.h>

#include "queue.h"

#define NEVER UINT64_MAX

struct line_sender {
    uint64_t due;
    struct queue waiting;
    uint64_t told; /* bytes and cuts that were planned */
    uint64_t free; /* the last stop bit is over */
    bool sending;
    uint16_t frame; /* start bit, data, stop bit; bit 0 goes first */
    double start, bit;
    int k; /* bits that have begun, of a run of equal ones the last */
};

/* Plans a byte: its start bit at `cycle`, or after what waits already. */
void line_send(struct line_sender *sender, uint64_t cycle, double bit, uint8_t byte);

/* To be called at `due`; returns the level that the line has from then on. */
int line_send_next(struct line_sender *sender);

/* A cut at `cycle`, for line_cut to be called with then: bytes that are planned after this, for that cycle or later,
 * outlive it. */
struct planned line_plan_cut(struct line_sender *sender, uint64_t cycle);

/* The sender has lost its power: the byte under way ends here, and bytes planned for before do not come any more. From
 * now on the line is high. */
void line_cut(struct line_sender *sender, struct planned cut);

struct line_receiver {
    uint64_t due;
    double bit; /* cycles; taken over with the next start bit */
    enum { LINE_IDLE, LINE_DATA, LINE_ENDING, LINE_BROKEN } state;
    double start, sampled_bit;
    int k;
    uint8_t byte;
    bool level;
    void (*take)(uint8_t byte, uint64_t first, uint64_t last);
    void (*bad_stop)(uint64_t first);
};

/* The line changes. */
void line_level(struct line_receiver *receiver, uint64_t cycle, bool level);

/* To be called at `due`: the middle of a bit, or the end of a byte. */
void line_look(struct line_receiver *receiver);

/* The sender was reset: the line rises without an edge that anybody saw. */
void line_released(struct line_receiver *receiver);

#endif
