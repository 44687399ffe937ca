/* SPDX-License-Identifier: Apache-2.0 */
/* An open-addressing hash of edges; most often the next one is the one that followed last time. */
#include "edges.h"

#include <stdlib.h>

enum { FIRST_CAPACITY = 4096 };

void edges_start(struct edges *edges, struct core *core, struct flash *flash, price_callback price)
{
    *edges = (struct edges){.core = core, .flash = flash, .price = price};
}

void edges_free(struct edges *edges)
{
    free(edges->items);
}

static size_t slot_of(const struct edge *items, size_t capacity, uint32_t from, uint32_t size, uint32_t to)
{
    uint64_t key = ((uint64_t)from << 32 | to) ^ (uint64_t)size << 20;
    key *= 0x9E3779B97F4A7C15u;
    size_t slot = (size_t)(key >> 32) & (capacity - 1);
    while (items[slot].instructions &&
           (items[slot].from != from || items[slot].to != to || items[slot].from_size != size)) {
        slot = (slot + 1) & (capacity - 1);
    }
    return slot;
}

static bool grow(struct edges *edges)
{
    const size_t capacity = edges->capacity ? 2 * edges->capacity : FIRST_CAPACITY;
    struct edge *items = calloc(capacity, sizeof *items);
    if (!items) {
        return false;
    }
    for (size_t i = 0; i < edges->capacity; i++) {
        const struct edge *old = &edges->items[i];
        if (old->instructions) {
            struct edge *edge = &items[slot_of(items, capacity, old->from, old->from_size, old->to)];
            *edge = *old;
            edge->follower = 0;
        }
    }
    free(edges->items);
    edges->items = items;
    edges->capacity = capacity;
    edges->last = 0;
    return true;
}

/* The edge with its price, asked for when it is new; NULL when it has none. */
static struct edge *priced(struct edges *edges, uint32_t from, uint32_t size, uint32_t to)
{
    if (2 * edges->count >= edges->capacity && !grow(edges)) {
        core_raise(edges->core, FAULT_PRICE, 0, from);
        return NULL;
    }
    struct edge *edge = &edges->items[slot_of(edges->items, edges->capacity, from, size, to)];
    if (!edge->instructions) {
        struct edge new = {.from = from, .from_size = size, .to = to};
        if (edges->price(from, size, to, &new.cycles, &new.instructions) != 0) {
            core_raise(edges->core, FAULT_PRICE, 0, from);
            return NULL;
        }
        *edge = new;
        edges->count++;
    }
    return edge;
}

/* The edge that the block that runs leaves by; most often the one that followed the last edge before. */
static struct edge *taken(struct edges *edges, uint32_t to)
{
    const uint32_t from = edges->core->block, size = edges->core->block_size;
    if (edges->capacity) {
        struct edge *last = &edges->items[edges->last], *guess = &edges->items[last->follower];
        if (guess->from == from && guess->to == to && guess->from_size == size && guess->instructions) {
            edges->last = last->follower;
            return guess;
        }
    }
    struct edge *edge = priced(edges, from, size, to);
    if (edge) {
        const size_t place = (size_t)(edge - edges->items);
        edges->items[edges->last].follower = (uint32_t)place;
        edges->last = place;
    }
    return edge;
}

/* The block that runs is over and `next` follows. */
void edges_charge(struct edges *edges, uint32_t next)
{
    struct core *core = edges->core;
    struct edge *edge = core->block_size ? taken(edges, next) : NULL;
    if (edge) {
        if (flash_waits(edges->flash)) {
            flash_leave(edges->flash);
        }
        edge->count++;
        core->cycles += edge->cycles;
        core->instructions += edge->instructions;
    }
    core->block_size = 0;
}

/* The cycle in which the instruction at `pc` of the block that runs starts. */
uint64_t edges_reach(struct edges *edges, uint32_t pc)
{
    const struct core *core = edges->core;
    const struct edge *part = pc != core->block ? priced(edges, core->block, 0, pc) : NULL;
    flash_reach(edges->flash, pc);
    return core->cycles + (part ? part->cycles : 0);
}

/* How many edges were taken; `items` gets them as far as there is room. */
size_t edges_taken(const struct edges *edges, struct edge *items, size_t capacity)
{
    size_t count = 0;
    for (size_t i = 0; i < edges->capacity; i++) {
        if (edges->items[i].count) {
            if (count < capacity) {
                items[count] = edges->items[i];
            }
            count++;
        }
    }
    return count;
}

void edges_clear(struct edges *edges)
{
    for (size_t i = 0; i < edges->capacity; i++) {
        edges->items[i].count = 0;
    }
}
