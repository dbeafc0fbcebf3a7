/* A few instructions that no interrupt may split. At most 10 cycles: the timestamp interrupt waits meanwhile. */
#ifndef CRITICAL_H
#define CRITICAL_H

#ifdef __AVR__
#include <avr/interrupt.h>
#define critical_enter() cli()
#define critical_leave() sei()
#else
#define critical_enter() ((void)0)
#define critical_leave() ((void)0)
#endif

#endif
