/* SPDX-License-Identifier: Apache-2.0 */
/* From a function's entry to where LR pointed then, with the stack as deep. */
#include "spans.h"

/* The function's place in `items`; -1 when there is none left. */
int spans_add(struct spans *spans, uint32_t entry)
{
    if (spans->count == MAX_SPANS) {
        return -1;
    }
    spans->items[spans->count] = (struct span){.entry = entry};
    return (int)spans->count++;
}

void spans_clear(struct spans *spans)
{
    for (size_t i = 0; i < spans->count; i++) {
        spans->items[i] = (struct span){.entry = spans->items[i].entry};
    }
}

/* Calls that a reset has ended are not counted. */
void spans_reset(struct spans *spans)
{
    for (size_t i = 0; i < spans->count; i++) {
        spans->items[i].running = 0;
    }
}

static void begin(struct span *span, const struct core *core)
{
    span->running = 1;
    span->start_cycles = core->cycles;
    span->return_address = core_register(core, UC_ARM_REG_LR) & ~1u;
    span->stack = core_register(core, UC_ARM_REG_SP);
}

static void end(struct span *span, uint64_t cycles)
{
    span->min_cycles = span->calls && span->min_cycles < cycles ? span->min_cycles : cycles;
    span->max_cycles = span->max_cycles > cycles ? span->max_cycles : cycles;
    span->total_cycles += cycles;
    span->calls++;
    span->running = 0;
}

/* A block at `address` begins. Recursion is counted once, from the outermost call. */
void spans_enter(struct spans *spans, uint32_t address)
{
    const struct core *core = spans->core;
    for (size_t i = 0; i < spans->count; i++) {
        struct span *span = &spans->items[i];
        if (span->running && address == span->return_address && core_register(core, UC_ARM_REG_SP) == span->stack) {
            end(span, core->cycles - span->start_cycles);
        }
        if (!span->running && address == span->entry) {
            begin(span, core);
        }
    }
}
