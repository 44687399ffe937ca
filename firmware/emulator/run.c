/* SPDX-License-Identifier: Apache-2.0 */
/* A block is charged when the next one begins; between the two the program can be stopped. */
#include "run.h"

#include "events.h"

enum { WFI = 0xBF30 }; /* the opcode */

/* Unicorn does not execute a block in whose hook it is told to stop: it starts there again. */
static void on_block(uc_engine *uc, uint64_t address, uint32_t size, void *user)
{
    (void)uc;
    struct machine *m = user;
    struct core *core = &m->core;
    edges_charge(&m->edges, (uint32_t)address);
    if (core->cycles >= core->quiet_until || core->instructions >= m->limit) {
        const enum stop reason = events_stop(m);
        if (reason != STOP_NONE) {
            core_stop(core, reason);
            return;
        }
    }
    if (m->spans.count) {
        spans_enter(&m->spans, (uint32_t)address);
    }
    core->block = (uint32_t)address;
    core->block_size = size;
    access_enter(&m->accesses);
    if (flash_waits(&m->flash)) {
        flash_enter(&m->flash);
    }
}

static void on_exception(uc_engine *uc, uint32_t number, void *user)
{
    (void)uc;
    struct machine *m = user;
    if (number == EXCEPTION_EXIT) {
        core_stop(&m->core, STOP_EXCEPTION_RETURN);
    } else {
        core_raise(&m->core, FAULT_EXCEPTION, number, 0);
    }
}

/* Once, before the engine has run. */
bool run_hook(struct machine *m)
{
    uc_engine *uc = m->core.uc;
    uc_hook hook;
    return uc_hook_add(uc, &hook, UC_HOOK_BLOCK, (void *)on_block, m, 1, 0) == UC_ERR_OK &&
           uc_hook_add(uc, &hook, UC_HOOK_INTR, (void *)on_exception, m, 1, 0) == UC_ERR_OK;
}

static bool asleep(const struct core *core)
{
    uint16_t last = 0;
    return uc_mem_read(core->uc, core->pc - 2, &last, sizeof last) == UC_ERR_OK && last == WFI;
}

/* Asleep until an interrupt pends (STOP_NONE), the watchdog resets, a packet has left or nothing is to come. */
static enum stop doze(struct machine *m)
{
    while (!exceptions_pending(&m->exceptions)) {
        if (watchdog_expired(&m->peripherals.watchdog)) {
            machine_reset(m);
            return STOP_NONE;
        }
        if (line_answered(&m->peripherals.port.line)) {
            return STOP_ANSWERED;
        }
        const uint64_t now = core_now(&m->core), next = events_next(m);
        if (next == now) {
            return STOP_ASLEEP;
        }
        m->core.idle_cycles += next - now;
    }
    return STOP_NONE;
}

/* The engine has stopped by itself. */
static enum stop halt(struct machine *m, uint32_t until)
{
    struct core *core = &m->core;
    if (core->pc == until) {
        edges_charge(&m->edges, until);
        return STOP_RETURNED;
    }
    if (!asleep(core)) {
        core_raise(core, FAULT_UNMODELLED, UNMODELLED_STOP, core->pc);
    } else if (m->system.reset_requested) {
        machine_reset(m);
    } else {
        return doze(m);
    }
    return STOP_NONE;
}

/* What a stop means; STOP_NONE when execution goes on. */
static enum stop settle(struct machine *m, uint32_t until)
{
    enum stop reason = STOP_NONE;
    switch (m->core.stop) {
    case STOP_INTERRUPT:
        exceptions_enter(&m->exceptions);
        break;
    case STOP_EXCEPTION_RETURN:
        edges_charge(&m->edges, m->core.pc);
        exceptions_return(&m->exceptions);
        break;
    case STOP_RESET:
        machine_reset(m);
        break;
    case STOP_BUDGET:
    case STOP_ANSWERED:
        reason = m->core.stop;
        break;
    default:
        reason = halt(m, until);
    }
    return m->core.fault == FAULT_NONE ? reason : STOP_FAULT;
}

/* Runs from where it stopped, for about `budget` instructions at most. */
enum stop machine_run(struct machine *m, uint32_t until, uint64_t budget)
{
    struct core *core = &m->core;
    m->limit = core->instructions + budget;
    for (;;) {
        core->stop = STOP_NONE;
        core_end_quiet(core);
        const uc_err error = uc_emu_start(core->uc, core->pc | 1u, until, 0, 0);
        core->pc = core_register(core, UC_ARM_REG_PC);
        if (error != UC_ERR_OK) {
            core_raise(core, FAULT_INSTRUCTION, (uint32_t)error, core->pc);
        }
        const enum stop reason = core->fault == FAULT_NONE ? settle(m, until) : STOP_FAULT;
        if (reason != STOP_NONE) {
            return reason;
        }
    }
}
