/* SPDX-License-Identifier: Apache-2.0 */
/* SysTick (ARMv7-M Architecture Reference Manual, B3.3): it counts and ends a sleep, but its handler is not modelled. */
#ifndef TIMER_H
#define TIMER_H

#include "core.h"
#include "window.h"

struct timer {
    const struct core *core;
    const struct window *window; /* the system's */
    uint64_t base, wraps;        /* when it started, and how often it had wrapped when that was read last */
    uint64_t armed;              /* wraps that do not pend any more */
    bool pending;
};

bool timer_read(struct timer *timer, uint32_t offset, uint32_t *value);
bool timer_write(struct timer *timer, uint32_t offset, uint32_t value);
bool timer_pends(const struct timer *timer);
void timer_clear(struct timer *timer);
uint64_t timer_next(const struct timer *timer);

#endif
