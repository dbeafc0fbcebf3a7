/* The DUT on ST's NUCLEO-L4R5ZI. It compiles; it was written from the manuals and has never run on a board. Before you
 * trust it, go through "Try it" of docs/how-to/port-a-board.md.
 *
 * Core: 48 MHz out of MSI, in voltage range 1 with 2 wait states, trimmed by the 32.768 kHz crystal if that starts. The
 *   reference submission runs at 120 MHz: set up the PLL in clock_init for that, and port_vendor and CORE_HZ with it.
 * Timestamp pin: PF13, D7 of the Arduino connector, as in the reference firmware. Phase pin: PF12, D8.
 * UART: energy mode USART3 on PD8/PD9 (D1/D0), 9600 baud; performance mode LPUART1 on PG7/PG8, which the ST-LINK makes a
 *   USB port, 115200 baud.
 * Time: TIM2 at 1 MHz, extended to 64 bits; it goes round every 71 minutes. */
#include "config.h"
#include "dut.h"
#include "port.h"

#include "clock64.h"
#include "cortex_m.h"
#include "ring.h"
#include "stm32l4r5.h"

#define CORE_HZ 48000000u
#define LSE_TRIES 4000000u /* about a second of looking for the crystal */

#define TIMESTAMP_PIN 13u
#define PHASE_PIN 12u

#if DUT_ENERGY
#define UART USART3
#define UART_IRQ USART3_IRQ
#define UART_BRR (CORE_HZ / 9600u)
#else
#define UART LPUART1
#define UART_IRQ LPUART1_IRQ
#define UART_BRR ((uint32_t)(256ull * CORE_HZ / 115200u)) /* RM0432: an LPUART divides by BRR / 256 */
#endif

const char port_vendor[] = "NUCLEO-L4R5ZI 48 MHz";
const uint32_t port_tick_hz = 1000000u;

static struct ring input;
static struct clock64 clock;
static volatile bool expired;

int main(void);
void reset_handler(void);

/* Receive interrupt: takes what is there, and notes what the UART lost. */
static void uart_handler(void)
{
    const uint32_t state = UART->isr;
    if ((state & UART_ERRORS) != 0u) {
        UART->icr = state & UART_ERRORS;
        if ((state & UART_ISR_RXNE) != 0u && (state & UART_ISR_ORE) != 0u) {
            ring_put(&input, (uint8_t)UART->rdr); /* an overrun spares the byte before it */
        } else if ((state & UART_ISR_RXNE) != 0u) {
            (void)UART->rdr;
        }
        ring_lose(&input);
    } else if ((state & UART_ISR_RXNE) != 0u) {
        ring_put(&input, (uint8_t)UART->rdr);
    }
}

/* The end of a wait. */
static void tim2_handler(void)
{
    TIM2_SR = ~TIM2_SR_CC1IF; /* bits written as 1 stay */
    expired = true;
}

/* 48 MHz. */
static void clock_init(void)
{
    RCC_APB1ENR1 |= RCC_APB1ENR1_PWR;
    (void)RCC_APB1ENR1; /* RM0432: a clock takes two cycles to come */
    FLASH_ACR = (FLASH_ACR & ~FLASH_ACR_LATENCY) | 2u;
    while ((FLASH_ACR & FLASH_ACR_LATENCY) != 2u) {
    }
    while ((RCC_CR & RCC_CR_MSIRDY) == 0u) {
    }
    RCC_CR = (RCC_CR & ~RCC_CR_MSIRANGE) | RCC_CR_MSIRANGE_48MHZ | RCC_CR_MSIRGSEL;
    while ((RCC_CR & RCC_CR_MSIRDY) == 0u) {
    }
    PWR_CR1 |= PWR_CR1_DBP;
    RCC_BDCR |= RCC_BDCR_LSEON;
    for (uint32_t tries = LSE_TRIES; tries != 0u; tries--) {
        if ((RCC_BDCR & RCC_BDCR_LSERDY) != 0u) {
            RCC_CR |= RCC_CR_MSIPLLEN;
            break;
        }
    }
}

static void pin_mode(struct stm32_gpio *port, unsigned pin, uint32_t mode)
{
    port->moder = (port->moder & ~(3u << 2u * pin)) | mode << 2u * pin;
}

static void pin_alternate(struct stm32_gpio *port, unsigned pin, uint32_t function)
{
    volatile uint32_t *afr = &port->afr[pin / 8u];
    *afr = (*afr & ~(0xfu << 4u * (pin % 8u))) | function << 4u * (pin % 8u);
    pin_mode(port, pin, GPIO_ALTERNATE);
}

static void pins_init(void)
{
    RCC_AHB2ENR |= RCC_AHB2ENR_GPIOD | RCC_AHB2ENR_GPIOF | RCC_AHB2ENR_GPIOG;
    (void)RCC_AHB2ENR;
    port_pin(true); /* before it becomes an output: no stray edge */
    pin_mode(GPIOF, TIMESTAMP_PIN, GPIO_OUTPUT);
    pin_mode(GPIOF, PHASE_PIN, GPIO_OUTPUT);
#if DUT_ENERGY
    RCC_APB1ENR1 |= RCC_APB1ENR1_USART3;
    (void)RCC_APB1ENR1;
    pin_alternate(GPIOD, 8u, 7u); /* AF7: USART3 */
    pin_alternate(GPIOD, 9u, 7u);
#else
    RCC_APB1ENR2 |= RCC_APB1ENR2_LPUART1;
    (void)RCC_APB1ENR2;
    PWR_CR2 |= PWR_CR2_IOSV;
    pin_alternate(GPIOG, 7u, 8u); /* AF8: LPUART1 */
    pin_alternate(GPIOG, 8u, 8u);
#endif
}

static void timer_init(void)
{
    RCC_APB1ENR1 |= RCC_APB1ENR1_TIM2;
    (void)RCC_APB1ENR1;
    TIM2_PSC = CORE_HZ / 1000000u - 1u;
    TIM2_ARR = UINT32_MAX;
    TIM2_EGR = TIM2_EGR_UG; /* takes the prescaler over */
    TIM2_SR = 0u;
    TIM2_CR1 = TIM2_CR1_CEN;
    cortex_irq_enable(TIM2_IRQ);
}

void port_init(void)
{
    clock_init();
    pins_init();
    timer_init();
    UART->brr = UART_BRR;
    UART->cr1 = UART_CR1_UE | UART_CR1_RE | UART_CR1_TE | UART_CR1_RXNEIE;
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
        while ((UART->isr & UART_ISR_TXE) == 0u) {
        }
        UART->tdr = (uint8_t)text[k];
    }
    while ((UART->isr & UART_ISR_TC) == 0u) { /* out before a window begins */
    }
}

/* Sleep mode: core off, clocks on. A board's figures are better with Stop 2, from which LPUART1 can wake. */
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
    return clock64_extend(&clock, TIM2_CNT, 32u);
}

void port_wait_until(uint64_t ticks)
{
    /* Below two ticks the match could be over before it is set up. */
    if (ticks > port_ticks() + 2u) {
        expired = false;
        TIM2_CCR1 = (uint32_t)ticks - 1u;
        TIM2_SR = ~TIM2_SR_CC1IF;
        TIM2_DIER = TIM2_DIER_CC1IE;
        (void)cortex_interrupts_off();
        while (!expired && port_ticks() < ticks) {
            cortex_sleep();
            cortex_interrupts_on(); /* whatever it was is served here */
            (void)cortex_interrupts_off();
        }
        cortex_interrupts_on();
        TIM2_DIER = 0u;
    }
    while (port_ticks() < ticks) {
    }
}

void port_pin(bool high)
{
    GPIOF->bsrr = high ? 1u << TIMESTAMP_PIN : 1u << (TIMESTAMP_PIN + 16u);
}

void port_phase(enum dut_phase phase)
{
    GPIOF->bsrr = phase_pin_is_high(phase) ? 1u << PHASE_PIN : 1u << (PHASE_PIN + 16u);
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

__attribute__((section(".vectors"), used)) static const cortex_handler vectors[CORTEX_VECTORS + IRQS] = {
    [0] = (cortex_handler)linker_stack_top,
    [1] = reset_handler,
    [2 ... CORTEX_VECTORS - 1] = cortex_stray_handler,
    [CORTEX_VECTORS + TIM2_IRQ] = tim2_handler,
    [CORTEX_VECTORS + UART_IRQ] = uart_handler,
};
