#include "dump.h"

#include "reply.h"

void dump(const char *name, const uint8_t *bytes, uint32_t count)
{
    for (uint32_t k = 0u; k < count; k++) {
        if (k % DUMP_BYTES == 0u) {
            reply_text(name);
        }
        reply_text("-");
        reply_byte(bytes[k]);
        if ((k + 1u) % DUMP_BYTES == 0u || k + 1u == count) {
            reply_end();
        }
    }
}
