/* Lines to the host, in pieces of a small buffer: a line may be of any length. */
#ifndef SAY_H
#define SAY_H

#include <stdint.h>

/* Adds text to the line. */
void say_text(const char *text);

/* Adds a decimal number. */
void say_u64(uint64_t value);

/* Adds two lower-case hex digits. */
void say_byte(uint8_t byte);

/* Adds a number with so many decimals, at most 6. */
void say_float(float value, unsigned decimals);

/* Ends the line by CR LF and sends what is left of it. */
void say_end(void);

/* A whole line. */
void say_line(const char *line);

#endif
