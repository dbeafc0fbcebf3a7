/* The DUT on QEMU's machine mps2-an386 (Cortex-M4F): commands on UART0, the trace on UART1.
 *
 * TIMER0 is the clock. It is stopped while the DUT is idle, so that its time stands still and QEMU, run with
 * `-icount ...,sleep=off`, has no deadline to jump to. TIMER1 wakes from waits.
 *
 * QEMU's UARTs take no time; a byte that nobody has read yet holds the sender up, so none is lost. */
#include "cmsdk.h"
#include "dut.h"
#include "port.h"

#include "clock64.h"
#include "cortex_m.h"
#include "ring.h"
#include "trace.h"

const char port_vendor[] = "joulebench qemu-mps2-an386";
const uint32_t port_tick_hz = SYSTEM_HZ;

#define BAUD 115200u

/* Ticks before the end of a wait at which TIMER1 wakes it: the rest is spun, so that it ends on its tick. At
 * `-icount shift=4` (16 ns an instruction) waking takes 20 ticks. */
#define WAKE_TICKS 64u

/* Looks at the UART before it sleeps, and rounds of a loop between two of them, in which QEMU's other thread gets
 * at the UART: together some 0.2 ms of the host's time. */
#define LISTEN_LOOKS 300u
#define LISTEN_PAUSE 100u

static struct ring input;
static struct clock64 clock;
static volatile bool expired;
static uint8_t consumed;

/* With a full ring the byte is left in the UART and the interrupt masked until there is room. */
void uart0_rx_handler(void)
{
    while ((UART0->state & UART_RX_FULL) != 0u) {
        if (ring_full(&input)) {
            cortex_irq_disable(UART0_RX_IRQ);
            return;
        }
        UART0->interrupts = UART_RX_INTERRUPT; /* before the read, after which the next byte may come */
        ring_put(&input, (uint8_t)UART0->data);
    }
}

void timer1_handler(void)
{
    TIMER1->interrupts = 1u;
    expired = true;
}

uint64_t port_ticks(void)
{
    return clock64_extend(&clock, ~TIMER0->value, 32u);
}

/* Waits until a UART can take a byte. A socket that nobody reads takes no more; the DUT's time stands still
 * meanwhile, or it would depend on how fast the host reads. */
static void wait_for_room(struct cmsdk_uart *uart, uint32_t irq)
{
    const uint32_t clock_ctrl = TIMER0->ctrl;
    const bool masked = cortex_interrupts_off();
    TIMER0->ctrl = 0u;
    uart->ctrl = uart->ctrl | UART_TX_INTERRUPT_ENABLE;
    cortex_irq_enable(irq);
    while ((uart->state & UART_TX_FULL) != 0u) {
        cortex_sleep();
    }
    cortex_irq_disable(irq);
    uart->ctrl = uart->ctrl & ~UART_TX_INTERRUPT_ENABLE;
    uart->interrupts = UART_TX_INTERRUPT;
    cortex_irq_forget(irq); /* it has no handler */
    TIMER0->ctrl = clock_ctrl;
    if (!masked) {
        cortex_interrupts_on();
    }
}

static void send(struct cmsdk_uart *uart, uint32_t irq, uint8_t byte)
{
    if ((uart->state & UART_TX_FULL) != 0u) {
        wait_for_room(uart, irq);
    }
    uart->data = byte;
}

/* Tells an event on UART1. */
static void trace(enum trace_kind kind, uint8_t argument, uint64_t ticks)
{
    uint8_t record[TRACE_BYTES];
    trace_encode(record, kind, argument, ticks);
    for (unsigned k = 0u; k < TRACE_BYTES; k++) {
        send(UART1, UART1_TX_IRQ, record[k]);
    }
}

void port_init(void)
{
    TIMER0->reload = UINT32_MAX;
    TIMER0->value = UINT32_MAX;
    TIMER0->ctrl = TIMER_ENABLE;
    UART0->divider = SYSTEM_HZ / BAUD;
    UART0->ctrl = UART_TX_ENABLE | UART_RX_ENABLE | UART_RX_INTERRUPT_ENABLE;
    UART1->divider = SYSTEM_HZ / BAUD;
    UART1->ctrl = UART_TX_ENABLE;
    cortex_irq_enable(UART0_RX_IRQ);
    cortex_irq_enable(TIMER1_IRQ);
}

int port_read(void)
{
    const int byte = ring_get(&input);
    if (byte >= 0) {
        consumed++;
        cortex_irq_enable(UART0_RX_IRQ); /* there is room */
    }
    return byte;
}

uint32_t port_lost(void)
{
    (void)cortex_interrupts_off();
    const uint32_t lost = ring_take_lost(&input);
    cortex_interrupts_on();
    return lost;
}

void port_write(const char *text, size_t length)
{
    uint8_t untold = 0u;
    for (size_t k = 0u; k < length; k++) {
        send(UART0, UART0_TX_IRQ, (uint8_t)text[k]);
        untold++;
        if (untold == UINT8_MAX || k + 1u == length) {
            trace(TRACE_TEXT, untold, port_ticks());
            untold = 0u;
        }
    }
}

/* With its clock stopped it listens a little before it sleeps: QEMU hands bytes over one by one, and going to sleep
 * after each of them takes longer and fills the trace. */
void port_idle(void)
{
    (void)cortex_interrupts_off();
    TIMER0->ctrl = 0u;
    for (unsigned looks = LISTEN_LOOKS; looks != 0u && ring_empty(&input); looks--) {
        if ((UART0->state & UART_RX_FULL) != 0u) {
            break; /* the interrupt is pending */
        }
        for (unsigned pause = LISTEN_PAUSE; pause != 0u; pause--) {
            __asm volatile("nop");
        }
    }
    if (ring_empty(&input) && (UART0->state & UART_RX_FULL) == 0u) {
        trace(TRACE_IDLE, consumed, port_ticks());
        consumed = 0u;
        cortex_sleep();
        trace(TRACE_WOKEN, 0u, port_ticks());
    }
    TIMER0->ctrl = TIMER_ENABLE;
    cortex_interrupts_on();
}

void port_wait_until(uint64_t ticks)
{
    for (uint64_t now = port_ticks(); now < ticks; now = port_ticks()) {
        const uint64_t left = ticks - now;
        if (left <= WAKE_TICKS) {
            continue;
        }
        const uint64_t asleep = left - WAKE_TICKS;
        expired = false;
        /* Not `asleep` again: at a timer's end QEMU 7.2 sets it up again before it raises the interrupt, and with
         * nothing else to do jumps to the new end at once if that is the nearest there is. TIMER0's is nearer. */
        TIMER1->reload = UINT32_MAX;
        TIMER1->value = asleep < UINT32_MAX ? (uint32_t)asleep : UINT32_MAX;
        TIMER1->ctrl = TIMER_ENABLE | TIMER_INTERRUPT_ENABLE;
        (void)cortex_interrupts_off();
        while (!expired) {
            cortex_sleep();
            cortex_interrupts_on(); /* the interrupt is served here */
            (void)cortex_interrupts_off();
        }
        cortex_interrupts_on();
        TIMER1->ctrl = 0u;
    }
}

/* While it is low, input waits in the UART: the pulse has its width whatever comes. */
void port_pin(bool high)
{
    const uint64_t now = port_ticks();
    if (!high) {
        cortex_irq_disable(UART0_RX_IRQ);
    }
    trace(high ? TRACE_HIGH : TRACE_LOW, 0u, now);
    if (high) {
        cortex_irq_enable(UART0_RX_IRQ);
    }
}

void port_phase(enum dut_phase phase)
{
    trace(TRACE_PHASE, (uint8_t)phase, port_ticks());
}

int main(void)
{
    dut_run();
}
