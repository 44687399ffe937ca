/* SPDX-License-Identifier: Apache-2.0 */
/* The run loop: from one stop of the engine to the next, until there is something for the caller. */
#include "machine.h"

#include <stdlib.h>

enum { WFI = 0xBF30, EXCEPTION_EXIT = 8 }; /* the opcode; QEMU's number for a branch to EXC_RETURN */

/* Unicorn does not execute a block in whose hook it is told to stop: it starts there again. */
static void on_block(uc_engine *uc, uint64_t address, uint32_t size, void *user)
{
    (void)uc;
    struct machine *m = user;
    edges_charge(&m->edges, (uint32_t)address);
    if (m->core.cycles >= m->core.quiet_until || m->core.instructions >= m->limit) {
        const enum stop reason = events_stop(m);
        if (reason != STOP_NONE) {
            core_stop(&m->core, reason);
            return;
        }
    }
    if (m->spans.count) {
        spans_enter(&m->spans, (uint32_t)address);
    }
    m->core.block = (uint32_t)address;
    m->core.block_size = size;
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

static bool add_hooks(struct machine *m)
{
    uc_engine *uc = m->core.uc;
    return uc_hook_add(uc, &m->hooks[0], UC_HOOK_BLOCK, (void *)on_block, m, 1, 0) == UC_ERR_OK &&
           uc_hook_add(uc, &m->hooks[1], UC_HOOK_INTR, (void *)on_exception, m, 1, 0) == UC_ERR_OK;
}

/* Adds hooks and registers to an engine that has not run yet: later they would be dead until its cache is flushed. */
struct machine *machine_new(uc_engine *uc, const struct config *config)
{
    struct machine *m = calloc(1, sizeof *m);
    if (!m) {
        return NULL;
    }
    m->core.uc = uc;
    m->config = *config;
    edges_start(&m->edges, &m->core, &m->flash, config->price);
    access_start(&m->accesses, &m->core, config->accesses, config->place);
    m->spans.core = &m->core;
    if (!peripherals_start(&m->peripherals, &m->core, config->usart_base) || 
        !system_start(&m->system, &m->core, &m->accesses, &m->edges, config->cpuid, config->vectors) || !add_hooks(m) ||
        !memory_start(&m->memory, &m->core, config->ram, config->ram_count) ||
        !flash_start(&m->flash, &m->core, &config->flash, config->starts)) {
        machine_free(m);
        return NULL;
    }
    return m;
}

void machine_free(struct machine *m)
{
    flash_free(&m->flash);
    edges_free(&m->edges);
    access_free(&m->accesses);
    alignment_free(&m->alignment);
    peripherals_free(&m->peripherals);
    system_free(&m->system);
    free(m);
}

/* As the core does (ARMv7-M ARM, B1.5.5): stack pointer and entry from the vector table. */
void machine_reset(struct machine *m)
{
    uint32_t start[2] = {0, 0};
    const uint32_t zero = 0, nowhere = 0xFFFFFFFFu;
    peripherals_reset(&m->peripherals, m->system.reset_requested);
    system_reset(&m->system);
    flash_reset(&m->flash);
    m->in_handler = false;
    uc_mem_read(m->core.uc, m->config.vectors, start, sizeof start);
    uc_reg_write(m->core.uc, UC_ARM_REG_IPSR, &zero);
    uc_reg_write(m->core.uc, UC_ARM_REG_PRIMASK, &zero);
    uc_reg_write(m->core.uc, UC_ARM_REG_CONTROL, &zero);
    uc_reg_write(m->core.uc, UC_ARM_REG_SP, &start[0]);
    uc_reg_write(m->core.uc, UC_ARM_REG_LR, &nowhere);
    core_jump(&m->core, start[1]);
}

void machine_jump(struct machine *m, uint32_t pc)
{
    core_jump(&m->core, pc);
}

void machine_forget_flash(struct machine *m)
{
    flash_reset(&m->flash);
}

static bool asleep(const struct machine *m)
{
    uint16_t last = 0;
    return uc_mem_read(m->core.uc, m->core.pc - 2, &last, sizeof last) == UC_ERR_OK && last == WFI;
}

/* Lets sleeping time pass in the next runs, for so many cycles from now. */
void machine_sleep(struct machine *m, uint64_t cycles)
{
    m->awake_at = core_now(&m->core) + cycles;
}

/* Asleep until an interrupt pends (STOP_NONE), the watchdog resets, a packet has left or nothing is to come. */
static enum stop doze(struct machine *m)
{
    while (!exceptions_pending(m)) {
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

/* What a stop means; STOP_NONE when execution goes on. */
static enum stop settle(struct machine *m, uc_err error, uint32_t until)
{
    if (error != UC_ERR_OK) {
        core_raise(&m->core, FAULT_INSTRUCTION, (uint32_t)error, m->core.pc);
    }
    if (m->core.fault != FAULT_NONE) {
        return STOP_FAULT;
    }
    switch (m->core.stop) {
    case STOP_INTERRUPT:
        exceptions_enter(m);
        break;
    case STOP_EXCEPTION_RETURN:
        edges_charge(&m->edges, m->core.pc);
        exceptions_return(m);
        break;
    case STOP_RESET:
        machine_reset(m);
        break;
    case STOP_BUDGET:
    case STOP_ANSWERED:
        return m->core.stop;
    default:
        if (m->core.pc == until) {
            edges_charge(&m->edges, until);
            return m->core.fault == FAULT_NONE ? STOP_RETURNED : STOP_FAULT;
        }
        if (!asleep(m)) {
            core_raise(&m->core, FAULT_UNMODELLED, UNMODELLED_STOP, m->core.pc);
        } else if (m->system.reset_requested) {
            machine_reset(m);
        } else {
            const enum stop reason = doze(m);
            if (reason != STOP_NONE) {
                return reason;
            }
        }
    }
    return m->core.fault == FAULT_NONE ? STOP_NONE : STOP_FAULT;
}

/* Runs from where it stopped, for about `budget` instructions at most. */
enum stop machine_run(struct machine *m, uint32_t until, uint64_t budget)
{
    m->limit = m->core.instructions + budget;
    for (;;) {
        m->core.stop = STOP_NONE;
        core_end_quiet(&m->core);
        const uc_err error = uc_emu_start(m->core.uc, m->core.pc | 1u, until, 0, 0);
        m->core.pc = core_register(&m->core, UC_ARM_REG_PC);
        const enum stop reason = settle(m, error, until);
        if (reason != STOP_NONE) {
            return reason;
        }
    }
}

void machine_report(const struct machine *m, struct report *report)
{
    *report = (struct report){
        .idle_cycles = m->core.idle_cycles,
        .overruns = m->peripherals.port.line.overruns,
        .cycles = m->core.cycles,
        .instructions = m->core.instructions,
        .interrupts = m->interrupts,
        .pc = m->core.fault == FAULT_NONE ? m->core.pc : m->core.fault_pc,
        .fault = m->core.fault,
        .fault_detail = m->core.fault_detail,
        .fault_address = m->core.fault_address,
    };
}

int machine_watch_loads(struct machine *m, const struct load_config *loads, size_t count)
{
    return alignment_watch(&m->alignment, &m->core, loads, count) ? 0 : -1;
}

int machine_watch(struct machine *m, uint32_t entry)
{
    return spans_add(&m->spans, entry);
}

void machine_span(const struct machine *m, int index, struct span *span)
{
    *span = m->spans.items[index];
}

void machine_clear_counts(struct machine *m)
{
    edges_clear(&m->edges);
    spans_clear(&m->spans);
}

size_t machine_edges(const struct machine *m, struct edge *edges, size_t capacity)
{
    return edges_taken(&m->edges, edges, capacity);
}

void machine_set_line(struct machine *m, uint32_t byte_cycles)
{
    m->peripherals.port.line.byte_cycles = byte_cycles;
}

void machine_set_watchdog(struct machine *m, const struct watchdog_config *config)
{
    m->peripherals.watchdog.config = *config;
}

int machine_add_window(struct machine *m, uint32_t begin, uint32_t bytes)
{
    return peripherals_add_window(&m->peripherals, begin, bytes) ? 0 : -1;
}

int machine_set_usart(struct machine *m, const struct usart *usart)
{
    return peripherals_set_usart(&m->peripherals, usart) ? 0 : -1;
}

int machine_add_range(struct machine *m, uint32_t begin, uint32_t end)
{
    return peripherals_add_range(&m->peripherals, begin, end) ? 0 : -1;
}

int machine_add_follow(struct machine *m, uint32_t address, uint32_t mask, int32_t shift)
{
    return peripherals_add_follow(&m->peripherals, address, mask, shift) ? 0 : -1;
}

int machine_add_reset_value(struct machine *m, uint32_t address, uint32_t value)
{
    return peripherals_add_reset_value(&m->peripherals, address, value) ? 0 : -1;
}

int machine_send(struct machine *m, const uint8_t *bytes, size_t count)
{
    return port_send(&m->peripherals.port, bytes, count) ? 0 : -1;
}

size_t machine_receive(struct machine *m, uint8_t *bytes, size_t capacity)
{
    return port_receive(&m->peripherals.port, bytes, capacity);
}

uint32_t machine_word(const struct machine *m, uint32_t address)
{
    return system_word(&m->system, address);
}
