/* libFuzzer target: host, DUT and timestamp pin do what the input says, and the IO manager must say whole lines,
 * answer each command once, tell what it lost, and be fine again afterwards: `make fuzz SECONDS=60`. */
#include <stdlib.h>
#include <string.h>

#include "../input.h"
#include "../output.h"
#include "../receiver.h"
#include "../stats.h"
#include "fake_board.h"

#define REQUIRE(fine) ((fine) ? (void)0 : abort())

enum { LONGEST = 1500 };

struct script {
    const uint8_t *at, *end;
};

static uint8_t take(struct script *script)
{
    return script->at < script->end ? *script->at++ : 0;
}

static unsigned commands_sent;

static void host_byte(uint8_t byte, bool overrun)
{
    commands_sent += byte == COMMAND_END;
    input_put(byte, overrun);
}

static void host_bytes(struct script *script)
{
    unsigned count = take(script);
    unsigned out = take(script) % 16;
    while (count-- && script->at < script->end) {
        host_byte(take(script), false);
        if (out) {
            round_of_work(out);
        }
    }
}

static void dut_bytes(struct script *script)
{
    double bit_ticks = 200 + take(script) % 17; /* 4 % either way */
    unsigned count = take(script) % 32;
    while (count-- && script->at < script->end) {
        uint8_t byte = take(script);
        dut_sends(&byte, 1, bit_ticks);
    }
}

static void pin_edges(struct script *script)
{
    unsigned count = take(script) % 40;
    unsigned apart = 1U + take(script) * 16U;
    for (unsigned k = 0; k < count; k++) {
        pin_edge((uint16_t)apart, (k ^ apart) & 1);
    }
}

static void noise(struct script *script)
{
    unsigned count = take(script);
    for (unsigned k = 0; k < count; k++) {
        board.now = (uint16_t)(board.now + take(script));
        board.line = !board.line;
        edges_put(board.now, board.line);
    }
}

static void step(struct script *script)
{
    switch (take(script) % 8) {
    case 0:
    case 1: host_bytes(script); break;
    case 2: dut_bytes(script); break;
    case 3: pin_edges(script); break;
    case 4: noise(script); break;
    case 5: board.dut_busy = !board.dut_busy; break;
    case 6: pass(take(script) * 100U); break;
    case 7: host_byte(take(script), true); break;
    }
}

static bool begins(const char *line, const char *with)
{
    return strncmp(line, with, strlen(with)) == 0;
}

/* Lines end in CR LF, are printable but for the DUT's, and laps are nothing but laps. Returns the `m-ready`s. */
static unsigned check_lines(const char *text, size_t count)
{
    unsigned ready = 0;
    const char *end = text + count;
    while (text < end) {
        const char *stop = memchr(text, '\n', (size_t)(end - text));
        REQUIRE(stop && stop > text && stop[-1] == '\r');
        if (!begins(text, "[dut]: ")) {
            for (const char *c = text; c < stop - 1; c++) {
                REQUIRE(*c >= ' ' && *c <= '~');
            }
        }
        if (begins(text, "m-lap-us-") || begins(text, "m-lap-tk-")) {
            const char *digits = text + 9;
            bool answer = stop - digits == 1; /* to `lap us`, there is no digit */
            REQUIRE(answer || strspn(digits, "0123456789") == (size_t)(stop - 1 - digits));
        }
        ready += begins(text, "m-ready\r\n");
        text = stop + 1;
    }
    return ready;
}

static void check_recovery(void)
{
    board.dut_busy = false;
    pass(10000);
    settle();
    dut_line(true, 10000);
    host_byte(COMMAND_END, false);
    settle();
    host_byte(COMMAND_END, false); /* for one whose first end was lost */
    settle();
    REQUIRE(strcmp(ask("name%"), "m-name-io-manager-[joulebench]\r\nm-ready\r\n") == 0);
    ask("baud 9600%");
    commands_sent += 2;
    dut_sends("\n", 1, 208.3);
    pass(3000);
    settle();
    size_t before = board.said_count;
    dut_sends("m-ready\r\n", 9, 208.3);
    pass(3000);
    REQUIRE(strcmp(board.said_to_host + before, "[dut]: m-ready\r\n") == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > LONGEST) {
        return 0;
    }
    board_restart();
    commands_sent = 0;
    struct script script = {data, data + size};
    while (script.at < script.end) {
        step(&script);
    }
    check_recovery();
    unsigned ready = check_lines(board.said_to_host, board.said_count);
    REQUIRE(stats[STAT_HOST_LOST] ? ready <= commands_sent : ready == commands_sent);
    return 0;
}
