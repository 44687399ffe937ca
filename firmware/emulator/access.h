/* SPDX-License-Identifier: Apache-2.0 */
/* Which instruction of the running block accesses a register. */
#ifndef ACCESS_H
#define ACCESS_H

#include "core.h"

/* A load or store of one register at `pc`, from base + (index << shift) + displacement; unicorn's register numbers, index 0
   for none. */
struct access {
    uint32_t pc;
    int32_t base, index;
    uint32_t shift, displacement;
};

/* The loads, or the stores, of the block (address, size), at most one for each halfword. Returns how many. */
typedef uint32_t (*accesses_callback)(uint32_t address, uint32_t size, int write, struct access *accesses);

/* The instruction of the block (address, size) that reads or writes `target` now: its address, above `after`.
   0 to stop. Unicorn knows the PC in the middle of a block only where it checks every access, which takes longer than all else. */
typedef uint32_t (*place_callback)(uint32_t address, uint32_t size, uint32_t after, uint32_t target, int write);

struct access_list {
    uint32_t block, size, count;
    bool write;
    struct access *items;
};

struct accesses {
    struct core *core;
    accesses_callback list;
    place_callback place;
    uint32_t last; /* the instruction in the block that runs that was placed last, or 0 */
    struct access_list *lists;
    size_t list_count;
};

/* A block begins. */
static inline void access_enter(struct accesses *accesses)
{
    accesses->last = 0;
}

void access_start(struct accesses *accesses, struct core *core, accesses_callback list, place_callback place);
void access_free(struct accesses *accesses);
uint32_t access_address(const struct core *core, const struct access *access);
uint32_t access_pc(struct accesses *accesses, uint32_t target, bool write);

#endif
