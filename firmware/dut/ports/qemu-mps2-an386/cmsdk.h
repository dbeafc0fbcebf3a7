/* Registers of the Cortex-M System Design Kit's UART and timer (Arm DDI 0479), and where
 * an MPS2 board with image AN386 has them (Arm DAI 0386). */
#ifndef CMSDK_H
#define CMSDK_H

#include <stdint.h>

#define SYSTEM_HZ 25000000u

struct cmsdk_uart {
    volatile uint32_t data;
    volatile uint32_t state; /* UART_TX_FULL, UART_RX_FULL */
    volatile uint32_t ctrl;
    volatile uint32_t interrupts; /* pending; write 1 to clear */
    volatile uint32_t divider;    /* clocks per bit, at least 16 */
};

#define UART_TX_FULL (1u << 0)
#define UART_RX_FULL (1u << 1)
#define UART_TX_ENABLE (1u << 0)
#define UART_RX_ENABLE (1u << 1)
#define UART_TX_INTERRUPT_ENABLE (1u << 2)
#define UART_RX_INTERRUPT_ENABLE (1u << 3)
#define UART_TX_INTERRUPT (1u << 0)
#define UART_RX_INTERRUPT (1u << 1)

struct cmsdk_timer {
    volatile uint32_t ctrl;
    volatile uint32_t value;  /* counts down, */
    volatile uint32_t reload; /* from here again after 0 */
    volatile uint32_t interrupts;
};

#define TIMER_ENABLE (1u << 0)
#define TIMER_INTERRUPT_ENABLE (1u << 3)

#define TIMER0 ((struct cmsdk_timer *)0x40000000u)
#define TIMER1 ((struct cmsdk_timer *)0x40001000u)
#define UART0 ((struct cmsdk_uart *)0x40004000u)
#define UART1 ((struct cmsdk_uart *)0x40005000u)

#define UART0_RX_IRQ 0u
#define UART0_TX_IRQ 1u
#define UART1_TX_IRQ 3u
#define TIMER1_IRQ 9u
#define IRQS 32u

/* Called by the vector table. */
void uart0_rx_handler(void);
void timer1_handler(void);

#endif
