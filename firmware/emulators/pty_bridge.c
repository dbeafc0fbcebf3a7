#include "pty_bridge.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <pty.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "board.h"

/* How long the board runs between two looks at the ptys, in seconds of its time. */
static const double slice_s = 0.001;

/* How long it runs before anybody can talk to it: until its UART is on, bytes would be lost. */
static const double boot_s = 0.02;

static FILE *lines;
static int io_pty, dut_pty;

/* What no program reads is dropped, as on a real serial port. */
static void put(int pty, const uint8_t *bytes, size_t count)
{
    while (count) {
        ssize_t done = write(pty, bytes, count);
        if (done <= 0) {
            return;
        }
        bytes += done;
        count -= (size_t)done;
    }
}

static void to_host(uint64_t first, uint64_t last, const uint8_t *bytes, size_t count)
{
    (void)first;
    (void)last;
    put(io_pty, bytes, count);
}

static void to_dut(uint64_t first, uint64_t last, const uint8_t *bytes, size_t count)
{
    (void)first;
    (void)last;
    put(dut_pty, bytes, count);
}

static void tell_frame(uint64_t cycle)
{
    fprintf(lines, "frame %" PRIu64 "\n", cycle);
    fflush(lines);
}

static void tell_sync(uint64_t cycle, int level)
{
    fprintf(lines, "sync %" PRIu64 " %d\n", cycle, level);
    fflush(lines);
}

static void tell_note(const char *text)
{
    fprintf(lines, "note %s\n", text);
    fflush(lines);
}

/* A raw pty; its own end stays open, so that programs may come and go. */
static int open_pty(const char *name)
{
    int pty, end;
    char path[64];
    if (openpty(&pty, &end, path, NULL, NULL) < 0) {
        perror("avr-runner: openpty");
        exit(2);
    }
    struct termios mode;
    tcgetattr(end, &mode);
    cfmakeraw(&mode);
    tcsetattr(end, TCSANOW, &mode);
    fcntl(pty, F_SETFL, fcntl(pty, F_GETFL) | O_NONBLOCK);
    fprintf(lines, "%s %s\n", name, path);
    fflush(lines);
    return pty;
}

static double now_s(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

/* Lines on stdin: `edge WIDTH_US`, a low pulse on D3. Returns false at the end of stdin. */
static bool read_stdin(uint32_t hz)
{
    static char text[256];
    static size_t used;
    ssize_t count = read(STDIN_FILENO, text + used, sizeof text - 1 - used);
    if (count <= 0) {
        return count < 0 && (errno == EAGAIN || errno == EINTR);
    }
    used += (size_t)count;
    text[used] = '\0';
    char *end;
    while ((end = strchr(text, '\n')) != NULL) {
        double width_us;
        *end = '\0';
        if (sscanf(text, "edge %lf", &width_us) == 1 && width_us > 0 && width_us < 1e9) {
            uint64_t fall = board_cycle() + 16;
            board_set_d3(fall, 0);
            board_set_d3(fall + (uint64_t)(width_us * 1e-6 * hz) + 1, 1);
        } else {
            fprintf(lines, "error edge WIDTH_US expected\n");
            fflush(lines);
        }
        used -= (size_t)(end + 1 - text);
        memmove(text, end + 1, used + 1);
    }
    if (used == sizeof text - 1) {
        used = 0; /* no command is that long */
    }
    return true;
}

int bridge(const char *elf, uint32_t hz, double host_baud, double dut_baud, double pace, FILE *out)
{
    static const struct board_listener listener = {
        .host = to_host, .dut = to_dut, .frame = tell_frame, .sync = tell_sync, .note = tell_note};
    lines = out;
    if (!board_open(elf, hz, host_baud, dut_baud, &listener)) {
        return 2;
    }
    io_pty = dut_pty = -1;
    board_run((uint64_t)(boot_s * hz));
    io_pty = open_pty("io");
    dut_pty = open_pty("dut");
    struct pollfd watched[] = {
        {.fd = STDIN_FILENO, .events = POLLIN}, {.fd = io_pty, .events = POLLIN}, {.fd = dut_pty, .events = POLLIN}};
    uint64_t slice = (uint64_t)(slice_s * hz);
    double start_s = now_s();
    for (;;) {
        double ahead_s = pace > 0 ? (double)board_cycle() / hz / pace - (now_s() - start_s) : 0;
        if (poll(watched, 3, ahead_s > 0 ? (int)(ahead_s * 1e3) : 0) < 0 && errno != EINTR) {
            return 2;
        }
        if (watched[0].revents && !read_stdin(hz)) {
            return 0;
        }
        uint8_t bytes[512];
        for (int k = 1; k < 3; k++) {
            bool readable = (watched[k].revents & POLLIN) != 0;
            ssize_t count = readable ? read(watched[k].fd, bytes, sizeof bytes) : 0;
            if (count > 0 && k == 1) {
                board_host_send(board_cycle(), bytes, (size_t)count);
            } else if (count > 0) {
                board_dut_send(board_cycle(), dut_baud, bytes, (size_t)count);
            }
        }
        for (uint64_t until = board_cycle() + slice; board_cycle() < until;) {
            board_run(until);
        }
    }
}
