#include "output.h"

#include "flash.h"
#include "hardware.h"

struct output output;

uint8_t output_room(void)
{
    uint8_t in = output.in;
    uint8_t out = output.out;
    uint8_t used = in >= out ? (uint8_t)(in - out) : (uint8_t)(in + OUTPUT_SIZE - out);
    uint8_t room = (uint8_t)(OUTPUT_SIZE - 1U - used);
    return room > 2 ? (uint8_t)(room - 2U) : 0;
}

void output_char(char c)
{
    uint8_t in = output.in;
    output.bytes[in] = (uint8_t)c;
    output.in = (uint8_t)(in + 1U) == OUTPUT_SIZE ? 0 : (uint8_t)(in + 1U);
}

void output_text(const char *text)
{
    char c;
    while ((c = (char)flash_byte(text++)) != '\0') {
        output_char(c);
    }
}

void output_time(const struct time *time)
{
    enum { BYTES = 8 };
    uint32_t high = time->wraps;
    uint8_t bytes[BYTES] = {(uint8_t)(time->eras >> 8), (uint8_t)time->eras, (uint8_t)(high >> 24),
                            (uint8_t)(high >> 16),      (uint8_t)(high >> 8), (uint8_t)high,
                            (uint8_t)(time->ticks >> 8), (uint8_t)time->ticks};
    char digits[20]; /* of 2^64 - 1 */
    uint8_t count = 0;
    uint8_t rest;
    do {
        /* Long division by ten, byte by byte: a library's 64-bit division would cost a kilobyte of flash. */
        uint8_t remainder = 0;
        rest = 0;
        for (uint8_t k = 0; k < BYTES; k++) {
            uint16_t part = (uint16_t)((uint16_t)(remainder << 8) | bytes[k]);
            uint8_t quotient = (uint8_t)(((uint32_t)part * 6554U) >> 16); /* part / 10, for part < 2560 */
            remainder = (uint8_t)(part - (uint16_t)(quotient * 10U));
            bytes[k] = quotient;
            rest |= quotient;
        }
        digits[count++] = (char)('0' + remainder);
    } while (rest);
    while (count) {
        output_char(digits[--count]);
    }
}

void output_number(uint32_t number)
{
    output_time(&(struct time){(uint16_t)number, number >> 16, 0});
}

void output_end(void)
{
    output_char('\r');
    output_char('\n');
    hardware_host_kick();
}

void output_line(const char *text)
{
    output_text(text);
    output_end();
}

void output_error(const char *text, uint16_t number)
{
    output_text(TEXT("e-["));
    output_text(text);
    output_number(number);
    output_char(']');
    output_end();
}

void output_reset(void)
{
    output = (struct output){0};
}
