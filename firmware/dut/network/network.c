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

void network_run_layers(const struct network *network, int8_t *arena, uint32_t first, uint32_t stop)
{
    for (uint32_t k = first; k < stop; k++) {
        run_layer(&network->layers[k], arena, arena + network->patches);
    }
}

void network_run(const struct network *network, int8_t *arena)
{
    network_run_layers(network, arena, 0U, network->layer_count);
}
