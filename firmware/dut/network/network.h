/* A network: layers in the order of their execution, tensors in one arena. */
#ifndef JOULEBENCH_NETWORK_H
#define JOULEBENCH_NETWORK_H

#include "kernels.h"

enum layer_kind {
    LAYER_CONVOLUTION,
    LAYER_DEPTHWISE,
    LAYER_AVERAGE_POOL,
    LAYER_ADDITION,
    LAYER_SOFTMAX
};

/* One layer. Tensors are offsets into the arena. */
struct layer {
    enum layer_kind kind;
    const char *name;         /* the operator's name in a .tflite file: "CONV_2D" */
    uint32_t macs;            /* multiply-accumulates, padding counted as if it were input */
    uint32_t parameter_bytes; /* of its weights and biases */
    uint32_t input;
    uint32_t second; /* the other summand of an addition, else 0 */
    uint32_t output;
    union {
        const struct convolution *convolution; /* depthwise, too */
        const struct average_pool *average_pool;
        const struct addition *addition;
        const struct softmax *softmax;
    } table;
};

/* How to read a tensor's numbers: real = scale * (q - zero). */
struct quantisation {
    float scale;
    int8_t zero;
};

struct network {
    const struct layer *layers;
    uint32_t layer_count;
    uint32_t input; /* offset into the arena; no layer writes here */
    uint32_t input_count;
    struct quantisation input_quantisation;
    uint32_t output;
    uint32_t output_count;
    struct quantisation output_quantisation;
    uint32_t patches; /* offset into the arena */
};

/* Runs all layers. The arena has MODEL_ARENA_BYTES bytes and holds the input at network->input. */
void network_run(const struct network *network, int8_t *arena);

/* Runs the layers from `first` up to and without `stop`. A layer alone may be run any number of times: no layer writes to
 * its own inputs. */
void network_run_layers(const struct network *network, int8_t *arena, uint32_t first, uint32_t stop);

#endif
