/* SPDX-License-Identifier: Apache-2.0 */
/* Flash with wait states: what the core waits for instructions and data. */
#ifndef FLASH_H
#define FLASH_H

#include "core.h"

/* For each halfword of the block (address, size): the cycles before the instruction that it belongs to, wait states
   left out. Returns 0, or not to stop. */
typedef int (*starts_callback)(uint32_t address, uint32_t size, uint32_t *starts);

/* Flash from `begin` to before `end`; see codegen/timing/flash_model.py. */
struct flash_config {
    uint32_t begin, end;
    uint32_t wait_states, line_bytes, instruction_lines, data_lines, prefetch;
};

enum { MAX_LINES = 256 };

/* Numbers of cached lines, the one used last in front. */
struct lines {
    uint32_t count, line[MAX_LINES];
};

struct layout {
    uint32_t from, size;
    uint32_t *starts;
};

/* What the flash holds and does. Times are in cycles of the core. */
struct flash {
    struct core *core;
    struct flash_config config;
    starts_callback starts;
    struct lines instructions, data;
    uint32_t current, prefetched; /* the line that instructions come from, and the one that was asked for ahead */
    uint64_t prefetched_at, busy_until;
    const uint32_t *layout; /* of the block that runs */
    uint32_t next;          /* its first byte that was not fetched yet */
    struct layout *layouts;
    size_t layout_count, layout_capacity;
};

static inline bool flash_waits(const struct flash *f)
{
    return f->config.wait_states != 0;
}

bool flash_start(struct flash *f, struct core *core, const struct flash_config *config, starts_callback starts);
void flash_reset(struct flash *f);
void flash_free(struct flash *f);
void flash_enter(struct flash *f);
void flash_reach(struct flash *f, uint32_t pc);
void flash_leave(struct flash *f);

#endif
