#include "part.h"

#include <string.h>

avr_io_t *find_module(avr_t *avr, const char *kind, bool (*fits)(const avr_io_t *))
{
    avr_io_t *io = avr->io_port;
    while (io && !(io->kind && strcmp(io->kind, kind) == 0 && fits(io))) {
        io = io->next;
    }
    return io;
}
