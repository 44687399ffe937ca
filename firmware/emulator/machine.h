/* SPDX-License-Identifier: Apache-2.0 */
/* An ARMv7-M board around unicorn: the callbacks that run once per basic block or register access, and the
   exceptions of the M profile, which unicorn leaves to its user. Python owns the engine, prices
   edges on their first use, and reads the results. */
#ifndef MACHINE_H
#define MACHINE_H

#include "core.h"
#include "range.h"

/* Cycles and instructions of the block (address, size) when the block at `next` follows; with size 0, the
   cycles of the block at `address` before its instruction at `next`. Returns 0, or not to stop. */
typedef int (*price_callback)(uint32_t address, uint32_t size, uint32_t next, uint32_t *cycles,
                              uint32_t *instructions);

/* The instruction of the block (address, size) that reads or writes `target` now: its address, above `after`.
   0 to stop. Unicorn knows the PC in the middle of a block only where it checks every access, which takes longer than all else. */
typedef uint32_t (*place_callback)(uint32_t address, uint32_t size, uint32_t after, uint32_t target, int write);

/* A load or store of one register at `pc`, from base + (index << shift) + displacement; unicorn's register numbers, index 0
   for none. */
struct access {
    uint32_t pc;
    int32_t base, index;
    uint32_t shift, displacement;
};

/* A load that can meet an address that its width does not divide, and what it costs more by the address modulo 4. */
struct load_config {
    struct access access;
    uint32_t cycles[4];
};

/* The loads, or the stores, of the block (address, size), at most one for each halfword. Returns how many. */
typedef uint32_t (*accesses_callback)(uint32_t address, uint32_t size, int write, struct access *accesses);

/* For each halfword of the block (address, size): the cycles before the instruction that it belongs to, wait states
   left out. Returns 0, or not to stop. */
typedef int (*starts_callback)(uint32_t address, uint32_t size, uint32_t *starts);

/* Flash from `begin` to before `end`; see codegen/timing/flash_model.py. */
struct flash_config {
    uint32_t begin, end;
    uint32_t wait_states, line_bytes, instruction_lines, data_lines, prefetch;
};

enum { MAX_RAM = 8 };

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

/* One way from a basic block to the next. */
struct edge {
    uint64_t count;
    uint32_t from, from_size, to;
    uint32_t cycles, instructions;
    uint32_t follower; /* the edge that came next last time, by its place */
};

/* Cycles between a function's first instruction and its return. */
struct span {
    uint64_t calls, total_cycles, min_cycles, max_cycles;
    uint64_t start_cycles;
    uint32_t entry, return_address, stack;
    uint32_t running;
};

enum { MAX_LINES = 256 };

/* Numbers of cached lines, the one used last in front. */
struct lines {
    uint32_t count, line[MAX_LINES];
};

struct layout {
    uint32_t from, size;
    uint32_t *starts;
};

/* What the flash holds and does. Times are in cycles of the machine. */
struct flash {
    struct lines instructions, data;
    uint32_t current, prefetched; /* the line that instructions come from, and the one that was asked for ahead */
    uint64_t prefetched_at, busy_until;
    const uint32_t *layout; /* of the block that runs */
    uint32_t next;          /* its first byte that was not fetched yet */
    struct layout *layouts;
    size_t layout_count, layout_capacity;
};

enum { MAX_SPANS = 8, MAX_RANGES = 64, MAX_FOLLOWS = 32, MAX_RESET_VALUES = 32, MAX_WINDOWS = 8, INTERRUPT_WORDS = 8 };

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

struct access_list {
    uint32_t block, size, count;
    bool write;
    struct access *items;
};

struct watched_load {
    struct machine *machine;
    struct load_config config;
    uc_hook hook;
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
    uint32_t last_access; /* the instruction in the block that runs that was placed last, or 0 */

    struct access_list *access_lists;
    size_t access_list_count;
    struct watched_load *loads;
    struct edge *edges;
    size_t edge_count, edge_capacity, last_edge;
    struct span spans[MAX_SPANS];
    size_t span_count;

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
    struct flash flash;
    bool code_in_ram;
    uc_hook hooks[3], translate_hook, fault_hooks[MAX_RAM + 1];
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

/* memory.c */
bool memory_start(struct machine *m);

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

/* edges.c */
struct edge *edges_price(struct machine *m, uint32_t from, uint32_t size, uint32_t to);
void edges_charge(struct machine *m, uint32_t next);
int machine_watch(struct machine *m, uint32_t entry);
void machine_span(const struct machine *m, int index, struct span *span);
void machine_clear_counts(struct machine *m);
size_t machine_edges(const struct machine *m, struct edge *edges, size_t capacity);
void spans_step(struct machine *m, uint32_t address);

/* alignment.c */
int machine_watch_loads(struct machine *m, const struct load_config *loads, size_t count);

/* access.c */
uint32_t access_address(const struct machine *m, const struct access *access);
uint32_t machine_access_pc(struct machine *m, uint32_t target, bool write);
void accesses_free(struct machine *m);

/* flash.c */
static inline bool flash_waits(const struct machine *m)
{
    return m->config.flash.wait_states != 0;
}

bool flash_start(struct machine *m);
void flash_reset(struct machine *m);
void flash_free(struct machine *m);
void flash_enter(struct machine *m);
void flash_reach(struct machine *m, uint32_t pc);
void flash_leave(struct machine *m);

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
