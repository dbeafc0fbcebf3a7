/* Bytes as lines of hex digits. */
#ifndef DUMP_H
#define DUMP_H

#include <stdint.h>

/* Bytes on a line. */
#define DUMP_BYTES 8u

/* Prints `<name>-aa-bb-..`, DUMP_BYTES on a line. */
void dump(const char *name, const uint8_t *bytes, uint32_t count);

#endif
