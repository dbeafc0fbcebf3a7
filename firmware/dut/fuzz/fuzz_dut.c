/* libFuzzer target: the whole harness against any input, with losses (ASan and UBSan watch the memory).
 *
 * The first two bytes say where and how many bytes get lost. The rest is fed in two halves, so that commands are
 * also cut in the middle of a poll. Checked: lines are whole and printable, and each `%` is answered by one `m-ready`. */
#include <setjmp.h>

#include "check.h"
#include "dut.h"
#include "fake_port.h"
#include "workload.h"

/* More inferences in one run end it: `infer 2147483647` would take all night. */
#define MOST_INFERENCES 2000u

static uint32_t inferences;
static jmp_buf too_many;

/* --- A workload that costs nothing */

const char workload_model[] = "fuzz";
const char workload_weights[] = "";

void workload_load(const uint8_t *input)
{
    (void)input;
}

void workload_infer(void)
{
    inferences++;
    if (inferences > MOST_INFERENCES) {
        longjmp(too_many, 1);
    }
}

uint32_t workload_layer_count(void)
{
    return 3u;
}

struct workload_layer workload_layer(uint32_t k)
{
    CHECK(k < 3u);
    return (struct workload_layer){"LAYER", k, 4u * k};
}

void workload_before_layer(uint32_t k)
{
    CHECK(k < 3u);
}

void workload_run_layer(uint32_t k)
{
    CHECK(k < 3u);
    workload_infer();
}

uint32_t workload_result_count(void)
{
    return 2u;
}

float workload_result(uint32_t k)
{
    return (float)(k + inferences);
}

const int8_t *workload_output(uint32_t *count)
{
    static const int8_t outputs[9] = {0};
    *count = sizeof outputs;
    return outputs;
}

/* --- The target */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t count_of(const char *text, const char *what)
{
    size_t count = 0u;
    for (const char *at = strstr(text, what); at != NULL; at = strstr(at + 1, what)) {
        count++;
    }
    return count;
}

static size_t commands_in(const uint8_t *data, size_t size)
{
    size_t count = 0u;
    for (size_t k = 0u; k < size; k++) {
        count += data[k] == (uint8_t)'%' ? 1u : 0u;
    }
    return count;
}

/* Every line ends in CR LF, which stand nowhere else, and holds printable ASCII. */
static void check_lines(const char *text)
{
    size_t length = strlen(text);
    CHECK(length >= 2u && strcmp(&text[length - 2u], "\r\n") == 0);
    for (; *text != '\0'; text++) {
        if (*text == '\r') {
            CHECK(text[1] == '\n');
            text++;
        } else {
            CHECK(*text >= ' ' && *text <= '~');
        }
    }
}

static void feed(const uint8_t *data, size_t size)
{
    dut_poll();
    const char *text = fake_text();
    (void)fake_events();
    const size_t commands = commands_in(data, size);
    CHECK(count_of(text, "m-ready\r\n") == commands);
    if (commands != 0u) {
        check_lines(text);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2u) {
        return 0;
    }
    fake_input(NULL, 0u);
    dut_boot();
    (void)fake_text();
    (void)fake_events();
    inferences = 0u;
    if (setjmp(too_many) != 0) {
        return 0;
    }
    const uint32_t lost = data[1];
    const uint8_t *first = &data[2];
    const size_t half = (size - 2u) / 2u;
    fake_input(first, half);
    if (lost != 0u && data[0] <= half) {
        fake_lose(data[0], lost);
    }
    feed(first, half);
    fake_input(&first[half], size - 2u - half);
    feed(&first[half], size - 2u - half);
    return 0;
}
