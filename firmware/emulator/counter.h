/* SPDX-License-Identifier: Apache-2.0 */
/* The cycle counter CYCCNT (ARMv7-M Architecture Reference Manual, C1.8), exact in the middle of a block. */
#ifndef COUNTER_H
#define COUNTER_H

#include "access.h"
#include "edges.h"
#include "window.h"

struct counter {
    struct accesses *accesses;
    struct edges *edges;
    const struct window *window; /* the system's */
    uint64_t base;               /* the cycle in which it was zero, while it counts */
};

bool counter_read(struct counter *counter, uint32_t offset, uint32_t *value);
bool counter_write(struct counter *counter, uint32_t offset, uint32_t value);

#endif
