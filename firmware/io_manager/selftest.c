#include "selftest.h"

#include "clock.h"
#include "flash.h"
#include "hardware.h"
#include "output.h"

/* Whether time is carried over the wrap of the counter, and over that of 32-bit microseconds. */
static bool clock_wraps(void)
{
    volatile uint16_t before = 0xFFF0; /* volatile: to be computed here, not by the compiler */
    struct time now = {before, 0x1FFFF, 0};
    clock_advance(&now, (uint16_t)(before + 0x20));
    struct time at = clock_at(&now, (uint16_t)(before + 8));
    return now.wraps == 0x20000 && at.wraps == 0x1FFFF && clock_between(&at, &now) == 0x18;
}

static void verdict(const char *what, bool passed)
{
    output_text(TEXT("m-selftest-"));
    output_text(what);
    output_line(passed ? TEXT("-pass") : TEXT("-fail"));
}

bool selftest_write(uint8_t line)
{
    switch (line) {
    case 0: verdict(TEXT("timer"), hardware_timer_runs()); return true;
    case 1: verdict(TEXT("clock"), clock_wraps()); return true;
    case 2:
        output_text(TEXT("m-selftest-untouched-ram-"));
        output_number(hardware_untouched_ram());
        output_end();
        return true;
    default: return false;
    }
}
