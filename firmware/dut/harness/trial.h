/* What is measured: marks, and what runs between two of them. */
#ifndef TRIAL_H
#define TRIAL_H

#include <stdbool.h>
#include <stdint.h>

/* A timestamp: an edge of the pin, held low, in energy mode; a printed time in performance mode (protocols.md 1.3 to
 * 1.5). */
void trial_mark(void);

/* A trial up to `m-infer-done` (protocols.md 1.4). Nothing is printed inside the window in energy mode. */
void trial_run(const uint8_t *input, uint32_t iterations, uint32_t warmups);

/* One layer alone between two marks, after the layers before it and once itself. */
void trial_layer(const uint8_t *input, uint32_t layer, uint32_t iterations);

/* Whether trial_run parts each measured inference into pre-processing, network and post-processing. */
void trial_phases(bool on);

/* States that, in two lines if they are on. */
void trial_tell_phases(void);

#endif
