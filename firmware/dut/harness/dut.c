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
#include "trial.h"
#include "workload.h"

static uint8_t input_bytes[MODEL_BUFFER_BYTES];
static struct input_buffer input;
static struct command_line line;
static bool inferred; /* there is a result */

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
    reply_text("m-layers-[");
    reply_u64(workload_layer_count());
    reply_line("]");
}

/* `profile layers`: a line for each layer, `m-layer-[index,operator,multiply-accumulates,bytes of parameters]`. */
static void list_layers(void)
{
    for (uint32_t k = 0u; k < workload_layer_count(); k++) {
        const struct workload_layer entry = workload_layer(k);
        reply_text("m-layer-[");
        reply_u64(k);
        reply_text(",");
        reply_text(entry.name);
        reply_text(",");
        reply_u64(entry.macs);
        reply_text(",");
        reply_u64(entry.parameter_bytes);
        reply_line("]");
    }
}

/* `help`, in the reference firmware's words, and lines for what is ours. */
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
        "profile layers: List the network's layers",
        "layer K N    : Load input, execute layer K alone N times",
        "phases on|off: Mark the phases of each inference of infer",
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
        trial_run(input.bytes, (uint32_t)iterations, (uint32_t)warmups);
        inferred = true;
        results();
    }
}

/* `layer K N`. Its tensors stay where they are: there is no result of an inference any more. */
static void layer(char *words[], uint8_t count)
{
    int32_t index = 0;
    int32_t iterations = 0;
    if (count < 2u) {
        reply_line("e-[Command 'layer' requires a layer and a number of iterations]");
    } else if (!number(words[0], &index) || !number(words[1], &iterations)) {
        return;
    } else if (index < 0 || (uint32_t)index >= workload_layer_count()) {
        reply_text("e-[No layer ");
        reply_text(words[0]);
        reply_text(": the last is ");
        reply_u64(workload_layer_count() - 1u);
        reply_line("]");
    } else if (iterations <= 0) {
        reply_line("e-[Layer iterations must be >0]");
    } else {
        inferred = false;
        trial_layer(input.bytes, (uint32_t)index, (uint32_t)iterations);
    }
}

/* `phases on|off`. */
static void phases(char *words[], uint8_t count)
{
    const bool on = count > 0u && strcmp(words[0], "on") == 0;
    if (!on && (count == 0u || strcmp(words[0], "off") != 0)) {
        reply_line("e-[Command 'phases' requires on or off]");
        return;
    }
    trial_phases(on);
    trial_tell_phases();
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
        if (count > 1u && strcmp(words[1], "layers") == 0) {
            list_layers();
        }
    } else if (strcmp(command, "help") == 0) {
        help();
    } else if (strcmp(command, "timestamp") == 0) {
        trial_mark();
    } else if (strcmp(command, "db") == 0) {
        input_buffer_command(&input, &words[1], (uint8_t)(count - 1u));
    } else if (strcmp(command, "infer") == 0) {
        infer(&words[1], (uint8_t)(count - 1u));
    } else if (strcmp(command, "layer") == 0) {
        layer(&words[1], (uint8_t)(count - 1u));
    } else if (strcmp(command, "phases") == 0) {
        phases(&words[1], (uint8_t)(count - 1u));
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
    trial_phases(false);
    reply_line(DUT_ENERGY != 0 ? "m-timestamp-mode-energy" : "m-timestamp-mode-performance");
    trial_mark(); /* the reference firmware's initialisation of the timestamp makes one, too (protocols.md 1.2) */
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
