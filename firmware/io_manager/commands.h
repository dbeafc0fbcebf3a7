/* The commands of the host, and the answers to them. */
#ifndef COMMANDS_H
#define COMMANDS_H

#include <stdbool.h>

/* Goes on with the command under way, or begins the next one. */
void commands_work(void);

/* As after power-up, for tests: on the board the start-up code has done it, and the linker drops this. */
void commands_reset(void);

/* Whether there is a line of an answer for the host; writes it if there is room, and returns whether it did. */
bool commands_wait(void);
bool commands_write(void);

/* Whether a command has been taken and its last line not been written yet. */
bool commands_under_way(void);

#endif
