#include "reply.h"

#include "port.h"
#include "text.h"

static char piece[64];
static size_t filled;

/* Sends what has been collected. */
static void flush(void)
{
    if (filled != 0u) {
        port_write(piece, filled);
        filled = 0u;
    }
}

static void reply_character(char character)
{
    if (filled == sizeof piece) {
        flush();
    }
    piece[filled] = character;
    filled++;
}

void reply_text(const char *text)
{
    for (; *text != '\0'; text++) {
        reply_character(*text);
    }
}

void reply_u64(uint64_t value)
{
    char text[TEXT_NUMBER_CHARS];
    (void)text_from_u64(text, value);
    reply_text(text);
}

void reply_byte(uint8_t byte)
{
    char text[2];
    text_from_byte(text, byte);
    reply_character(text[0]);
    reply_character(text[1]);
}

void reply_float(float value, unsigned decimals)
{
    char text[TEXT_NUMBER_CHARS];
    (void)text_from_float(text, value, decimals);
    reply_text(text);
}

void reply_end(void)
{
    reply_text("\r\n");
    flush();
}

void reply_line(const char *line)
{
    reply_text(line);
    reply_end();
}
