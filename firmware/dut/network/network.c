#include "network.h"

static void run_layer(const struct layer *layer, int8_t *arena, int8_t *patches)
{
    const int8_t *input = arena + layer->input;
    int8_t *output = arena + layer->output;
    switch (layer->kind) {
    case LAYER_CONVOLUTION:
        kernel_convolution(layer->table.convolution, input, output, patches);
        break;
    case LAYER_DEPTHWISE:
        kernel_depthwise(layer->table.convolution, input, output, patches);
        break;
    case LAYER_AVERAGE_POOL:
        kernel_average_pool(layer->table.average_pool, input, output);
        break;
    case LAYER_ADDITION:
        kernel_addition(layer->table.addition, input, arena + layer->second, output);
        break;
    case LAYER_SOFTMAX:
        kernel_softmax(layer->table.softmax, input, output);
        break;
    }
}

void network_run(const struct network *network, int8_t *arena)
{
    for (uint32_t k = 0; k < network->layer_count; k++) {
        run_layer(&network->layers[k], arena, arena + network->patches);
    }
}
