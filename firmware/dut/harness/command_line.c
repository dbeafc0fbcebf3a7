#include "command_line.h"

void command_line_clear(struct command_line *line)
{
    line->text[0] = '\0';
    line->length = 0u;
    line->bad_character = 0u;
    line->bad = false;
    line->too_long = false;
    line->lost = 0u;
}

/* What the collected characters are, now that `%` has come. */
static enum command_status judged(const struct command_line *line)
{
    if (line->lost != 0u) {
        return COMMAND_DAMAGED;
    }
    if (line->bad) {
        return COMMAND_BAD_CHARACTER;
    }
    if (line->too_long) {
        return COMMAND_TOO_LONG;
    }
    for (uint8_t k = 0u; k < line->length; k++) {
        if (line->text[k] != ' ') {
            return COMMAND_READY;
        }
    }
    return COMMAND_EMPTY;
}

enum command_status command_line_take(struct command_line *line, uint8_t byte)
{
    if (byte == (uint8_t)'%') {
        line->text[line->length] = '\0';
        return judged(line);
    }
    if (byte < 0x20u || byte > 0x7eu) {
        if (!line->bad) {
            line->bad_character = byte;
        }
        line->bad = true;
    }
    if (line->length < COMMAND_CHARS) {
        line->text[line->length] = (char)byte;
        line->length++;
    } else {
        line->too_long = true;
    }
    return COMMAND_MORE;
}

void command_line_lost(struct command_line *line, uint32_t bytes)
{
    const uint32_t room = UINT32_MAX - line->lost;
    line->lost += bytes < room ? bytes : room;
}

uint8_t command_line_words(struct command_line *line, char *words[], uint8_t room)
{
    uint8_t count = 0u;
    char *at = line->text;
    while (count < room) {
        while (*at == ' ') {
            at++;
        }
        if (*at == '\0') {
            break;
        }
        words[count] = at;
        count++;
        while (*at != ' ' && *at != '\0') {
            at++;
        }
        if (*at == '\0') {
            break;
        }
        *at = '\0';
        at++;
    }
    return count;
}
