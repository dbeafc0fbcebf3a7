/* Words of the command in the input, and lists of words "a|b|c" in flash. */
#ifndef WORDS_H
#define WORDS_H

#include <stdint.h>

/* Where the word that begins at `from` ends. */
uint8_t word_end(uint8_t from);

/* Index of the word between the two in a list; or -1. */
int8_t choice(uint8_t from, uint8_t to, const char *list);

/* Writes one word of a list. */
void write_item(const char *list, uint8_t index);

/* Repeats the command's name, or the beginning of what stands for one. */
void write_name(void);

#endif
