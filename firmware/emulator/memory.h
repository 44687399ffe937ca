/* SPDX-License-Identifier: Apache-2.0 */
/* The engine's view of memory: what can be executed, and faults. */
#ifndef MEMORY_H
#define MEMORY_H

#include "core.h"
#include "range.h"

enum { MAX_RAM = 8 };

struct memory {
    struct range ram[MAX_RAM]; /* what the program may write, in ascending order */
    uint32_t ram_count;
    bool code_in_ram;
};

bool memory_start(struct memory *memory, struct core *core, const struct range *ram, uint32_t ram_count);

#endif
