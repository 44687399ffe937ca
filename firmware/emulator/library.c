/* SPDX-License-Identifier: Apache-2.0 */
/* One line each: what a call does is in the file that does it. */
#include "library.h"

#include "run.h"

static int done(bool success)
{
    return success ? 0 : -1;
}

struct machine *machine_new(uc_engine *uc, const struct config *config)
{
    struct machine *m = machine_make(uc, config);
    if (m && !run_hook(m)) {
        machine_free(m);
        return NULL;
    }
    return m;
}

int machine_add_window(struct machine *m, uint32_t begin, uint32_t bytes)
{
    return done(peripherals_add_window(&m->peripherals, begin, bytes));
}

int machine_set_usart(struct machine *m, const struct usart *usart)
{
    return done(peripherals_set_usart(&m->peripherals, usart));
}

int machine_add_range(struct machine *m, uint32_t begin, uint32_t end)
{
    return done(peripherals_add_range(&m->peripherals, begin, end));
}

int machine_add_follow(struct machine *m, uint32_t address, uint32_t mask, int32_t shift)
{
    return done(peripherals_add_follow(&m->peripherals, address, mask, shift));
}

int machine_add_reset_value(struct machine *m, uint32_t address, uint32_t value)
{
    return done(peripherals_add_reset_value(&m->peripherals, address, value));
}

int machine_set_watchdog(struct machine *m, const struct watchdog_config *config)
{
    return done(peripherals_set_watchdog(&m->peripherals, config));
}

int machine_watch_loads(struct machine *m, const struct load_config *loads, size_t count)
{
    return done(alignment_watch(&m->alignment, &m->core, loads, count));
}

void machine_jump(struct machine *m, uint32_t pc)
{
    core_jump(&m->core, pc);
}

void machine_forget_flash(struct machine *m)
{
    flash_reset(&m->flash);
}

/* 0: as fast as the program. */
void machine_set_line(struct machine *m, uint32_t byte_cycles)
{
    m->peripherals.port.line.byte_cycles = byte_cycles;
}

/* Lets sleeping time pass in the next runs, for so many cycles from now. */
void machine_sleep(struct machine *m, uint64_t cycles)
{
    m->awake_at = core_now(&m->core) + cycles;
}

int machine_send(struct machine *m, const uint8_t *bytes, size_t count)
{
    return done(port_send(&m->peripherals.port, bytes, count));
}

size_t machine_receive(struct machine *m, uint8_t *bytes, size_t capacity)
{
    return port_receive(&m->peripherals.port, bytes, capacity);
}

uint32_t machine_word(const struct machine *m, uint32_t address)
{
    return system_word(&m->system, address);
}

void machine_report(const struct machine *m, struct report *report)
{
    const struct core *core = &m->core;
    *report = (struct report){
        .idle_cycles = core->idle_cycles,
        .overruns = m->peripherals.port.line.overruns,
        .cycles = core->cycles,
        .instructions = core->instructions,
        .interrupts = m->exceptions.count,
        .pc = core->fault == FAULT_NONE ? core->pc : core->fault_pc,
        .fault = core->fault,
        .fault_detail = core->fault_detail,
        .fault_address = core->fault_address,
    };
}

int machine_watch(struct machine *m, uint32_t entry)
{
    return spans_add(&m->spans, entry);
}

void machine_span(const struct machine *m, int index, struct span *span)
{
    *span = m->spans.items[index];
}

size_t machine_edges(const struct machine *m, struct edge *edges, size_t capacity)
{
    return edges_taken(&m->edges, edges, capacity);
}

void machine_clear_counts(struct machine *m)
{
    edges_clear(&m->edges);
    spans_clear(&m->spans);
}
