/* Unit tests: the DUT's lines and edges. */
#include <stdio.h>
#include <string.h>

#include "../input.h"
#include "../laps.h"
#include "../relay.h"
#include "../stats.h"
#include "fake_board.h"
#include "unit.h"

#define DUT_SAYS(text) dut_sends(text, sizeof(text) - 1, 208.333)

/* ---- the DUT's lines ---- */

static void lines_of_the_dut_are_relayed_whole(void)
{
    DUT_SAYS("m-model-[ad01]\r\nm-read");
    SAYS(settle(), "");
    SAYS(board.said_to_host, "[dut]: m-model-[ad01]\r\n");
    DUT_SAYS("y\r\n\r\nLF only\n");
    pass(1000);
    SAYS(board.said_to_host, "[dut]: m-model-[ad01]\r\n[dut]: m-ready\r\n[dut]: \r\n[dut]: LF only\r\n");
    CHECK(stats[STAT_DUT_LINES] == 4);
}

static void every_byte_is_read_at_baud_rates_4_percent_off(void)
{
    uint8_t all[256];
    for (unsigned k = 0; k < 256; k++) {
        all[k] = (uint8_t)(k == '\n' || k == '\r' ? 'x' : k);
    }
    static const double bit[] = {208.333, 208.333 * 0.96, 208.333 * 1.04};
    for (int k = 0; k < 3; k++) {
        board_restart();
        for (unsigned at = 0; at < 256; at += 128) {
            board.said_count = 0;
            dut_sends(all + at, 128, bit[k]);
            dut_sends("\n", 1, bit[k]);
            pass(3000);
            CHECK(board.said_count == 7 + 128 + 2 && memcmp(board.said_to_host + 7, all + at, 128) == 0);
        }
    }
}

static void a_line_too_long_is_cut_and_told_and_the_next_one_is_intact(void)
{
    char line[400];
    memset(line, 'b', sizeof line);
    dut_sends(line, 250, 208.333);
    DUT_SAYS("\r\nm-ready\r\n");
    pass(1000);
    char wanted[600];
    snprintf(wanted, sizeof wanted,
             "[dut]: %.180s\r\ne-[DUT line cut, bytes lost: 1]\r\n"
             "e-[DUT line cut, bytes lost: 71]\r\n[dut]: m-ready\r\n", line);
    SAYS(board.said_to_host, wanted);
}

static void a_babbling_dut_is_reported_again_and_again_until_it_ends_a_line(void)
{
    char rubbish[3000];
    memset(rubbish, 'U', sizeof rubbish);
    dut_sends(rubbish, sizeof rubbish, 208.333);
    DUT_SAYS("\nm-ready\r\n");
    pass(1000);
    CHECK(strstr(board.said_to_host, "e-[DUT line cut, bytes lost: 1000]\r\n") != NULL);
    CHECK(strcmp(board.said_to_host + board.said_count - 16, "[dut]: m-ready\r\n") == 0);
    CHECK(stats[STAT_DUT_LOST] == 3000 - 180 + 1); /* with its LF */
}

static void lines_that_wait_for_room_are_kept_apart(void)
{
    for (int k = 0; k < 60; k++) {
        round_of_work(0); /* the UART stands still */
    }
    static const char line[] = "0123456789012345678901234567890123456789\r\n";
    for (int k = 0; k < 9; k++) {
        for (size_t n = 0; n < sizeof line - 1; n++) {
            relay_byte((uint8_t)line[n]);
        }
        round_of_work(0);
    }
    relay_byte('\n');
    settle();
    const char *at = board.said_to_host;
    int whole = 0;
    while (strncmp(at, "[dut]: 0123456789012345678901234567890123456789\r\n", 49) == 0) {
        at += 49;
        whole++;
    }
    CHECK(whole == 7);
    CHECK(strncmp(at, "[dut]: 01234", 12) == 0);
    CHECK(strstr(at, "e-[DUT line cut, bytes lost: ") != NULL);
}

static void a_bad_stop_bit_in_a_line_cuts_it(void)
{
    DUT_SAYS("m-re");
    dut_line(false, 208);
    dut_line(true, 208);      /* bit 0 is 1: no break */
    dut_line(false, 208 * 9); /* to beyond the stop bit */
    dut_line(true, 4000);
    DUT_SAYS("dy\r\nm-ready\r\n");
    pass(1000);
    SAYS(board.said_to_host, "[dut]: m-re\r\ne-[DUT line cut, bytes lost: 1]\r\n"
                             "e-[DUT line cut, bytes lost: 4]\r\n[dut]: m-ready\r\n");
    CHECK(stats[STAT_DUT_FRAMING] == 1);
}

static void rubbish_before_a_line_does_not_spoil_it(void)
{
    dut_line(false, 208);
    dut_line(true, 208);
    dut_line(false, 208 * 9);
    dut_line(true, 4000);
    DUT_SAYS("m-init-done\r\n");
    pass(1000);
    SAYS(board.said_to_host, "e-[DUT bytes lost: 1]\r\n[dut]: m-init-done\r\n");
}

/* A low pulse on an idle line, by which the start bit of a byte could be taken to begin. */
static void glitch(uint16_t ticks)
{
    dut_line(false, ticks);
    dut_line(true, 1000);
}

static void what_is_low_for_less_than_half_a_bit_is_no_start_bit(void)
{
    static const struct {
        const char *command;
        uint16_t bit;
    } rates[] = {{"baud 9600%", 208}, {"baud 19200%", 104}, {"baud 38400%", 52}};
    for (int k = 0; k < 3; k++) {
        uint16_t half = (uint16_t)(rates[k].bit / 2);
        ask(rates[k].command);
        const uint16_t widths[] = {2, 10, (uint16_t)(half - 2)};
        for (int w = 0; w < 3; w++) {
            size_t before = board.said_count;
            glitch(widths[w]);
            dut_sends("m-init-done\r\n", 13, rates[k].bit);
            glitch(widths[w]);
            dut_line(false, widths[w]); /* twice, and no idle time before the line */
            dut_line(true, 2);
            dut_sends("m-ready\r\n", 9, rates[k].bit);
            pass(3000);
            SAYS(board.said_to_host + before, "[dut]: m-init-done\r\n[dut]: m-ready\r\n");
        }
    }
    CHECK(stats[STAT_DUT_BYTES] == 9 * (13 + 9) && stats[STAT_DUT_LOST] == 0);
}

static void what_is_low_for_half_a_bit_is_a_start_bit(void)
{
    dut_line(false, 104); /* to the middle, where it is looked at */
    dut_line(true, 4000);
    DUT_SAYS("\n");
    pass(3000);
    SAYS(board.said_to_host, "[dut]: \xff\r\n");
}

static void a_glitch_in_a_byte_is_no_start_bit_either(void)
{
    dut_line(false, 208); /* 'U', lowest bit first, with glitches in a data bit and the stop bit */
    for (int bit = 1; bit < 9; bit++) {
        dut_line(bit & 1, 20);
        dut_line(bit != 3 && (bit & 1), 20);
        dut_line(bit & 1, 168);
    }
    dut_line(true, 20);
    dut_line(false, 20);
    dut_line(true, 100);
    dut_line(false, 20); /* behind its middle: here the next start bit could have begun */
    dut_line(true, 48);
    DUT_SAYS("m-ready\r\n");
    pass(3000);
    SAYS(board.said_to_host, "[dut]: Um-ready\r\n");
}

static void a_start_bit_is_known_across_the_wrap_of_the_counter(void)
{
    for (uint32_t before = 0; before < 210; before += 6) {
        board_restart();
        pass(65536U - before);
        glitch(100);
        CHECK(stats[STAT_DUT_BYTES] == 0);
        board_restart();
        pass(65536U - before);
        DUT_SAYS("m-ready\r\n");
        pass(3000);
        SAYS(board.said_to_host, "[dut]: m-ready\r\n");
    }
}

static void a_dut_that_loses_its_power_ends_its_line_and_is_no_error(void)
{
    DUT_SAYS("m-resu");
    dut_line(false, 50000);
    pass(200000);
    dut_line(true, 5000);
    DUT_SAYS("m-init-done\r\n");
    pass(1000);
    SAYS(board.said_to_host, "[dut]: m-resu\r\ne-[DUT line cut, bytes lost: 0]\r\n[dut]: m-init-done\r\n");
    CHECK(stats[STAT_DUT_BREAKS] == 1);
    dut_line(false, 50000);
    dut_line(true, 5000);
    DUT_SAYS("m-init-done\r\n");
    pass(1000);
    CHECK(stats[STAT_DUT_BREAKS] == 2 && stats[STAT_DUT_LOST] == 0);
}

/* ---- laps ---- */

static void an_edge_is_told_in_microseconds_or_ticks(void)
{
    ask("tm 0%");
    pin_edge(1000, false);
    SAYS(settle(), ""); /* the timer is not enabled */
    ask("enable-timer%");
    uint16_t before = board.now;
    pin_edge(1000, false);
    char wanted[60];
    snprintf(wanted, sizeof wanted, "m-lap-us-%u\r\n", (before + 1000U) / 2);
    SAYS(settle(), wanted);
    ask("lap tk%");
    before = board.now;
    pin_edge(1001, false);
    snprintf(wanted, sizeof wanted, "m-lap-tk-%u\r\n", before + 1001U);
    SAYS(settle(), wanted);
    pass(1000000);
    uint32_t now = 16U << 16 | board.now; /* 1 000 000 ticks are over 15 wraps */
    while (now > 2000 + 1001 + 1000000 + 100) {
        now -= 1U << 16;
    }
    pin_edge(10, false);
    snprintf(wanted, sizeof wanted, "m-lap-tk-%u\r\n", now + 10);
    SAYS(settle(), wanted);
}

static void widths_are_told_when_asked_for(void)
{
    ask("tm 0%");
    ask("enable-timer%");
    ask("lap tk%");
    ask("width 1%");
    CHECK(board.both_edges);
    uint16_t before = board.now;
    pin_edge(100, false);
    pin_edge(2000, true);
    char wanted[80];
    snprintf(wanted, sizeof wanted, "m-lap-tk-%u\r\nm-pulse-tk-2002\r\n", before + 100U);
    SAYS(settle(), wanted);
}

static void a_pulse_that_is_over_before_the_pin_is_read_is_still_one(void)
{
    ask("tm 0%");
    ask("enable-timer%");
    ask("lap tk%");
    ask("width 1%");
    uint16_t before = board.now;
    pin_edge(100, true); /* falls, but is high again when looked at */
    pin_edge(6, true);
    char wanted[80];
    snprintf(wanted, sizeof wanted, "m-lap-tk-%u\r\nm-pulse-tk-8\r\n", before + 100U);
    SAYS(settle(), wanted);
    pin_edge(1000, true); /* both edges in one interrupt */
    CHECK(strncmp(settle(), "m-lap-tk-", 9) == 0);
    pin_edge(1000, true); /* another pulse, not the end of the last one */
    CHECK(strncmp(settle(), "m-lap-tk-", 9) == 0);
}

static void no_lap_comes_between_the_lines_of_an_answer(void)
{
    ask("tm 0%");
    ask("enable-timer%");
    for (const char *c = "help%"; *c; c++) {
        input_put((uint8_t)*c, false);
    }
    for (int k = 0; k < 4; k++) {
        round_of_work(10);
    }
    pin_edge(10, false);
    const char *came = settle();
    const char *ready = strstr(came, "m-ready\r\n");
    const char *lap = strstr(came, "m-lap-us-");
    CHECK(ready && lap && lap == ready + 9);
}

static void too_many_edges_are_told_where_they_were_lost(void)
{
    ask("tm 0%");
    ask("enable-timer%");
    ask("lap tk%");
    for (int k = 0; k < 40; k++) {
        pin_edge(4, false);
    }
    CHECK(!board.stamps_on);
    const char *came = settle();
    int laps = 0;
    while (strncmp(came, "m-lap-tk-", 9) == 0) {
        laps++;
        came = strchr(came, '\n') + 1;
    }
    CHECK(laps == LAPS_SIZE + 3 || laps >= LAPS_SIZE);
    CHECK(strncmp(came, "e-[Edges lost, at least: ", 25) == 0);
    CHECK(board.stamps_on);
    pin_edge(4000, false);
    CHECK(strncmp(settle(), "m-lap-tk-", 9) == 0);
}

static void laps_that_wait_are_told_though_the_timer_is_disabled(void)
{
    ask("tm 0%");
    ask("enable-timer%");
    pin_edge(4, false);
    const char *came = ask("disable-timer%");
    CHECK(strstr(came, "m-lap-us-") != NULL && strstr(came, "m-timer-disabled\r\n") != NULL);
}

const struct test dut_tests[] = {
    TEST(lines_of_the_dut_are_relayed_whole),
    TEST(every_byte_is_read_at_baud_rates_4_percent_off),
    TEST(a_line_too_long_is_cut_and_told_and_the_next_one_is_intact),
    TEST(a_babbling_dut_is_reported_again_and_again_until_it_ends_a_line),
    TEST(lines_that_wait_for_room_are_kept_apart),
    TEST(a_bad_stop_bit_in_a_line_cuts_it),
    TEST(rubbish_before_a_line_does_not_spoil_it),
    TEST(what_is_low_for_less_than_half_a_bit_is_no_start_bit),
    TEST(what_is_low_for_half_a_bit_is_a_start_bit),
    TEST(a_glitch_in_a_byte_is_no_start_bit_either),
    TEST(a_start_bit_is_known_across_the_wrap_of_the_counter),
    TEST(a_dut_that_loses_its_power_ends_its_line_and_is_no_error),
    TEST(an_edge_is_told_in_microseconds_or_ticks),
    TEST(widths_are_told_when_asked_for),
    TEST(a_pulse_that_is_over_before_the_pin_is_read_is_still_one),
    TEST(no_lap_comes_between_the_lines_of_an_answer),
    TEST(too_many_edges_are_told_where_they_were_lost),
    TEST(laps_that_wait_are_told_though_the_timer_is_disabled),
    {NULL, NULL},
};
