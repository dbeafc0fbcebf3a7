/* What ports to a Cortex-M share: start-up, interrupts on and off, sleep, NVIC (Armv7-M architecture, Arm DDI 0403).
 * Sections are those of sections.ld. */
#ifndef CORTEX_M_H
#define CORTEX_M_H

#include <stdbool.h>
#include <stdint.h>

typedef void (*cortex_handler)(void);

/* Vectors before those of the chip's own interrupts: the stack's top and 15 system exceptions. */
#define CORTEX_VECTORS 16

/* Addresses of sections.ld. */
extern uint32_t linker_stack_top[], linker_data_load[], linker_data_start[], linker_data_end[], linker_bss_start[],
    linker_bss_end[], linker_stack_bottom[], linker_vectors[];

#define CORTEX_STACK_PATTERN 0xa5a5a5a5u

#define CORTEX_VTOR (*(volatile uint32_t *)0xE000ED08u) /* where the vectors are */
#define CORTEX_CPACR (*(volatile uint32_t *)0xE000ED88u)
#define CORTEX_CPACR_FPU_FULL (0xfu << 20)
#define CORTEX_NVIC_ENABLE ((volatile uint32_t *)0xE000E100u)
#define CORTEX_NVIC_DISABLE ((volatile uint32_t *)0xE000E180u)
#define CORTEX_NVIC_CLEAR_PENDING ((volatile uint32_t *)0xE000E280u)

/* Masks interrupts; returns whether they were. */
static inline bool cortex_interrupts_off(void)
{
    uint32_t primask;
    __asm volatile("mrs %0, primask\n cpsid i" : "=r"(primask)::"memory");
    return primask != 0u;
}

static inline void cortex_interrupts_on(void)
{
    __asm volatile("cpsie i\n isb" ::: "memory");
}

/* Sleeps until an interrupt is pending, masked or not. */
static inline void cortex_sleep(void)
{
    __asm volatile("dsb\n wfi" ::: "memory");
}

static inline void cortex_irq_enable(uint32_t irq)
{
    CORTEX_NVIC_ENABLE[irq / 32u] = 1u << irq % 32u;
}

static inline void cortex_irq_disable(uint32_t irq)
{
    CORTEX_NVIC_DISABLE[irq / 32u] = 1u << irq % 32u;
}

static inline void cortex_irq_forget(uint32_t irq)
{
    CORTEX_NVIC_CLEAR_PENDING[irq / 32u] = 1u << irq % 32u;
}

/* What a stray exception ends in; a debugger tells the rest. */
static inline void cortex_stray_handler(void)
{
    for (;;) {
    }
}

/* First thing in a reset handler: our vectors (a boot loader leaves its own in force), floating point on, data and
 * zeros in place, the stack painted, so that a look at the memory tells how deep it ever was. */
static inline void cortex_start(void)
{
    CORTEX_VTOR = (uint32_t)linker_vectors;
    CORTEX_CPACR |= CORTEX_CPACR_FPU_FULL;
    __asm volatile("dsb\n isb" ::: "memory");
    const uint32_t *from = linker_data_load;
    for (uint32_t *to = linker_data_start; to != linker_data_end; to++) {
        *to = *from;
        from++;
    }
    for (uint32_t *to = linker_bss_start; to != linker_bss_end; to++) {
        *to = 0u;
    }
    const uint32_t *here = __builtin_frame_address(0);
    for (volatile uint32_t *to = linker_stack_bottom; to < here - 16; to++) {
        *to = CORTEX_STACK_PATTERN;
    }
}

#endif
