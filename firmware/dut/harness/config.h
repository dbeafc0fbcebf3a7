/* What is chosen when the firmware is built (`make DEFINES=...`). */
#ifndef CONFIG_H
#define CONFIG_H

/* 1: timestamps are edges of the pin. 0: they are printed in microseconds. */
#ifndef DUT_ENERGY
#define DUT_ENERGY 0
#endif

/* For how long the timestamp pin is held low, in microseconds. A monitor has to see it: one that samples
 * every 0.1 ms sees nothing shorter (protocols.md 1.5). */
#ifndef DUT_HOLD_US
#define DUT_HOLD_US 1000
#endif

/* Length of the phase pin's pulse before each inference, and of the pause before and after it, in microseconds (`phases
 * on`). A monitor has to see it, and it must be shorter than half the network's time, by which it is told apart. */
#ifndef DUT_PHASE_PULSE_US
#define DUT_PHASE_PULSE_US 100
#endif

_Static_assert(DUT_HOLD_US >= 1 && DUT_HOLD_US <= 1000000, "DUT_HOLD_US: from 1 us (the rules) to 1 s");
_Static_assert(DUT_PHASE_PULSE_US >= 1 && DUT_PHASE_PULSE_US <= 1000000, "DUT_PHASE_PULSE_US: from 1 us to 1 s");

#endif
