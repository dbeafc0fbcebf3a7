/* What is planned for a cycle, of the board's several parts; and when the core stops for it. */
#ifndef EVENTS_H
#define EVENTS_H

#include <stdbool.h>
#include <stdint.h>

#include <simavr/sim_avr.h>

/* Sources of events, each with one time at which it is due. Of those due at once the first here goes first. */
enum source { HOST_IN, CUT, D8, D3, RESET, D9, HOST_OUT, UNTIL, SOURCES };

/* What a source does when it is due; it may plan the next. */
typedef void (*event)(uint64_t due);

/* Nothing is planned. */
void events_open(avr_t *avr);

void events_on(enum source source, event act);

/* Plans the source's next event, instead of what was planned for it; NEVER for none. */
void events_plan(enum source source, uint64_t cycle);

/* When that is. */
uint64_t events_due(enum source source);

/* simavr has forgotten its cycle timers: plans all anew. */
void events_renew(void);

/* The core is to stop as soon as it can: something has happened that board_run looks after. */
void events_halt(void);

/* Runs the core to the next event, and that; or, of a core that has stopped for good, only what is around it. Returns
 * the core's state, cpu_Running for a dead one. */
int events_run(bool dead);

#endif
