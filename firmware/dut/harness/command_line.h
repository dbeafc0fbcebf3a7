/* Collects characters up to `%` (protocols.md 1.1). */
#ifndef COMMAND_LINE_H
#define COMMAND_LINE_H

#include <stdbool.h>
#include <stdint.h>

/* Longest command, as in the reference firmware, which silently cuts off what is longer. */
#define COMMAND_CHARS 80u

enum command_status {
    COMMAND_MORE,          /* no `%` yet */
    COMMAND_READY,         /* `text` is a command */
    COMMAND_EMPTY,         /* nothing, or only spaces, before the `%` */
    COMMAND_TOO_LONG,      /* more than COMMAND_CHARS */
    COMMAND_BAD_CHARACTER, /* not printable ASCII: a line end, or what noise makes */
    COMMAND_DAMAGED,       /* input was lost in it */
};

struct command_line {
    char text[COMMAND_CHARS + 1u]; /* ends in NUL once complete */
    uint8_t length;
    uint8_t bad_character; /* the first one, if `bad` */
    bool bad;
    bool too_long;
    uint32_t lost; /* bytes that were lost in it */
};

/* Forgets what was collected. Called before the first byte and after each command. */
void command_line_clear(struct command_line *line);

/* Takes a byte. The command, and what is wrong with it, stands in `line` until it is cleared. */
enum command_status command_line_take(struct command_line *line, uint8_t byte);

/* Notes that bytes were lost here: the command they belonged to is not carried out. */
void command_line_lost(struct command_line *line, uint32_t bytes);

/* Splits a complete command at its spaces, in place. Returns how many words there are, at most `room`; more
 * are disregarded, as in the reference firmware. */
uint8_t command_line_words(struct command_line *line, char *words[], uint8_t room);

#endif
