/* Unit tests of the portable part, on this machine, with sanitizers: `make test`. Here the host's side. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../clock.h"
#include "../input.h"
#include "../output.h"
#include "../stats.h"
#include "fake_board.h"
#include "unit.h"

int failures;

void expect_text(const char *came, const char *wanted, const char *file, int line)
{
    if (strcmp(came, wanted) != 0) {
        printf("%s:%d: expected\n%s\n---- came\n%s\n----\n", file, line, wanted, came);
        failures++;
    }
}

void expect_true(bool fine, const char *what, const char *file, int line)
{
    if (!fine) {
        printf("%s:%d: %s\n", file, line, what);
        failures++;
    }
}

/* ---- numbers and time ---- */

static struct time time_of(uint64_t ticks)
{
    return (struct time){(uint16_t)ticks, (uint32_t)(ticks >> 16), (uint16_t)(ticks >> 48)};
}

static uint64_t ticks_of(const struct time *time)
{
    return (uint64_t)time->eras << 48 | (uint64_t)time->wraps << 16 | time->ticks;
}

static const char *printed(uint64_t ticks)
{
    struct time time = time_of(ticks);
    board_restart();
    output_time(&time);
    return settle();
}

static void numbers_are_printed_in_decimal(void)
{
    SAYS(printed(0), "0");
    SAYS(printed(9), "9");
    SAYS(printed(65535), "65535");
    SAYS(printed(65536), "65536");
    SAYS(printed((1ULL << 48) - 1), "281474976710655");
    SAYS(printed(UINT64_MAX), "18446744073709551615");
    for (int k = 0; k < 2000; k++) {
        uint64_t number = ((uint64_t)rand() << 42 ^ (uint64_t)rand() << 21 ^ (uint64_t)rand()) >> k % 64;
        char wanted[32];
        snprintf(wanted, sizeof wanted, "%" PRIu64, number);
        SAYS(printed(number), wanted);
        struct time time = time_of(number);
        clock_halve(&time);
        CHECK(ticks_of(&time) == number / 2);
    }
}

static void time_goes_on_over_wraps_of_the_counter(void)
{
    uint64_t truth = (1ULL << 48) - (1ULL << 31); /* 48 bits are over half way through */
    struct time now = time_of(truth);
    for (int k = 0; k < 100000; k++) {
        truth += (uint64_t)(rand() % 65536);
        clock_advance(&now, (uint16_t)truth);
        uint64_t age = (uint64_t)(rand() % 65536);
        struct time at = clock_at(&now, (uint16_t)(truth - age));
        CHECK(ticks_of(&now) == truth);
        CHECK(ticks_of(&at) == truth - age);
        CHECK(clock_between(&at, &now) == age);
    }
    CHECK(now.eras == 1);
    struct time before = time_of(0xFFFFFFF0);
    struct time after = time_of(0x100000010);
    CHECK(clock_between(&before, &after) == 0x20);
}

/* ---- commands ---- */

static void answers_are_those_of_the_published_sessions(void)
{
    SAYS(ask("tm 0%"), "m-timestmp-mode-FALLING\r\nm-[Timer disabled after mode change]\r\nm-ready\r\n");
    SAYS(ask("enable-timer%"), "m-timer-enabled\r\nm-ready\r\n");
    CHECK(board.stamps_on && !board.both_edges);
    SAYS(ask("disable-timer%"), "m-timer-disabled\r\nm-ready\r\n");
    CHECK(!board.stamps_on);
    SAYS(ask("dut profile%"), "m-dut-passthrough(profile)\r\nm-ready\r\n");
    SAYS(ask("dut infer 10 1%"), "m-dut-passthrough(infer 10 1)\r\nm-ready\r\n");
    SAYS(board.sent_to_dut, "profile%infer 10 1%");
}

static void a_change_of_mode_disables_the_timer(void)
{
    ask("enable-timer%");
    CHECK(board.stamps_on && board.both_edges); /* the mode after power-up is CHANGE */
    SAYS(ask("tm 1%"), "m-timestmp-mode-CHANGE\r\nm-[Timer disabled after mode change]\r\nm-ready\r\n");
    CHECK(!board.stamps_on);
    SAYS(ask("tm%"), "m-timestmp-mode-CHANGE\r\nm-[Timer disabled after mode change]\r\nm-ready\r\n");
    SAYS(ask("tm 2%"), "e-[Usage: tm 0|1]\r\nm-ready\r\n");
}

static void what_is_no_command_is_answered_by_an_error_and_the_next_one_is_intact(void)
{
    static const struct {
        const char *sent, *answer;
    } cases[] = {
        {"%", "e-[Empty command]\r\nm-ready\r\n"},
        {" %", "e-[Unknown command: ]\r\nm-ready\r\n"},
        {"frobnicate it%", "e-[Unknown command: frobnicate]\r\nm-ready\r\n"},
        {"nam%", "e-[Unknown command: nam]\r\nm-ready\r\n"},
        {"named%", "e-[Unknown command: named]\r\nm-ready\r\n"},
        {"name|version%", "e-[Unknown command: name|version]\r\nm-ready\r\n"},
        {"\r\nname%", "e-[Command with CR, LF or other controls]\r\nm-ready\r\n"},
        {"dut profile\r\n%", "e-[Command with CR, LF or other controls]\r\nm-ready\r\n"},
        {"na\xffme%", "e-[Command with CR, LF or other controls]\r\nm-ready\r\n"},
        {"dut%", "e-[Empty command for the DUT]\r\nm-ready\r\n"},
        {"dut %", "e-[Empty command for the DUT]\r\nm-ready\r\n"},
        {"dut   %", "e-[Empty command for the DUT]\r\nm-ready\r\n"},
        {"i2c-enable 16%", "e-[Not supported by this firmware]\r\nm-ready\r\n"},
        {"show-vdata%", "e-[Not supported by this firmware]\r\nm-ready\r\n"},
        {"res 0%", "e-[Not supported by this firmware]\r\nm-ready\r\n"},
        {"lap%", "e-[Usage: lap us|tk]\r\nm-ready\r\n"},
        {"lap tkk%", "e-[Usage: lap us|tk]\r\nm-ready\r\n"},
        {"baud 115200%", "e-[Usage: baud 9600|19200|38400]\r\nm-ready\r\n"},
        {"sync pul%", "e-[Usage: sync off|pulse|gate]\r\nm-ready\r\n"},
        {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa%", "e-[Unknown command: aaaaaaaaaaaaaaaaaaaaaaaa]\r\nm-ready\r\n"},
    };
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        SAYS(ask(cases[k].sent), cases[k].answer);
        SAYS(ask("version%"), "m-version-[joulebench 0.1.0]\r\nm-ready\r\n");
    }
    SAYS(board.sent_to_dut, "");
    send_bytes("na\0me%", 6, 1);
    SAYS(board.said_to_host + board.said_count - 52, "e-[Command with CR, LF or other controls]\r\nm-ready\r\n");
}

static void a_command_of_120_characters_is_taken_and_a_longer_one_is_not(void)
{
    char command[400] = "dut db ";
    char wanted[400];
    memset(command + 7, 'a', 113);
    strcpy(command + 120, "%");
    snprintf(wanted, sizeof wanted, "m-dut-passthrough(%.116s)\r\nm-ready\r\n", command + 4);
    SAYS(ask(command), wanted);
    CHECK(strncmp(board.sent_to_dut, command + 4, 117) == 0);
    memset(command + 7, 'a', 114);
    strcpy(command + 121, "%");
    SAYS(ask(command), "e-[Command over 120 characters, by: 1]\r\nm-ready\r\n");
    memset(command + 7, 'a', 300);
    strcpy(command + 307, "%");
    SAYS(ask(command), "e-[Command over 120 characters, by: 187]\r\nm-ready\r\n");
    SAYS(ask("tm 0%"), "m-timestmp-mode-FALLING\r\nm-[Timer disabled after mode change]\r\nm-ready\r\n");
    CHECK(board.sent_count == 117);
}

static void a_flood_from_the_host_is_told_and_the_next_command_is_intact(void)
{
    char flood[5000];
    memset(flood, 'x', sizeof flood);
    flood[sizeof flood - 1] = '%';
    SAYS(send_bytes(flood, sizeof flood, 0),
         "e-[Command damaged, bytes from host lost: 4874]\r\nm-ready\r\n"); /* 126 fit in the ring */
    SAYS(ask("name%"), "m-name-io-manager-[joulebench]\r\nm-ready\r\n");
    CHECK(stats[STAT_HOST_LOST] == 4874);
}

static int answers_to_name(void)
{
    static const char answer[] = "m-name-io-manager-[joulebench]\r\nm-ready\r\n";
    int count = 0;
    for (const char *at = board.said_to_host; (at = strstr(at, answer)) != NULL; at++) {
        count++;
    }
    return count;
}

static void commands_lost_in_a_flood_get_one_error_together(void)
{
    board.dut_busy = true;
    ask("dut db 0011%");
    for (int k = 0; k < 40; k++) {
        ask("name%");
    }
    CHECK(answers_to_name() == 0);
    board.dut_busy = false;
    settle();
    CHECK(answers_to_name() == 22); /* 114 of 126 places; then 4 characters and the mark */
    const char *error = strstr(board.said_to_host, "e-[Command damaged, bytes from host lost: 86]\r\nm-ready\r\n");
    CHECK(error != NULL && strlen(error) == 56);
    ask("name%");
    CHECK(answers_to_name() == 23);
}

static void commands_lost_after_an_error_are_told_too(void)
{
    char flood[130];
    memset(flood, 'x', sizeof flood);
    flood[sizeof flood - 1] = '%';
    for (size_t k = 0; k < sizeof flood; k++) {
        input_put((uint8_t)flood[k], false);
    }
    send_bytes("name%", 5, 0);
    SAYS(board.said_to_host, "e-[Command damaged, bytes from host lost: 9]\r\nm-ready\r\n");
    for (int k = 0; k < 3; k++) {
        input_put('x', k == 1); /* the UART's own loss, between commands */
    }
    SAYS(ask("%"), "e-[Command damaged, bytes from host lost: 3]\r\nm-ready\r\n");
    CHECK(strcmp(ask("tm 5%"), "e-[Usage: tm 0|1]\r\nm-ready\r\n") == 0);
}

static void a_byte_lost_by_the_uart_spoils_its_command_only(void)
{
    input_put('n', false);
    input_put('a', false);
    input_put('e', true); /* the m before it was lost */
    SAYS(ask("%"), "e-[Command damaged, bytes from host lost: 2]\r\nm-ready\r\n");
    SAYS(ask("name%"), "m-name-io-manager-[joulebench]\r\nm-ready\r\n");
}

static void a_command_lost_as_a_whole_is_answered_by_an_error(void)
{
    ask("dut db 00%"); /* after which nothing is left in the ring */
    board.dut_busy = true;
    char filler[] = "dut db 00112233445566778899001122334455667788990011223344556677889900112233445566778899"
                    "0011223344556677889900%";
    CHECK(strlen(filler) < 121);
    ask(filler);
    for (int k = 0; k < 3; k++) {
        ask("version%"); /* one loses its end, the others everything */
    }
    board.dut_busy = false;
    settle();
    const char *error = strstr(board.said_to_host, "e-[Command damaged, bytes from host lost: ");
    CHECK(error != NULL && strstr(error, "m-ready\r\n") != NULL);
    input_put('x', true); /* the UART's own loss, between commands */
    SAYS(ask("%"), "e-[Command damaged, bytes from host lost: 2]\r\nm-ready\r\n");
    input_put('%', true);
    SAYS(settle(), "e-[Command damaged, bytes from host lost: 1]\r\nm-ready\r\n");
    SAYS(ask("tm 5%"), "e-[Usage: tm 0|1]\r\nm-ready\r\n");
}

static void help_lists_the_commands_and_ends(void)
{
    const char *came = ask("help%");
    CHECK(strstr(came, "enable-timer      Enable timer ISR\r\n") != NULL);
    CHECK(strcmp(came + strlen(came) - 9, "m-ready\r\n") == 0);
    CHECK(strstr(ask("caps%"), "lap-tk,width,sync,baud") != NULL);
}

static void settings_are_answered_by_their_name_and_value(void)
{
    SAYS(ask("lap tk%"), "m-lap-tk\r\nm-ready\r\n");
    SAYS(ask("width 1%"), "m-width-1\r\nm-ready\r\n");
    SAYS(ask("sync gate%"), "m-sync-gate\r\nm-ready\r\n");
    SAYS(ask("baud 38400%"), "m-baud-38400\r\nm-ready\r\n");
    CHECK(board.bit_ticks == 52 && board.sync == 2);
    SAYS(ask("selftest%"), "m-selftest-timer-pass\r\nm-selftest-clock-pass\r\n"
                           "m-selftest-untouched-ram-1000\r\nm-ready\r\n");
}

static const struct test host_tests[] = {
    TEST(numbers_are_printed_in_decimal),
    TEST(time_goes_on_over_wraps_of_the_counter),
    TEST(answers_are_those_of_the_published_sessions),
    TEST(a_change_of_mode_disables_the_timer),
    TEST(what_is_no_command_is_answered_by_an_error_and_the_next_one_is_intact),
    TEST(a_command_of_120_characters_is_taken_and_a_longer_one_is_not),
    TEST(a_flood_from_the_host_is_told_and_the_next_command_is_intact),
    TEST(commands_lost_in_a_flood_get_one_error_together),
    TEST(commands_lost_after_an_error_are_told_too),
    TEST(a_byte_lost_by_the_uart_spoils_its_command_only),
    TEST(a_command_lost_as_a_whole_is_answered_by_an_error),
    TEST(help_lists_the_commands_and_ends),
    TEST(settings_are_answered_by_their_name_and_value),
    {NULL, NULL},
};

static size_t run_all(const struct test *tests)
{
    size_t count = 0;
    for (; tests[count].run; count++) {
        int before = failures;
        board_restart();
        tests[count].run();
        printf("%s %s\n", failures == before ? "ok  " : "FAIL", tests[count].name);
    }
    return count;
}

int main(void)
{
    srand(1);
    size_t count = run_all(host_tests) + run_all(dut_tests);
    printf("%d failures in %zu tests\n", failures, count);
    return failures != 0;
}
