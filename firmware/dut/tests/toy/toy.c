/* A workload of no use but for tests of the harness: it is small, and how long an inference takes is plain. */
#include <string.h>

#include "model.h"
#include "workload.h"

#define INPUT_BYTES 20u
#define OUTPUTS 11u /* not a multiple of a line of `output` */
#define ROUNDS 2000u

const char workload_model[] = "toy01";
const char workload_weights[] = "synthetic, seed 0";

static uint8_t tensor[INPUT_BYTES];
static int8_t outputs[OUTPUTS];

uint32_t workload_input_bytes(void)
{
    return INPUT_BYTES;
}

uint32_t workload_buffer_bytes(void)
{
    return MODEL_BUFFER_BYTES;
}

uint32_t workload_macs(void)
{
    return MODEL_MACS;
}

void workload_load(const uint8_t *input)
{
    memcpy(tensor, input, sizeof tensor);
}

/* Fletcher-like sums of the input, ROUNDS times over: outputs depend on each byte and its place. */
static void outputs_between(uint32_t first, uint32_t stop)
{
    for (uint32_t k = first; k < stop; k++) {
        uint32_t sum = k;
        for (uint32_t round = 0u; round < ROUNDS / OUTPUTS; round++) {
            for (uint32_t i = 0u; i < INPUT_BYTES; i++) {
                sum = sum * 31u + tensor[i];
            }
        }
        outputs[k] = (int8_t)((int)(sum % 256u) - 128);
    }
}

void workload_infer(void)
{
    outputs_between(0u, OUTPUTS);
}

/* Two layers: of eight outputs and of three. */
static const struct workload_layer layers[] = {{"FLETCHER", 8000u, 0u}, {"REST", 3000u, 12u}};
static const uint32_t layer_ends[] = {0u, 8u, OUTPUTS};

uint32_t workload_layer_count(void)
{
    return sizeof layers / sizeof layers[0];
}

struct workload_layer workload_layer(uint32_t k)
{
    return layers[k];
}

void workload_before_layer(uint32_t k)
{
    outputs_between(0u, layer_ends[k]);
}

void workload_run_layer(uint32_t k)
{
    outputs_between(layer_ends[k], layer_ends[k + 1u]);
}

uint32_t workload_result_count(void)
{
    return OUTPUTS;
}

float workload_result(uint32_t k)
{
    return k < OUTPUTS ? ((float)outputs[k] + 128.0F) / 256.0F : 0.0F;
}

const int8_t *workload_output(uint32_t *count)
{
    *count = OUTPUTS;
    return outputs;
}
