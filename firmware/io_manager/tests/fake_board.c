#include "fake_board.h"

#include <assert.h>
#include <string.h>

#include "../hardware.h"
#include "../input.h"
#include "../laps.h"
#include "../manager.h"
#include "../output.h"
#include "../receiver.h"

enum { STEP = 2000 /* ticks between two rounds, as the board's tick of a millisecond */ };

struct board board;

static double line_at; /* time of the DUT's line, beyond 16 bits */

/* ---- what the portable part asks of a board ---- */

uint16_t hardware_now(void)
{
    return board.now;
}

void hardware_host_kick(void)
{
}

bool hardware_dut_ready(void)
{
    return !board.dut_busy;
}

void hardware_dut_send(uint8_t byte)
{
    assert(!board.dut_busy);
    if (board.sent_count < sizeof board.sent_to_dut - 1) {
        board.sent_to_dut[board.sent_count++] = (char)byte;
    }
}

bool hardware_dut_idle(void)
{
    return !board.dut_busy;
}

void hardware_set_bit_ticks(uint8_t ticks)
{
    board.bit_ticks = ticks;
}

bool hardware_dut_line(void)
{
    return board.line;
}

void hardware_restart_receiver(void)
{
    edges.out = edges.in;
}

void hardware_stamps_off(void)
{
    board.stamps_on = false;
}

void hardware_stamps_on(bool both_edges)
{
    board.stamps_on = true;
    board.both_edges = both_edges;
}

void hardware_set_sync(enum sync mode)
{
    board.sync = (int)mode;
}

void hardware_end_pulse(uint16_t stamp)
{
    (void)stamp;
    board.pulses_ended++;
}

uint16_t hardware_untouched_ram(void)
{
    return 1000;
}

bool hardware_timer_runs(void)
{
    return true;
}

void hardware_hang(void)
{
    board.hung = true;
}

/* ---- the test's side ---- */

void board_restart(void)
{
    board = (struct board){.line = true};
    line_at = 0;
    manager_reset();
    manager_start(0);
}

void round_of_work(unsigned bytes_out)
{
    uint8_t byte;
    manager_work();
    while (bytes_out-- && output_get(&byte)) {
        assert(board.said_count < sizeof board.said_to_host - 1);
        board.said_to_host[board.said_count++] = (char)byte;
    }
    board.said_to_host[board.said_count] = '\0';
}

const char *settle(void)
{
    size_t begin = board.said_count;
    size_t before;
    int quiet = 0;
    do {
        before = board.said_count;
        round_of_work(OUTPUT_SIZE);
        quiet = board.said_count == before ? quiet + 1 : 0;
    } while (quiet < 3);
    return board.said_to_host + begin;
}

const char *send_bytes(const void *bytes, size_t count, size_t every)
{
    size_t begin = board.said_count;
    for (size_t k = 0; k < count; k++) {
        input_put(((const uint8_t *)bytes)[k], false);
        if (every && k % every == every - 1) {
            round_of_work(OUTPUT_SIZE);
        }
    }
    settle();
    return board.said_to_host + begin;
}

const char *ask(const char *text)
{
    return send_bytes(text, strlen(text), 1);
}

static void pass_to(double ticks)
{
    while (ticks - line_at > STEP) {
        line_at += STEP;
        board.now = (uint16_t)(uint64_t)line_at;
        round_of_work(OUTPUT_SIZE);
    }
    line_at = ticks;
    board.now = (uint16_t)(uint64_t)line_at;
}

void pass(uint32_t ticks)
{
    pass_to(line_at + ticks);
    round_of_work(OUTPUT_SIZE);
}

static void set_line(bool level)
{
    if (level != board.line) {
        board.line = level;
        edges_put(board.now, level);
        round_of_work(OUTPUT_SIZE);
    }
}

void dut_line(bool level, uint16_t ticks)
{
    set_line(level);
    pass(ticks);
}

void dut_sends(const void *bytes, size_t count, double bit_ticks)
{
    for (size_t k = 0; k < count; k++) {
        unsigned frame = 1U << 9 | (unsigned)((const uint8_t *)bytes)[k] << 1;
        double start = line_at;
        for (unsigned bit = 0; bit < 10; bit++) {
            pass_to(start + bit * bit_ticks);
            set_line(frame >> bit & 1);
        }
        pass_to(start + 10 * bit_ticks);
    }
}

void pin_edge(uint16_t ticks, bool high)
{
    pass_to(line_at + ticks);
    if (!board.stamps_on || (high && !board.both_edges)) {
        return;
    }
    if (!stamps_put((uint16_t)(board.now + 2U), high)) { /* the interrupt comes that late */
        board.stamps_on = false;
    }
    board.now = (uint16_t)(board.now + 2U);
    line_at += 2;
}
