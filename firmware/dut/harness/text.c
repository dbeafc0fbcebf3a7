#include "text.h"

#include <string.h>

bool text_to_i32(const char *text, int32_t *value)
{
    bool negative = false;
    if (*text == '-' || *text == '+') {
        negative = *text == '-';
        text++;
    }
    const int64_t limit = negative ? -(int64_t)INT32_MIN : (int64_t)INT32_MAX;
    int64_t magnitude = 0;
    for (; *text >= '0' && *text <= '9'; text++) {
        magnitude = magnitude * 10 + (*text - '0');
        if (magnitude > limit) {
            return false;
        }
    }
    *value = (int32_t)(negative ? -magnitude : magnitude);
    return true;
}

int text_hex_digit(char digit)
{
    if (digit >= '0' && digit <= '9') {
        return digit - '0';
    }
    if (digit >= 'a' && digit <= 'f') {
        return digit - 'a' + 10;
    }
    if (digit >= 'A' && digit <= 'F') {
        return digit - 'A' + 10;
    }
    return -1;
}

void text_from_byte(char text[2], uint8_t byte)
{
    static const char digits[] = "0123456789abcdef";
    text[0] = digits[byte >> 4];
    text[1] = digits[byte & 0x0fu];
}

size_t text_from_u64(char text[TEXT_NUMBER_CHARS], uint64_t value)
{
    char reversed[20]; /* 2^64 has 20 digits */
    size_t count = 0u;
    do {
        reversed[count] = (char)('0' + (int)(value % 10u));
        count++;
        value /= 10u;
    } while (value != 0u);
    for (size_t k = 0u; k < count; k++) {
        text[k] = reversed[count - 1u - k];
    }
    text[count] = '\0';
    return count;
}

/* Digits of mantissa * 2^exponent for a float's mantissa (24 bits) and exponents from 0 to 104. */
static size_t from_large(char *text, uint32_t mantissa, int exponent)
{
    uint8_t digits[40] = {0}; /* the least first; 2^128 has 39 */
    size_t count = 0u;
    for (; mantissa != 0u; mantissa /= 10u) {
        digits[count] = (uint8_t)(mantissa % 10u);
        count++;
    }
    for (; exponent > 0; exponent--) {
        unsigned carry = 0u;
        for (size_t k = 0u; k < count; k++) {
            const unsigned doubled = 2u * digits[k] + carry;
            digits[k] = (uint8_t)(doubled % 10u);
            carry = doubled / 10u;
        }
        if (carry != 0u) {
            digits[count] = (uint8_t)carry;
            count++;
        }
    }
    for (size_t k = 0u; k < count; k++) {
        text[k] = (char)('0' + digits[count - 1u - k]);
    }
    return count;
}

/* value / 2^shift, rounded to the nearest, ties to even. */
static uint64_t shifted(uint64_t value, unsigned shift)
{
    if (shift >= 64u) {
        return 0u; /* value is below 2^44 here: less than half */
    }
    const uint64_t quotient = value >> shift;
    const uint64_t rest = value - (quotient << shift);
    const uint64_t half = (uint64_t)1 << (shift - 1u);
    return quotient + ((rest > half || (rest == half && (quotient & 1u) != 0u)) ? 1u : 0u);
}

size_t text_from_float(char text[TEXT_NUMBER_CHARS], float value, unsigned decimals)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    const uint32_t fraction = bits & 0x7fffffu;
    const int biased = (int)((bits >> 23) & 0xffu);
    size_t at = 0u;
    if ((bits >> 31) != 0u) {
        text[at] = '-';
        at++;
    }
    if (biased == 255) {
        memcpy(&text[at], fraction != 0u ? "nan" : "inf", 4u);
        return at + 3u;
    }
    /* value = mantissa * 2^exponent (IEEE 754 binary32) */
    const uint32_t mantissa = biased == 0 ? fraction : (fraction | 0x800000u);
    const int exponent = (biased == 0 ? 1 : biased) - 150;
    uint64_t scale = 1u;
    for (unsigned k = 0u; k < decimals; k++) {
        scale *= 10u;
    }
    uint64_t rest = 0u;
    if (exponent >= 0) {
        at += from_large(&text[at], mantissa, exponent);
    } else {
        const uint64_t scaled = shifted(mantissa * scale, (unsigned)-exponent);
        at += text_from_u64(&text[at], scaled / scale);
        rest = scaled % scale;
    }
    if (decimals != 0u) {
        text[at] = '.';
        at++;
        for (uint64_t unit = scale / 10u; unit != 0u; unit /= 10u) {
            text[at] = (char)('0' + (int)(rest / unit % 10u));
            at++;
        }
    }
    text[at] = '\0';
    return at;
}
