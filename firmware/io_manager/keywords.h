/* The keywords of a command in the input, and lists of keywords "a|b|c" in flash. */
#ifndef KEYWORDS_H
#define KEYWORDS_H

#include <stdint.h>

/* The end of the word that begins at `from`. */
uint8_t word_end(uint8_t from);

/* The index in a list of the word between `from` and `to`; -1 if it is not there. */
int8_t choice(uint8_t from, uint8_t to, const char *list);

/* Writes a word of a list. */
void write_item(const char *list, uint8_t index);

/* Writes the command's first word, cut if it is long. */
void write_name(void);

#endif
