/* int8 kernels: the operators of the four workloads, bit-equal to TensorFlow Lite's reference kernels.
 *
 * Tensors are NHWC with a batch of one. Layers are constant tables (written by firmware/tools); a kernel
 * needs nothing but its layer, its tensors and, for convolutions, room for patches.
 */
#ifndef JOULEBENCH_KERNELS_H
#define JOULEBENCH_KERNELS_H

#include <stdint.h>

struct shape {
    uint16_t height;
    uint16_t width;
    uint16_t channels;
};

/* A window that slides over the input. Padding on the far sides follows from the shapes. */
struct window {
    struct shape input;
    struct shape output;
    uint16_t height;
    uint16_t width;
    uint16_t stride_height;
    uint16_t stride_width;
    uint16_t pad_top;
    uint16_t pad_left;
};

/* From accumulator to int8: scale(acc, multiplier, shift) or scale_once(..), + zero, clamped (activation
 * included). */
struct output_stage {
    const int32_t *multiplier; /* one per output channel, or one for all of them */
    const int8_t *shift;       /* likewise */
    uint8_t step;              /* 1: one per channel; 0: one for all */
    uint8_t once;              /* 1: rounded once, as fully connected layers are */
    int8_t zero;
    int8_t lowest;
    int8_t highest;
};

/* Convolution: weights [output channel][height][width][input channel]. A fully connected layer is one over
 * an image of one pixel. Depthwise convolution: weights [height][width][channel].
 *
 * The bias has the input's zero point folded in: bias - input_zero * sum(weights), so that the inner loops
 * multiply bytes as they are; padding then reads as input_zero. */
struct convolution {
    struct window window;
    struct output_stage to_output;
    int8_t input_zero;
    const int8_t *weights;
    const int32_t *bias;
};

struct average_pool {
    struct window window;
    int8_t lowest;
    int8_t highest;
};

/* Both inputs are brought to a common scale in 2^-20 steps, added, and scaled to the output. */
struct addition {
    uint32_t count;
    int8_t first_zero;
    int8_t second_zero;
    int8_t output_zero;
    int8_t lowest;
    int8_t highest;
    int8_t first_shift;
    int8_t second_shift;
    int8_t output_shift;
    int32_t first_multiplier;
    int32_t second_multiplier;
    int32_t output_multiplier;
};

/* exp_table[255 - d] = exp(-d * input scale * beta). */
struct softmax {
    uint32_t count;
    const float *exp_table;
    float output_scale;
    int8_t output_zero;
};

/* patches: room for the input under two positions of the window, 2 * height * width * input channels bytes;
 * not used where the window is one pixel. */
void kernel_convolution(const struct convolution *layer, const int8_t *input, int8_t *output,
                        int8_t *patches);
/* patch: room for the input under one position. */
void kernel_depthwise(const struct convolution *layer, const int8_t *input, int8_t *output, int8_t *patch);
void kernel_average_pool(const struct average_pool *layer, const int8_t *input, int8_t *output);
void kernel_addition(const struct addition *layer, const int8_t *first, const int8_t *second,
                     int8_t *output);
void kernel_softmax(const struct softmax *layer, const int8_t *input, int8_t *output);

#endif
