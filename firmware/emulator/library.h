/* SPDX-License-Identifier: Apache-2.0 */
/* An ARMv7-M board around unicorn, as library.py sees it: Python owns the engine, prices edges on their first use and
   reads the results. Beside these it calls machine_free, machine_reset and machine_run. Integers are 0, or -1 when there
   is no room. */
#ifndef LIBRARY_H
#define LIBRARY_H

#include "machine.h"

struct report {
    uint64_t idle_cycles;
    uint64_t overruns;
    uint64_t cycles;
    uint64_t instructions;
    uint64_t interrupts;
    uint32_t pc;
    uint32_t fault;
    uint32_t fault_detail;
    uint32_t fault_address;
};

/* Before the first run. */
struct machine *machine_new(uc_engine *uc, const struct config *config);
int machine_add_window(struct machine *m, uint32_t begin, uint32_t bytes);
int machine_set_usart(struct machine *m, const struct usart *usart);
int machine_add_range(struct machine *m, uint32_t begin, uint32_t end);
int machine_add_follow(struct machine *m, uint32_t address, uint32_t mask, int32_t shift);
int machine_add_reset_value(struct machine *m, uint32_t address, uint32_t value);
int machine_set_watchdog(struct machine *m, const struct watchdog_config *config);
int machine_watch_loads(struct machine *m, const struct load_config *loads, size_t count);

/* Between runs. */
void machine_jump(struct machine *m, uint32_t pc);
void machine_forget_flash(struct machine *m);
void machine_set_line(struct machine *m, uint32_t byte_cycles);
void machine_sleep(struct machine *m, uint64_t cycles);
int machine_send(struct machine *m, const uint8_t *bytes, size_t count);
size_t machine_receive(struct machine *m, uint8_t *bytes, size_t capacity);
uint32_t machine_word(const struct machine *m, uint32_t address);
void machine_report(const struct machine *m, struct report *report);

/* Counts. */
int machine_watch(struct machine *m, uint32_t entry);
void machine_span(const struct machine *m, int index, struct span *span);
size_t machine_edges(const struct machine *m, struct edge *edges, size_t capacity);
void machine_clear_counts(struct machine *m);

#endif
