/* SPDX-License-Identifier: Apache-2.0 */
/* Edges between basic blocks: each priced once, charged whenever it is taken. */
#ifndef EDGES_H
#define EDGES_H

#include "core.h"
#include "flash.h"

/* Cycles and instructions of the block (address, size) when the block at `next` follows; with size 0, the
   cycles of the block at `address` before its instruction at `next`. Returns 0, or not to stop. */
typedef int (*price_callback)(uint32_t address, uint32_t size, uint32_t next, uint32_t *cycles,
                              uint32_t *instructions);

/* One way from a basic block to the next. */
struct edge {
    uint64_t count;
    uint32_t from, from_size, to;
    uint32_t cycles, instructions;
    uint32_t follower; /* the edge that came next last time, by its place */
};

struct edges {
    struct core *core;
    struct flash *flash;
    price_callback price;
    struct edge *items;
    size_t count, capacity, last;
};

void edges_start(struct edges *edges, struct core *core, struct flash *flash, price_callback price);
void edges_free(struct edges *edges);
uint64_t edges_reach(struct edges *edges, uint32_t pc);
void edges_charge(struct edges *edges, uint32_t next);
size_t edges_taken(const struct edges *edges, struct edge *items, size_t capacity);
void edges_clear(struct edges *edges);

#endif
