/* The answer to `selftest`. */
#ifndef SELFTEST_H
#define SELFTEST_H

#include <stdbool.h>
#include <stdint.h>

/* Writes a line of the answer; returns false if it has no such line. */
bool selftest_write(uint8_t line);

#endif
