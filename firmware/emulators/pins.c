#include "pins.h"

#include <simavr/avr_ioport.h>

#include "events.h"
#include "line.h"
#include "queue.h"

/* Registers of the ATmega328P in data space (data sheet, section 36, register summary). */
enum { PINB = 0x23, PIND = 0x29 };

static struct {
    avr_t *avr;
    avr_irq_t *d8, *d3;
    struct pins_listener tell;
    struct line_sender from_dut;
    struct line_receiver to_dut;
    struct queue cuts, d3_in;
    uint64_t cut_last, d3_last;
    bool watch_sync;
} self;

/* ---- inputs D8 and D3 ---- */

/* Puts a level on an input. A write to the port would set inputs with pull-up to 1 in simavr, so the level is
 * also given as the port's external pull. */
static void drive(avr_irq_t *irq, char port, uint8_t pin, int level)
{
    uint8_t mask = (uint8_t)(1U << pin);
    avr_ioport_external_t pull = {.name = (unsigned long)port & 0x7F, .mask = mask, .value = level ? mask : 0};
    avr_ioctl(self.avr, AVR_IOCTL_IOPORT_SET_EXTERNAL(port), &pull);
    avr_raise_irq(irq, level ? 1 : 0);
}

static void d8_change(uint64_t due)
{
    (void)due;
    drive(self.d8, 'B', 0, line_send_next(&self.from_dut));
    events_plan(D8, self.from_dut.due);
}

static void arm(enum source source, const struct queue *queue)
{
    if (queue->count) {
        events_plan(source, queue_front(queue).cycle);
    }
}

static void cut_now(uint64_t due)
{
    (void)due;
    line_cut(&self.from_dut, queue_front(&self.cuts));
    queue_pop(&self.cuts);
    drive(self.d8, 'B', 0, 1);
    events_plan(D8, self.from_dut.due);
    arm(CUT, &self.cuts);
}

static void d3_change(uint64_t due)
{
    (void)due;
    int level = queue_front(&self.d3_in).value;
    queue_pop(&self.d3_in);
    drive(self.d3, 'D', 3, level);
    arm(D3, &self.d3_in);
}

/* ---- outputs D9, whose receiver is the DUT, and D6 ---- */

static void d9_changed(avr_irq_t *irq, uint32_t value, void *param)
{
    (void)irq;
    (void)param;
    line_level(&self.to_dut, self.avr->cycle, value & 1);
    events_plan(D9, self.to_dut.due);
}

static void d9_look(uint64_t due)
{
    (void)due;
    line_look(&self.to_dut);
    events_plan(D9, self.to_dut.due);
}

static void d6_changed(avr_irq_t *irq, uint32_t value, void *param)
{
    (void)irq;
    (void)param;
    if (self.watch_sync) {
        self.tell.sync(self.avr->cycle, value & 1);
    }
}

/* ---- what the board asks ---- */

void pins_open(avr_t *avr, const struct pins_listener *listener)
{
    self.avr = avr;
    self.tell = *listener;
    self.d8 = avr_io_getirq(avr, AVR_IOCTL_IOPORT_GETIRQ('B'), 0);
    self.d3 = avr_io_getirq(avr, AVR_IOCTL_IOPORT_GETIRQ('D'), 3);
    drive(self.d8, 'B', 0, 1);
    drive(self.d3, 'D', 3, 1);
    self.from_dut.due = NEVER;
    self.to_dut.due = NEVER;
    self.to_dut.level = true;
    self.to_dut.take = self.tell.sent;
    self.to_dut.bad_stop = self.tell.frame;
    avr_irq_register_notify(avr_io_getirq(avr, AVR_IOCTL_IOPORT_GETIRQ('B'), 1), d9_changed, NULL);
    avr_irq_register_notify(avr_io_getirq(avr, AVR_IOCTL_IOPORT_GETIRQ('D'), 6), d6_changed, NULL);
    events_on(CUT, cut_now);
    events_on(D8, d8_change);
    events_on(D3, d3_change);
    events_on(D9, d9_look);
}

void pins_reset(void)
{
    avr_t *avr = self.avr;
    avr->data[PINB] = (uint8_t)(avr->data[PINB] | (self.d8->value & 1) << 0);
    avr->data[PIND] = (uint8_t)(avr->data[PIND] | (self.d3->value & 1) << 3);
    line_released(&self.to_dut); /* the pin floats; level shifters pull it up */
}

void pins_dut_send(uint64_t cycle, double baud, const uint8_t *bytes, size_t count)
{
    double bit = (double)self.avr->frequency / baud;
    for (size_t k = 0; k < count; k++) {
        line_send(&self.from_dut, cycle, bit, bytes[k]);
    }
    events_plan(D8, self.from_dut.due);
}

bool pins_dut_cut(uint64_t cycle)
{
    if (cycle < self.cut_last) {
        return false;
    }
    self.cut_last = cycle;
    queue_push(&self.cuts, line_plan_cut(&self.from_dut, cycle));
    arm(CUT, &self.cuts);
    return true;
}

bool pins_set_d3(uint64_t cycle, int level)
{
    if (cycle < self.d3_last) {
        return false;
    }
    self.d3_last = cycle;
    queue_push(&self.d3_in, (struct planned){.cycle = cycle, .value = level ? 1 : 0});
    arm(D3, &self.d3_in);
    return true;
}

void pins_set_dut_baud(double baud)
{
    self.to_dut.bit = (double)self.avr->frequency / baud;
}

void pins_watch_sync(bool on)
{
    self.watch_sync = on;
}
