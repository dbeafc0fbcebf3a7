#include "board.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <simavr/avr_ioport.h>
#include <simavr/avr_timer.h>
#include <simavr/avr_uart.h>
#include <simavr/sim_avr.h>
#include <simavr/sim_elf.h>

#include "line.h"
#include "queue.h"

/* Sources of events, each with one time at which it is due. In simavr they share a single cycle timer: its pool
 * holds only 64, and it keys them by callback and parameter, so that a second one would replace the first. */
enum source { HOST_IN, D8, D3, RESET, D9, HOST_OUT, UNTIL, SOURCES };

enum { BITS = 10, HOST_PIECE_END = '\n', DUT_PIECE_END = '%' };

/* Registers of the ATmega328P in data space (data sheet, section 36, register summary). */
enum { PINB = 0x23, PIND = 0x29, UCSR0A = 0xC0, UBRR0L = 0xC4, UBRR0H = 0xC5, U2X0 = 1 << 1 };

/* Bytes that have gone out since the last report. */
struct piece {
    uint8_t bytes[4096];
    size_t count;
    uint64_t first, last;
};

static struct {
    avr_t *avr;
    avr_uart_t *uart;
    avr_timer_t *timer1;
    avr_irq_t *uart_in, *d8, *d3;
    struct board_listener tell;
    double host_bit; /* cycles */
    void (*core_reset)(avr_t *);
    uint64_t due[SOURCES];
    bool stop, pumping, reset_wanted, was_reset, dead;

    struct line_sender from_dut;
    struct line_receiver to_dut;

    struct queue host_in, d3_in, host_out;
    uint64_t host_in_end, host_in_free, d3_last, host_out_free;

    struct piece host_piece, dut_piece;
    bool watch_sync;
} self;

uint64_t board_cycle(void)
{
    return self.avr->cycle;
}

static void note(const char *text)
{
    self.tell.note(text);
}

static uint64_t max64(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* ---- the pump: one cycle timer for all sources ---- */

static enum source next_source(void)
{
    enum source first = HOST_IN;
    for (int k = 1; k < SOURCES; k++) {
        if (self.due[k] < self.due[first]) {
            first = (enum source)k;
        }
    }
    return first;
}

static void fire(enum source source, uint64_t due);

static avr_cycle_count_t pump(avr_t *avr, avr_cycle_count_t when, void *param)
{
    (void)when;
    (void)param;
    self.pumping = true;
    enum source source;
    while (source = next_source(), self.due[source] <= avr->cycle) {
        uint64_t due = self.due[source];
        self.due[source] = NEVER;
        fire(source, due);
    }
    self.pumping = false;
    /* A sleeping core jumps to the next timer: be that timer, so that it does not jump past the end of a run. */
    return self.stop || self.reset_wanted ? avr->cycle + 1 : self.due[source];
}

static void plan(enum source source, uint64_t cycle)
{
    self.due[source] = cycle;
    if (self.pumping) {
        return; /* it looks again by itself */
    }
    uint64_t next = self.due[next_source()];
    uint64_t now = self.avr->cycle;
    avr_cycle_timer_register(self.avr, next > now ? next - now : 0, pump, &self);
}

/* ---- pieces that go out ---- */

static void flush(struct piece *piece, void (*report)(uint64_t, uint64_t, const uint8_t *, size_t))
{
    if (piece->count) {
        report(piece->first, piece->last, piece->bytes, piece->count);
        piece->count = 0;
    }
}

static void append(struct piece *piece, uint8_t byte, uint64_t first, uint64_t last, uint8_t end)
{
    if (piece->count == 0) {
        piece->first = first;
    }
    piece->bytes[piece->count++] = byte;
    piece->last = last;
    if (byte == end || piece->count == sizeof piece->bytes) {
        self.stop = true;
    }
}

/* ---- UART0 ---- */

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
static void arm_host_in(void)
{
    if (self.host_in.count == 0 || self.due[HOST_IN] != NEVER) {
        return;
    }
    uint64_t start = max64(queue_front(&self.host_in).cycle, self.host_in_free);
    self.host_in_end = start + (uint64_t)llround(BITS * self.host_bit);
    uint64_t early = uart_byte_cycles();
    uint64_t now = self.avr->cycle;
    plan(HOST_IN, self.host_in_end > now + early ? self.host_in_end - early : now);
}

static void host_in(void)
{
    struct planned item = queue_front(&self.host_in);
    queue_pop(&self.host_in);
    uart_byte_cycles();
    /* simavr's buffer holds 64 bytes, the real one two and the shift register. */
    if (((self.uart->input.write - self.uart->input.read) & 63) >= 3) {
        note("UART0 overrun: a real ATmega would have lost a byte");
    }
    avr_raise_irq(self.uart_in, item.value);
    self.host_in_free = self.host_in_end;
    arm_host_in();
}

static void arm_host_out(void)
{
    if (self.host_out.count && self.due[HOST_OUT] == NEVER) {
        plan(HOST_OUT, queue_front(&self.host_out).cycle + uart_byte_cycles());
    }
}

static void uart_output(avr_irq_t *irq, uint32_t value, void *param)
{
    (void)irq;
    (void)param;
    uint64_t start = max64(self.avr->cycle, self.host_out_free);
    self.host_out_free = start + uart_byte_cycles();
    queue_push(&self.host_out, (struct planned){.cycle = start, .value = (uint8_t)value});
    arm_host_out();
}

static void host_out(uint64_t due)
{
    struct planned item = queue_front(&self.host_out);
    queue_pop(&self.host_out);
    append(&self.host_piece, item.value, item.cycle, due, HOST_PIECE_END);
    arm_host_out();
}

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

static void d8_change(void)
{
    drive(self.d8, 'B', 0, line_send_next(&self.from_dut));
    plan(D8, self.from_dut.due);
}

static void arm_d3(void)
{
    if (self.d3_in.count) {
        plan(D3, queue_front(&self.d3_in).cycle);
    }
}

static void d3_change(void)
{
    int level = queue_front(&self.d3_in).value;
    queue_pop(&self.d3_in);
    drive(self.d3, 'D', 3, level);
    arm_d3();
}

/* ---- output D9: the DUT's receiver ---- */

static void d9_byte(uint8_t byte, uint64_t first, uint64_t last)
{
    append(&self.dut_piece, byte, first, last, DUT_PIECE_END);
}

static void d9_changed(avr_irq_t *irq, uint32_t value, void *param)
{
    (void)irq;
    (void)param;
    line_level(&self.to_dut, self.avr->cycle, value & 1);
    plan(D9, self.to_dut.due);
}

static void d9_look(void)
{
    line_look(&self.to_dut);
    plan(D9, self.to_dut.due);
}

static void d6_changed(avr_irq_t *irq, uint32_t value, void *param)
{
    (void)irq;
    (void)param;
    if (self.watch_sync) {
        self.tell.sync(self.avr->cycle, value & 1);
    }
}

static void fire(enum source source, uint64_t due)
{
    switch (source) {
    case HOST_IN: host_in(); break;
    case D8: d8_change(); break;
    case D3: d3_change(); break;
    case D9: d9_look(); break;
    case HOST_OUT: host_out(due); break;
    case RESET: self.reset_wanted = true; break;
    case UNTIL: self.stop = true; break;
    case SOURCES: break;
    }
}

/* ---- reset ---- */

static void notice_reset(avr_t *avr)
{
    self.was_reset = true;
    if (self.core_reset) {
        self.core_reset(avr);
    }
}

/* After any reset: simavr has forgotten its cycle timers and the levels of its pins. */
static void settle_after_reset(void)
{
    avr_t *avr = self.avr;
    self.was_reset = false;
    self.dead = false;
    avr->run_cycle_limit = 1000; /* instructions in one go, between cycle timers */
    avr->data[PINB] = (uint8_t)(avr->data[PINB] | (self.d8->value & 1) << 0);
    avr->data[PIND] = (uint8_t)(avr->data[PIND] | (self.d3->value & 1) << 3);
    self.host_out.count = 0; /* a byte that was being sent is cut */
    self.host_out_free = avr->cycle;
    self.due[HOST_OUT] = NEVER;
    line_released(&self.to_dut); /* the pin floats; level shifters pull it up */
    plan(UNTIL, self.due[UNTIL]);
}

static void reset_now(void)
{
    self.reset_wanted = false;
    avr_reset(self.avr);
    avr_regbit_set(self.avr, self.avr->reset_flags.extrf);
    settle_after_reset();
}

/* ---- opening and running ---- */

static void no_sleep(avr_t *avr, avr_cycle_count_t cycles)
{
    (void)avr; /* simavr's own would sleep for real */
    (void)cycles;
}

static void log_line(avr_t *avr, const int level, const char *format, va_list arguments)
{
    (void)avr;
    if (level == LOG_ERROR) {
        char text[240];
        vsnprintf(text, sizeof text, format, arguments);
        text[strcspn(text, "\r\n")] = '\0';
        note(text);
    }
}

/* The part's module of that kind, the first for which `fits` holds. */
static avr_io_t *find_module(avr_t *avr, const char *kind, bool (*fits)(const avr_io_t *))
{
    avr_io_t *io = avr->io_port;
    while (io && !(io->kind && strcmp(io->kind, kind) == 0 && fits(io))) {
        io = io->next;
    }
    return io;
}

static bool is_uart0(const avr_io_t *io)
{
    return ((const avr_uart_t *)io)->name == '0';
}

static bool is_timer1(const avr_io_t *io)
{
    return ((const avr_timer_t *)io)->name == '1';
}

bool board_open(const char *elf, uint32_t hz, double host_baud, double dut_baud,
                const struct board_listener *listener)
{
    static elf_firmware_t firmware;
    self.tell = *listener;
    avr_global_logger_set(log_line);
    if (elf_read_firmware(elf, &firmware) != 0 || firmware.flashsize == 0) {
        fprintf(stderr, "avr-runner: %s: no AVR program could be read\n", elf);
        return false;
    }
    avr_t *avr = avr_make_mcu_by_name("atmega328p");
    if (avr == NULL || avr_init(avr) != 0) {
        fputs("avr-runner: simavr knows no atmega328p\n", stderr);
        return false;
    }
    self.avr = avr;
    avr_load_firmware(avr, &firmware);
    avr->frequency = hz;
    avr->sleep = no_sleep;
    self.core_reset = avr->reset;
    avr->reset = notice_reset;
    self.uart = (avr_uart_t *)find_module(avr, "uart", is_uart0);
    self.timer1 = (avr_timer_t *)find_module(avr, "timer", is_timer1);
    if (self.uart == NULL || self.timer1 == NULL) {
        fputs("avr-runner: simavr has no UART0 or no Timer1 for this part\n", stderr);
        return false;
    }
    uint32_t quiet = 0; /* no echo to stdout, no real sleep when polled */
    avr_ioctl(avr, AVR_IOCTL_UART_SET_FLAGS('0'), &quiet);

    self.host_bit = (double)hz / host_baud;
    board_set_dut_baud(dut_baud);
    for (int k = 0; k < SOURCES; k++) {
        self.due[k] = NEVER;
    }
    self.uart_in = avr_io_getirq(avr, AVR_IOCTL_UART_GETIRQ('0'), UART_IRQ_INPUT);
    self.d8 = avr_io_getirq(avr, AVR_IOCTL_IOPORT_GETIRQ('B'), 0);
    self.d3 = avr_io_getirq(avr, AVR_IOCTL_IOPORT_GETIRQ('D'), 3);
    drive(self.d8, 'B', 0, 1);
    drive(self.d3, 'D', 3, 1);
    self.from_dut.due = NEVER;
    self.to_dut.due = NEVER;
    self.to_dut.level = true;
    self.to_dut.take = d9_byte;
    self.to_dut.bad_stop = self.tell.frame;
    avr_irq_register_notify(avr_io_getirq(avr, AVR_IOCTL_IOPORT_GETIRQ('B'), 1), d9_changed, NULL);
    avr_irq_register_notify(avr_io_getirq(avr, AVR_IOCTL_IOPORT_GETIRQ('D'), 6), d6_changed, NULL);
    avr_irq_register_notify(avr_io_getirq(avr, AVR_IOCTL_UART_GETIRQ('0'), UART_IRQ_OUTPUT), uart_output,
                            NULL);
    avr_regbit_set(avr, avr->reset_flags.porf);
    settle_after_reset();
    return true;
}

void board_set_dut_baud(double baud)
{
    self.to_dut.bit = (double)self.avr->frequency / baud;
}

uint64_t board_timer1_zero(void)
{
    return self.timer1->tov_base;
}

void board_watch_sync(bool on)
{
    self.watch_sync = on;
}

bool board_host_send(uint64_t cycle, const uint8_t *bytes, size_t count)
{
    if (cycle < self.avr->cycle) {
        return false;
    }
    for (size_t k = 0; k < count; k++) {
        queue_push(&self.host_in, (struct planned){.cycle = cycle, .value = bytes[k]});
    }
    arm_host_in();
    return true;
}

bool board_dut_send(uint64_t cycle, double baud, const uint8_t *bytes, size_t count)
{
    if (cycle < self.avr->cycle) {
        return false;
    }
    double bit = (double)self.avr->frequency / baud;
    for (size_t k = 0; k < count; k++) {
        line_send(&self.from_dut, cycle, bit, bytes[k]);
    }
    plan(D8, self.from_dut.due);
    return true;
}

bool board_set_d3(uint64_t cycle, int level)
{
    if (cycle < self.avr->cycle || cycle < self.d3_last) {
        return false;
    }
    self.d3_last = cycle;
    queue_push(&self.d3_in, (struct planned){.cycle = cycle, .value = level ? 1 : 0});
    arm_d3();
    return true;
}

bool board_plan_reset(uint64_t cycle)
{
    if (cycle < self.avr->cycle) {
        return false;
    }
    plan(RESET, cycle);
    return true;
}

/* A core that has stopped for good: time and wires go on without it. */
static void run_dead(void)
{
    self.avr->cycle = max64(self.avr->cycle, self.due[next_source()]);
    pump(self.avr, self.avr->cycle, &self);
}

static void notice_death(int state)
{
    self.dead = true;
    note(state == cpu_Done ? "the core sleeps with interrupts off: only a reset wakes it"
                           : "the core has crashed in simavr: only a reset wakes it");
}

void board_run(uint64_t until)
{
    self.stop = false;
    plan(UNTIL, until);
    while (!self.stop) {
        if (self.dead) {
            run_dead();
        } else {
            int state = avr_run(self.avr);
            if (self.was_reset) {
                note("watchdog reset");
                settle_after_reset();
            } else if (state == cpu_Done || state == cpu_Crashed) {
                notice_death(state);
            }
        }
        if (self.reset_wanted) {
            reset_now();
        }
    }
    self.due[UNTIL] = NEVER;
    flush(&self.host_piece, self.tell.host);
    flush(&self.dut_piece, self.tell.dut);
}
