/* What unit tests share. */
#ifndef UNIT_H
#define UNIT_H

#include <stdbool.h>
#include <stddef.h>

struct test {
    const char *name;
    void (*run)(void);
};

#define TEST(name) {#name, name}

/* Tests of the DUT's lines and edges; the last has no name. */
extern const struct test dut_tests[];

extern int failures;

void expect_text(const char *came, const char *wanted, const char *file, int line);
void expect_true(bool fine, const char *what, const char *file, int line);

#define SAYS(came, wanted) expect_text(came, wanted, __FILE__, __LINE__)
#define CHECK(fine) expect_true(fine, #fine, __FILE__, __LINE__)

#endif
