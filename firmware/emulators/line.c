#include "line.h"

#include <math.h>

enum { BITS = 10, STOP_BIT = 9 };

/* ---- sending ---- */

static void wait_for_next(struct line_sender *sender)
{
    if (sender->waiting.count) {
        uint64_t at = queue_front(&sender->waiting).cycle;
        sender->due = at > sender->free ? at : sender->free;
    } else {
        sender->due = NEVER;
    }
}

void line_send(struct line_sender *sender, uint64_t cycle, double bit, uint8_t byte)
{
    queue_push(&sender->waiting, (struct planned){.cycle = cycle, .bit = bit, .told = sender->told++, .value = byte});
    if (!sender->sending) {
        wait_for_next(sender);
    }
}

static int level_of(const struct line_sender *sender, int k)
{
    return sender->frame >> k & 1;
}

int line_send_next(struct line_sender *sender)
{
    if (!sender->sending) {
        struct planned item = queue_front(&sender->waiting);
        queue_pop(&sender->waiting);
        sender->frame = (uint16_t)(1U << STOP_BIT | (unsigned)item.value << 1);
        sender->start = (double)sender->due;
        sender->bit = item.bit;
        sender->k = 0;
        sender->sending = true;
    } else if (sender->k >= BITS) {
        sender->sending = false;
        sender->free = sender->due;
        wait_for_next(sender);
        return 1;
    }
    int level = level_of(sender, sender->k);
    do {
        sender->k++;
    } while (sender->k < BITS && level_of(sender, sender->k) == level);
    sender->due = (uint64_t)llround(sender->start + sender->k * sender->bit);
    return level;
}

struct planned line_plan_cut(struct line_sender *sender, uint64_t cycle)
{
    return (struct planned){.cycle = cycle, .told = sender->told++};
}

void line_cut(struct line_sender *sender, struct planned cut)
{
    for (size_t left = sender->waiting.count; left > 0; left--) {
        struct planned item = queue_front(&sender->waiting);
        queue_pop(&sender->waiting);
        if (item.cycle > cut.cycle || (item.cycle == cut.cycle && item.told > cut.told)) {
            queue_push(&sender->waiting, item);
        }
    }
    sender->sending = false;
    sender->free = cut.cycle;
    wait_for_next(sender);
}

/* ---- receiving ---- */

static void look_after(struct line_receiver *receiver, double bits)
{
    receiver->due = (uint64_t)llround(receiver->start + bits * receiver->sampled_bit);
}

static void end_byte(struct line_receiver *receiver, uint64_t cycle)
{
    receiver->state = LINE_IDLE;
    receiver->due = NEVER;
    receiver->take(receiver->byte, (uint64_t)receiver->start, cycle);
}

void line_level(struct line_receiver *receiver, uint64_t cycle, bool level)
{
    if (level == receiver->level) {
        return;
    }
    receiver->level = level;
    if (level) {
        if (receiver->state == LINE_BROKEN) {
            receiver->state = LINE_IDLE;
        }
        return;
    }
    if (receiver->state == LINE_ENDING) {
        end_byte(receiver, cycle); /* the sender is a little faster than this receiver */
    }
    if (receiver->state == LINE_IDLE) {
        receiver->state = LINE_DATA;
        receiver->start = (double)cycle;
        receiver->sampled_bit = receiver->bit;
        receiver->k = 1;
        look_after(receiver, 1.5);
    }
}

void line_look(struct line_receiver *receiver)
{
    if (receiver->state == LINE_ENDING) {
        end_byte(receiver, receiver->due);
    } else if (receiver->k < STOP_BIT) {
        receiver->byte = (uint8_t)(receiver->byte >> 1 | (receiver->level ? 0x80 : 0));
        receiver->k++;
        look_after(receiver, receiver->k + 0.5);
    } else if (receiver->level) {
        receiver->state = LINE_ENDING;
        look_after(receiver, BITS);
    } else {
        receiver->state = LINE_BROKEN;
        receiver->due = NEVER;
        receiver->bad_stop((uint64_t)receiver->start);
    }
}

void line_released(struct line_receiver *receiver)
{
    receiver->level = true;
    if (receiver->state == LINE_BROKEN) {
        receiver->state = LINE_IDLE;
    }
}
