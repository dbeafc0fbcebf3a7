/* Numbers from and to text, without printf and its floats. */
#ifndef TEXT_H
#define TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Room for any number that the functions below write, with its NUL. */
#define TEXT_NUMBER_CHARS 52u

/* Reads as C's atoi does: a sign, then digits up to the first other character; 0 without any.
 * False if the number does not fit, for which atoi defines nothing. */
bool text_to_i32(const char *text, int32_t *value);

/* Value of a hex digit, -1 if it is none. */
int text_hex_digit(char digit);

/* Two lower-case hex digits, no NUL. */
void text_from_byte(char text[2], uint8_t byte);

/* Decimal digits and NUL; returns how many digits. */
size_t text_from_u64(char text[TEXT_NUMBER_CHARS], uint64_t value);

/* What printf's "%0.<decimals>f" makes of any value, to the last digit: the exact binary value rounded to the
 * nearest, ties to even. At most 6 decimals. Returns how many characters. */
size_t text_from_float(char text[TEXT_NUMBER_CHARS], float value, unsigned decimals);

#endif
