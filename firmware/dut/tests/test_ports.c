/* What ports share: the ring behind a receive interrupt, the 64-bit clock, trace records. */
#include "check.h"
#include "clock64.h"
#include "ring.h"
#include "trace.h"

static void the_clock_goes_on_across_its_counters_wrap(void)
{
    struct clock64 clock = {.ticks = 0u, .last = 0xffffff00u};
    CHECK(clock64_extend(&clock, 0xffffffffu, 32u) == 0xffu);
    CHECK(clock64_extend(&clock, 0u, 32u) == 0x100u);
    CHECK(clock64_extend(&clock, 0u, 32u) == 0x100u);
    uint64_t expected = 0x100u;
    uint32_t counter = 0u;
    for (int k = 0; k < 10; k++) { /* nearly a whole round between two looks */
        counter += 0xfffffffeu;
        expected += 0xfffffffeu;
        CHECK(clock64_extend(&clock, counter, 32u) == expected);
    }
}

static void a_narrow_counter_may_have_anything_above_its_bits(void)
{
    struct clock64 clock = {.ticks = 0u, .last = ~0x000010u};
    CHECK(clock64_extend(&clock, ~0x00000fu, 24u) == 1u);
    CHECK(clock64_extend(&clock, ~0x000000u, 24u) == 0x10u);
    CHECK(clock64_extend(&clock, ~0xffffffu, 24u) == 0x11u);
    CHECK(clock64_extend(&clock, ~0x000011u, 24u) == 0xffffffu);
}

static void the_ring_gives_back_what_was_put(void)
{
    static struct ring ring;
    ring.put = ring.got = UINT32_MAX - 100u; /* its counters' wrap is crossed */
    CHECK(ring_empty(&ring) && ring_get(&ring) == PORT_NONE);
    for (unsigned round = 0u; round < 3u; round++) {
        for (unsigned k = 0u; k < RING_BYTES; k++) {
            CHECK(!ring_full(&ring));
            ring_put(&ring, (uint8_t)(k + round));
        }
        CHECK(ring_full(&ring) && !ring_empty(&ring));
        for (unsigned k = 0u; k < RING_BYTES; k++) {
            CHECK(ring_get(&ring) == (uint8_t)(k + round));
        }
        CHECK(ring_empty(&ring) && ring_get(&ring) == PORT_NONE);
    }
}

static void what_does_not_fit_is_told_at_its_place(void)
{
    static struct ring ring;
    for (unsigned k = 0u; k < RING_BYTES; k++) {
        ring_put(&ring, 'a');
    }
    ring_put(&ring, 'b');
    CHECK(ring_get(&ring) == 'a');
    ring_put(&ring, 'c'); /* there is room, but it would follow a hole */
    for (unsigned k = 1u; k < RING_BYTES; k++) {
        CHECK(ring_get(&ring) == 'a');
    }
    CHECK(ring_get(&ring) == PORT_LOST && ring_get(&ring) == PORT_LOST && !ring_empty(&ring));
    CHECK(ring_take_lost(&ring) == 2u);
    CHECK(ring_get(&ring) == PORT_NONE && ring_empty(&ring));
    ring_put(&ring, 'd');
    ring_lose(&ring); /* an overrun of the receiver */
    CHECK(ring_get(&ring) == 'd' && ring_get(&ring) == PORT_LOST && ring_take_lost(&ring) == 1u);
    ring.lost = UINT32_MAX;
    ring_lose(&ring);
    CHECK(ring.lost == UINT32_MAX);
}

static void a_trace_record_has_ten_bytes(void)
{
    uint8_t record[TRACE_BYTES];
    trace_encode(record, TRACE_TEXT, 7u, 0x0807060504030201u);
    static const uint8_t expected[] = {'T', 7u, 1u, 2u, 3u, 4u, 5u, 6u, 7u, 8u};
    CHECK(sizeof expected == sizeof record && memcmp(record, expected, sizeof record) == 0);
}

int main(void)
{
    the_clock_goes_on_across_its_counters_wrap();
    a_narrow_counter_may_have_anything_above_its_bits();
    the_ring_gives_back_what_was_put();
    what_does_not_fit_is_told_at_its_place();
    a_trace_record_has_ten_bytes();
    return 0;
}
