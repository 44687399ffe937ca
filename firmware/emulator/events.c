/* SPDX-License-Identifier: Apache-2.0 */
/* Most events come with the caller, an exception or a register alone: then core_end_quiet has everything looked at before
   the next block, else not before something is due. */
#include "events.h"

#define NEVER UINT64_MAX

static uint64_t earlier(uint64_t event, uint64_t now, uint64_t next)
{
    return event > now && event < next ? event : next;
}

static uint64_t later(uint64_t one, uint64_t other)
{
    return one > other ? one : other;
}

/* The first thing that happens by itself after now and before `horizon`; `horizon` where nothing does. */
static uint64_t first_event(const struct machine *m, uint64_t horizon)
{
    const struct port *port = &m->peripherals.port;
    const uint64_t now = core_now(&m->core);
    uint64_t next = earlier(port_next(port), now, horizon);
    next = earlier(port->line.answered_at, now, next);
    next = earlier(timer_next(&m->system.timer), now, next);
    return earlier(watchdog_next(&m->peripherals.watchdog), now, next);
}

/* When a sleeping board has something to do next; now when there is nothing to wait for. */
uint64_t events_next(const struct machine *m)
{
    const struct port *port = &m->peripherals.port;
    const uint64_t awake = later(m->awake_at, core_now(&m->core));
    return first_event(m, later(later(awake, port_next(port)), port->line.answered_at));
}

/* Why the program cannot go on with the next block; STOP_NONE when it can. */
enum stop events_stop(struct machine *m)
{
    struct core *core = &m->core;
    if (core->fault != FAULT_NONE) {
        return STOP_FAULT;
    }
    if (m->system.reset_requested || watchdog_expired(&m->peripherals.watchdog)) {
        return STOP_RESET;
    }
    if (line_answered(&m->peripherals.port.line)) {
        return STOP_ANSWERED;
    }
    if (core->instructions >= m->limit) {
        return STOP_BUDGET;
    }
    if (exceptions_ready(&m->exceptions)) {
        return STOP_INTERRUPT;
    }
    /* PRIMASK changes without a word: what waits for it is looked at before every block. */
    const uint64_t next = first_event(m, NEVER);
    core->quiet_until = exceptions_pending(&m->exceptions) ? 0 : next == NEVER ? NEVER : next - core->idle_cycles;
    return core->fault == FAULT_NONE ? STOP_NONE : STOP_FAULT;
}
