/* SPDX-License-Identifier: Apache-2.0 */
/* What can stop the program between two basic blocks. Most of it changes with the caller, an exception or a register
   alone: then core_end_quiet has everything looked at before the next block, else not before something is due. */
#include "machine.h"

#define NEVER UINT64_MAX

static uint64_t earlier(uint64_t event, uint64_t now, uint64_t next)
{
    return event > now && event < next ? event : next;
}

/* The first thing that happens by itself after now and before `horizon`; `horizon` where nothing does. */
static uint64_t first_event(const struct machine *m, uint64_t horizon)
{
    const uint64_t now = core_now(&m->core);
    uint64_t next = earlier(port_next(&m->peripherals.port), now, horizon);
    next = earlier(m->peripherals.port.line.answered_at, now, next);
    next = earlier(timer_next(&m->system.timer), now, next);
    return earlier(watchdog_next(&m->peripherals.watchdog), now, next);
}

/* When a sleeping board has something to do next; now when there is nothing to wait for. */
uint64_t events_next(const struct machine *m)
{
    const uint64_t now = core_now(&m->core);
    uint64_t horizon = m->awake_at > now ? m->awake_at : now;
    if (port_next(&m->peripherals.port) > horizon) {
        horizon = port_next(&m->peripherals.port);
    }
    if (m->peripherals.port.line.answered_at > horizon) {
        horizon = m->peripherals.port.line.answered_at;
    }
    return first_event(m, horizon);
}

/* Why the program cannot go on with the next block; STOP_NONE when it can. */
enum stop events_stop(struct machine *m)
{
    if (m->core.fault != FAULT_NONE) {
        return STOP_FAULT;
    }
    if (m->system.reset_requested || watchdog_expired(&m->peripherals.watchdog)) {
        return STOP_RESET;
    }
    if (line_answered(&m->peripherals.port.line)) {
        return STOP_ANSWERED;
    }
    if (m->core.instructions >= m->limit) {
        return STOP_BUDGET;
    }
    if (exceptions_ready(m)) {
        return STOP_INTERRUPT;
    }
    /* PRIMASK changes without a word: what waits for it is looked at before every block. */
    const uint64_t next = first_event(m, NEVER);
    m->core.quiet_until = exceptions_pending(m) ? 0 : next == NEVER ? NEVER : next - m->core.idle_cycles;
    return m->core.fault == FAULT_NONE ? STOP_NONE : STOP_FAULT;
}
