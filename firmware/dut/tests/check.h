/* The unit tests' only tool. */
#ifndef CHECK_H
#define CHECK_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(condition)                                                                     \
    do {                                                                                     \
        if (!(condition)) {                                                                  \
            (void)fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);            \
            exit(EXIT_FAILURE);                                                              \
        }                                                                                    \
    } while (0)

#define CHECK_TEXT(got, expected)                                                            \
    do {                                                                                     \
        const char *got_ = (got);                                                            \
        const char *expected_ = (expected);                                                  \
        if (strcmp(got_, expected_) != 0) {                                                  \
            (void)fprintf(stderr, "%s:%d: got\n%s\nexpected\n%s\n", __FILE__, __LINE__, got_, expected_); \
            exit(EXIT_FAILURE);                                                              \
        }                                                                                    \
    } while (0)

#endif
