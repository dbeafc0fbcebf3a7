#include "commands.h"

#include <stddef.h>

#include "flash.h"
#include "hardware.h"
#include "input.h"
#include "keywords.h"
#include "laps.h"
#include "output.h"
#include "receiver.h"
#include "relay.h"
#include "selftest.h"
#include "stats.h"

#ifndef VERSION
#define VERSION "0.1.0"
#endif

/* Where the command under way is. */
static enum { IDLE, FORWARDING, ANSWERING } state;
static uint8_t forwarded; /* characters given to the DUT's sender, the '%' included */
static uint32_t late;     /* bits to the DUT that had been late before */
static uint8_t step;      /* lines of the answer that have been written */

/* Writes a line of an answer; returns false if the answer has no such line. */
typedef bool (*answer)(uint8_t line);

static answer writer;
static const char *line_1, *line_2; /* for answer_lines; the second may be NULL */
static uint8_t setting;             /* index of the value that was set, for answer_setting */

/* ---- answers ---- */

static bool answer_lines(uint8_t line)
{
    const char *text = line == 0 ? line_1 : line == 1 ? line_2 : NULL;
    if (text == NULL) {
        return false;
    }
    output_line(text);
    return true;
}

static answer reply(const char *first, const char *second)
{
    line_1 = first;
    line_2 = second;
    return answer_lines;
}

static bool answer_excess(uint8_t line)
{
    if (line == 0) {
        output_error(TEXT("Command over 120 characters, by: "), input_excess());
    }
    return line == 0;
}

static bool answer_damaged(uint8_t line)
{
    if (line == 0) {
        output_error(TEXT("Command damaged, bytes from host lost: "), input_take_lost());
    }
    return line == 0;
}

static bool answer_unknown(uint8_t line)
{
    if (line) {
        return false;
    }
    output_text(TEXT("e-[Unknown command: "));
    write_name();
    output_char(']');
    output_end();
    return true;
}

static bool answer_echo(uint8_t line)
{
    if (line == 1 && late != stats[STAT_DUT_LATE]) {
        output_line(TEXT("e-[Bits to the DUT were late]"));
        return true;
    }
    if (line) {
        return false;
    }
    output_text(TEXT("m-dut-passthrough("));
    for (uint8_t k = 4; k < input_length(); k++) {
        output_char(input_char(k));
    }
    output_char(')');
    output_end();
    return true;
}

static const char help_0[] FLASH = "help";
static const char help_1[] FLASH = "name";
static const char help_2[] FLASH = "version           firmware version";
static const char help_3[] FLASH = "enable-timer      Enable timer ISR";
static const char help_4[] FLASH = "disable-timer     Disable ISR";
static const char help_5[] FLASH = "tm                0=fall/1*=change";
static const char help_6[] FLASH = "dut               DUT passthrough";
static const char help_7[] FLASH = "caps              what this firmware adds:";
static const char help_8[] FLASH = "lap               us*/tk (0.5 us)";
static const char help_9[] FLASH = "width             0*/1: pulse widths";
static const char help_10[] FLASH = "sync              off*/pulse/gate: D6";
static const char help_11[] FLASH = "baud              9600*/19200/38400: DUT";
static const char help_12[] FLASH = "stats             counts since start";
static const char help_13[] FLASH = "selftest          [watchdog]";
static const char *const help_lines[] FLASH = {help_0, help_1, help_2, help_3,  help_4,  help_5,  help_6,
                                               help_7, help_8, help_9, help_10, help_11, help_12, help_13};

static bool answer_help(uint8_t line)
{
    if (line >= sizeof help_lines / sizeof *help_lines) {
        return false;
    }
    output_line((const char *)flash_pointer(&help_lines[line]));
    return true;
}

static const char stat_names[] FLASH =
    "host-bytes|host-lost|dut-bytes|dut-lines|dut-lost|dut-framing|dut-breaks|dut-late|edges|edges-lost";

static bool answer_stats(uint8_t line)
{
    if (line == STATS) {
        return false;
    }
    output_text(TEXT("m-stats-"));
    write_item(stat_names, line);
    output_char('-');
    output_number(stats[line]);
    output_end();
    return true;
}

/* ---- settings: "<name> <value>", answered by "m-<name>-<value>" ---- */

static const char lap_values[] FLASH = "us|tk";
static const char width_values[] FLASH = "0|1";
static const char sync_values[] FLASH = "off|pulse|gate";
static const char baud_values[] FLASH = "9600|19200|38400";
static const char tm_values[] FLASH = "0|1";

static bool answer_setting(uint8_t line)
{
    if (line) {
        return false;
    }
    output_text(TEXT("m-"));
    write_name();
    output_char('-');
    write_item(line_1, setting);
    output_end();
    return true;
}

static bool answer_usage(uint8_t line)
{
    if (line) {
        return false;
    }
    output_text(TEXT("e-[Usage: "));
    write_name();
    output_char(' ');
    output_text(line_1);
    output_char(']');
    output_end();
    return true;
}

/* Finds the argument among the values; then `setting` is its index. Otherwise false, with `usage` to answer. */
static bool take_setting(uint8_t from, const char *values)
{
    int8_t index = choice(from, input_length(), values);
    line_1 = values;
    setting = index < 0 ? 0 : (uint8_t)index;
    return index >= 0;
}

/* ---- the commands; each gets the index of its arguments, and returns its answer ---- */

static answer do_help(uint8_t from)
{
    (void)from;
    return answer_help;
}

static answer do_name(uint8_t from)
{
    (void)from;
    return reply(TEXT("m-name-io-manager-[joulebench]"), NULL);
}

static answer do_version(uint8_t from)
{
    (void)from;
    return reply(TEXT("m-version-[joulebench " VERSION "]"), NULL);
}

static answer do_caps(uint8_t from)
{
    (void)from;
    return reply(TEXT("m-caps-[lap-tk,width,sync,baud,stats,selftest]"), NULL);
}

static answer do_enable(uint8_t from)
{
    (void)from;
    lap_settings.enabled = true;
    laps_apply();
    return reply(TEXT("m-timer-enabled"), NULL);
}

static answer do_disable(uint8_t from)
{
    (void)from;
    lap_settings.enabled = false;
    laps_apply();
    return reply(TEXT("m-timer-disabled"), NULL);
}

static answer do_tm(uint8_t from)
{
    if (from < input_length() && !take_setting(from, tm_values)) {
        return answer_usage;
    }
    lap_settings.falling_only = from < input_length() && setting == 0; /* without an argument: 1 */
    lap_settings.enabled = false;
    laps_apply();
    return reply(lap_settings.falling_only ? TEXT("m-timestmp-mode-FALLING") : TEXT("m-timestmp-mode-CHANGE"),
                 TEXT("m-[Timer disabled after mode change]"));
}

static answer do_lap(uint8_t from)
{
    if (!take_setting(from, lap_values)) {
        return answer_usage;
    }
    lap_settings.in_ticks = setting != 0;
    return answer_setting;
}

static answer do_width(uint8_t from)
{
    if (!take_setting(from, width_values)) {
        return answer_usage;
    }
    lap_settings.widths = setting != 0;
    laps_apply();
    return answer_setting;
}

static answer do_sync(uint8_t from)
{
    if (!take_setting(from, sync_values)) {
        return answer_usage;
    }
    hardware_set_sync((enum sync)setting);
    return answer_setting;
}

static answer do_baud(uint8_t from)
{
    if (!take_setting(from, baud_values)) {
        return answer_usage;
    }
    uint8_t ticks = (uint8_t)(TICKS_PER_BIT_9600 >> setting);
    hardware_set_bit_ticks(ticks);
    receiver_restart(ticks);
    return answer_setting;
}

static answer do_stats(uint8_t from)
{
    (void)from;
    return answer_stats;
}

static answer do_selftest(uint8_t from)
{
    if (choice(from, input_length(), TEXT("watchdog")) == 0) {
        hardware_hang();
    }
    return selftest_write;
}

static answer do_dut(uint8_t from)
{
    /* A bare '%' crashes the official DUT firmware (protocols.md 1.10), so none is ever sent. */
    return from < input_length() ? answer_echo : reply(TEXT("e-[Empty command for the DUT]"), NULL);
}

typedef answer (*command)(uint8_t from);

static const char command_names[] FLASH =
    "dut|tm|enable-timer|disable-timer|name|version|help|caps|lap|width|sync|baud|stats|selftest|"
    "res|tp|et|i2c-enable|i2c-disable|load-vdata|show-vdata";

/* In the order of the names; those without one here are known, but not supported. */
static const command commands[] FLASH = {do_dut,  do_tm,   do_enable, do_disable, do_name, do_version, do_help,
                                         do_caps, do_lap,  do_width,  do_sync,    do_baud, do_stats,   do_selftest};

static bool has_control_characters(void)
{
    for (uint8_t k = 0; k < input_length(); k++) {
        char c = input_char(k);
        if (c < ' ' || c > '~') {
            return true;
        }
    }
    return false;
}

static answer run_whole(void)
{
    if (input_length() == 0) {
        return reply(TEXT("e-[Empty command]"), NULL);
    }
    if (has_control_characters()) {
        return reply(TEXT("e-[Command with CR, LF or other controls]"), NULL);
    }
    uint8_t end = word_end(0);
    uint8_t from = end;
    while (from < input_length() && input_char(from) == ' ') {
        from++;
    }
    int8_t index = choice(0, end, command_names);
    if (index < 0) {
        return answer_unknown;
    }
    if ((uint8_t)index >= sizeof commands / sizeof *commands) {
        return reply(TEXT("e-[Not supported by this firmware]"), NULL);
    }
    command run = (command)flash_pointer(&commands[index]);
    // cppcheck-suppress CastIntegerToAddressAtReturn ; it takes the typedef of a function pointer for an integer
    return run(from);
}

static void begin(answer chosen)
{
    writer = chosen;
    step = 0;
    state = ANSWERING;
}

/* Sends the command to the DUT, and then answers, as EEMBC's firmware does (protocols.md 2.1: the DUT's first
 * line follows by the time of one line). */
static void forward(void)
{
    uint8_t arguments = (uint8_t)(input_length() - 4U); /* behind "dut " */
    while (forwarded <= arguments && hardware_dut_ready()) {
        hardware_dut_send((uint8_t)(forwarded == arguments ? COMMAND_END : input_char((uint8_t)(4U + forwarded))));
        forwarded++;
    }
    if (forwarded > arguments && hardware_dut_idle()) {
        state = ANSWERING;
    }
}

void commands_work(void)
{
    if (state == IDLE) {
        switch (input_look()) {
        case COMMAND_NONE: break;
        case COMMAND_LONG: begin(answer_excess); break;
        case COMMAND_DAMAGED: begin(answer_damaged); break;
        case COMMAND_WHOLE:
            begin(run_whole());
            if (writer == answer_echo) {
                state = FORWARDING;
                forwarded = 0;
                late = stats[STAT_DUT_LATE];
            }
            break;
        }
    }
    if (state == FORWARDING) {
        forward();
    }
}

bool commands_wait(void)
{
    return state == ANSWERING;
}

bool commands_under_way(void)
{
    return state != IDLE;
}

bool commands_write(void)
{
    uint8_t needed = writer == answer_echo && step == 0 ? (uint8_t)(input_length() + 15U) : OUTPUT_LINE;
    if (output_room() < needed) {
        return false;
    }
    if (writer != NULL && writer(step)) {
        step++;
        return true;
    }
    output_line(TEXT("m-ready"));
    input_done();
    state = IDLE;
    return true;
}

void commands_reset(void)
{
    state = IDLE;
}
