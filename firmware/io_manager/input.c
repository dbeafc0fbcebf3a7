#include "input.h"

#include "critical.h"
#include "stats.h"

struct input input;

static uint8_t scanned; /* ring index up to which no end was found */
static uint8_t length;  /* characters between input.out and scanned */
static bool gone;       /* the command under way was lost as a whole: there is no end of it in the ring */
static uint16_t excess; /* characters of this command that were thrown away */

enum command_state input_look(void)
{
    while (scanned != input.in) {
        uint8_t byte = input.bytes[scanned];
        if (byte == COMMAND_END || byte == DAMAGE_MARK) {
            if (byte == DAMAGE_MARK) {
                bool ended = input.drop != DROP_TAIL; /* else its '%' is still to come */
                return ended ? COMMAND_DAMAGED : COMMAND_NONE;
            }
            return excess ? COMMAND_LONG : COMMAND_WHOLE;
        }
        scanned = input_next(scanned);
        stats_count(STAT_HOST_BYTES);
        if (length < COMMAND_LIMIT) {
            length++;
        } else {
            /* Too long already: nothing of it will be used, so its characters need not be kept. */
            if (excess != UINT16_MAX) {
                excess++;
            }
            input.out = scanned;
        }
    }
    if (length == 0 && excess == 0 && input.lost && input.drop == DROP_BETWEEN) {
        gone = true;
        return COMMAND_DAMAGED;
    }
    return COMMAND_NONE;
}

uint8_t input_length(void)
{
    return length;
}

uint16_t input_excess(void)
{
    return excess;
}

char input_char(uint8_t index)
{
    return (char)input.bytes[(uint8_t)(input.out + index) & (INPUT_SIZE - 1U)];
}

void input_done(void)
{
    if (!gone) {
        scanned = input_next(scanned); /* behind the end */
        input.out = scanned;
        stats_count(STAT_HOST_BYTES);
    }
    gone = false;
    length = 0;
    excess = 0;
}

uint16_t input_take_lost(void)
{
    critical_enter();
    uint16_t lost = input.lost;
    input.lost = 0;
    critical_leave();
    stats[STAT_HOST_LOST] += lost;
    return lost;
}

void input_reset(void)
{
    input = (struct input){0};
    scanned = 0;
    gone = false;
    length = 0;
    excess = 0;
}
