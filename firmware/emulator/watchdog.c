/* SPDX-License-Identifier: Apache-2.0 */
/* The STM32's independent watchdog (RM0090, chapter 21) and the flags that tell why the board started (7.3.21). */
#include "watchdog.h"

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

void watchdog_reset(struct watchdog *watchdog)
{
    watchdog->runs = watchdog->unlocked = false;
    watchdog->prescaler = 0;
    watchdog->reload = LARGEST_RELOAD;
}

static void reload(struct watchdog *watchdog)
{
    const uint64_t period = (uint64_t)watchdog->config.tick_cycles * SMALLEST_DIVIDER << watchdog->prescaler;
    watchdog->deadline = core_now(watchdog->core) + period * (watchdog->reload + 1u);
}

static void write_key(struct watchdog *watchdog, uint32_t key)
{
    watchdog->unlocked = key == KEY_UNLOCK;
    watchdog->runs |= key == KEY_START;
    if (key == KEY_RELOAD || key == KEY_START) {
        reload(watchdog);
    }
}

/* Whether a write was for the watchdog or the flags; `value` is what the register keeps. */
bool watchdog_write(struct watchdog *watchdog, uint32_t address, uint32_t *value)
{
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
        write_key(watchdog, *value & 0xFFFFu);
        *value = 0;
    } else if (offset == PR && watchdog->unlocked) {
        watchdog->prescaler = (*value & 7u) < LARGEST_PRESCALER ? *value & 7u : LARGEST_PRESCALER;
    } else if (offset == RLR && watchdog->unlocked) {
        watchdog->reload = *value & LARGEST_RELOAD;
    }
    return offset <= RLR;
}

/* While the board is reset: the flags that are there then, for the register that holds them. */
uint32_t watchdog_flags(struct watchdog *watchdog, bool by_software)
{
    const struct watchdog_config *config = &watchdog->config;
    if (watchdog_expired(watchdog)) {
        watchdog->flags |= config->watchdog_flags;
    } else {
        watchdog->flags |= by_software ? config->software_flags : config->power_flags;
    }
    return watchdog->flags;
}

bool watchdog_expired(const struct watchdog *watchdog)
{
    return watchdog->runs && core_now(watchdog->core) >= watchdog->deadline;
}

/* When it resets the board; 0 when it does not run. */
uint64_t watchdog_next(const struct watchdog *watchdog)
{
    return watchdog->runs ? watchdog->deadline : 0;
}
