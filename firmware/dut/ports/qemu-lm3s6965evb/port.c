/* The DUT on QEMU's lm3s6965evb (Cortex-M3 without floating point): the port that was written to try the porting guide,
 * and what a small board looks like. It has no trace; the emulated benches use qemu-mps2-an386.
 *
 * Registers: Stellaris LM3S6965 data sheet (Texas Instruments, SPMS042); SysTick: Arm DDI 0403. */
#include "port.h"

#include "clock64.h"
#include "cortex_m.h"
#include "dut.h"
#include "ring.h"

#define REGISTER(address) (*(volatile uint32_t *)(address))

#define UART_DATA REGISTER(0x4000C000u) /* with the byte, its errors: bits 8 to 11 */
#define UART_DATA_ERRORS 0xf00u
#define UART_FLAGS REGISTER(0x4000C018u)
#define UART_FLAGS_RX_EMPTY (1u << 4)
#define UART_FLAGS_TX_FULL (1u << 5)
#define UART_LINE REGISTER(0x4000C02Cu)
#define UART_LINE_8N1 (3u << 5)
#define UART_CTRL REGISTER(0x4000C030u)
#define UART_CTRL_ON (1u << 0 | 1u << 8 | 1u << 9) /* the UART, its transmitter, its receiver */
#define UART_MASK REGISTER(0x4000C038u)
#define UART_CLEAR REGISTER(0x4000C044u)
#define UART_RECEIVED (1u << 4 | 1u << 6) /* a byte, and a byte that nobody fetched */
#define UART_IRQ 5u

#define CLOCK_GATES_1 REGISTER(0x400FE104u)
#define CLOCK_GATES_1_UART0 (1u << 0)
#define CLOCK_GATES_2 REGISTER(0x400FE108u)
#define CLOCK_GATES_2_PORT_F (1u << 5)

#define PIN (1u << 0) /* PF0 */
#define PIN_DATA REGISTER(0x40025000u + (PIN << 2)) /* the address masks the bits that a store changes */
#define PIN_DIRECTION REGISTER(0x40025400u)
#define PIN_DIGITAL REGISTER(0x4002551Cu)

#define SYSTICK_CTRL REGISTER(0xE000E010u)
#define SYSTICK_CTRL_ON 7u /* counts the core's clock, interrupts at 0 */
#define SYSTICK_RELOAD REGISTER(0xE000E014u)
#define SYSTICK_VALUE REGISTER(0xE000E018u) /* 24 bits, counts down */
#define SYSTICK_VECTOR 15

const char port_vendor[] = "joulebench qemu-lm3s6965evb";

const uint32_t port_tick_hz = 12500000u;

static struct ring input;
static struct clock64 clock;

int main(void);
void reset_handler(void);

/* The counter goes round every 1.3 s. */
static void systick_handler(void)
{
    (void)port_ticks();
}

static void uart_handler(void)
{
    while ((UART_FLAGS & UART_FLAGS_RX_EMPTY) == 0u) {
        const uint32_t data = UART_DATA;
        if ((data & UART_DATA_ERRORS) != 0u) {
            ring_lose(&input);
        } else {
            ring_put(&input, (uint8_t)data);
        }
    }
    UART_CLEAR = UART_RECEIVED;
}

void port_init(void)
{
    CLOCK_GATES_1 |= CLOCK_GATES_1_UART0;
    CLOCK_GATES_2 |= CLOCK_GATES_2_PORT_F;
    port_pin(true);
    PIN_DIRECTION |= PIN;
    PIN_DIGITAL |= PIN;
    SYSTICK_RELOAD = 0xffffffu;
    SYSTICK_VALUE = 0u;
    clock.last = ~SYSTICK_VALUE;
    SYSTICK_CTRL = SYSTICK_CTRL_ON;
    UART_LINE = UART_LINE_8N1;
    UART_MASK = UART_RECEIVED;
    UART_CTRL = UART_CTRL_ON; /* QEMU knows no baud rate */
    cortex_irq_enable(UART_IRQ);
}

int port_read(void)
{
    return ring_get(&input);
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
    for (size_t k = 0u; k < length; k++) {
        while ((UART_FLAGS & UART_FLAGS_TX_FULL) != 0u) {
        }
        UART_DATA = (uint8_t)text[k];
    }
}

void port_idle(void)
{
    (void)cortex_interrupts_off();
    if (ring_empty(&input)) {
        cortex_sleep();
    }
    cortex_interrupts_on();
}

uint64_t port_ticks(void)
{
    const bool masked = cortex_interrupts_off();
    const uint64_t ticks = clock64_extend(&clock, ~SYSTICK_VALUE, 24u);
    if (!masked) {
        cortex_interrupts_on();
    }
    return ticks;
}

void port_wait_until(uint64_t ticks)
{
    while (port_ticks() < ticks) {
    }
}

void port_pin(bool high)
{
    PIN_DATA = high ? PIN : 0u;
}

void port_phase(enum dut_phase phase)
{
    (void)phase;
}

int main(void)
{
    dut_run();
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
    [2 ... SYSTICK_VECTOR - 1] = cortex_stray_handler,
    [SYSTICK_VECTOR] = systick_handler,
    [CORTEX_VECTORS + UART_IRQ] = uart_handler,
};
