/* The DUT as a process: UART on a pseudo-terminal or a given file descriptor.
 *
 * Without a trace, its time is the host's monotonic clock. With a trace it is the processor time of this process
 * plus what it has waited: time stands still while it is idle or has to wait for a processor, and what writing
 * the trace costs is left out. Both are multiplied by --scale: a native core that plays a slower one. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "dut.h"
#include "port.h"
#include "trace.h"

#define NS 1000000000

const char port_vendor[] = "joulebench posix";
const uint32_t port_tick_hz = NS;

static int uart_fd = -1;
static int trace_fd = -1;
static double scale = 1.0;
static int64_t hidden_ns; /* processor time that the DUT's time leaves out */
static uint64_t waited;   /* ticks of waiting, which take no processor time */
static uint8_t consumed;
static uint8_t received[256];
static size_t received_count;
static size_t received_at;

static void fail(const char *what)
{
    perror(what);
    exit(EXIT_FAILURE);
}

static int64_t clock_ns(void)
{
    struct timespec now;
    if (clock_gettime(trace_fd < 0 ? CLOCK_MONOTONIC : CLOCK_PROCESS_CPUTIME_ID, &now) != 0) {
        fail("clock_gettime");
    }
    return (int64_t)now.tv_sec * NS + now.tv_nsec;
}

/* Writes all of it, however often that takes. */
static void write_all(int fd, const void *data, size_t length)
{
    const uint8_t *at = data;
    while (length != 0u) {
        const ssize_t written = write(fd, at, length);
        if (written >= 0) {
            at += written;
            length -= (size_t)written;
        } else if (errno == EAGAIN) {
            struct pollfd room = {.fd = fd, .events = POLLOUT};
            (void)poll(&room, 1, -1);
        } else if (errno == EPIPE || errno == EIO) {
            exit(EXIT_SUCCESS); /* the other end is gone */
        } else if (errno != EINTR) {
            fail("write");
        }
    }
}

/* Ticks at a reading of the clock. */
static uint64_t ticks_at(int64_t ns)
{
    return (uint64_t)((double)(ns - hidden_ns) * scale) + waited;
}

/* Tells an event of the time at which the clock stood at `now_ns`. */
static void tell(enum trace_kind kind, uint8_t argument, int64_t now_ns)
{
    uint8_t record[TRACE_BYTES];
    trace_encode(record, kind, argument, ticks_at(now_ns));
    write_all(trace_fd, record, sizeof record);
}

/* Tells an event of now, if there is a trace. */
static void trace(enum trace_kind kind, uint8_t argument)
{
    if (trace_fd >= 0) {
        const int64_t now_ns = clock_ns();
        tell(kind, argument, now_ns);
        hidden_ns += clock_ns() - now_ns;
    }
}

uint64_t port_ticks(void)
{
    return ticks_at(clock_ns());
}

void port_init(void)
{
    hidden_ns = clock_ns(); /* time begins here */
}

/* Fetches what has come; false if nothing has. Ends the process when the other end is gone. */
static bool fetch(void)
{
    received_at = 0u;
    received_count = 0u;
    struct pollfd input = {.fd = uart_fd, .events = POLLIN};
    if (poll(&input, 1, 0) <= 0) {
        return false;
    }
    const ssize_t count = read(uart_fd, received, sizeof received);
    if (count < 0 && (errno == EINTR || errno == EAGAIN)) {
        return false;
    }
    if (count <= 0) {
        exit(EXIT_SUCCESS);
    }
    received_count = (size_t)count;
    return true;
}

int port_read(void)
{
    if (received_at == received_count && !fetch()) {
        return PORT_NONE;
    }
    consumed++;
    return received[received_at++];
}

uint32_t port_lost(void)
{
    return 0u; /* a pseudo-terminal or socket holds the sender up */
}

void port_write(const char *text, size_t length)
{
    while (length != 0u) {
        const size_t part = length < 255u ? length : 255u;
        write_all(uart_fd, text, part);
        trace(TRACE_TEXT, (uint8_t)part);
        text += part;
        length -= part;
    }
}

/* Waits for input. */
static void sleep_until_input(void)
{
    struct pollfd input = {.fd = uart_fd, .events = POLLIN};
    while (poll(&input, 1, -1) < 0 && errno == EINTR) {
    }
}

void port_idle(void)
{
    if (trace_fd < 0) {
        sleep_until_input();
        return;
    }
    const int64_t asleep_ns = clock_ns();
    tell(TRACE_IDLE, consumed, asleep_ns);
    consumed = 0u;
    sleep_until_input();
    tell(TRACE_WOKEN, 0u, asleep_ns);
    hidden_ns += clock_ns() - asleep_ns;
}

void port_wait_until(uint64_t ticks)
{
    const uint64_t now = port_ticks();
    if (ticks <= now) {
        return;
    }
    if (trace_fd >= 0) {
        waited += ticks - now;
        return;
    }
    const int64_t left_ns = (int64_t)((double)(ticks - now) / scale);
    struct timespec left = {.tv_sec = left_ns / NS, .tv_nsec = left_ns % NS};
    while (nanosleep(&left, &left) != 0 && errno == EINTR) {
    }
}

void port_pin(bool high)
{
    trace(high ? TRACE_HIGH : TRACE_LOW, 0u);
}

void port_phase(enum dut_phase phase)
{
    trace(TRACE_PHASE, (uint8_t)phase);
}

/* Opens a pseudo-terminal as UART and prints its path. Its other end stays open here, so that hosts may come
 * and go. */
static void open_pty(void)
{
    uart_fd = posix_openpt(O_RDWR | O_NOCTTY);
    if (uart_fd < 0 || grantpt(uart_fd) != 0 || unlockpt(uart_fd) != 0) {
        fail("posix_openpt");
    }
    const char *path = ptsname(uart_fd);
    const int other = path == NULL ? -1 : open(path, O_RDWR | O_NOCTTY);
    struct termios settings;
    if (other < 0 || tcgetattr(other, &settings) != 0) {
        fail("pseudo-terminal");
    }
    settings.c_iflag = 0;
    settings.c_oflag = 0;
    settings.c_lflag = 0;
    settings.c_cflag = CS8 | CREAD | CLOCAL;
    settings.c_cc[VMIN] = 1;
    settings.c_cc[VTIME] = 0;
    if (tcsetattr(other, TCSANOW, &settings) != 0) {
        fail("tcsetattr");
    }
    (void)printf("%s\n", path);
    (void)fflush(stdout);
}

static void usage(const char *program)
{
    (void)fprintf(stderr,
                  "usage: %s [--uart-fd N] [--trace-fd N] [--scale F]\n"
                  "  --uart-fd N   UART on this file descriptor; otherwise a pseudo-terminal, whose path is printed\n"
                  "  --trace-fd N  tells events there, each with the time that the DUT has been busy\n"
                  "  --scale F     its time runs F times as fast: it plays a slower core\n",
                  program);
    exit(2);
}

/* An open file descriptor out of an argument. */
static int descriptor(const char *program, const char *text)
{
    char *end = NULL;
    const long number = strtol(text, &end, 10);
    if (*text == '\0' || *end != '\0' || number < 0 || number > 1 << 20 || fcntl((int)number, F_GETFD) < 0) {
        (void)fprintf(stderr, "%s: %s is no open file descriptor\n", program, text);
        exit(2);
    }
    return (int)number;
}

int main(int argc, char *argv[])
{
    if (argc % 2 == 0) {
        usage(argv[0]);
    }
    for (int k = 1; k < argc; k += 2) {
        if (strcmp(argv[k], "--uart-fd") == 0) {
            uart_fd = descriptor(argv[0], argv[k + 1]);
        } else if (strcmp(argv[k], "--trace-fd") == 0) {
            trace_fd = descriptor(argv[0], argv[k + 1]);
        } else if (strcmp(argv[k], "--scale") == 0) {
            char *end = NULL;
            scale = strtod(argv[k + 1], &end);
            if (*end != '\0' || !(scale > 0.0 && scale <= 1e6)) {
                usage(argv[0]);
            }
        } else {
            usage(argv[0]);
        }
    }
    if (uart_fd < 0) {
        open_pty();
    }
    dut_run();
}
