/* A port to copy (docs/how-to/port-a-board.md). It compiles as it is, and does nothing: each TODO is one
 * thing that only you can know of your board. ports/nucleo-l4r5zi is this template filled in. */
#include "port.h"

#include "clock64.h"
#include "dut.h"
#include "ring.h"

/* TODO: board and clock, as they shall stand in the log: "NUCLEO-L4R5ZI 48 MHz". No brackets. */
const char port_vendor[] = "template";

/* TODO: how fast your counter counts. 1 MHz is enough; not less than 100 kHz. */
const uint32_t port_tick_hz = 1000000u;

/* Bytes from the receive interrupt to port_read. */
static struct ring input;

static struct clock64 clock;

/* TODO: call this from your UART's receive interrupt. `damaged`: the UART reports an overrun, a framing or a
 * noise error. A byte that is lost without a word becomes a wrong input; one that is noted becomes an error
 * message. */
void template_received(uint8_t byte, bool damaged);
void template_received(uint8_t byte, bool damaged)
{
    if (damaged) {
        ring_lose(&input);
    } else {
        ring_put(&input, byte);
    }
}

void port_init(void)
{
    /* TODO: the core's clock, the timestamp pin as output, high (before it becomes an output!), a free-
     * running counter of port_tick_hz, the UART: 8N1, receive interrupt on. Energy mode (DUT_ENERGY is 1) is
     * spoken at 9600 baud on pins that lead to the IO manager, performance mode at 115200 on the board's USB
     * port. Last, clock.last = the counter, so that time begins at 0. */
}

int port_read(void)
{
    return ring_get(&input);
}

uint32_t port_lost(void)
{
    /* TODO: mask the receive interrupt around this. */
    return ring_take_lost(&input);
}

void port_write(const char *text, size_t length)
{
    /* TODO: send each byte, waiting until the UART takes it. Do not return before the last one is out if you
     * can: or it is still being sent inside the window that is measured. */
    (void)text;
    (void)length;
}

void port_idle(void)
{
    /* TODO: with interrupts masked, look whether there is input, and sleep only if there is none. On a
     * Cortex-M `wfi` wakes though interrupts are masked, so that nothing gets lost between look and sleep:
     *
     *     const bool masked = cortex_interrupts_off();
     *     if (ring_empty(&input)) {
     *         cortex_sleep();
     *     }
     *     cortex_interrupts_on();
     *
     * As it stands here it does not sleep at all, which is right but warm. */
}

uint64_t port_ticks(void)
{
    /* TODO: read your counter (~counter if it counts down), and say how many bits it has. One that goes round
     * within seconds is not looked at often enough, neither in a long inference nor while the DUT is idle: let
     * its overflow interrupt call this function, too, and mask interrupts in here. */
    const uint32_t counter = 0u;
    return clock64_extend(&clock, counter, 32u);
}

void port_wait_until(uint64_t ticks)
{
    /* TODO: `while (port_ticks() < ticks) { }` is right. Sleep meanwhile if your counter can wake you. (The
     * template's own clock stands still: it would wait for ever, and therefore does not.) */
    (void)ticks;
}

void port_pin(bool high)
{
    /* TODO: the timestamp pin, with one store to a register. Whatever else happens in here lies inside the
     * window. */
    (void)high;
}

void port_phase(enum dut_phase phase)
{
    /* Optional: a second pin that is high in PHASE_INFERENCE, for an oscilloscope or a logic input of the
     * monitor. */
    (void)phase;
}

int main(void)
{
    dut_run();
}
