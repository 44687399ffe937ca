/* SPDX-License-Identifier: Apache-2.0 */
/* Which instruction of the running block accesses a register, where only one can: a register's address is computed
   from the core registers as they are now. Python decides where several come into question (access.py). */
#include "access.h"

#include <stdlib.h>

void access_start(struct accesses *accesses, struct core *core, accesses_callback list, place_callback place)
{
    *accesses = (struct accesses){.core = core, .list = list, .place = place};
}

void access_free(struct accesses *accesses)
{
    for (size_t i = 0; i < accesses->list_count; i++) {
        free(accesses->lists[i].items);
    }
    free(accesses->lists);
}

uint32_t access_address(const struct core *core, const struct access *access)
{
    uint32_t address = core_register(core, access->base) + access->displacement;
    if (access->index) {
        address += core_register(core, access->index) << access->shift;
    }
    return address;
}

/* The loads or stores of the running block, asked for once; NULL without memory. */
static const struct access_list *list_of(struct accesses *accesses, bool write)
{
    const uint32_t block = accesses->core->block, size = accesses->core->block_size;
    for (size_t i = 0; i < accesses->list_count; i++) {
        const struct access_list *list = &accesses->lists[i];
        if (list->block == block && list->size == size && list->write == write) {
            return list;
        }
    }
    struct access_list *lists = realloc(accesses->lists, (accesses->list_count + 1) * sizeof *lists);
    struct access *items = calloc(size / 2, sizeof *items);
    if (lists) {
        accesses->lists = lists;
    }
    if (!lists || !items) {
        free(items);
        return NULL;
    }
    lists[accesses->list_count] = (struct access_list){
        .block = block, .size = size, .write = write, .items = items,
        .count = accesses->list(block, size, write, items),
    };
    return &lists[accesses->list_count++];
}

static uint32_t sole(struct accesses *accesses, uint32_t target, bool write)
{
    const struct access_list *list = list_of(accesses, write);
    uint32_t found = 0;
    for (uint32_t i = 0; list && i < list->count; i++) {
        const struct access *access = &list->items[i];
        if (access->pc > accesses->last && access_address(accesses->core, access) == target) {
            if (found) {
                return 0;
            }
            found = access->pc;
        }
    }
    return found;
}

/* The instruction that accesses `target` now; 0 when it cannot be told, which is a fault then. */
uint32_t access_pc(struct accesses *accesses, uint32_t target, bool write)
{
    struct core *core = accesses->core;
    uint32_t pc = sole(accesses, target, write);
    if (!pc) {
        pc = accesses->place(core->block, core->block_size, accesses->last, target, write);
    }
    if (pc) {
        accesses->last = pc;
    } else {
        core_raise(core, FAULT_PRICE, write, target);
    }
    return pc;
}
