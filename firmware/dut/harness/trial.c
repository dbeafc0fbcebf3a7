#include "trial.h"

#include "config.h"
#include "dut.h"
#include "port.h"
#include "reply.h"
#include "workload.h"

static const bool energy_mode = DUT_ENERGY != 0;

static bool phases;
static volatile float score; /* post-processing writes here what nobody reads: a compiler must not leave it out */

uint64_t dut_us(uint64_t ticks, uint32_t tick_hz)
{
    return ticks / tick_hz * 1000000u + ticks % tick_hz * 1000000u / tick_hz;
}

/* Waits until so long after a time. */
static void wait_us_since(uint64_t ticks, uint32_t us)
{
    port_wait_until(ticks + (uint64_t)us * port_tick_hz / 1000000u);
}

void trial_mark(void)
{
    const uint64_t now = port_ticks();
    if (energy_mode) {
        port_pin(false);
        wait_us_since(now, DUT_HOLD_US);
        port_pin(true);
    } else {
        reply_text("m-lap-us-");
        reply_u64(dut_us(now, port_tick_hz));
        reply_end();
    }
}

/* So many inferences. port_ticks keeps a port's extension of a narrow counter alive. */
static void infer(uint32_t count)
{
    for (; count != 0u; count--) {
        workload_infer();
        (void)port_ticks();
    }
}

/* The mark before an inference: a pulse of the phase pin between two pauses, of one length. So neither the pulse nor the
 * time that the pin is low on its sides is ever too short for a monitor, however short pre- and post-processing are. */
static void mark_inference(void)
{
    const uint64_t now = port_ticks();
    port_phase(PHASE_PAUSE);
    wait_us_since(now, DUT_PHASE_PULSE_US);
    port_phase(PHASE_MARK);
    wait_us_since(now, 2u * DUT_PHASE_PULSE_US);
    port_phase(PHASE_PAUSE);
    wait_us_since(now, 3u * DUT_PHASE_PULSE_US);
}

/* So many inferences from the input's bytes to scores, each parted by the phase pin. */
static void infer_in_phases(const uint8_t *input, uint32_t count)
{
    for (; count != 0u; count--) {
        mark_inference();
        port_phase(PHASE_PRE);
        workload_load(input);
        port_phase(PHASE_INFERENCE);
        workload_infer();
        port_phase(PHASE_POST);
        for (uint32_t k = 0u; k < workload_result_count(); k++) {
            score = workload_result(k);
        }
    }
}

/* `name-number` as a line. */
static void reply_count(const char *name, uint32_t number)
{
    reply_text(name);
    reply_u64(number);
    reply_end();
}

void trial_phases(bool on)
{
    phases = on;
}

void trial_tell_phases(void)
{
    reply_line(phases ? "m-phases-on" : "m-phases-off");
    if (phases) {
        reply_count("m-phase-pulse-us-", DUT_PHASE_PULSE_US);
    }
}

void trial_run(const uint8_t *input, uint32_t iterations, uint32_t warmups)
{
    port_phase(PHASE_LOAD);
    workload_load(input);
    reply_count("m-warmup-start-", warmups);
    port_phase(PHASE_WARM_UP);
    infer(warmups);
    port_phase(PHASE_IDLE);
    reply_line("m-warmup-done");
    if (phases) {
        trial_tell_phases(); /* such a window holds more than the benchmark's */
    }
    reply_count("m-infer-start-", iterations);
    trial_mark();
    if (phases) {
        infer_in_phases(input, iterations);
    } else {
        port_phase(PHASE_INFERENCE);
        infer(iterations);
    }
    port_phase(PHASE_IDLE);
    trial_mark();
    reply_line("m-infer-done");
}

void trial_layer(const uint8_t *input, uint32_t layer, uint32_t iterations)
{
    port_phase(PHASE_LOAD);
    workload_load(input);
    port_phase(PHASE_WARM_UP);
    workload_before_layer(layer);
    workload_run_layer(layer);
    port_phase(PHASE_IDLE);
    reply_count("m-layer-start-", layer);
    reply_count("m-layer-iterations-", iterations);
    trial_mark();
    port_phase(PHASE_LAYER);
    for (uint32_t count = iterations; count != 0u; count--) {
        workload_run_layer(layer);
        (void)port_ticks();
    }
    port_phase(PHASE_IDLE);
    trial_mark();
    reply_line("m-layer-done");
}
