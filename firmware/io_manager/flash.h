/* Constant texts and tables: in flash on the AVR, whose RAM is small; ordinary memory elsewhere. */
#ifndef FLASH_H
#define FLASH_H

#ifdef __AVR__
#include <avr/pgmspace.h>
#define FLASH PROGMEM
#define TEXT(literal) PSTR(literal)
#define flash_byte(address) pgm_read_byte(address)
#define flash_pointer(address) pgm_read_ptr(address)
#else
#define FLASH
#define TEXT(literal) (literal)
#define flash_byte(address) (*(address))
#define flash_pointer(address) (*(address))
#endif

#endif
