/* SPDX-License-Identifier: Apache-2.0 */
/* Counting: an open-addressing hash of edges between basic blocks, each priced once, and spans of functions. */
#include "machine.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_CAPACITY = 4096 };

static size_t slot_of(const struct edge *edges, size_t capacity, uint32_t from, uint32_t size, uint32_t to)
{
    uint64_t key = ((uint64_t)from << 32 | to) ^ (uint64_t)size << 20;
    key *= 0x9E3779B97F4A7C15u;
    size_t slot = (size_t)(key >> 32) & (capacity - 1);
    while (edges[slot].instructions &&
           (edges[slot].from != from || edges[slot].to != to || edges[slot].from_size != size)) {
        slot = (slot + 1) & (capacity - 1);
    }
    return slot;
}

static bool grow(struct machine *m)
{
    const size_t capacity = m->edge_capacity ? 2 * m->edge_capacity : FIRST_CAPACITY;
    struct edge *edges = calloc(capacity, sizeof *edges);
    if (!edges) {
        return false;
    }
    for (size_t i = 0; i < m->edge_capacity; i++) {
        const struct edge *old = &m->edges[i];
        if (old->instructions) {
            struct edge *edge = &edges[slot_of(edges, capacity, old->from, old->from_size, old->to)];
            *edge = *old;
            edge->follower = 0;
        }
    }
    free(m->edges);
    m->edges = edges;
    m->edge_capacity = capacity;
    m->last_edge = 0;
    return true;
}

/* The edge with its price, asked for when it is new; NULL when it has none. */
struct edge *edges_price(struct machine *m, uint32_t from, uint32_t size, uint32_t to)
{
    if (2 * m->edge_count >= m->edge_capacity && !grow(m)) {
        core_raise(&m->core, FAULT_PRICE, 0, from);
        return NULL;
    }
    struct edge *edge = &m->edges[slot_of(m->edges, m->edge_capacity, from, size, to)];
    if (!edge->instructions) {
        struct edge priced = {.from = from, .from_size = size, .to = to};
        if (m->config.price(from, size, to, &priced.cycles, &priced.instructions) != 0) {
            core_raise(&m->core, FAULT_PRICE, 0, from);
            return NULL;
        }
        *edge = priced;
        m->edge_count++;
    }
    return edge;
}

/* The edge that the block that runs leaves by; most often the one that followed the last edge before. */
static struct edge *taken(struct machine *m, uint32_t to)
{
    if (m->edge_capacity) {
        struct edge *last = &m->edges[m->last_edge], *guess = &m->edges[last->follower];
        if (guess->from == m->core.block && guess->to == to && guess->from_size == m->core.block_size && guess->instructions) {
            m->last_edge = last->follower;
            return guess;
        }
    }
    struct edge *edge = edges_price(m, m->core.block, m->core.block_size, to);
    if (edge) {
        const size_t place = (size_t)(edge - m->edges);
        m->edges[m->last_edge].follower = (uint32_t)place;
        m->last_edge = place;
    }
    return edge;
}

/* The block that runs is over and `next` follows. */
void edges_charge(struct machine *m, uint32_t next)
{
    struct edge *edge = m->core.block_size ? taken(m, next) : NULL;
    if (edge) {
        if (flash_waits(m)) {
            flash_leave(m);
        }
        edge->count++;
        m->core.cycles += edge->cycles;
        m->core.instructions += edge->instructions;
    }
    m->core.block_size = 0;
}

size_t machine_edges(const struct machine *m, struct edge *edges, size_t capacity)
{
    size_t count = 0;
    for (size_t i = 0; i < m->edge_capacity; i++) {
        if (m->edges[i].count) {
            if (count < capacity) {
                edges[count] = m->edges[i];
            }
            count++;
        }
    }
    return count;
}

void machine_clear_counts(struct machine *m)
{
    for (size_t i = 0; i < m->edge_capacity; i++) {
        m->edges[i].count = 0;
    }
    for (size_t i = 0; i < m->span_count; i++) {
        m->spans[i] = (struct span){.entry = m->spans[i].entry};
    }
}

int machine_watch(struct machine *m, uint32_t entry)
{
    if (m->span_count == MAX_SPANS) {
        return -1;
    }
    m->spans[m->span_count] = (struct span){.entry = entry};
    return (int)m->span_count++;
}

void machine_span(const struct machine *m, int index, struct span *span)
{
    *span = m->spans[index];
}

/* A block at `address` begins. Recursion is counted once, from the outermost call. */
void spans_step(struct machine *m, uint32_t address)
{
    for (size_t i = 0; i < m->span_count; i++) {
        struct span *span = &m->spans[i];
        if (span->running && address == span->return_address && core_register(&m->core, UC_ARM_REG_SP) == span->stack) {
            const uint64_t cycles = m->core.cycles - span->start_cycles;
            span->min_cycles = span->calls && span->min_cycles < cycles ? span->min_cycles : cycles;
            span->max_cycles = span->max_cycles > cycles ? span->max_cycles : cycles;
            span->total_cycles += cycles;
            span->calls++;
            span->running = 0;
        }
        if (!span->running && address == span->entry) {
            span->running = 1;
            span->start_cycles = m->core.cycles;
            span->return_address = core_register(&m->core, UC_ARM_REG_LR) & ~1u;
            span->stack = core_register(&m->core, UC_ARM_REG_SP);
        }
    }
}
