/* A port to copy (docs/how-to/port-a-board.md). It compiles as it is, and does nothing: each TODO is one
 * thing that only you can know of your board. ports/nucleo-l4r5zi is this template filled in. */
#include "port.h"

#include "clock64.h"
#include "dut.h"
#include "ring.h"

/* A Cortex-M3 or bigger that starts without a vendor's code (Arm's ACLE: __ARM_ARCH_PROFILE). */
#if defined(__ARM_ARCH_PROFILE) && __ARM_ARCH_PROFILE == 'M'
#define CORTEX_M 1
#include "cortex_m.h"
#else
#define CORTEX_M 0
#endif

/* TODO: board and clock, as they shall stand in the log: "NUCLEO-L4R5ZI 48 MHz". No brackets. */
const char port_vendor[] = "template";

/* TODO: how fast your counter counts. 1 MHz is enough; not less than 100 kHz. */
const uint32_t port_tick_hz = 1000000u;

/* Bytes from the receive interrupt to port_read. */
static struct ring input;

static struct clock64 clock;

/* TODO: call this from your UART's receive interrupt. `damaged`: the UART reports an overrun, a framing or a
 * noise error. A byte that is lost without a word becomes a wrong input; one that is noted becomes an error
 * message.
 *
 * After a mere overrun many UARTs (an STM32's) still hold the good byte before the lost one: call this with
 * that byte and false, then once more with true, or a `%` is lost that was not. */
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
     *     (void)cortex_interrupts_off();
     *     if (ring_empty(&input)) {
     *         cortex_sleep();
     *     }
     *     cortex_interrupts_on();
     *
     * (ports/common/cortex_m.h, included above for a Cortex-M.) As it stands here it does not sleep at all,
     * which is right but warm. */
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
    /* Optional: a second pin at phase_pin_is_high(phase), with one store to a register, on a second logic input of
     * the monitor: `phases on` parts a window by it. */
    (void)phase_pin_is_high(phase);
}

int main(void);

int main(void)
{
    dut_run();
}

/* Start-up code and vectors of a Cortex-M. TODO: delete this block if a HAL brings its own; on any other core
 * your compiler's start-up code, or yours, calls `main`. */
#if CORTEX_M

/* TODO: the interrupt's number in your chip's manual ("position", without the 16 of the core). */
#define UART_IRQ 0

void reset_handler(void);

static void uart_handler(void)
{
    /* TODO: while the UART has a byte, template_received(byte, damaged). */
}

void reset_handler(void)
{
    cortex_start();
    (void)main();
    cortex_stray_handler();
}

__attribute__((section(".vectors"), used)) static const cortex_handler vectors[CORTEX_VECTORS + UART_IRQ + 1] = {
    [0] = (cortex_handler)linker_stack_top,
    [1] = reset_handler,
    [2 ... CORTEX_VECTORS - 1] = cortex_stray_handler,
    [CORTEX_VECTORS + UART_IRQ] = uart_handler,
};

#endif
