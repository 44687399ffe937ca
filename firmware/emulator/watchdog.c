/* SPDX-License-Identifier: Apache-2.0 */
/* The STM32's independent watchdog (RM0090, chapter 21) and the flags that tell why the board started (7.3.21). */
#include "machine.h"

enum {
    KR = 0x00,
    PR = 0x04,
    RLR = 0x08,
    KEY_RELOAD = 0xAAAA,
    KEY_UNLOCK = 0x5555,
    KEY_START = 0xCCCC,
    SMALLEST_DIVIDER = 4,
    LARGEST_PRESCALER = 6,
    LARGEST_RELOAD = 0xFFF,
};

void machine_set_watchdog(struct machine *m, const struct watchdog_config *config)
{
    m->watchdog.config = *config;
}

void watchdog_reset(struct machine *m)
{
    m->watchdog.runs = m->watchdog.unlocked = false;
    m->watchdog.prescaler = 0;
    m->watchdog.reload = LARGEST_RELOAD;
}

static void reload(struct machine *m)
{
    const struct watchdog *watchdog = &m->watchdog;
    const uint64_t period = (uint64_t)watchdog->config.tick_cycles * SMALLEST_DIVIDER << watchdog->prescaler;
    m->watchdog.deadline = core_now(&m->core) + period * (watchdog->reload + 1u);
}

static void write_key(struct machine *m, uint32_t key)
{
    m->watchdog.unlocked = key == KEY_UNLOCK;
    m->watchdog.runs |= key == KEY_START;
    if (key == KEY_RELOAD || key == KEY_START) {
        reload(m);
    }
}

/* Whether a write was for the watchdog or the flags; `value` is what the register keeps. */
bool watchdog_write(struct machine *m, uint32_t address, uint32_t *value)
{
    struct watchdog *watchdog = &m->watchdog;
    const uint32_t offset = address - watchdog->config.base;
    if (watchdog->config.tick_cycles == 0) {
        return false;
    }
    if (address == watchdog->config.flags_register) {
        watchdog->flags = *value & watchdog->config.clear_flags ? 0 : watchdog->flags;
        *value = (*value & ~watchdog->config.all_flags) | watchdog->flags;
        return true;
    }
    if (offset == KR) {
        write_key(m, *value & 0xFFFFu);
        *value = 0;
    } else if (offset == PR && watchdog->unlocked) {
        watchdog->prescaler = (*value & 7u) < LARGEST_PRESCALER ? *value & 7u : LARGEST_PRESCALER;
    } else if (offset == RLR && watchdog->unlocked) {
        watchdog->reload = *value & LARGEST_RELOAD;
    }
    return offset <= RLR;
}

/* While the board is reset: the flags that are there then, for the register that holds them. */
uint32_t watchdog_flags(struct machine *m)
{
    const struct watchdog_config *config = &m->watchdog.config;
    if (watchdog_expired(m)) {
        m->watchdog.flags |= config->watchdog_flags;
    } else {
        m->watchdog.flags |= m->reset_requested ? config->software_flags : config->power_flags;
    }
    return m->watchdog.flags;
}

bool watchdog_expired(const struct machine *m)
{
    return m->watchdog.runs && core_now(&m->core) >= m->watchdog.deadline;
}
