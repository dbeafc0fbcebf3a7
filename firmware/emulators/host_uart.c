#include "host_uart.h"

#include <math.h>

#include <simavr/avr_uart.h>

#include "events.h"
#include "line.h"
#include "part.h"
#include "queue.h"

enum { BITS = 10 };

/* Registers of the ATmega328P in data space (data sheet, section 36, register summary). */
enum { UCSR0A = 0xC0, UBRR0L = 0xC4, UBRR0H = 0xC5, U2X0 = 1 << 1 };

static struct {
    avr_t *avr;
    avr_uart_t *uart;
    avr_irq_t *pin;
    double bit; /* cycles */
    void (*sent)(uint8_t, uint64_t, uint64_t);
    void (*note)(const char *);

    struct queue in, out;
    uint64_t in_end, in_free, out_free;
} self;

static uint64_t max64(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* Cycles per byte by the firmware's own setting. simavr counts a parity bit that is not there (11 bits), so its
 * number is overwritten before each use. */
static uint64_t uart_byte_cycles(void)
{
    const uint8_t *data = self.avr->data;
    uint64_t divider = (uint64_t)(data[UBRR0L] | (data[UBRR0H] & 0x0F) << 8) + 1;
    uint64_t cycles = BITS * divider * (data[UCSR0A] & U2X0 ? 8 : 16);
    self.uart->cycles_per_byte = cycles;
    return cycles;
}

/* simavr raises RXC one byte time (of the firmware's setting) after it was given the byte. */
static void arm_in(void)
{
    if (self.in.count == 0 || events_due(HOST_IN) != NEVER) {
        return;
    }
    uint64_t start = max64(queue_front(&self.in).cycle, self.in_free);
    self.in_end = start + (uint64_t)llround(BITS * self.bit);
    uint64_t early = uart_byte_cycles();
    uint64_t now = self.avr->cycle;
    events_plan(HOST_IN, self.in_end > now + early ? self.in_end - early : now);
}

static void byte_in(uint64_t due)
{
    (void)due;
    struct planned item = queue_front(&self.in);
    queue_pop(&self.in);
    uart_byte_cycles();
    /* simavr's buffer holds 64 bytes, the real one two and the shift register. */
    if (((self.uart->input.write - self.uart->input.read) & 63) >= 3) {
        self.note("UART0 overrun: a real ATmega would have lost a byte");
    }
    avr_raise_irq(self.pin, item.value);
    self.in_free = self.in_end;
    arm_in();
}

static void arm_out(void)
{
    if (self.out.count && events_due(HOST_OUT) == NEVER) {
        events_plan(HOST_OUT, queue_front(&self.out).cycle + uart_byte_cycles());
    }
}

static void uart_output(avr_irq_t *irq, uint32_t value, void *param)
{
    (void)irq;
    (void)param;
    uint64_t start = max64(self.avr->cycle, self.out_free);
    self.out_free = start + uart_byte_cycles();
    queue_push(&self.out, (struct planned){.cycle = start, .value = (uint8_t)value});
    arm_out();
}

static void byte_out(uint64_t due)
{
    struct planned item = queue_front(&self.out);
    queue_pop(&self.out);
    self.sent(item.value, item.cycle, due);
    arm_out();
}

static bool is_uart0(const avr_io_t *io)
{
    return ((const avr_uart_t *)io)->name == '0';
}

bool host_uart_open(avr_t *avr, double baud, void (*sent)(uint8_t, uint64_t, uint64_t), void (*note)(const char *))
{
    self.avr = avr;
    self.uart = (avr_uart_t *)find_module(avr, "uart", is_uart0);
    if (self.uart == NULL) {
        return false;
    }
    self.bit = (double)avr->frequency / baud;
    self.sent = sent;
    self.note = note;
    uint32_t quiet = 0; /* no echo to stdout, no real sleep when polled */
    avr_ioctl(avr, AVR_IOCTL_UART_SET_FLAGS('0'), &quiet);
    self.pin = avr_io_getirq(avr, AVR_IOCTL_UART_GETIRQ('0'), UART_IRQ_INPUT);
    avr_irq_register_notify(avr_io_getirq(avr, AVR_IOCTL_UART_GETIRQ('0'), UART_IRQ_OUTPUT), uart_output, NULL);
    events_on(HOST_IN, byte_in);
    events_on(HOST_OUT, byte_out);
    return true;
}

void host_uart_receive(uint64_t cycle, const uint8_t *bytes, size_t count)
{
    for (size_t k = 0; k < count; k++) {
        queue_push(&self.in, (struct planned){.cycle = cycle, .value = bytes[k]});
    }
    arm_in();
}

void host_uart_reset(void)
{
    self.out.count = 0;
    self.out_free = self.avr->cycle;
    events_plan(HOST_OUT, NEVER);
}
