/* Numbers to text and back, against the C library's. */
#include <math.h>

#include "check.h"
#include "text.h"

/* xorshift64 (Marsaglia 2003), so that every run sees the same numbers. */
static uint64_t random64(void)
{
    static uint64_t state = 88172645463325252u;
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

static void same_as_printf(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    if (isnan(value)) {
        return; /* whose sign printf tells or not */
    }
    for (unsigned decimals = 0u; decimals <= 6u; decimals++) {
        char expected[64];
        char got[TEXT_NUMBER_CHARS];
        (void)snprintf(expected, sizeof expected, "%0.*f", (int)decimals, (double)value);
        CHECK(text_from_float(got, value, decimals) == strlen(expected));
        CHECK_TEXT(got, expected);
    }
}

static void floats_are_those_of_printf(void)
{
    for (int k = 0; k < 300000; k++) {
        same_as_printf((uint32_t)random64()); /* any float */
    }
    for (uint32_t k = 0u; k <= 256u * 16u; k++) { /* probabilities, and ties of them */
        const float value = (float)k / (256.0F * 16.0F);
        uint32_t bits;
        memcpy(&bits, &value, sizeof bits);
        same_as_printf(bits);
    }
    static const uint32_t ends[] = {0u,          0x80000000u, 1u,          0x007fffffu, 0x00800000u, 0x7f7fffffu,
                                    0xff7fffffu, 0x4b000000u, 0x4b7fffffu, 0x4b800000u, 0x3f800000u, 0x3f7fffffu,
                                    0x7f800000u, 0xff800000u, 0x358637bdu, 0x3a03126fu};
    for (size_t k = 0u; k < sizeof ends / sizeof ends[0]; k++) {
        same_as_printf(ends[k]);
    }
    char text[TEXT_NUMBER_CHARS];
    (void)text_from_float(text, NAN, 3u);
    CHECK(strcmp(text, "nan") == 0 || strcmp(text, "-nan") == 0);
    (void)text_from_float(text, 106.28054F, 6u);
    CHECK_TEXT(text, "106.280540"); /* as published (protocols.md 1.4) */
}

static void integers_are_those_of_printf(void)
{
    for (int k = 0; k < 100000; k++) {
        const uint64_t value = random64() >> (random64() % 64u);
        char expected[32];
        char got[TEXT_NUMBER_CHARS];
        (void)snprintf(expected, sizeof expected, "%llu", (unsigned long long)value);
        CHECK(text_from_u64(got, value) == strlen(expected));
        CHECK_TEXT(got, expected);
    }
    char text[TEXT_NUMBER_CHARS];
    (void)text_from_u64(text, UINT64_MAX);
    CHECK_TEXT(text, "18446744073709551615");
    (void)text_from_u64(text, 0u);
    CHECK_TEXT(text, "0");
}

static void integers_are_read_as_by_atoi(void)
{
    static const char *const fine[] = {"0",    "1",   "-1",  "+7",  "007",        "10x",         "x",  "",
                                       "-",    "+-1", "--1", "1.5", "2147483647", "-2147483648", "1e3"};
    for (size_t k = 0u; k < sizeof fine / sizeof fine[0]; k++) {
        int32_t value = 99;
        CHECK(text_to_i32(fine[k], &value));
        CHECK(value == atoi(fine[k]));
    }
    static const char *const large[] = {"2147483648", "-2147483649", "99999999999999999999999999999999999999999999"};
    for (size_t k = 0u; k < sizeof large / sizeof large[0]; k++) {
        int32_t value = 99;
        CHECK(!text_to_i32(large[k], &value));
        CHECK(value == 99);
    }
}

static void hex_digits_go_both_ways(void)
{
    for (int k = 0; k < 256; k++) {
        char text[3] = {0};
        text_from_byte(text, (uint8_t)k);
        char expected[3];
        (void)snprintf(expected, sizeof expected, "%02x", (unsigned)k);
        CHECK_TEXT(text, expected);
        CHECK(text_hex_digit(text[0]) * 16 + text_hex_digit(text[1]) == k);
        const char *digits = "0123456789abcdefABCDEF";
        CHECK((text_hex_digit((char)k) >= 0) == (k != 0 && strchr(digits, k) != NULL));
    }
    CHECK(text_hex_digit('F') == 15);
}

int main(void)
{
    floats_are_those_of_printf();
    integers_are_those_of_printf();
    integers_are_read_as_by_atoi();
    hex_digits_go_both_ways();
    return 0;
}
