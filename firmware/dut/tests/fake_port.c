#include "fake_port.h"

#include <stdio.h>
#include <string.h>

#include "check.h"
#include "port.h"

const char port_vendor[] = "fake";
const uint32_t port_tick_hz = 25000000u;

static const uint8_t *input;
static size_t input_count;
static size_t input_at;
static size_t lose_at = SIZE_MAX;
static uint32_t lose_count;
static char text[1u << 18]; /* 2000 inferences with marks of their phases, as the fuzz target allows */
static size_t text_length;
static char events[sizeof text];
static size_t events_length;
static uint64_t ticks;
static uint64_t low_ticks;
static uint64_t pulse_ticks;
static uint64_t start_ticks;
static uint64_t start_pulse_ticks;

static void append(char *to, size_t *length, const char *what, size_t count)
{
    CHECK(*length + count < sizeof text);
    memcpy(&to[*length], what, count);
    *length += count;
    to[*length] = '\0';
}

static void event(const char *what)
{
    append(events, &events_length, what, strlen(what));
    append(events, &events_length, "\n", 1u);
}

void fake_input(const uint8_t *bytes, size_t count)
{
    input = bytes;
    input_count = count;
    input_at = 0u;
    lose_at = SIZE_MAX;
}

void fake_lose(size_t place, uint32_t count)
{
    lose_at = place;
    lose_count = count;
}

const char *fake_text(void)
{
    static char taken[sizeof text];
    memcpy(taken, text, text_length);
    taken[text_length] = '\0';
    text_length = 0u;
    return taken;
}

const char *fake_events(void)
{
    static char taken[sizeof events];
    memcpy(taken, events, events_length);
    taken[events_length] = '\0';
    events_length = 0u;
    return taken;
}

uint64_t fake_pulse_ticks(void)
{
    return pulse_ticks;
}

uint64_t fake_pulse_of_phases_ticks(void)
{
    return start_pulse_ticks;
}

void fake_set_ticks(uint64_t to)
{
    ticks = to;
}

void port_init(void)
{
}

int port_read(void)
{
    if (input_at == lose_at) {
        return PORT_LOST;
    }
    if (input_at == input_count) {
        return PORT_NONE;
    }
    return input[input_at++];
}

uint32_t port_lost(void)
{
    lose_at = SIZE_MAX;
    return lose_count;
}

void port_write(const char *piece, size_t length)
{
    append(text, &text_length, piece, length);
    size_t word = 0u;
    while (word < length && piece[word] > ' ' && piece[word] != '[') {
        word++;
    }
    append(events, &events_length, piece, word);
    event("");
}

void port_idle(void)
{
}

uint64_t port_ticks(void)
{
    ticks += FAKE_STEP;
    return ticks;
}

void port_wait_until(uint64_t until)
{
    ticks = until > ticks ? until : ticks;
}

void port_pin(bool high)
{
    event(high ? "high" : "low");
    if (high) {
        pulse_ticks = ticks - low_ticks;
    } else {
        low_ticks = ticks;
    }
}

void port_phase(enum dut_phase phase)
{
    char name[] = "phase 0";
    name[6] = (char)('0' + (int)phase);
    event(name);
    if (phase == PHASE_MARK) {
        start_ticks = ticks;
    } else if (phase == PHASE_PAUSE) {
        start_pulse_ticks = ticks - start_ticks;
    }
}
