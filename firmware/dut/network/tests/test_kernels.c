/* The kernels on cases that can be worked out by hand. Bit-equality with TensorFlow Lite's reference kernels
 * on whole networks is tested from Python (tests/firmware/test_network*.py).
 */
#include <stdio.h>
#include <string.h>

#include "fixed_point.h"
#include "kernels.h"

static int failures;

#define CHECK(condition)                                                      \
    do {                                                                      \
        if (!(condition)) {                                                   \
            printf("%s:%d: %s\n", __FILE__, __LINE__, #condition);            \
            failures++;                                                       \
        }                                                                     \
    } while (0)

/* A factor of one: 2^30 / 2^31 * 2^1. */
static const int32_t one[] = {1 << 30};
static const int8_t one_shift[] = {1};

/* Accumulators as they are, clamped to int8. */
static const struct output_stage plain = {
    .multiplier = one, .shift = one_shift, .step = 0, .once = 0, .zero = 0, .lowest = -128, .highest = 127};

static void test_factors_round_halves_in_their_two_ways(void)
{
    /* A factor of 1/2 and of 1/4. */
    const int32_t half = 1 << 30;
    CHECK(scale(1, half, 0) == 1);
    CHECK(scale(-1, half, 0) == 0);
    CHECK(scale(3, half, 0) == 2);
    CHECK(scale(-3, half, 0) == -1);
    CHECK(scale_once(1, half, 0) == 1);
    CHECK(scale_once(-1, half, 0) == -1);
    CHECK(scale_once(-3, half, 0) == -2);
    CHECK(scale_once(2, half, -1) == 1);
    CHECK(scale_once(-2, half, -1) == -1);
    /* Rounded twice: 1/4 becomes 1/2 and that 1. */
    CHECK(scale(1, half, -1) == 1);
    CHECK(scale_once(1, half, -1) == 0);
}

static void test_factors_at_the_ends_of_their_range(void)
{
    /* Volatile: that a shift by 31 is left to the implementation is known, and said in fixed_point.h. */
    const volatile int lowest = -31;
    CHECK(scale(INT32_MAX, 0, 0) == 0);
    CHECK(scale(INT32_MAX, INT32_MAX, 0) == INT32_MAX - 1);
    CHECK(scale(INT32_MIN, INT32_MAX, 0) == -INT32_MAX);
    CHECK(scale(INT32_MAX, 1 << 30, lowest) == 1);
    CHECK(scale(INT32_MIN, 1 << 30, lowest) == -1);
    CHECK(scale(INT32_MAX / 2, 1 << 30, lowest) == 0);
    CHECK(scale(1, 1 << 30, 30) == 1 << 29);
    CHECK(scale(-1, 1 << 30, 30) == -(1 << 29));
    CHECK(scale_once(1, 1 << 30, 30) == 1 << 29);
    CHECK(scale_once(INT32_MIN, INT32_MAX, lowest) == -1);
    CHECK(scale_once(INT32_MAX, INT32_MAX, lowest) == 1);
}

static void test_floats_round_halves_away_from_zero(void)
{
    CHECK(round_to_int(0.5F) == 1);
    CHECK(round_to_int(-0.5F) == -1);
    CHECK(round_to_int(2.5F) == 3);
    CHECK(round_to_int(-2.5F) == -3);
    CHECK(round_to_int(0.49999997F) == 0);
    CHECK(round_to_int(-0.49999997F) == 0);
    CHECK(round_to_int(8388607.5F) == 8388608);
    CHECK(round_to_int(-0.0F) == 0);
}

/* A window of 3 x 3 ones on an image of 3 x 3 ones: sums tell how much of it is padding. */
static const struct window three_by_three = {.input = {3, 3, 1},
                                             .output = {3, 3, 1},
                                             .height = 3,
                                             .width = 3,
                                             .stride_height = 1,
                                             .stride_width = 1,
                                             .pad_top = 1,
                                             .pad_left = 1};
static const int8_t ones[9] = {1, 1, 1, 1, 1, 1, 1, 1, 1};
static const int8_t sums[9] = {4, 6, 4, 6, 9, 6, 4, 6, 4};

static void test_padding_counts_as_real_zero(void)
{
    /* The zero point is 7, and its share is folded into the bias: -7 * 9. */
    const int32_t bias[] = {-63};
    const int8_t eights[9] = {8, 8, 8, 8, 8, 8, 8, 8, 8};
    const struct convolution layer = {
        .window = three_by_three, .to_output = plain, .input_zero = 7, .weights = ones, .bias = bias};
    int8_t patches[18];
    int8_t output[9];
    memset(output, 99, sizeof output);
    kernel_convolution(&layer, eights, output, patches);
    CHECK(memcmp(output, sums, sizeof sums) == 0);
    memset(output, 99, sizeof output);
    kernel_depthwise(&layer, eights, output, patches);
    CHECK(memcmp(output, sums, sizeof sums) == 0);
}

static void test_a_stride_skips_positions(void)
{
    const int32_t bias[] = {0};
    struct convolution layer = {
        .window = three_by_three, .to_output = plain, .input_zero = 0, .weights = ones, .bias = bias};
    const int8_t corners[4] = {4, 4, 4, 4};
    int8_t patches[18];
    int8_t output[4];
    layer.window.stride_height = 2;
    layer.window.stride_width = 2;
    layer.window.output.height = 2;
    layer.window.output.width = 2;
    kernel_convolution(&layer, ones, output, patches);
    CHECK(memcmp(output, corners, sizeof corners) == 0);
}

static void test_a_window_wider_than_its_image(void)
{
    /* One pixel under a window of 3 x 3: all else is padding. */
    const int32_t bias[] = {5};
    struct convolution layer = {
        .window = three_by_three, .to_output = plain, .input_zero = 0, .weights = ones, .bias = bias};
    const int8_t pixel[1] = {10};
    int8_t patches[18];
    int8_t output[1] = {0};
    layer.window.input.height = 1;
    layer.window.input.width = 1;
    layer.window.output.height = 1;
    layer.window.output.width = 1;
    kernel_convolution(&layer, pixel, output, patches);
    CHECK(output[0] == 15);
}

static void test_channels_keep_their_own_bias_factor_and_clamp(void)
{
    /* Five channels of three pixels: pairs and what is left over. Factors 1, 2, 1/2, 1, 1. */
    const int8_t weights[10] = {1, 0, 0, 1, 1, 1, -1, 0, 127, 127};
    const int32_t bias[5] = {0, 1, 2, 3, 4};
    const int32_t multiplier[5] = {1 << 30, 1 << 30, 1 << 30, 1 << 30, 1 << 30};
    const int8_t shift[5] = {1, 2, 0, 1, 1};
    const struct convolution layer = {.window = {.input = {1, 3, 2},
                                                 .output = {1, 3, 5},
                                                 .height = 1,
                                                 .width = 1,
                                                 .stride_height = 1,
                                                 .stride_width = 1},
                                      .to_output = {.multiplier = multiplier,
                                                    .shift = shift,
                                                    .step = 1,
                                                    .once = 0,
                                                    .zero = -1,
                                                    .lowest = -8,
                                                    .highest = 100},
                                      .input_zero = 0,
                                      .weights = weights,
                                      .bias = bias};
    const int8_t input[6] = {1, 2, 10, 20, -30, -40};
    const int8_t expected[15] = {0, 5, 2, 1, 100, 9, 41, 15, -8, 100, -8, -8, -8, 32, -8};
    int8_t output[15];
    kernel_convolution(&layer, input, output, NULL);
    CHECK(memcmp(output, expected, sizeof expected) == 0);
}

static void test_means_round_halves_away_from_zero_and_leave_padding_out(void)
{
    struct average_pool layer = {.window = three_by_three, .lowest = -128, .highest = 127};
    const int8_t image[9] = {1, 2, -1, -2, 100, 0, 0, 0, 0};
    int8_t output[9];
    layer.window.height = 1;
    layer.window.width = 2;
    layer.window.pad_top = 0;
    layer.window.pad_left = 0;
    kernel_average_pool(&layer, image, output);
    CHECK(output[0] == 2);  /* (1 + 2) / 2 */
    CHECK(output[1] == 1);  /* (2 - 1) / 2 */
    CHECK(output[2] == -1); /* -1 alone: the other column is padding */
    CHECK(output[3] == 49); /* (-2 + 100) / 2 */
    layer.highest = 40;
    kernel_average_pool(&layer, image, output);
    CHECK(output[3] == 40);
}

static void test_sums_bring_both_summands_to_the_output_scale(void)
{
    /* Scales 1, 1/2 and 1: first + second / 2. The common scale is 2, so factors 1/2, 1/4 and 2 / 2^20. */
    const struct addition layer = {.count = 4,
                                   .first_zero = 3,
                                   .second_zero = -1,
                                   .output_zero = 2,
                                   .lowest = -128,
                                   .highest = 120,
                                   .first_shift = 0,
                                   .second_shift = -1,
                                   .output_shift = -18,
                                   .first_multiplier = 1 << 30,
                                   .second_multiplier = 1 << 30,
                                   .output_multiplier = 1 << 30};
    const int8_t first[4] = {3, 13, 127, -128};
    const int8_t second[4] = {-1, 19, 127, -128};
    const int8_t expected[4] = {2, 22, 120, -128};
    int8_t output[4];
    kernel_addition(&layer, first, second, output);
    CHECK(memcmp(output, expected, sizeof expected) == 0);
}

static void test_equal_logits_have_equal_probabilities(void)
{
    static float table[256]; /* exp of anything below the highest logit is nothing */
    const struct softmax layer = {
        .count = 4, .exp_table = table, .output_scale = 1.0F / 256.0F, .output_zero = -128};
    const int8_t equal[4] = {-128, -128, -128, -128};
    const int8_t winner[4] = {127, -128, -128, -128};
    int8_t output[4];
    table[255] = 1.0F;
    kernel_softmax(&layer, equal, output);
    CHECK(output[0] == -64 && output[1] == -64 && output[2] == -64 && output[3] == -64);
    kernel_softmax(&layer, winner, output);
    CHECK(output[0] == 127 && output[1] == -128); /* 256 steps do not fit */
}

int main(void)
{
    test_factors_round_halves_in_their_two_ways();
    test_factors_at_the_ends_of_their_range();
    test_floats_round_halves_away_from_zero();
    test_padding_counts_as_real_zero();
    test_a_stride_skips_positions();
    test_a_window_wider_than_its_image();
    test_channels_keep_their_own_bias_factor_and_clamp();
    test_means_round_halves_away_from_zero_and_leave_padding_out();
    test_sums_bring_both_summands_to_the_output_scale();
    test_equal_logits_have_equal_probabilities();
    if (failures > 0) {
        printf("%d checks failed\n", failures);
        return 1;
    }
    puts("kernels: fine");
    return 0;
}
