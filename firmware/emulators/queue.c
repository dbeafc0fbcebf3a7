#include "queue.h"

#include <stdio.h>
#include <stdlib.h>

void queue_push(struct queue *queue, struct planned item)
{
    if (queue->count == queue->capacity) {
        size_t capacity = queue->capacity ? 2 * queue->capacity : 64;
        struct planned *items = malloc(capacity * sizeof *items);
        if (items == NULL) {
            fputs("avr-runner: out of memory\n", stderr);
            exit(2);
        }
        for (size_t k = 0; k < queue->count; k++) {
            items[k] = queue->items[(queue->head + k) % queue->capacity];
        }
        free(queue->items);
        queue->items = items;
        queue->capacity = capacity;
        queue->head = 0;
    }
    queue->items[(queue->head + queue->count) % queue->capacity] = item;
    queue->count++;
}

struct planned queue_front(const struct queue *queue)
{
    return queue->items[queue->head];
}

void queue_pop(struct queue *queue)
{
    queue->head = (queue->head + 1) % queue->capacity;
    queue->count--;
}
