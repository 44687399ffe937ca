/* SPDX-License-Identifier: Apache-2.0 */
/* Nothing runs: what the timer would show is computed from the time when it is read. */
#include "timer.h"

enum {
    SYST_CSR = 0xE010,
    SYST_RVR = 0xE014,
    SYST_CVR = 0xE018,
    CSR_ENABLE = 1 << 0,
    CSR_TICKINT = 1 << 1,
    CSR_COUNTFLAG = 1 << 16,
};

static uint32_t *word_at(const struct timer *timer, uint32_t offset)
{
    return window_word(timer->window, offset);
}

static uint64_t period(const struct timer *timer)
{
    return (uint64_t)(*word_at(timer, SYST_RVR) & 0xFFFFFFu) + 1;
}

static bool runs(const struct timer *timer)
{
    return *word_at(timer, SYST_CSR) & CSR_ENABLE;
}

static bool ticks(const struct timer *timer)
{
    return runs(timer) && (*word_at(timer, SYST_CSR) & CSR_TICKINT);
}

static uint64_t passed(const struct timer *timer)
{
    return runs(timer) ? core_now(timer->core) - timer->base : 0;
}

bool timer_pends(const struct timer *timer)
{
    return timer->pending || (ticks(timer) && passed(timer) / period(timer) > timer->armed);
}

/* When it ends a sleep; 0 when it does not. */
uint64_t timer_next(const struct timer *timer)
{
    return ticks(timer) ? timer->base + (passed(timer) / period(timer) + 1) * period(timer) : 0;
}

void timer_clear(struct timer *timer)
{
    timer->pending = false;
    timer->armed = passed(timer) / period(timer);
}

static void restart(struct timer *timer)
{
    timer->base = core_now(timer->core);
    timer->wraps = timer->armed = 0;
}

static void control(struct timer *timer, uint32_t value)
{
    const bool restarts = (*word_at(timer, SYST_CSR) ^ value) & CSR_ENABLE;
    timer->pending = timer_pends(timer);
    *word_at(timer, SYST_CSR) = value & ~(uint32_t)CSR_COUNTFLAG;
    timer->armed = passed(timer) / period(timer);
    if (restarts) {
        restart(timer);
    }
}

static uint32_t current(const struct timer *timer)
{
    return runs(timer) ? (uint32_t)(period(timer) - 1 - passed(timer) % period(timer)) : 0;
}

static uint32_t status(struct timer *timer)
{
    const uint64_t wraps = passed(timer) / period(timer);
    const uint32_t flag = wraps > timer->wraps ? CSR_COUNTFLAG : 0;
    timer->wraps = wraps;
    return *word_at(timer, SYST_CSR) | flag;
}

/* Whether the register is the timer's and reads as `value`. */
bool timer_read(struct timer *timer, uint32_t offset, uint32_t *value)
{
    if (offset != SYST_CSR && offset != SYST_CVR) {
        return false;
    }
    *value = offset == SYST_CSR ? status(timer) : current(timer);
    return true;
}

/* Whether the register is the timer's. */
bool timer_write(struct timer *timer, uint32_t offset, uint32_t value)
{
    if (offset == SYST_CSR) {
        control(timer, value);
    } else if (offset == SYST_RVR || offset == SYST_CVR) {
        *word_at(timer, offset) = value;
        restart(timer);
    } else {
        return false;
    }
    return true;
}
