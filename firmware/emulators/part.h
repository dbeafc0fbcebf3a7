/* Modules of the part in simavr. */
#ifndef PART_H
#define PART_H

#include <stdbool.h>

#include <simavr/sim_avr.h>

/* The part's module of that kind, the first for which `fits` holds; NULL for none. */
avr_io_t *find_module(avr_t *avr, const char *kind, bool (*fits)(const avr_io_t *));

#endif
