/* Registers of the STM32L4R5 that the port uses, written down from ST's reference manual RM0432 and the board's manual
 * UM2179. Nothing here has met a board: see port.c. */
#ifndef STM32L4R5_H
#define STM32L4R5_H

#include <stdint.h>

#define REGISTER(address) (*(volatile uint32_t *)(address))

/* Power control (RM0432, PWR) */
#define PWR_CR1 REGISTER(0x40007000u)
#define PWR_CR1_DBP (1u << 8) /* backup domain may be written */
#define PWR_CR2 REGISTER(0x40007004u)
#define PWR_CR2_IOSV (1u << 9) /* VDDIO2, which feeds PG2 to PG15, is there */

/* Flash (RM0432, FLASH): wait states */
#define FLASH_ACR REGISTER(0x40022000u)
#define FLASH_ACR_LATENCY (0xfu << 0)

/* Reset and clock control (RM0432, RCC) */
#define RCC_CR REGISTER(0x40021000u)
#define RCC_CR_MSION (1u << 0)
#define RCC_CR_MSIRDY (1u << 1)
#define RCC_CR_MSIPLLEN (1u << 2) /* MSI trimmed by LSE */
#define RCC_CR_MSIRGSEL (1u << 3) /* MSIRANGE of this register counts */
#define RCC_CR_MSIRANGE (0xfu << 4)
#define RCC_CR_MSIRANGE_48MHZ (11u << 4)
#define RCC_AHB2ENR REGISTER(0x4002104Cu)
#define RCC_AHB2ENR_GPIOD (1u << 3)
#define RCC_AHB2ENR_GPIOF (1u << 5)
#define RCC_AHB2ENR_GPIOG (1u << 6)
#define RCC_APB1ENR1 REGISTER(0x40021058u)
#define RCC_APB1ENR1_TIM2 (1u << 0)
#define RCC_APB1ENR1_USART3 (1u << 18)
#define RCC_APB1ENR1_PWR (1u << 28)
#define RCC_APB1ENR2 REGISTER(0x4002105Cu)
#define RCC_APB1ENR2_LPUART1 (1u << 0)
#define RCC_BDCR REGISTER(0x40021090u)
#define RCC_BDCR_LSEON (1u << 0)
#define RCC_BDCR_LSERDY (1u << 1)

/* Ports D, F, G (RM0432, GPIO): two bits of mode and four of alternate function a pin */
struct stm32_gpio {
    volatile uint32_t moder;
    volatile uint32_t otyper;
    volatile uint32_t ospeedr;
    volatile uint32_t pupdr;
    volatile uint32_t idr;
    volatile uint32_t odr;
    volatile uint32_t bsrr; /* low half sets, high half resets */
    volatile uint32_t lckr;
    volatile uint32_t afr[2];
};

#define GPIOD ((struct stm32_gpio *)0x48000C00u)
#define GPIOF ((struct stm32_gpio *)0x48001400u)
#define GPIOG ((struct stm32_gpio *)0x48001800u)
#define GPIO_OUTPUT 1u
#define GPIO_ALTERNATE 2u

/* UARTs (RM0432, USART and LPUART: the registers used here are the same) */
struct stm32_uart {
    volatile uint32_t cr1;
    volatile uint32_t cr2;
    volatile uint32_t cr3;
    volatile uint32_t brr;
    volatile uint32_t gtpr;
    volatile uint32_t rtor;
    volatile uint32_t rqr;
    volatile uint32_t isr;
    volatile uint32_t icr;
    volatile uint32_t rdr;
    volatile uint32_t tdr;
};

#define LPUART1 ((struct stm32_uart *)0x40008000u)
#define USART3 ((struct stm32_uart *)0x40004800u)
#define UART_CR1_UE (1u << 0)
#define UART_CR1_RE (1u << 2)
#define UART_CR1_TE (1u << 3)
#define UART_CR1_RXNEIE (1u << 5)
#define UART_ISR_FE (1u << 1)
#define UART_ISR_NE (1u << 2)
#define UART_ISR_ORE (1u << 3)
#define UART_ISR_RXNE (1u << 5)
#define UART_ISR_TC (1u << 6)
#define UART_ISR_TXE (1u << 7)
#define UART_ERRORS (UART_ISR_FE | UART_ISR_NE | UART_ISR_ORE) /* cleared by the same bits of ICR */

/* TIM2, 32 bits (RM0432, general-purpose timers) */
#define TIM2_CR1 REGISTER(0x40000000u)
#define TIM2_CR1_CEN (1u << 0)
#define TIM2_DIER REGISTER(0x4000000Cu)
#define TIM2_DIER_CC1IE (1u << 1)
#define TIM2_SR REGISTER(0x40000010u)
#define TIM2_SR_CC1IF (1u << 1)
#define TIM2_EGR REGISTER(0x40000014u)
#define TIM2_EGR_UG (1u << 0)
#define TIM2_CNT REGISTER(0x40000024u)
#define TIM2_PSC REGISTER(0x40000028u)
#define TIM2_ARR REGISTER(0x4000002Cu)
#define TIM2_CCR1 REGISTER(0x40000034u)

#define TIM2_IRQ 28u
#define USART3_IRQ 39u
#define LPUART1_IRQ 70u
#define IRQS 95u

#endif
