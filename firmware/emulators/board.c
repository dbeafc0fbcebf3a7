#include "board.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <simavr/avr_timer.h>
#include <simavr/sim_avr.h>
#include <simavr/sim_elf.h>

#include "events.h"
#include "host_uart.h"
#include "line.h"
#include "part.h"
#include "pins.h"

enum { HOST_PIECE_END = '\n', DUT_PIECE_END = '%' };

/* Bytes that have gone out since the last report. */
struct piece {
    uint8_t bytes[4096];
    size_t count;
    uint64_t first, last;
};

static struct {
    avr_t *avr;
    avr_timer_t *timer1;
    struct board_listener tell;
    void (*core_reset)(avr_t *);
    bool stop, reset_wanted, was_reset, dead;
    struct piece host_piece, dut_piece;
} self;

uint64_t board_cycle(void)
{
    return self.avr->cycle;
}

static void note(const char *text)
{
    self.tell.note(text);
}

/* ---- the end of a run ---- */

static void stop(void)
{
    self.stop = true;
    events_halt();
}

static void until(uint64_t due)
{
    (void)due;
    stop();
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
        stop();
    }
}

static void host_byte(uint8_t byte, uint64_t first, uint64_t last)
{
    append(&self.host_piece, byte, first, last, HOST_PIECE_END);
}

static void dut_byte(uint8_t byte, uint64_t first, uint64_t last)
{
    append(&self.dut_piece, byte, first, last, DUT_PIECE_END);
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
    pins_reset();
    host_uart_reset();
    events_renew();
}

static void reset(uint64_t due)
{
    (void)due;
    self.reset_wanted = true;
    events_halt();
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
    self.timer1 = (avr_timer_t *)find_module(avr, "timer", is_timer1);
    events_open(avr);
    events_on(RESET, reset);
    events_on(UNTIL, until);
    if (self.timer1 == NULL || !host_uart_open(avr, host_baud, host_byte, note)) {
        fputs("avr-runner: simavr has no UART0 or no Timer1 for this part\n", stderr);
        return false;
    }
    pins_open(avr, &(struct pins_listener){.sent = dut_byte, .frame = self.tell.frame, .sync = self.tell.sync});
    pins_set_dut_baud(dut_baud);
    avr_regbit_set(avr, avr->reset_flags.porf);
    settle_after_reset();
    return true;
}

void board_set_dut_baud(double baud)
{
    pins_set_dut_baud(baud);
}

uint64_t board_timer1_zero(void)
{
    return self.timer1->tov_base;
}

void board_watch_sync(bool on)
{
    pins_watch_sync(on);
}

static bool past(uint64_t cycle)
{
    return cycle < self.avr->cycle;
}

bool board_host_send(uint64_t cycle, const uint8_t *bytes, size_t count)
{
    if (past(cycle)) {
        return false;
    }
    host_uart_receive(cycle, bytes, count);
    return true;
}

bool board_dut_send(uint64_t cycle, double baud, const uint8_t *bytes, size_t count)
{
    if (past(cycle)) {
        return false;
    }
    pins_dut_send(cycle, baud, bytes, count);
    return true;
}

bool board_plan_cut(uint64_t cycle)
{
    return !past(cycle) && pins_dut_cut(cycle);
}

bool board_set_d3(uint64_t cycle, int level)
{
    return !past(cycle) && pins_set_d3(cycle, level);
}

bool board_plan_reset(uint64_t cycle)
{
    if (past(cycle)) {
        return false;
    }
    events_plan(RESET, cycle);
    return true;
}

static void notice_death(int state)
{
    self.dead = true;
    note(state == cpu_Done ? "the core sleeps with interrupts off: only a reset wakes it"
                           : "the core has crashed in simavr: only a reset wakes it");
}

void board_run(uint64_t cycle)
{
    self.stop = false;
    events_plan(UNTIL, cycle);
    while (!self.stop) {
        int state = events_run(self.dead);
        if (self.was_reset) {
            note("watchdog reset");
            settle_after_reset();
        } else if (state == cpu_Done || state == cpu_Crashed) {
            notice_death(state);
        }
        if (self.reset_wanted) {
            reset_now();
        }
    }
    events_plan(UNTIL, NEVER);
    flush(&self.host_piece, self.tell.host);
    flush(&self.dut_piece, self.tell.dut);
}
