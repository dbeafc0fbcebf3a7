/* The protocol on a port that is memory: transcripts and the order of events (protocols.md 1). */
#include "check.h"
#include "config.h"
#include "dut.h"
#include "fake_port.h"
#include "port.h"

/* What the DUT answers to input. */
static const char *answer(const char *input)
{
    fake_input((const uint8_t *)input, strlen(input));
    dut_poll();
    return fake_text();
}

static void boot(void)
{
    fake_input(NULL, 0u);
    dut_boot();
    (void)fake_text();
    (void)fake_events();
}

static void booting_makes_a_mark(void)
{
    fake_input(NULL, 0u);
    fake_set_ticks(0u);
    dut_boot();
#if DUT_ENERGY
    CHECK_TEXT(fake_text(), "m-timestamp-mode-energy\r\nm-init-done\r\nm-ready\r\n");
    CHECK_TEXT(fake_events(),
               "phase 1\nm-timestamp-mode-energy\nlow\nhigh\nm-init-done\nm-ready\nphase 0\n");
    CHECK(fake_pulse_ticks() == 25000u); /* 1 ms */
#else
    CHECK_TEXT(fake_text(), "m-timestamp-mode-performance\r\nm-lap-us-40\r\nm-init-done\r\nm-ready\r\n");
    CHECK_TEXT(fake_events(),
               "phase 1\nm-timestamp-mode-performance\nm-lap-us-40\nm-init-done\nm-ready\nphase 0\n");
#endif
}

static void commands_while_booting_are_dropped(void)
{
    const char early[] = "name%%na";
    fake_input((const uint8_t *)early, sizeof early - 1u);
    dut_boot();
    CHECK(strstr(fake_text(), "e-[Commands dropped during boot: 2]\r\nm-init-done\r\nm-ready\r\n") != NULL);
    CHECK_TEXT(answer("me%"), "m-name-dut-[fake]\r\nm-ready\r\n"); /* the unfinished one was kept */
    fake_input((const uint8_t *)early, sizeof early - 1u);
    fake_lose(7u, 4u);
    dut_boot();
    (void)fake_text();
    CHECK_TEXT(answer("me%"), "e-[Bytes of input lost: 4]\r\nm-ready\r\n");
}

static void identity(void)
{
    CHECK_TEXT(answer("name%"), "m-name-dut-[fake]\r\nm-ready\r\n");
    CHECK_TEXT(answer("profile%"),
               "m-profile-[ULPMark for tinyML Firmware V0.0.1]\r\nm-model-[toy01]\r\n"
               "m-weights-[synthetic, seed 0]\r\nm-layers-[2]\r\nm-ready\r\n");
    CHECK_TEXT(answer("profile layers%"),
               "m-profile-[ULPMark for tinyML Firmware V0.0.1]\r\nm-model-[toy01]\r\n"
               "m-weights-[synthetic, seed 0]\r\nm-layers-[2]\r\nm-layer-[0,FLETCHER,8000,0]\r\n"
               "m-layer-[1,REST,3000,12]\r\nm-ready\r\n");
    CHECK_TEXT(answer("help%"),
               "ULPMark for tinyML Firmware V0.0.1\r\n"
               "\r\n"
               "help         : Print this information\r\n"
               "name         : Print the name of the device\r\n"
               "timestsamp   : Generate a timetsamp\r\n"
               "db SUBCMD    : Manipulate a generic byte buffer\r\n"
               "  load N     : Allocate N bytes and set load counter\r\n"
               "  db HH[HH]* : Load 8-bit hex byte(s) until N bytes\r\n"
               "  print [N=16] [offset=0]\r\n"
               "             : Print N bytes at offset as hex\r\n"
               "infer N [W=0]: Load input, execute N inferences after W warmup loops\r\n"
               "results      : Return the result fp32 vector\r\n"
               "output       : Return the raw int8 output tensor\r\n"
               "profile layers: List the network's layers\r\n"
               "layer K N    : Load input, execute layer K alone N times\r\n"
               "phases on|off: Mark the phases of each inference of infer\r\n"
               "m-ready\r\n");
}

static void timestamp_marks(void)
{
    (void)fake_events();
#if DUT_ENERGY
    CHECK_TEXT(answer("timestamp%"), "m-ready\r\n");
    CHECK_TEXT(fake_events(), "low\nhigh\nm-ready\n");
#else
    fake_set_ticks(25u * 123456u - FAKE_STEP);
    CHECK_TEXT(answer("timestamp%"), "m-lap-us-123456\r\nm-ready\r\n");
    fake_set_ticks(25u * 12345678901234u - FAKE_STEP); /* past 32 bits of microseconds */
    CHECK_TEXT(answer("timestamp%"), "m-lap-us-12345678901234\r\nm-ready\r\n");
#endif
}

static void an_input_is_loaded(void)
{
    CHECK_TEXT(answer("db load 4%"), "m-[Expecting 4 bytes]\r\nm-ready\r\n");
    CHECK_TEXT(answer("db 01%"), "m-ready\r\n");
    CHECK_TEXT(answer("db aBFf%"), "m-ready\r\n");
    CHECK_TEXT(answer("db 02 03%"), "m-load-done\r\nm-ready\r\n"); /* only the first word counts */
    CHECK_TEXT(answer("db print%"), "m-buffer-01-ab-ff-02\r\n\r\nm-ready\r\n");
    CHECK_TEXT(answer("db load 8%db 0001020304050607%"),
               "m-[Expecting 8 bytes]\r\nm-ready\r\nm-load-done\r\nm-ready\r\n");
    CHECK_TEXT(answer("db print 2 1%"), "m-buffer-00-01-02-03-04-05-06-07\r\nm-ready\r\n");
    CHECK_TEXT(answer("db load 38%"), "m-[Expecting 38 bytes]\r\nm-ready\r\n");
    CHECK_TEXT(answer("db 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff001122334455%"),
               "m-load-done\r\nm-ready\r\n"); /* the most that a command holds */
}

static void wrong_loads_are_refused(void)
{
    CHECK_TEXT(answer("db%"), "e-[Command 'db' requires a subcommand]\r\nm-ready\r\n");
    CHECK_TEXT(answer("db load%"), "e-[Command 'db load' requires the # of bytes]\r\nm-ready\r\n");
    CHECK_TEXT(answer("db load 0%"), "e-[Command 'db load' must be >0 bytes]\r\nm-ready\r\n");
    CHECK_TEXT(answer("db load -3%"), "e-[Command 'db load' must be >0 bytes]\r\nm-ready\r\n");
    CHECK_TEXT(answer("db load x%"), "e-[Command 'db load' must be >0 bytes]\r\nm-ready\r\n");
    (void)answer("db load 4%");
    CHECK_TEXT(answer("db 012%"), "e-[Insufficent number of hex digits]\r\nm-ready\r\n");
    CHECK_TEXT(answer("db 01g2%"), "e-[Invalid hex digit 'g2']\r\nm-ready\r\n");
    CHECK_TEXT(answer("db print%"), "m-buffer-01-11-22-33\r\n\r\nm-ready\r\n"); /* up to the bad one, as there */
}

/* The listed deviations (firmware/dut/README.md), each followed by an intact command. */
static void deviations(void)
{
    static const char next[] = "m-ready\r\nm-name-dut-[fake]\r\nm-ready\r\n";
    char expected[200];
#define ANSWERS(input, line)                                                                 \
    do {                                                                                     \
        (void)snprintf(expected, sizeof expected, "%s\r\n%s", line, next);                   \
        CHECK_TEXT(answer(input "name%"), expected);                                         \
    } while (0)
    ANSWERS("%", "e-[Empty command]");
    ANSWERS("  %", "e-[Empty command]");
    ANSWERS("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa%",
            "e-[Command longer than 80 characters]");
    ANSWERS("\r\nname%", "e-[Character 0x0d in command]");
    ANSWERS("name\n%", "e-[Character 0x0a in command]");
    ANSWERS("n\xff" "ame%", "e-[Character 0xff in command]");
    ANSWERS("db load 41%", "e-[Supplied buffer size 41 exceeds maximum of 40]");
    ANSWERS("db load 99999999999%", "e-[Supplied buffer size 99999999999 exceeds maximum of 40]");
    ANSWERS("db 00%", "e-[Command 'db' requires a 'db load' first]"); /* the last load was refused */
    ANSWERS("infer 4294967297%", "e-[Number out of range: 4294967297]");
    ANSWERS("infer 1 -99999999999%", "e-[Number out of range: -99999999999]");
    (void)answer("db load 2%");
    CHECK_TEXT(answer("db 010203zz%"), "m-load-done\r\ne-[Bytes beyond the last one: 2]\r\nm-ready\r\n");
    ANSWERS("db 04%", "e-[All 2 bytes are loaded]");
    CHECK_TEXT(answer("db print%"), "m-buffer-01-02\r\n\r\nm-ready\r\n");
    boot();
    ANSWERS("db 00%", "e-[Command 'db' requires a 'db load' first]");
    ANSWERS("results%", "e-[There was no inference]");
    ANSWERS("output%", "e-[There was no inference]");
    const char *const hole = "profile%name%";
    fake_input((const uint8_t *)hole, strlen(hole));
    fake_lose(3u, 17u);
    dut_poll();
    (void)snprintf(expected, sizeof expected, "%s\r\n%s", "e-[Bytes of input lost: 17]", next);
    CHECK_TEXT(fake_text(), expected);
#undef ANSWERS
}

static void wrong_commands_are_refused(void)
{
    CHECK_TEXT(answer("foo bar%"), "e-[Unknown command: foo]\r\nm-ready\r\n");
    CHECK_TEXT(answer("NAME%"), "e-[Unknown command: NAME]\r\nm-ready\r\n");
    CHECK_TEXT(answer("infer 0 1%"), "e-[Inference iterations must be >0]\r\nm-ready\r\n");
    CHECK_TEXT(answer("infer -1%"), "e-[Inference iterations must be >0]\r\nm-ready\r\n");
    CHECK_TEXT(answer("infer x%"), "e-[Inference iterations must be >0]\r\nm-ready\r\n");
    CHECK_TEXT(answer("infer 1 -1%"), "e-[Inference warmup must be >=0]\r\nm-ready\r\n");
}

#define RESULTS "m-results-[0.000,0.504,0.008,0.512,0.016,0.520,0.023,0.527,0.031,0.535,0.039]\r\n"

static void a_trial(void)
{
    boot();
    fake_set_ticks(0u);
    const char *text = answer("infer 70 3%");
#if DUT_ENERGY
    CHECK_TEXT(text, "m-warmup-start-3\r\nm-warmup-done\r\nm-infer-start-70\r\nm-infer-done\r\n" RESULTS "m-ready\r\n");
    CHECK_TEXT(fake_events(),
               "phase 2\nm-warmup-start-3\nphase 3\nphase 0\nm-warmup-done\nm-infer-start-70\nlow\nhigh\nphase 4\n"
               "phase 0\nlow\nhigh\nm-infer-done\nm-results-\n,0.535,0.039]\nm-ready\n");
#else
    /* 3 looks at the clock in the warm-up, then one for each mark and inference, 40 us each */
    CHECK_TEXT(text, "m-warmup-start-3\r\nm-warmup-done\r\nm-infer-start-70\r\nm-lap-us-160\r\nm-lap-us-3000\r\n"
                     "m-infer-done\r\n" RESULTS "m-ready\r\n");
    CHECK_TEXT(fake_events(),
               "phase 2\nm-warmup-start-3\nphase 3\nphase 0\nm-warmup-done\nm-infer-start-70\nm-lap-us-160\nphase 4\n"
               "phase 0\nm-lap-us-3000\nm-infer-done\nm-results-\n,0.535,0.039]\nm-ready\n");
#endif
    CHECK_TEXT(answer("results%"), RESULTS "m-ready\r\n");
    CHECK_TEXT(answer("output%"), "m-output-80-01-82-03-84-05-86-07\r\nm-output-88-09-8a\r\nm-ready\r\n");
    text = answer("infer%");
    CHECK(strstr(text, "m-warmup-start-10\r\n") != NULL && strstr(text, "m-infer-start-1\r\n") != NULL);
    CHECK(strstr(answer("infer 2 0%"), "m-warmup-start-0\r\nm-warmup-done\r\nm-infer-start-2\r\n") != NULL);
}

static void a_window_is_parted_into_phases(void)
{
    boot();
    CHECK_TEXT(answer("phases%"), "e-[Command 'phases' requires on or off]\r\nm-ready\r\n");
    CHECK_TEXT(answer("phases maybe%"), "e-[Command 'phases' requires on or off]\r\nm-ready\r\n");
    CHECK_TEXT(answer("phases on%"), "m-phases-on\r\nm-phase-pulse-us-100\r\nm-ready\r\n");
    (void)fake_events();
    const char *text = answer("infer 2 1%");
    CHECK(strstr(text, "m-warmup-done\r\nm-phases-on\r\nm-phase-pulse-us-100\r\nm-infer-start-2\r\n") != NULL);
    CHECK(strstr(text, RESULTS) != NULL);
#define PARTS "phase 5\nphase 6\nphase 5\nphase 7\nphase 4\nphase 8\n"
#if DUT_ENERGY
    CHECK(strstr(fake_events(), "low\nhigh\n" PARTS PARTS "phase 0\nlow\nhigh\nm-infer-done\n") != NULL);
#else
    CHECK(strstr(fake_events(), PARTS PARTS "phase 0\nm-lap-us-") != NULL);
#endif
    CHECK(fake_pulse_of_phases_ticks() == 2500u); /* 100 us */
    CHECK_TEXT(answer("phases off%"), "m-phases-off\r\nm-ready\r\n");
    (void)fake_events();
    CHECK(strstr(answer("infer 2 1%"), "m-phases") == NULL);
    CHECK(strstr(fake_events(), "phase 5") == NULL);
    (void)answer("phases on%");
    boot(); /* which ends it */
    CHECK(strstr(answer("infer 2 1%"), "m-phases") == NULL);
}

static void a_layer_runs_alone(void)
{
    boot();
    (void)answer("infer 1 0%");
    (void)fake_events();
    const char *text = answer("layer 1 70%");
#if DUT_ENERGY
    CHECK_TEXT(text, "m-layer-start-1\r\nm-layer-iterations-70\r\nm-layer-done\r\nm-ready\r\n");
    CHECK_TEXT(fake_events(), "phase 2\nphase 3\nphase 0\nm-layer-start-1\nm-layer-iterations-70\nlow\nhigh\n"
                              "phase 9\nphase 0\nlow\nhigh\nm-layer-done\nm-ready\n");
#else
    CHECK(strstr(text, "m-layer-iterations-70\r\nm-lap-us-") != NULL);
    CHECK(strstr(fake_events(), "phase 9\nphase 0\nm-lap-us-") != NULL);
#endif
    CHECK_TEXT(answer("results%"), "e-[There was no inference]\r\nm-ready\r\n");
    CHECK_TEXT(answer("layer 2 1%"), "e-[No layer 2: the last is 1]\r\nm-ready\r\n");
    CHECK_TEXT(answer("layer -1 1%"), "e-[No layer -1: the last is 1]\r\nm-ready\r\n");
    CHECK_TEXT(answer("layer 0 0%"), "e-[Layer iterations must be >0]\r\nm-ready\r\n");
    CHECK_TEXT(answer("layer 0 4294967296%"), "e-[Number out of range: 4294967296]\r\nm-ready\r\n");
    CHECK_TEXT(answer("layer 0%"),
               "e-[Command 'layer' requires a layer and a number of iterations]\r\nm-ready\r\n");
}

static void the_phase_pin_is_high_while_the_network_runs(void)
{
    static const enum dut_phase high[] = {PHASE_INFERENCE, PHASE_MARK, PHASE_LAYER};
    static const enum dut_phase low[] = {PHASE_IDLE, PHASE_BOOT,  PHASE_LOAD, PHASE_WARM_UP,
                                          PHASE_PRE,  PHASE_PAUSE, PHASE_POST};
    for (size_t k = 0u; k < sizeof high / sizeof high[0]; k++) {
        CHECK(phase_pin_is_high(high[k]));
    }
    for (size_t k = 0u; k < sizeof low / sizeof low[0]; k++) {
        CHECK(!phase_pin_is_high(low[k]));
    }
}

static void the_result_is_that_of_what_was_loaded(void)
{
    (void)answer("db load 20%db 0100000000000000000000000000000000000000%");
    const char *one = strstr(answer("infer 1 0%"), "m-results-");
    CHECK(one != NULL && strstr(one, RESULTS) == NULL);
}

static void microseconds_are_exact(void)
{
    CHECK(dut_us(0u, 25000000u) == 0u);
    CHECK(dut_us(24u, 25000000u) == 0u && dut_us(25u, 25000000u) == 1u);
    CHECK(dut_us(UINT64_MAX, 1000000u) == UINT64_MAX);
    CHECK(dut_us(UINT64_MAX, 1000000000u) == UINT64_MAX / 1000u);
    CHECK(dut_us(32768u * 86400u, 32768u) == 86400000000u);
}

int main(void)
{
    booting_makes_a_mark();
    commands_while_booting_are_dropped();
    boot();
    identity();
    timestamp_marks();
    an_input_is_loaded();
    wrong_loads_are_refused();
    deviations();
    wrong_commands_are_refused();
    a_trial();
    a_window_is_parted_into_phases();
    a_layer_runs_alone();
    the_phase_pin_is_high_while_the_network_runs();
    the_result_is_that_of_what_was_loaded();
    microseconds_are_exact();
    return 0;
}
