/* SPDX-License-Identifier: Apache-2.0 */
/* Flash with wait states. One read at a time fetches a line; lines that were read last stay in a cache each for
   instructions and data. What the core waits is added to the cycles at once, so that all other counts see it. */
#include "flash.h"

#include <stdlib.h>
#include <string.h>

#define NO_LINE 0xFFFFFFFFu
enum { FIRST_LAYOUTS = 1024, LAST_START = 0x7FFFFFFF };

static bool in_flash(const struct flash *f, uint32_t address)
{
    return f->config.begin <= address && address < f->config.end;
}

static uint64_t later(uint64_t one, uint64_t other)
{
    return one > other ? one : other;
}

static uint32_t find(const struct lines *lines, uint32_t line)
{
    uint32_t place = 0;
    while (place < lines->count && lines->line[place] != line) {
        place++;
    }
    return place;
}

/* Puts `line` in front; whether it was there. */
static bool touch(struct lines *lines, uint32_t line, uint32_t capacity)
{
    uint32_t place = find(lines, line);
    const bool held = place < lines->count;
    if (capacity == 0) {
        return false;
    }
    if (!held) {
        lines->count += lines->count < capacity;
        place = lines->count - 1;
    }
    memmove(&lines->line[1], &lines->line[0], place * sizeof lines->line[0]);
    lines->line[0] = line;
    return held;
}

static void wait_until(struct flash *f, uint64_t now, uint64_t ready)
{
    f->core->cycles += later(ready, now) - now;
}

static void prefetch(struct flash *f, uint32_t line, uint64_t now)
{
    if (line != f->prefetched && find(&f->instructions, line) == f->instructions.count) {
        f->busy_until = later(f->busy_until, now) + f->config.wait_states + 1;
        f->prefetched = line;
        f->prefetched_at = f->busy_until;
    }
}

/* The instruction that needs `line` would start at the cycle `now`. */
static void fetch(struct flash *f, uint32_t line, uint64_t now)
{
    const struct flash_config *config = &f->config;
    if (line == f->current) {
        return;
    }
    if (!touch(&f->instructions, line, config->instruction_lines)) {
        const bool coming = line == f->prefetched;
        const uint64_t ready = coming ? f->prefetched_at : later(f->busy_until, now) + config->wait_states;
        wait_until(f, now, ready);
        now = later(ready, now);
        f->busy_until = later(f->busy_until, now);
    }
    f->current = line;
    if (config->prefetch) {
        prefetch(f, line + 1, now);
    }
}

/* All lines of the block that runs, up to the instruction that starts `start` cycles after it. */
static void fetch_until(struct flash *f, uint32_t start)
{
    const uint32_t end = f->core->block + f->core->block_size, line_bytes = f->config.line_bytes;
    while (f->layout && f->next < end && f->layout[(f->next - f->core->block) / 2] <= start) {
        fetch(f, f->next / line_bytes, f->core->cycles + f->layout[(f->next - f->core->block) / 2]);
        f->next = (f->next / line_bytes + 1) * line_bytes;
    }
}

static size_t layout_slot(const struct layout *layouts, size_t capacity, uint32_t from, uint32_t size)
{
    const uint64_t key = ((uint64_t)from << 32 | size) * 0x9E3779B97F4A7C15u;
    size_t slot = (size_t)(key >> 32) & (capacity - 1);
    while (layouts[slot].starts && (layouts[slot].from != from || layouts[slot].size != size)) {
        slot = (slot + 1) & (capacity - 1);
    }
    return slot;
}

static bool grow(struct flash *f)
{
    const size_t capacity = f->layout_capacity ? 2 * f->layout_capacity : FIRST_LAYOUTS;
    struct layout *layouts = calloc(capacity, sizeof *layouts);
    if (!layouts) {
        return false;
    }
    for (size_t i = 0; i < f->layout_capacity; i++) {
        const struct layout *old = &f->layouts[i];
        if (old->starts) {
            layouts[layout_slot(layouts, capacity, old->from, old->size)] = *old;
        }
    }
    free(f->layouts);
    f->layouts = layouts;
    f->layout_capacity = capacity;
    return true;
}

/* For each halfword of the block, the cycle in which its instruction starts; asked for once. NULL is a fault. */
static const uint32_t *layout_of(struct flash *f)
{
    if (2 * f->layout_count >= f->layout_capacity && !grow(f)) {
        return NULL;
    }
    struct layout *layout = &f->layouts[layout_slot(f->layouts, f->layout_capacity, f->core->block, f->core->block_size)];
    if (!layout->starts) {
        uint32_t *starts = calloc(f->core->block_size / 2, sizeof *starts);
        if (!starts || f->starts(f->core->block, f->core->block_size, starts) != 0) {
            free(starts);
            return NULL;
        }
        *layout = (struct layout){f->core->block, f->core->block_size, starts};
        f->layout_count++;
    }
    return layout->starts;
}

/* A block begins; where there are wait states only. */
void flash_enter(struct flash *f)
{
    f->layout = layout_of(f);
    f->next = in_flash(f, f->core->block) ? f->core->block : f->core->block + f->core->block_size;
    if (!f->layout) {
        core_raise(f->core, FAULT_PRICE, 0, f->core->block);
    }
}

/* What the block waits before its instruction at `pc`, which starts then. */
void flash_reach(struct flash *f, uint32_t pc)
{
    if (flash_waits(f) && f->layout) {
        fetch_until(f, f->layout[(pc - f->core->block) / 2]);
    }
}

/* The block is over; where there are wait states only. */
void flash_leave(struct flash *f)
{
    fetch_until(f, LAST_START);
}

static void on_read(uc_engine *uc, uc_mem_type type, uint64_t address, int size, int64_t value, void *user)
{
    (void)uc, (void)type, (void)size, (void)value;
    struct flash *f = user;
    const uint32_t pc = core_register(f->core, UC_ARM_REG_PC) & ~1u;
    if (!f->layout || pc - f->core->block >= f->core->block_size) {
        return;
    }
    flash_reach(f, pc);
    const uint32_t line = (uint32_t)address / f->config.line_bytes;
    if (!touch(&f->data, line, f->config.data_lines)) {
        const uint64_t now = f->core->cycles + f->layout[(pc - f->core->block) / 2];
        f->busy_until = later(f->busy_until, now) + f->config.wait_states;
        wait_until(f, now, f->busy_until);
    }
}

/* Without wait states nothing is hooked: reads keep their speed. */
bool flash_start(struct flash *f, struct core *core, const struct flash_config *config, starts_callback starts)
{
    uc_hook hook;
    f->core = core;
    f->config = *config;
    f->starts = starts;
    flash_reset(f);
    return !flash_waits(f) || uc_hook_add(core->uc, &hook, UC_HOOK_MEM_READ, (void *)on_read, f, config->begin,
                                          config->end - 1) == UC_ERR_OK;
}

void flash_reset(struct flash *f)
{
    f->instructions.count = f->data.count = 0;
    f->current = f->prefetched = NO_LINE;
    f->busy_until = f->prefetched_at = 0;
}

void flash_free(struct flash *f)
{
    for (size_t i = 0; i < f->layout_capacity; i++) {
        free(f->layouts[i].starts);
    }
    free(f->layouts);
}
