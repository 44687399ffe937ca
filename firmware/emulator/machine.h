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
#include "range.h"
#include "spans.h"

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

enum { MAX_RANGES = 64, MAX_FOLLOWS = 32, MAX_RESET_VALUES = 32, MAX_WINDOWS = 8, INTERRUPT_WORDS = 8 };

/* A status field that repeats a control field: reads of `address` give (word & mask) << shift as well. */
struct follow {
    uint32_t address, mask;
    int32_t shift;
};

struct reset_value {
    uint32_t address, value;
};

/* Registers of a watchdog and of the flags that tell why the board started; tick_cycles 0: there is none. */
struct watchdog_config {
    uint32_t base, tick_cycles;
    uint32_t flags_register, all_flags, power_flags, software_flags, watchdog_flags, clear_flags;
};

struct watchdog {
    struct watchdog_config config;
    bool runs, unlocked;
    uint32_t prescaler, reload, flags;
    uint64_t deadline;
};

/* Times in cycles since the start, sleep included. */
struct line {
    uint32_t byte_cycles; /* 0: the line takes no time */
    uint64_t next_arrival, last_arrival, last_departure;
    uint64_t answered_at; /* when the packet that was written last has left; 0: none */
    uint64_t overruns;
};

/* The registers of one peripheral bus, words from `begin` on. */
struct window {
    struct machine *machine;
    uint32_t begin, bytes;
    uint32_t *words;
};

/* Reads of the register at `offset` give these bits beside what was written: `always`, while a byte waits, while none does. */
struct status {
    uint32_t offset, always, waiting, empty;
};

/* The bits of `mask` in the register at `offset` are `value`. */
struct condition {
    uint32_t offset, mask, value;
};

/* A serial port, by the offsets of its registers (peripheral_map.py). All conditions of a line must hold. With set != clear,
   writing a one to `set` or `clear` sets or clears that bit of the register at `set`. */
struct usart {
    uint32_t bytes, receive, send, set, clear;
    struct status statuses[2];
    struct condition receiver[2], transmitter[2];
    struct condition receive_interrupt;
    struct condition other_interrupts; /* of the transmitter, which never waits: one of these bits is enough */
};

struct buffer {
    uint8_t *bytes;
    size_t begin, end, capacity;
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

    uint32_t *system; /* words from SYSTEM on */
    struct window windows[MAX_WINDOWS];
    size_t window_count;
    struct usart usart;
    struct range ranges[MAX_RANGES];
    size_t range_count;
    struct follow follows[MAX_FOLLOWS];
    size_t follow_count;
    struct reset_value reset_values[MAX_RESET_VALUES];
    size_t reset_value_count;
    struct buffer received, sent; /* seen from the board */
    uint32_t enabled[INTERRUPT_WORDS], pending[INTERRUPT_WORDS];
    bool in_handler, reset_requested;
    uint64_t counter_base, systick_base, systick_wraps;
    uint64_t systick_armed; /* wraps that do not pend any more */
    bool systick_pending;
    uint64_t awake_at;    /* how far the caller lets sleeping time pass */
    struct line line;
    struct watchdog watchdog;
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
int machine_watch_loads(struct machine *m, const struct load_config *loads, size_t count);
int machine_watch(struct machine *m, uint32_t entry);
void machine_span(const struct machine *m, int index, struct span *span);
void machine_clear_counts(struct machine *m);
size_t machine_edges(const struct machine *m, struct edge *edges, size_t capacity);

/* events.c */
uint64_t events_next(const struct machine *m);
enum stop events_stop(struct machine *m);

/* line.c */
void machine_set_line(struct machine *m, uint32_t byte_cycles);
void line_begin(struct machine *m, bool behind);
bool line_arrived(const struct machine *m);
void line_take(struct machine *m);
void line_put(struct machine *m, uint8_t byte);
bool line_answered(struct machine *m);

/* watchdog.c */
void machine_set_watchdog(struct machine *m, const struct watchdog_config *config);
void watchdog_reset(struct machine *m);
bool watchdog_write(struct machine *m, uint32_t address, uint32_t *value);
uint32_t watchdog_flags(struct machine *m);
bool watchdog_expired(const struct machine *m);

/* exceptions.c */
bool exceptions_ready(struct machine *m);
bool exceptions_pending(const struct machine *m);
void exceptions_enter(struct machine *m);
void exceptions_return(struct machine *m);

/* peripherals.c */
bool peripherals_start(struct machine *m);
void peripherals_reset(struct machine *m);
void peripherals_free(struct machine *m);
bool usart_interrupts(const struct machine *m);
int machine_add_window(struct machine *m, uint32_t begin, uint32_t bytes);
void machine_set_usart(struct machine *m, const struct usart *usart);
int machine_add_range(struct machine *m, uint32_t begin, uint32_t end);
int machine_add_follow(struct machine *m, uint32_t address, uint32_t mask, int32_t shift);
int machine_add_reset_value(struct machine *m, uint32_t address, uint32_t value);
int machine_send(struct machine *m, const uint8_t *bytes, size_t count);
size_t machine_receive(struct machine *m, uint8_t *bytes, size_t capacity);
uint32_t machine_word(const struct machine *m, uint32_t address);

/* system.c */
bool systick_pends(const struct machine *m);
uint64_t systick_next(const struct machine *m);
uint64_t system_read(uc_engine *uc, uint64_t offset, unsigned size, void *user);
void system_write(uc_engine *uc, uint64_t offset, unsigned size, uint64_t value, void *user);

#define PERIPHERALS 0x40000000u
#define PERIPHERALS_BYTES 0x80000u
#define SYSTEM 0xE0000000u
#define SYSTEM_BYTES 0x10000u

#endif
