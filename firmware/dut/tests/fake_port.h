/* A port for tests: input from memory, output into memory, a clock that only waiting and reading it move. */
#ifndef FAKE_PORT_H
#define FAKE_PORT_H

#include <stddef.h>
#include <stdint.h>

/* Ticks that pass with each look at the clock. */
#define FAKE_STEP 1000u

/* Input from now on; what was left of the last is forgotten. */
void fake_input(const uint8_t *bytes, size_t count);

/* Bytes get lost before the byte at this place of the input. */
void fake_lose(size_t place, uint32_t count);

/* All text since the last call. */
const char *fake_text(void);

/* Everything since the last call but for looks at the clock, a line each: `low`, `high`, `phase <n>`, or the first
 * word of a piece of text. */
const char *fake_events(void);

/* Duration of the last low pulse, in ticks. */
uint64_t fake_pulse_ticks(void);

/* Time from the last PHASE_MARK to the PHASE_PAUSE after it, in ticks. */
uint64_t fake_pulse_of_phases_ticks(void);

/* The clock stands here. */
void fake_set_ticks(uint64_t ticks);

#endif
