#include "kernels.h"

#include <string.h>

#include "fixed_point.h"

/* The accumulator of an output channel, as int8. Not inlined: that would cost more flash than time. */
static int8_t finish(const struct output_stage *stage, uint32_t channel, int32_t acc)
{
    const uint32_t at = channel * stage->step;
    const int32_t scaled = stage->once ? scale_once(acc, stage->multiplier[at], stage->shift[at])
                                       : scale(acc, stage->multiplier[at], stage->shift[at]);
    return (int8_t)clamp(scaled + stage->zero, stage->lowest, stage->highest);
}

/* Copies the input under one position of the window; padding reads as the zero point. */
static void gather(const struct convolution *layer, const int8_t *input, int32_t top, int32_t left,
                   int8_t *patch)
{
    const struct window *window = &layer->window;
    const int32_t channels = window->input.channels;
    const int32_t width = window->input.width;
    const int32_t first = left < 0 ? -left : 0; /* columns of the window before the input */
    const int32_t beyond = left + window->width - width;
    const int32_t last = window->width - (beyond > 0 ? beyond : 0); /* first column after the input */
    const size_t row_bytes = (size_t)(window->width * channels);
    for (int32_t row = top; row < top + window->height; row++, patch += row_bytes) {
        if (row < 0 || row >= window->input.height || first >= last) {
            memset(patch, layer->input_zero, row_bytes);
            continue;
        }
        if (first > 0) {
            memset(patch, layer->input_zero, (size_t)(first * channels));
        }
        memcpy(patch + first * channels, input + (row * width + left + first) * channels,
               (size_t)((last - first) * channels));
        if (last < window->width) {
            memset(patch + last * channels, layer->input_zero, (size_t)((window->width - last) * channels));
        }
    }
}

/* Four bytes at once. Compilers make one load of it where the machine allows unaligned ones; memcpy would
 * be a call in freestanding builds. */
static inline uint32_t four(const int8_t *bytes)
{
    return (uint32_t)(uint8_t)bytes[0] | (uint32_t)(uint8_t)bytes[1] << 8 | (uint32_t)(uint8_t)bytes[2] << 16
           | (uint32_t)(uint8_t)bytes[3] << 24;
}

/* acc + the four products of the bytes of a and b. A word load and four sign extensions cost less than four
 * loads, on small cores and in emulators. */
static inline int32_t dot_four(uint32_t a, uint32_t b, int32_t acc)
{
    acc += (int8_t)a * (int8_t)b;
    acc += (int8_t)(a >> 8) * (int8_t)(b >> 8);
    acc += (int8_t)(a >> 16) * (int8_t)(b >> 16);
    return acc + (int8_t)(a >> 24) * (int8_t)(b >> 24);
}

/* Two output channels of two pixels, so that every byte loaded is used twice. */
static void dense_two_by_two(const struct convolution *layer, const int8_t *first, const int8_t *second,
                             uint32_t taps, uint32_t channel, int8_t *output)
{
    const struct output_stage *stage = &layer->to_output;
    const int8_t *weights = layer->weights + channel * taps;
    const int8_t *next = weights + taps;
    const int8_t *const end = next;
    int32_t acc0 = layer->bias[channel];
    int32_t acc1 = layer->bias[channel + 1U];
    int32_t acc2 = acc0;
    int32_t acc3 = acc1;
    for (uint32_t quads = taps / 4U; quads > 0; quads--) {
        const uint32_t w0 = four(weights);
        const uint32_t w1 = four(next);
        const uint32_t x0 = four(first);
        const uint32_t x1 = four(second);
        acc0 = dot_four(x0, w0, acc0);
        acc1 = dot_four(x0, w1, acc1);
        acc2 = dot_four(x1, w0, acc2);
        acc3 = dot_four(x1, w1, acc3);
        weights += 4;
        next += 4;
        first += 4;
        second += 4;
    }
    while (weights < end) {
        acc0 += *first * *weights;
        acc1 += *first++ * *next;
        acc2 += *second * *weights++;
        acc3 += *second++ * *next++;
    }
    output += channel;
    output[0] = finish(stage, channel, acc0);
    output[1] = finish(stage, channel + 1U, acc1);
    output += layer->window.output.channels;
    output[0] = finish(stage, channel, acc2);
    output[1] = finish(stage, channel + 1U, acc3);
}

/* One output channel of one pixel. */
static int8_t dense_one(const struct convolution *layer, const int8_t *patch, uint32_t taps, uint32_t channel)
{
    const int8_t *weights = layer->weights + channel * taps;
    int32_t acc = layer->bias[channel];
    uint32_t k = 0;
    for (; k + 4U <= taps; k += 4U) {
        acc = dot_four(four(patch + k), four(weights + k), acc);
    }
    for (; k < taps; k++) {
        acc += patch[k] * weights[k];
    }
    return finish(&layer->to_output, channel, acc);
}

/* All output channels of one or two pixels. */
static void dense(const struct convolution *layer, const int8_t *const patch[2], uint32_t pixels,
                  uint32_t taps, int8_t *output)
{
    const uint32_t channels = layer->window.output.channels;
    uint32_t channel = 0;
    if (pixels == 2U) {
        for (; channel + 2U <= channels; channel += 2U) {
            dense_two_by_two(layer, patch[0], patch[1], taps, channel, output);
        }
    }
    for (; channel < channels; channel++) {
        for (uint32_t pixel = 0; pixel < pixels; pixel++) {
            output[pixel * channels + channel] = dense_one(layer, patch[pixel], taps, channel);
        }
    }
}

void kernel_convolution(const struct convolution *layer, const int8_t *input, int8_t *output,
                        int8_t *patches)
{
    const struct window *window = &layer->window;
    const uint32_t taps = (uint32_t)window->height * window->width * window->input.channels;
    const int8_t *patch[2] = {input, input};
    uint32_t waiting = 0;
    for (int32_t row = 0; row < window->output.height; row++) {
        const int32_t top = row * window->stride_height - window->pad_top;
        for (int32_t column = 0; column < window->output.width; column++) {
            const int32_t left = column * window->stride_width - window->pad_left;
            if (window->height == 1 && window->width == 1) {
                patch[waiting] = input + (top * window->input.width + left) * window->input.channels;
            } else {
                gather(layer, input, top, left, patches + waiting * taps);
                patch[waiting] = patches + waiting * taps;
            }
            if (++waiting == 2U) {
                dense(layer, patch, waiting, taps, output);
                output += waiting * window->output.channels;
                waiting = 0;
            }
        }
    }
    dense(layer, patch, waiting, taps, output);
}

/* Four channels of one pixel of a depthwise convolution, from the input under the window. */
static void depthwise_four(const struct convolution *layer, const int8_t *patch, uint32_t taps,
                           uint32_t channel, int8_t *output)
{
    const uint32_t channels = layer->window.output.channels;
    const int8_t *weights = layer->weights + channel;
    int32_t acc0 = layer->bias[channel];
    int32_t acc1 = layer->bias[channel + 1U];
    int32_t acc2 = layer->bias[channel + 2U];
    int32_t acc3 = layer->bias[channel + 3U];
    patch += channel;
    for (uint32_t k = 0; k < taps; k++, patch += channels, weights += channels) {
        const uint32_t x = four(patch);
        const uint32_t w = four(weights);
        acc0 += (int8_t)x * (int8_t)w;
        acc1 += (int8_t)(x >> 8) * (int8_t)(w >> 8);
        acc2 += (int8_t)(x >> 16) * (int8_t)(w >> 16);
        acc3 += (int8_t)(x >> 24) * (int8_t)(w >> 24);
    }
    output[channel] = finish(&layer->to_output, channel, acc0);
    output[channel + 1U] = finish(&layer->to_output, channel + 1U, acc1);
    output[channel + 2U] = finish(&layer->to_output, channel + 2U, acc2);
    output[channel + 3U] = finish(&layer->to_output, channel + 3U, acc3);
}

/* One channel of it. */
static void depthwise_one(const struct convolution *layer, const int8_t *patch, uint32_t taps,
                          uint32_t channel, int8_t *output)
{
    const uint32_t channels = layer->window.output.channels;
    int32_t acc = layer->bias[channel];
    for (uint32_t at = channel; at < taps * channels; at += channels) {
        acc += patch[at] * layer->weights[at];
    }
    output[channel] = finish(&layer->to_output, channel, acc);
}

void kernel_depthwise(const struct convolution *layer, const int8_t *input, int8_t *output, int8_t *patch)
{
    const struct window *window = &layer->window;
    const uint32_t channels = window->output.channels;
    const uint32_t taps = (uint32_t)window->height * window->width;
    for (int32_t row = 0; row < window->output.height; row++) {
        const int32_t top = row * window->stride_height - window->pad_top;
        for (int32_t column = 0; column < window->output.width; column++, output += channels) {
            uint32_t channel = 0;
            gather(layer, input, top, column * window->stride_width - window->pad_left, patch);
            for (; channel + 4U <= channels; channel += 4U) {
                depthwise_four(layer, patch, taps, channel, output);
            }
            for (; channel < channels; channel++) {
                depthwise_one(layer, patch, taps, channel, output);
            }
        }
    }
}

/* round(sum / count), halves away from zero. */
static int32_t mean(int32_t sum, int32_t count)
{
    return (sum > 0 ? sum + count / 2 : sum - count / 2) / count;
}

void kernel_average_pool(const struct average_pool *layer, const int8_t *input, int8_t *output)
{
    const struct window *window = &layer->window;
    const int32_t channels = window->input.channels;
    for (int32_t y = 0; y < window->output.height; y++) {
        const int32_t top = y * window->stride_height - window->pad_top;
        const int32_t bottom = clamp(top + window->height, 0, window->input.height);
        for (int32_t x = 0; x < window->output.width; x++) {
            const int32_t left = x * window->stride_width - window->pad_left;
            const int32_t right = clamp(left + window->width, 0, window->input.width);
            for (int32_t channel = 0; channel < channels; channel++) {
                int32_t sum = 0;
                int32_t count = 0;
                for (int32_t row = top < 0 ? 0 : top; row < bottom; row++) {
                    for (int32_t column = left < 0 ? 0 : left; column < right; column++, count++) {
                        sum += input[(row * window->input.width + column) * channels + channel];
                    }
                }
                *output++ = (int8_t)clamp(mean(sum, count), layer->lowest, layer->highest);
            }
        }
    }
}

void kernel_addition(const struct addition *layer, const int8_t *first, const int8_t *second, int8_t *output)
{
    for (uint32_t k = 0; k < layer->count; k++) {
        const int32_t a = scale((first[k] - layer->first_zero) * (1 << 20), layer->first_multiplier,
                                layer->first_shift);
        const int32_t b = scale((second[k] - layer->second_zero) * (1 << 20), layer->second_multiplier,
                                layer->second_shift);
        const int32_t sum = scale(a + b, layer->output_multiplier, layer->output_shift) + layer->output_zero;
        output[k] = (int8_t)clamp(sum, layer->lowest, layer->highest);
    }
}

void kernel_softmax(const struct softmax *layer, const int8_t *input, int8_t *output)
{
    int32_t highest = INT8_MIN;
    float sum = 0.0F;
    for (uint32_t k = 0; k < layer->count; k++) {
        highest = input[k] > highest ? input[k] : highest;
    }
    for (uint32_t k = 0; k < layer->count; k++) {
        sum += layer->exp_table[255 - highest + input[k]];
    }
    const float factor = 1.0F / (sum * layer->output_scale);
    for (uint32_t k = 0; k < layer->count; k++) {
        const float steps = layer->exp_table[255 - highest + input[k]] * factor;
        output[k] = (int8_t)clamp(round_to_int(steps) + layer->output_zero, INT8_MIN, INT8_MAX);
    }
}
