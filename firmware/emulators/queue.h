/* A growing queue of things that are planned for a cycle. */
#ifndef QUEUE_H
#define QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct planned {
    uint64_t cycle; /* when it begins, at the earliest */
    double bit;     /* cycles per bit, for bytes */
    uint64_t told;  /* how many bytes and cuts of this wire were planned before it */
    uint8_t value;  /* byte or level */
};

struct queue {
    struct planned *items;
    size_t capacity, head, count;
};

/* Appends an item; ends the program if there is no memory. */
void queue_push(struct queue *queue, struct planned item);

/* The item in front; only for a queue that is not empty. */
struct planned queue_front(const struct queue *queue);

/* Takes the item in front away. */
void queue_pop(struct queue *queue);

#endif
