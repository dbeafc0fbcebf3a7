/* Replies to the host, line by line, sent in pieces of a small buffer: a line may have any length. */
#ifndef REPLY_H
#define REPLY_H

#include <stdint.h>

/* Adds text to the line. */
void reply_text(const char *text);

/* Adds a decimal number. */
void reply_u64(uint64_t value);

/* Adds two lower-case hex digits. */
void reply_byte(uint8_t byte);

/* Adds a number with `decimals` decimals, at most 6. */
void reply_float(float value, unsigned decimals);

/* Ends the line with CR LF and sends the rest of it. */
void reply_end(void);

/* Sends a whole line. */
void reply_line(const char *line);

#endif
