/* SPDX-License-Identifier: Apache-2.0 */
/* An ARMv7-M board around unicorn: the callbacks that run once per basic block or register access, and the
   exceptions of the M profile, which unicorn leaves to its user. Python owns the engine, prices
   edges on their first use, and reads the results. */
#ifndef MACHINE_H
#define MACHINE_H

#include "access.h"
#include "alignment.h"
#include "core.h"
#include "edges.h"
#include "flash.h"
#include "memory.h"
#include "peripherals.h"
#include "spans.h"
#include "system.h"

struct config {
    price_callback price;
    place_callback place;
    accesses_callback accesses;
    starts_callback starts;
    struct flash_config flash;
    struct range ram[MAX_RAM]; /* what the program may write, in ascending order */
    uint32_t ram_count;
    uint32_t vectors;
    uint32_t usart_base;
    uint32_t usart_interrupt;
    uint32_t cpuid;
    uint32_t entry_cycles;
    uint32_t return_cycles;
    uint32_t return_float_cycles;
};

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

struct machine {
    struct core core;
    struct config config;
    uint64_t limit; /* of instructions, for the run loop */
    uint64_t interrupts;

    struct memory memory;
    struct flash flash;
    struct edges edges;
    struct spans spans;
    struct accesses accesses;
    struct alignment alignment;
    struct peripherals peripherals;
    struct system system;

    bool in_handler;
    uint64_t awake_at;    /* how far the caller lets sleeping time pass */
    uc_hook hooks[2];
};

/* machine.c */
struct machine *machine_new(uc_engine *uc, const struct config *config);
void machine_free(struct machine *m);
void machine_reset(struct machine *m);
enum stop machine_run(struct machine *m, uint32_t until, uint64_t budget);
void machine_forget_flash(struct machine *m);
void machine_jump(struct machine *m, uint32_t pc);
void machine_report(const struct machine *m, struct report *report);

void machine_sleep(struct machine *m, uint64_t cycles);
void machine_set_line(struct machine *m, uint32_t byte_cycles);
void machine_set_watchdog(struct machine *m, const struct watchdog_config *config);
int machine_add_window(struct machine *m, uint32_t begin, uint32_t bytes);
int machine_set_usart(struct machine *m, const struct usart *usart);
int machine_add_range(struct machine *m, uint32_t begin, uint32_t end);
int machine_add_follow(struct machine *m, uint32_t address, uint32_t mask, int32_t shift);
int machine_add_reset_value(struct machine *m, uint32_t address, uint32_t value);
int machine_send(struct machine *m, const uint8_t *bytes, size_t count);
size_t machine_receive(struct machine *m, uint8_t *bytes, size_t capacity);
uint32_t machine_word(const struct machine *m, uint32_t address);
int machine_watch_loads(struct machine *m, const struct load_config *loads, size_t count);
int machine_watch(struct machine *m, uint32_t entry);
void machine_span(const struct machine *m, int index, struct span *span);
void machine_clear_counts(struct machine *m);
size_t machine_edges(const struct machine *m, struct edge *edges, size_t capacity);

/* events.c */
uint64_t events_next(const struct machine *m);
enum stop events_stop(struct machine *m);

/* exceptions.c */
bool exceptions_ready(struct machine *m);
bool exceptions_pending(const struct machine *m);
void exceptions_enter(struct machine *m);
void exceptions_return(struct machine *m);

#endif
