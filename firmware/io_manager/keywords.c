#include "keywords.h"

#include "flash.h"
#include "input.h"
#include "output.h"

enum { SHOWN = 24 /* characters of an unknown command that are repeated */ };

uint8_t word_end(uint8_t from)
{
    uint8_t k = from;
    while (k < input_length() && input_char(k) != ' ') {
        k++;
    }
    return k;
}

void write_name(void)
{
    uint8_t end = word_end(0);
    for (uint8_t k = 0; k < end && k < SHOWN; k++) {
        output_char(input_char(k));
    }
}

int8_t choice(uint8_t from, uint8_t to, const char *list)
{
    int8_t index = 0;
    for (;;) {
        uint8_t k = from;
        char c;
        while ((c = (char)flash_byte(list)) != '\0' && c != '|' && k < to && input_char(k) == c) {
            k++;
            list++;
        }
        if ((c == '\0' || c == '|') && k == to && k > from) {
            return index;
        }
        while ((c = (char)flash_byte(list)) != '\0' && c != '|') {
            list++;
        }
        if (c == '\0') {
            return -1;
        }
        list++;
        index++;
    }
}

void write_item(const char *list, uint8_t index)
{
    char c;
    while (index) {
        index = (uint8_t)(index - (flash_byte(list++) == '|'));
    }
    while ((c = (char)flash_byte(list++)) != '\0' && c != '|') {
        output_char(c);
    }
}
