/* SPDX-License-Identifier: Apache-2.0 */
/* Accesses go to SysTick, the NVIC and the cycle counter; all else is stored, priorities without effect. */
#include "system.h"

#include <stdlib.h>
#include <string.h>

#define SYSTEM_BEGIN 0xE0000000u
#define SYSTEM_BYTES 0x10000u
#define AIRCR_KEY 0x05FA0000u

enum {
    DWT = 0x1000,
    DWT_END = 0x1060,
    DWT_LAR = 0x1FB0,
    SCS = 0xE000,
    SCS_END = 0xF000,
    CPUID = 0xED00,
    ICSR = 0xED04,
    ICSR_PENDSTCLR = 1 << 25,
    VTOR = 0xED08,
    AIRCR = 0xED0C,
    AIRCR_SYSRESETREQ = 1 << 2,
    CCR = 0xED14,
    CCR_STKALIGN = 1 << 9,
};

static uint32_t *word_at(const struct system *system, uint32_t offset)
{
    return window_word(&system->window, offset);
}

static bool modelled(uint32_t offset)
{
    return (DWT <= offset && offset < DWT_END) || offset == DWT_LAR || (SCS <= offset && offset < SCS_END);
}

static uint32_t read_word(struct system *system, uint32_t offset)
{
    uint32_t value = 0;
    if (counter_read(&system->counter, offset, &value) || timer_read(&system->timer, offset, &value) ||
        nvic_read(&system->nvic, offset, &value)) {
        return value;
    }
    return offset == CPUID ? system->cpuid : *word_at(system, offset);
}

static void write_word(struct system *system, uint32_t offset, uint32_t value)
{
    if (counter_write(&system->counter, offset, value) || timer_write(&system->timer, offset, value) ||
        nvic_write(&system->nvic, offset, value)) {
        return;
    }
    if (offset == AIRCR) {
        system->reset_requested |= (value & 0xFFFF0000u) == AIRCR_KEY && (value & AIRCR_SYSRESETREQ);
    } else if (offset == ICSR && (value & ICSR_PENDSTCLR)) {
        timer_clear(&system->timer);
    } else if (offset != CPUID) {
        *word_at(system, offset) = value;
    }
}

static uint64_t on_read(uc_engine *uc, uint64_t offset, unsigned size, void *user)
{
    (void)uc;
    struct system *system = user;
    const uint32_t at = (uint32_t)offset & ~3u;
    core_end_quiet(system->core);
    if (!modelled(at)) {
        core_raise(system->core, FAULT_PERIPHERAL, 0, SYSTEM_BEGIN + (uint32_t)offset);
        return 0;
    }
    return word_part(read_word(system, at), (uint32_t)offset, size);
}

static void on_write(uc_engine *uc, uint64_t offset, unsigned size, uint64_t value, void *user)
{
    (void)uc;
    struct system *system = user;
    const uint32_t at = (uint32_t)offset & ~3u;
    core_end_quiet(system->core);
    if (!modelled(at)) {
        core_raise(system->core, FAULT_PERIPHERAL, 1, SYSTEM_BEGIN + (uint32_t)offset);
        return;
    }
    write_word(system, at, word_merged(*word_at(system, at), (uint32_t)offset, size, (uint32_t)value));
}

bool system_start(struct system *system, struct core *core, struct accesses *accesses, struct edges *edges,
                  uint32_t cpuid, uint32_t vectors)
{
    const struct window *window = &system->window;
    system->core = core;
    system->cpuid = cpuid;
    system->vectors = vectors;
    system->window = (struct window){SYSTEM_BEGIN, SYSTEM_BYTES, calloc(SYSTEM_BYTES, 1)};
    system->timer = (struct timer){.core = core, .window = window};
    system->counter = (struct counter){.accesses = accesses, .edges = edges, .window = window};
    return window->words &&
           uc_mmio_map(core->uc, SYSTEM_BEGIN, SYSTEM_BYTES, on_read, system, on_write, system) == UC_ERR_OK;
}

void system_reset(struct system *system)
{
    memset(system->window.words, 0, SYSTEM_BYTES);
    memset(&system->nvic, 0, sizeof system->nvic);
    system->timer.pending = false;
    system->reset_requested = false;
    *word_at(system, VTOR) = system->vectors;
    *word_at(system, CCR) = CCR_STKALIGN;
}

void system_free(struct system *system)
{
    free(system->window.words);
}

/* What was written to the register at `address`. */
uint32_t system_word(const struct system *system, uint32_t address)
{
    return *word_at(system, address - SYSTEM_BEGIN);
}

/* Where the vector table is now. */
uint32_t system_vectors(const struct system *system)
{
    return *word_at(system, VTOR);
}
