#include "say.h"

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

static void say_character(char character)
{
    if (filled == sizeof piece) {
        flush();
    }
    piece[filled] = character;
    filled++;
}

void say_text(const char *text)
{
    for (; *text != '\0'; text++) {
        say_character(*text);
    }
}

void say_u64(uint64_t value)
{
    char text[TEXT_NUMBER_CHARS];
    (void)text_from_u64(text, value);
    say_text(text);
}

void say_byte(uint8_t byte)
{
    char text[2];
    text_from_byte(text, byte);
    say_character(text[0]);
    say_character(text[1]);
}

void say_float(float value, unsigned decimals)
{
    char text[TEXT_NUMBER_CHARS];
    (void)text_from_float(text, value, decimals);
    say_text(text);
}

void say_end(void)
{
    say_text("\r\n");
    flush();
}

void say_line(const char *line)
{
    say_text(line);
    say_end();
}
