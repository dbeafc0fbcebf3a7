#include "input_buffer.h"

#include <string.h>

#include "dump.h"
#include "reply.h"
#include "text.h"

void input_buffer_init(struct input_buffer *buffer, uint8_t *bytes, uint32_t capacity)
{
    buffer->bytes = bytes;
    buffer->capacity = capacity;
    buffer->expected = 0u;
    buffer->loaded = 0u;
    memset(bytes, 0, capacity);
}

/* `db load N`. A size that is refused leaves nothing expected, so that what follows is refused, too. */
static void load(struct input_buffer *buffer, const char *size)
{
    int32_t bytes = 0;
    buffer->expected = 0u;
    buffer->loaded = 0u;
    const bool fits = text_to_i32(size, &bytes);
    if (fits && bytes <= 0) {
        reply_line("e-[Command 'db load' must be >0 bytes]");
        return;
    }
    if (!fits || (uint32_t)bytes > buffer->capacity) {
        reply_text("e-[Supplied buffer size ");
        reply_text(size);
        reply_text(" exceeds maximum of ");
        reply_u64(buffer->capacity);
        reply_line("]");
        return;
    }
    buffer->expected = (uint32_t)bytes;
    reply_text("m-[Expecting ");
    reply_u64(buffer->expected);
    reply_line(" bytes]");
}

/* Stores one byte; false, with the error printed, if its two digits are none. */
static bool store_byte(struct input_buffer *buffer, const char *digits)
{
    const int high = text_hex_digit(digits[0]);
    const int low = text_hex_digit(digits[1]);
    if (high < 0 || low < 0) {
        const char pair[] = {digits[0], digits[1], '\0'};
        reply_text("e-[Invalid hex digit '");
        reply_text(pair);
        reply_line("']");
        return false;
    }
    buffer->bytes[buffer->loaded] = (uint8_t)(high * 16 + low);
    buffer->loaded++;
    return true;
}

/* `db HH[HH]*`. */
static void store(struct input_buffer *buffer, const char *digits)
{
    const size_t count = strlen(digits);
    if (count % 2u != 0u) {
        reply_line("e-[Insufficent number of hex digits]"); /* sic */
        return;
    }
    if (buffer->expected == 0u) {
        reply_line("e-[Command 'db' requires a 'db load' first]");
        return;
    }
    if (buffer->loaded == buffer->expected) {
        reply_text("e-[All ");
        reply_u64(buffer->expected);
        reply_line(" bytes are loaded]");
        return;
    }
    size_t at = 0u;
    for (; at < count && buffer->loaded < buffer->expected; at += 2u) {
        if (!store_byte(buffer, &digits[at])) {
            return;
        }
    }
    if (buffer->loaded == buffer->expected) {
        reply_line("m-load-done");
        if (at < count) {
            reply_text("e-[Bytes beyond the last one: ");
            reply_u64((count - at) / 2u);
            reply_line("]");
        }
    }
}

/* `db print`: everything that `db load` named, whatever its arguments. Where the last line is not full the
 * reference firmware sends an empty one after it. */
static void print(const struct input_buffer *buffer)
{
    dump("m-buffer", buffer->bytes, buffer->expected);
    if (buffer->expected % DUMP_BYTES != 0u) {
        reply_end();
    }
}

void input_buffer_command(struct input_buffer *buffer, char *words[], uint8_t count)
{
    if (count == 0u) {
        reply_line("e-[Command 'db' requires a subcommand]");
    } else if (strcmp(words[0], "load") == 0) {
        if (count == 1u) {
            reply_line("e-[Command 'db load' requires the # of bytes]");
        } else {
            load(buffer, words[1]);
        }
    } else if (strcmp(words[0], "print") == 0) {
        print(buffer);
    } else {
        store(buffer, words[0]);
    }
}
