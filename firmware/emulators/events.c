#include "events.h"

#include "line.h"

/* In simavr all sources share a single cycle timer: its pool holds only 64, and it keys them by callback and parameter,
 * so that a second one would replace the first. */
static struct {
    avr_t *avr;
    event act[SOURCES];
    uint64_t due[SOURCES];
    bool pumping, halt;
} self;

static enum source next_source(void)
{
    enum source first = HOST_IN;
    for (int k = 1; k < SOURCES; k++) {
        if (self.due[k] < self.due[first]) {
            first = (enum source)k;
        }
    }
    return first;
}

static avr_cycle_count_t pump(avr_t *avr, avr_cycle_count_t when, void *param)
{
    (void)when;
    (void)param;
    self.pumping = true;
    enum source source;
    while (source = next_source(), self.due[source] <= avr->cycle) {
        uint64_t due = self.due[source];
        self.due[source] = NEVER;
        self.act[source](due);
    }
    self.pumping = false;
    /* A sleeping core jumps to the next timer: be that timer, so that it does not jump past the end of a run. */
    return self.halt ? avr->cycle + 1 : self.due[source];
}

void events_open(avr_t *avr)
{
    self.avr = avr;
    for (int k = 0; k < SOURCES; k++) {
        self.due[k] = NEVER;
    }
}

void events_on(enum source source, event act)
{
    self.act[source] = act;
}

void events_plan(enum source source, uint64_t cycle)
{
    self.due[source] = cycle;
    if (!self.pumping) { /* else it looks again by itself */
        events_renew();
    }
}

uint64_t events_due(enum source source)
{
    return self.due[source];
}

void events_renew(void)
{
    uint64_t next = self.due[next_source()];
    uint64_t now = self.avr->cycle;
    avr_cycle_timer_register(self.avr, next > now ? next - now : 0, pump, &self);
}

void events_halt(void)
{
    self.halt = true;
}

int events_run(bool dead)
{
    self.halt = false;
    if (!dead) {
        return avr_run(self.avr);
    }
    uint64_t next = self.due[next_source()];
    if (next > self.avr->cycle) {
        self.avr->cycle = next;
    }
    pump(self.avr, self.avr->cycle, &self);
    return cpu_Running;
}
