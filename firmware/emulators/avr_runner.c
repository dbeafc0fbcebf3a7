/* avr-runner: the IO manager's firmware in simavr, driven in virtual time by lines on stdin and stdout.
 *
 * The protocol is in README.md. Nothing moves but during `run`.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "board.h"
#include "pty_bridge.h"

static const char usage[] =
    "usage: avr-runner [--mhz N] [--host-baud N] [--dut-baud N] [--pty [--pace F|free]] FILE.elf\n";

static FILE *out; /* where our lines go; stdout itself is kept from what simavr prints */

/* ---- runner to host ---- */

static void print_piece(const char *wire, uint64_t first, uint64_t last, const uint8_t *bytes, size_t count)
{
    static const char digits[] = "0123456789abcdef";
    fprintf(out, "%s %" PRIu64 " %" PRIu64 " ", wire, first, last);
    for (size_t k = 0; k < count; k++) {
        putc(digits[bytes[k] >> 4], out);
        putc(digits[bytes[k] & 15], out);
    }
    putc('\n', out);
}

static void tell_host(uint64_t first, uint64_t last, const uint8_t *bytes, size_t count)
{
    print_piece("host", first, last, bytes, count);
}

static void tell_dut(uint64_t first, uint64_t last, const uint8_t *bytes, size_t count)
{
    print_piece("dut", first, last, bytes, count);
}

static void tell_frame(uint64_t cycle)
{
    fprintf(out, "frame %" PRIu64 "\n", cycle);
}

static void tell_sync(uint64_t cycle, int level)
{
    fprintf(out, "sync %" PRIu64 " %d\n", cycle, level);
}

static void tell_note(const char *text)
{
    fprintf(out, "note %s\n", text);
}

static const struct board_listener listener = {
    .host = tell_host, .dut = tell_dut, .frame = tell_frame, .sync = tell_sync, .note = tell_note};

static void complain(const char *text)
{
    fprintf(out, "error %s\n", text);
    fflush(out);
}

/* ---- host to runner ---- */

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Decodes hex digits in place; returns the number of bytes, or -1. */
static long unhex(char *text)
{
    size_t length = strlen(text);
    if (length % 2) {
        return -1;
    }
    for (size_t k = 0; k < length / 2; k++) {
        int high = hex_digit(text[2 * k]);
        int low = hex_digit(text[2 * k + 1]);
        if (high < 0 || low < 0) {
            return -1;
        }
        text[k] = (char)(high << 4 | low);
    }
    return (long)(length / 2);
}

static bool number(const char *text, uint64_t *value)
{
    char *end;
    errno = 0;
    *value = text ? strtoull(text, &end, 10) : 0;
    return text && *text >= '0' && *text <= '9' && *end == '\0' && errno == 0;
}

static bool baud_rate(const char *text, double *value)
{
    char *end;
    *value = text ? strtod(text, &end) : 0;
    return text && *end == '\0' && *value >= 1 && *value <= 1e6;
}

static bool level_of(const char *text, int *level)
{
    if (text == NULL || (strcmp(text, "0") != 0 && strcmp(text, "1") != 0)) {
        return false;
    }
    *level = *text - '0';
    return true;
}

static const char past[] = "that cycle is past";
static const char early[] = "that cycle is past, or before what is planned already";
static const char bad_hex[] = "hex digits in pairs expected";
static const char bad_number[] = "a cycle expected";

static const char *do_bytes(char **word, bool to_dut)
{
    uint64_t cycle;
    double baud = 0;
    char *hex = to_dut ? word[3] : word[2];
    if (!number(word[1], &cycle)) {
        return bad_number;
    }
    if (to_dut && !baud_rate(word[2], &baud)) {
        return "a baud rate from 1 to 1e6 expected";
    }
    long count = hex ? unhex(hex) : -1;
    if (count < 0) {
        return bad_hex;
    }
    const uint8_t *bytes = (const uint8_t *)hex;
    bool taken = to_dut ? board_dut_send(cycle, baud, bytes, (size_t)count)
                        : board_host_send(cycle, bytes, (size_t)count);
    return taken ? NULL : past;
}

static const char *do_run(char **word)
{
    uint64_t until;
    if (!number(word[1], &until)) {
        return bad_number;
    }
    if (until < board_cycle()) {
        return past;
    }
    board_run(until);
    fprintf(out, "at %" PRIu64 "\n", board_cycle());
    fflush(out);
    return NULL;
}

static const char *do_watch(char **word)
{
    int on;
    if (word[1] == NULL || strcmp(word[1], "sync") != 0 || !level_of(word[2], &on)) {
        return "watch sync 0|1 expected";
    }
    board_watch_sync(on != 0);
    return NULL;
}

static const char *do_pins(char **word)
{
    uint64_t cycle;
    int level;
    if (!number(word[1], &cycle)) {
        return bad_number;
    }
    if (strcmp(word[0], "reset") == 0) {
        return board_plan_reset(cycle) ? NULL : past;
    }
    if (strcmp(word[0], "cut") == 0) {
        return board_plan_cut(cycle) ? NULL : early;
    }
    if (!level_of(word[2], &level)) {
        return "a level, 0 or 1, expected";
    }
    return board_set_d3(cycle, level) ? NULL : early;
}

static const char *do_dutbaud(char **word)
{
    double baud;
    if (!baud_rate(word[1], &baud)) {
        return "a baud rate from 1 to 1e6 expected";
    }
    board_set_dut_baud(baud);
    return NULL;
}

/* Does what a line says; returns what is wrong with it, or NULL. */
static const char *obey(char *line)
{
    char *word[4] = {NULL, NULL, NULL, NULL};
    char *rest = NULL;
    for (int k = 0; k < 4; k++) {
        word[k] = strtok_r(k ? NULL : line, " \r\n", &rest);
        if (word[k] == NULL) {
            break;
        }
    }
    if (word[0] == NULL) {
        return "empty line";
    }
    if (strcmp(word[0], "run") == 0) {
        return do_run(word);
    }
    if (strcmp(word[0], "host") == 0) {
        return do_bytes(word, false);
    }
    if (strcmp(word[0], "dut") == 0) {
        return do_bytes(word, true);
    }
    if (strcmp(word[0], "d3") == 0 || strcmp(word[0], "reset") == 0 || strcmp(word[0], "cut") == 0) {
        return do_pins(word);
    }
    if (strcmp(word[0], "watch") == 0) {
        return do_watch(word);
    }
    if (strcmp(word[0], "dutbaud") == 0) {
        return do_dutbaud(word);
    }
    if (strcmp(word[0], "zero") == 0) {
        fprintf(out, "zero %" PRIu64 "\n", board_timer1_zero());
        fflush(out);
        return NULL;
    }
    return "unknown command";
}

/* Gives stdout to our lines alone: what simavr prints by itself goes to stderr. */
static FILE *claim_stdout(void)
{
    int copy = dup(STDOUT_FILENO);
    if (copy < 0 || dup2(STDERR_FILENO, STDOUT_FILENO) < 0) {
        return NULL;
    }
    return fdopen(copy, "w");
}

struct options {
    const char *elf;
    double mhz, host_baud, dut_baud, pace;
    bool pty;
};

static bool read_options(int count, char **words, struct options *options)
{
    *options = (struct options){.mhz = 16, .host_baud = 115200, .dut_baud = 9600, .pace = 1};
    for (int k = 1; k < count; k++) {
        const char *word = words[k];
        const char *value = k + 1 < count ? words[k + 1] : NULL;
        if (strcmp(word, "--pty") == 0) {
            options->pty = true;
        } else if (word[0] != '-') {
            options->elf = word;
        } else if (value == NULL) {
            return false;
        } else {
            char *end;
            double number_read = strtod(value, &end);
            bool fine = *end == '\0' && number_read > 0;
            k++;
            if (strcmp(word, "--pace") == 0) {
                options->pace = strcmp(value, "free") == 0 ? 0 : number_read;
                fine = fine || options->pace == 0;
            } else if (strcmp(word, "--mhz") == 0) {
                options->mhz = number_read;
            } else if (strcmp(word, "--host-baud") == 0) {
                options->host_baud = number_read;
            } else if (strcmp(word, "--dut-baud") == 0) {
                options->dut_baud = number_read;
            } else {
                return false;
            }
            if (!fine) {
                return false;
            }
        }
    }
    return options->elf != NULL;
}

int main(int count, char **words)
{
    struct options options;
    if (!read_options(count, words, &options)) {
        fputs(usage, stderr);
        return 2;
    }
    out = claim_stdout();
    if (out == NULL) {
        perror("avr-runner");
        return 2;
    }
    uint32_t hz = (uint32_t)(options.mhz * 1e6);
    if (options.pty) {
        return bridge(options.elf, hz, options.host_baud, options.dut_baud, options.pace, out);
    }
    if (!board_open(options.elf, hz, options.host_baud, options.dut_baud, &listener)) {
        return 2;
    }
    char *line = NULL;
    size_t capacity = 0;
    while (getline(&line, &capacity, stdin) > 0) {
        const char *wrong = obey(line);
        if (wrong) {
            complain(wrong);
        }
    }
    free(line);
    return 0;
}
