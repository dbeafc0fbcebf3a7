/* The workload between wire and network: protocols of the reference firmwares' th_load_tensor and th_results
 * (mlcommons/tiny, benchmark/reference_submissions), re-implemented from their behaviour. */
#include "workload.h"

#include <string.h>

#include "fixed_point.h"
#include "model.h"
#include "network.h"

const char workload_model[] = MODEL_ID;
const char workload_weights[] = MODEL_WEIGHTS;

/* Word-aligned, as are all tensors in it. */
static _Alignas(16) int8_t arena[MODEL_ARENA_BYTES];

#if MODEL_INPUT_IS_FLOAT
/* The input as it came: the result compares the output with it. */
static float float_input[MODEL_INPUT_COUNT];
#define INPUT_BYTES sizeof float_input
#else
#define INPUT_BYTES MODEL_INPUT_COUNT
#endif

uint32_t workload_input_bytes(void)
{
    return (uint32_t)INPUT_BYTES;
}

uint32_t workload_buffer_bytes(void)
{
    return MODEL_BUFFER_BYTES;
}

uint32_t workload_macs(void)
{
    return MODEL_MACS;
}

#if MODEL_INPUT_IS_FLOAT

_Static_assert(sizeof(float) == 4, "the wire carries IEEE 754 single precision");

/* round(value / scale) + zero, clamped; the zero point for what is not a number. */
static int8_t quantise(float value, const struct quantisation *to)
{
    const float steps = value / to->scale;
    if (steps != steps) {
        return to->zero;
    }
    if (steps > 256.0F) {
        return INT8_MAX;
    }
    if (steps < -256.0F) {
        return INT8_MIN;
    }
    return (int8_t)clamp(round_to_int(steps) + to->zero, INT8_MIN, INT8_MAX);
}

void workload_load(const uint8_t *input)
{
    int8_t *tensor = arena + model_network.input;
    for (uint32_t k = 0; k < MODEL_INPUT_COUNT; k++) {
        const uint8_t *bytes = input + 4U * k;
        const uint32_t bits = (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16
                              | (uint32_t)bytes[3] << 24;
        memcpy(&float_input[k], &bits, sizeof bits);
        tensor[k] = quantise(float_input[k], &model_network.input_quantisation);
    }
}

uint32_t workload_result_count(void)
{
    return 1;
}

float workload_result(uint32_t k)
{
    const struct quantisation *from = &model_network.output_quantisation;
    const int8_t *output = arena + model_network.output;
    float sum = 0.0F;
    if (k > 0) {
        return 0.0F;
    }
    for (uint32_t i = 0; i < MODEL_INPUT_COUNT; i++) {
        const float difference = (float)(output[i] - from->zero) * from->scale - float_input[i];
        sum += difference * difference;
    }
    return sum / (float)MODEL_INPUT_COUNT;
}

#else

void workload_load(const uint8_t *input)
{
    int8_t *tensor = arena + model_network.input;
    for (uint32_t k = 0; k < MODEL_INPUT_COUNT; k++) {
        tensor[k] = (int8_t)(input[k] ^ MODEL_INPUT_XOR);
    }
}

uint32_t workload_result_count(void)
{
    return MODEL_OUTPUT_COUNT;
}

float workload_result(uint32_t k)
{
    const struct quantisation *from = &model_network.output_quantisation;
    if (k >= MODEL_OUTPUT_COUNT) {
        return 0.0F;
    }
    return (float)(arena[model_network.output + k] - from->zero) * from->scale;
}

#endif

void workload_infer(void)
{
    network_run(&model_network, arena);
}

uint32_t workload_layer_count(void)
{
    return model_network.layer_count;
}

struct workload_layer workload_layer(uint32_t k)
{
    const struct layer *layer = &model_network.layers[k];
    return (struct workload_layer){layer->name, layer->macs, layer->parameter_bytes};
}

void workload_before_layer(uint32_t k)
{
    network_run_layers(&model_network, arena, 0U, k);
}

void workload_run_layer(uint32_t k)
{
    network_run_layers(&model_network, arena, k, k + 1U);
}

const int8_t *workload_output(uint32_t *count)
{
    *count = MODEL_OUTPUT_COUNT;
    return arena + model_network.output;
}
