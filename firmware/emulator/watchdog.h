/* SPDX-License-Identifier: Apache-2.0 */
/* The independent watchdog, and the flags that tell why the board started. */
#ifndef WATCHDOG_H
#define WATCHDOG_H

#include "core.h"

/* Registers of a watchdog and of the flags that tell why the board started; tick_cycles 0: there is none. */
struct watchdog_config {
    uint32_t base, tick_cycles;
    uint32_t flags_register, all_flags, power_flags, software_flags, watchdog_flags, clear_flags;
};

struct watchdog {
    const struct core *core;
    struct watchdog_config config;
    bool runs, unlocked;
    uint32_t prescaler, reload, flags;
    uint64_t deadline;
};

void watchdog_reset(struct watchdog *watchdog);
bool watchdog_write(struct watchdog *watchdog, uint32_t address, uint32_t *value);
uint32_t watchdog_flags(struct watchdog *watchdog, bool by_software);
bool watchdog_expired(const struct watchdog *watchdog);
uint64_t watchdog_next(const struct watchdog *watchdog);

#endif
