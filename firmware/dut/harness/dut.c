#include "dut.h"

#include <string.h>

#include "command_line.h"
#include "config.h"
#include "dump.h"
#include "input_buffer.h"
#include "model.h"
#include "port.h"
#include "reply.h"
#include "text.h"
#include "workload.h"

static const bool energy_mode = DUT_ENERGY != 0;

static uint8_t input_bytes[MODEL_BUFFER_BYTES];
static struct input_buffer input;
static struct command_line line;
static bool inferred; /* there is a result */

uint64_t dut_us(uint64_t ticks, uint32_t tick_hz)
{
    return ticks / tick_hz * 1000000u + ticks % tick_hz * 1000000u / tick_hz;
}

/* A timestamp: an edge of the pin, held low, in energy mode; a printed time in performance mode (1.3 to 1.5). */
static void mark(void)
{
    const uint64_t now = port_ticks();
    if (energy_mode) {
        port_pin(false);
        port_wait_until(now + (uint64_t)DUT_HOLD_US * port_tick_hz / 1000000u);
        port_pin(true);
    } else {
        reply_text("m-lap-us-");
        reply_u64(dut_us(now, port_tick_hz));
        reply_end();
    }
}

/* `profile`. Synthetic weights are named, so that no figure of theirs passes for the reference model's. */
static void profile(void)
{
    reply_line("m-profile-[ULPMark for tinyML Firmware V0.0.1]");
    reply_text("m-model-[");
    reply_text(workload_model);
    reply_line("]");
    if (workload_weights[0] != '\0') {
        reply_text("m-weights-[");
        reply_text(workload_weights);
        reply_line("]");
    }
}

/* `help`, in the reference firmware's words, and a line for what is ours. */
static void help(void)
{
    static const char *const lines[] = {
        "ULPMark for tinyML Firmware V0.0.1",
        "",
        "help         : Print this information",
        "name         : Print the name of the device",
        "timestsamp   : Generate a timetsamp", /* sic */
        "db SUBCMD    : Manipulate a generic byte buffer",
        "  load N     : Allocate N bytes and set load counter",
        "  db HH[HH]* : Load 8-bit hex byte(s) until N bytes",
        "  print [N=16] [offset=0]",
        "             : Print N bytes at offset as hex",
        "infer N [W=0]: Load input, execute N inferences after W warmup loops",
        "results      : Return the result fp32 vector",
        "output       : Return the raw int8 output tensor",
    };
    for (size_t k = 0u; k < sizeof lines / sizeof lines[0]; k++) {
        reply_line(lines[k]);
    }
}

/* The last inference's results: probabilities by three decimals; a lone figure (ad01) by six (protocols.md 1.4). */
static void results(void)
{
    const uint32_t count = workload_result_count();
    const unsigned decimals = count == 1u ? 6u : 3u;
    reply_text("m-results-[");
    for (uint32_t k = 0u; k < count; k++) {
        if (k != 0u) {
            reply_text(",");
        }
        reply_float(workload_result(k), decimals);
    }
    reply_line("]");
}

/* `output`: the raw output tensor, which tells more than three decimals. */
static void output(void)
{
    uint32_t count = 0u;
    const int8_t *values = workload_output(&count);
    dump("m-output", (const uint8_t *)values, count);
}

/* So many inferences. port_ticks keeps a port's extension of a narrow counter alive. */
static void run(uint32_t count)
{
    for (; count != 0u; count--) {
        workload_infer();
        (void)port_ticks();
    }
}

/* `name-number` as a line. */
static void reply_count(const char *name, uint32_t number)
{
    reply_text(name);
    reply_u64(number);
    reply_end();
}

/* A trial (protocols.md 1.4). Nothing is printed inside the window in energy mode. */
static void trial(uint32_t iterations, uint32_t warmups)
{
    port_phase(PHASE_LOAD);
    workload_load(input.bytes);
    reply_count("m-warmup-start-", warmups);
    port_phase(PHASE_WARM_UP);
    run(warmups);
    port_phase(PHASE_IDLE);
    reply_line("m-warmup-done");
    reply_count("m-infer-start-", iterations);
    mark();
    port_phase(PHASE_INFERENCE);
    run(iterations);
    port_phase(PHASE_IDLE);
    mark();
    reply_line("m-infer-done");
    inferred = true;
    results();
}

/* Refuses a number that fits no 32 bits. */
static bool number(const char *text, int32_t *value)
{
    if (text_to_i32(text, value)) {
        return true;
    }
    reply_text("e-[Number out of range: ");
    reply_text(text);
    reply_line("]");
    return false;
}

/* `infer [N [W]]`. */
static void infer(char *words[], uint8_t count)
{
    int32_t iterations = 1;
    int32_t warmups = 10; /* though the help says 0 (protocols.md 1.3) */
    if ((count > 0u && !number(words[0], &iterations)) || (count > 1u && !number(words[1], &warmups))) {
        return;
    }
    if (iterations <= 0) {
        reply_line("e-[Inference iterations must be >0]");
    } else if (warmups < 0) {
        reply_line("e-[Inference warmup must be >=0]");
    } else {
        trial((uint32_t)iterations, (uint32_t)warmups);
    }
}

/* Carries out a command of at least one word; prints its answer without the `m-ready`. */
static void carry_out(char *words[], uint8_t count)
{
    const char *command = words[0];
    if (strcmp(command, "name") == 0) {
        reply_text("m-name-dut-[");
        reply_text(port_vendor);
        reply_line("]");
    } else if (strcmp(command, "profile") == 0) {
        profile();
    } else if (strcmp(command, "help") == 0) {
        help();
    } else if (strcmp(command, "timestamp") == 0) {
        mark();
    } else if (strcmp(command, "db") == 0) {
        input_buffer_command(&input, &words[1], (uint8_t)(count - 1u));
    } else if (strcmp(command, "infer") == 0) {
        infer(&words[1], (uint8_t)(count - 1u));
    } else if (strcmp(command, "results") == 0 || strcmp(command, "output") == 0) {
        if (!inferred) {
            reply_line("e-[There was no inference]");
        } else if (command[0] == 'r') {
            results();
        } else {
            output();
        }
    } else {
        reply_text("e-[Unknown command: ");
        reply_text(command);
        reply_line("]");
    }
}

/* Answers what has come up to a `%`: every command, errors included, ends in `m-ready`. */
static void answer(enum command_status status)
{
    char *words[3];
    switch (status) {
    case COMMAND_MORE:
        return;
    case COMMAND_READY:
        carry_out(words, command_line_words(&line, words, 3u));
        break;
    case COMMAND_EMPTY:
        reply_line("e-[Empty command]");
        break;
    case COMMAND_TOO_LONG:
        reply_text("e-[Command longer than ");
        reply_u64(COMMAND_CHARS);
        reply_line(" characters]");
        break;
    case COMMAND_BAD_CHARACTER:
        reply_text("e-[Character 0x");
        reply_byte(line.bad_character);
        reply_line(" in command]");
        break;
    case COMMAND_DAMAGED:
        reply_text("e-[Bytes of input lost: ");
        reply_u64(line.lost);
        reply_line("]");
        break;
    }
    reply_line("m-ready");
}

/* Takes input that came while booting: commands are dropped, an unfinished one is kept (protocols.md 1.1). Unlike the
 * reference firmware this tells. */
static void drop_early_commands(void)
{
    uint32_t dropped = 0u;
    for (int byte = port_read(); byte != PORT_NONE; byte = port_read()) {
        if (byte == PORT_LOST) {
            command_line_lost(&line, port_lost());
        } else if (command_line_take(&line, (uint8_t)byte) != COMMAND_MORE) {
            command_line_clear(&line);
            dropped++;
        }
    }
    if (dropped != 0u) {
        reply_text("e-[Commands dropped during boot: ");
        reply_u64(dropped);
        reply_line("]");
    }
}

void dut_boot(void)
{
    port_init();
    port_phase(PHASE_BOOT);
    input_buffer_init(&input, input_bytes, sizeof input_bytes);
    command_line_clear(&line);
    inferred = false;
    reply_line(energy_mode ? "m-timestamp-mode-energy" : "m-timestamp-mode-performance");
    mark(); /* the reference firmware's initialisation of the timestamp makes one, too (protocols.md 1.2) */
    drop_early_commands();
    reply_line("m-init-done");
    reply_line("m-ready");
    port_phase(PHASE_IDLE);
}

void dut_poll(void)
{
    for (int byte = port_read(); byte != PORT_NONE; byte = port_read()) {
        if (byte == PORT_LOST) {
            command_line_lost(&line, port_lost());
            continue;
        }
        const enum command_status status = command_line_take(&line, (uint8_t)byte);
        if (status != COMMAND_MORE) {
            answer(status);
            command_line_clear(&line);
        }
    }
}

void dut_run(void)
{
    dut_boot();
    for (;;) {
        dut_poll();
        port_idle();
    }
}
