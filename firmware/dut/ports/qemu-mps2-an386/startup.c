/* Vector table and reset. */
#include "cmsdk.h"
#include "cortex_m.h"

int main(void);
void reset_handler(void);

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
    [CORTEX_VECTORS + UART0_RX_IRQ] = uart0_rx_handler,
    [CORTEX_VECTORS + TIMER1_IRQ] = timer1_handler,
};
