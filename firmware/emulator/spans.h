/* SPDX-License-Identifier: Apache-2.0 */
/* Cycles of each call of a few functions. */
#ifndef SPANS_H
#define SPANS_H

#include "core.h"

enum { MAX_SPANS = 8 };

/* Cycles between a function's first instruction and its return. */
struct span {
    uint64_t calls, total_cycles, min_cycles, max_cycles;
    uint64_t start_cycles;
    uint32_t entry, return_address, stack;
    uint32_t running;
};

struct spans {
    const struct core *core;
    size_t count;
    struct span items[MAX_SPANS];
};

int spans_add(struct spans *spans, uint32_t entry);
void spans_clear(struct spans *spans);
void spans_reset(struct spans *spans);
void spans_enter(struct spans *spans, uint32_t address);

#endif
