/* SPDX-License-Identifier: Apache-2.0 */
/* The ground that all other files stand on: the engine, time and counts, the block that runs, and why it stopped. */
#ifndef CORE_H
#define CORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <unicorn/unicorn.h>

/* Why machine_run came back. The first five concern the caller, the others the run loop alone. */
enum stop {
    STOP_NONE,
    STOP_ASLEEP,   /* in WFI with no interrupt pending */
    STOP_RETURNED, /* reached the address where it was to stop */
    STOP_BUDGET,   /* executed its instructions without doing either */
    STOP_FAULT,    /* machine_report tells which */
    STOP_ANSWERED, /* a whole packet has left the board, where the line takes time */
    STOP_INTERRUPT,
    STOP_EXCEPTION_RETURN,
    STOP_RESET,
};

enum fault {
    FAULT_NONE,
    FAULT_MEMORY,      /* unmapped or protected memory: detail is unicorn's access type */
    FAULT_PERIPHERAL,  /* a register that is not modelled: detail is 0 for a read, 1 for a write */
    FAULT_EXCEPTION,   /* a CPU exception: detail is its number in unicorn */
    FAULT_INSTRUCTION, /* unicorn refused the instruction: detail is its error code */
    FAULT_PRICE,       /* the price callback failed and keeps the reason */
    FAULT_UNMODELLED,  /* detail: see enum unmodelled */
};

enum unmodelled { UNMODELLED_PROCESS_STACK = 1, UNMODELLED_SYSTICK_INTERRUPT, UNMODELLED_STOP };

struct core {
    uc_engine *uc;
    enum stop stop;
    uint32_t pc; /* where the program goes on */
    uint64_t cycles, instructions;
    uint64_t idle_cycles;       /* time without work: asleep, or waiting for the line */
    uint64_t quiet_until;       /* no event is due before so many cycles */
    uint32_t block, block_size; /* the block that runs; size 0: none that is still to be charged */
    enum fault fault;
    uint32_t fault_detail, fault_address, fault_pc;
};

/* Cycles since the start, sleep included. */
static inline uint64_t core_now(const struct core *core)
{
    return core->cycles + core->idle_cycles;
}

/* Something may have happened: all events are looked at before the next block. */
static inline void core_end_quiet(struct core *core)
{
    core->quiet_until = 0;
}

uint32_t core_register(const struct core *core, int id);
void core_set_register(const struct core *core, int id, uint32_t value);
void core_jump(struct core *core, uint32_t pc);
void core_stop(struct core *core, enum stop reason);
void core_raise(struct core *core, enum fault fault, uint32_t detail, uint32_t address);

#endif
