/* Runs the workload on inputs from standard input, for the tests: each in wire format, one after the other.
 *
 * Writes for each: the output tensor, then what m-results would print as raw floats. Each input is inferred
 * twice, as `infer N` does it N times: the second output must be the first's, else exit status 3. The first input is
 * also inferred layer by layer, and each layer in turn run twice, as `layer K N` runs it: the same, or exit status 4.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "workload.h"

static void infer(const uint8_t *input, int8_t *output)
{
    uint32_t count = 0;
    const int8_t *tensor;
    workload_load(input);
    workload_infer();
    tensor = workload_output(&count);
    memcpy(output, tensor, count);
    workload_infer();
    if (memcmp(output, tensor, count) != 0) {
        fputs("the input did not survive an inference\n", stderr);
        exit(3);
    }
    fwrite(tensor, 1, count, stdout);
    for (uint32_t k = 0; k < workload_result_count(); k++) {
        const float result = workload_result(k);
        fwrite(&result, sizeof result, 1, stdout);
    }
}

/* One layer run twice among the others, for each of them. */
static void repeat_layers(const uint8_t *input, const int8_t *output)
{
    uint32_t count = 0;
    const int8_t *tensor = workload_output(&count);
    for (uint32_t k = 0; k < workload_layer_count(); k++) {
        workload_load(input);
        workload_before_layer(k);
        workload_run_layer(k);
        for (uint32_t later = k; later < workload_layer_count(); later++) {
            workload_run_layer(later);
        }
        if (memcmp(output, tensor, count) != 0) {
            fprintf(stderr, "layer %u run twice changed the output\n", (unsigned)k);
            exit(4);
        }
    }
}

int main(void)
{
    uint32_t count = 0;
    int8_t *output;
    /* One byte aside: inputs need not be aligned. */
    uint8_t *input = malloc((size_t)workload_input_bytes() + 1U);
    (void)workload_output(&count);
    output = malloc(count);
    if (input == NULL || output == NULL) {
        return 2;
    }
    for (uint32_t number = 0; fread(input + 1, workload_input_bytes(), 1, stdin) == 1; number++) {
        infer(input + 1, output);
        if (number == 0U) {
            repeat_layers(input + 1, output);
        }
    }
    free(input);
    free(output);
    return 0;
}
