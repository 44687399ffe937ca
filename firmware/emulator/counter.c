/* SPDX-License-Identifier: Apache-2.0 */
/* Nothing runs: the count is the time in which the access itself starts, from when it was zero. */
#include "counter.h"

enum {
    DWT_CTRL = 0x1000,
    DWT_CYCCNT = 0x1004,
    DEMCR = 0xEDFC,
    DEMCR_TRCENA = 1 << 24,
    CTRL_CYCCNTENA = 1 << 0,
};

static uint32_t *word_at(const struct counter *counter, uint32_t offset)
{
    return window_word(counter->window, offset);
}

/* Cycles up to the instruction that accesses `offset`, in the middle of its block. */
static uint64_t now(struct counter *counter, uint32_t offset, bool write)
{
    const uint32_t pc = access_pc(counter->accesses, counter->window->begin + offset, write);
    return pc ? edges_reach(counter->edges, pc) : counter->edges->core->cycles;
}

static bool counts(const struct counter *counter)
{
    return (*word_at(counter, DEMCR) & DEMCR_TRCENA) && (*word_at(counter, DWT_CTRL) & CTRL_CYCCNTENA);
}

static void set(struct counter *counter, uint32_t value)
{
    *word_at(counter, DWT_CYCCNT) = value;
    counter->base = now(counter, DWT_CYCCNT, true) - value;
}

/* The counter keeps its value where counting starts or ends. */
static void control(struct counter *counter, uint32_t offset, uint32_t value)
{
    const uint64_t time = now(counter, offset, true);
    const uint32_t count = counts(counter) ? (uint32_t)(time - counter->base) : *word_at(counter, DWT_CYCCNT);
    *word_at(counter, DWT_CYCCNT) = count;
    *word_at(counter, offset) = value;
    counter->base = time - count;
}

/* Whether the register is the counter's and reads as `value`. */
bool counter_read(struct counter *counter, uint32_t offset, uint32_t *value)
{
    if (offset != DWT_CYCCNT) {
        return false;
    }
    *value = counts(counter) ? (uint32_t)(now(counter, offset, false) - counter->base) : *word_at(counter, offset);
    return true;
}

/* Whether the register is the counter's. */
bool counter_write(struct counter *counter, uint32_t offset, uint32_t value)
{
    if (offset == DWT_CYCCNT) {
        set(counter, value);
    } else if (offset == DWT_CTRL || offset == DEMCR) {
        control(counter, offset, value);
    } else {
        return false;
    }
    return true;
}
