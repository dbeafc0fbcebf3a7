/* The buffer behind `db`: one input, as the host downloads it (protocols.md 1.3, 1.6, 1.10). */
#ifndef INPUT_BUFFER_H
#define INPUT_BUFFER_H

#include <stdint.h>

struct input_buffer {
    uint8_t *bytes;
    uint32_t capacity; /* of `bytes` */
    uint32_t expected; /* what `db load` named; 0: there was none */
    uint32_t loaded;   /* of those, how many have come */
};

/* Empties it: all bytes 0, nothing expected. */
void input_buffer_init(struct input_buffer *buffer, uint8_t *bytes, uint32_t capacity);

/* Carries out `db` with these words after it, and prints the answer up to its `m-ready`, which is not printed. */
void input_buffer_command(struct input_buffer *buffer, char *words[], uint8_t count);

#endif
