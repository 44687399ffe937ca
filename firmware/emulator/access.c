/* SPDX-License-Identifier: Apache-2.0 */
/* Which instruction of the running block accesses a register, where only one can: a register's address is computed
   from the core registers as they are now. Python decides where several come into question (access.py). */
#include "machine.h"

#include <stdlib.h>

uint32_t access_address(const struct machine *m, const struct access *access)
{
    uint32_t address = core_register(&m->core, access->base) + access->displacement;
    if (access->index) {
        address += core_register(&m->core, access->index) << access->shift;
    }
    return address;
}

/* The loads or stores of the running block, asked for once; NULL without memory. */
static const struct access_list *list_of(struct machine *m, bool write)
{
    for (size_t i = 0; i < m->access_list_count; i++) {
        const struct access_list *list = &m->access_lists[i];
        if (list->block == m->core.block && list->size == m->core.block_size && list->write == write) {
            return list;
        }
    }
    struct access_list *lists = realloc(m->access_lists, (m->access_list_count + 1) * sizeof *lists);
    struct access *items = calloc(m->core.block_size / 2, sizeof *items);
    if (lists) {
        m->access_lists = lists;
    }
    if (!lists || !items) {
        free(items);
        return NULL;
    }
    lists[m->access_list_count] = (struct access_list){
        .block = m->core.block, .size = m->core.block_size, .write = write, .items = items,
        .count = m->config.accesses(m->core.block, m->core.block_size, write, items),
    };
    return &lists[m->access_list_count++];
}

static uint32_t sole(struct machine *m, uint32_t target, bool write)
{
    const struct access_list *list = list_of(m, write);
    uint32_t found = 0;
    for (uint32_t i = 0; list && i < list->count; i++) {
        const struct access *access = &list->items[i];
        if (access->pc > m->last_access && access_address(m, access) == target) {
            if (found) {
                return 0;
            }
            found = access->pc;
        }
    }
    return found;
}

/* The instruction that accesses `target` now; 0 when it cannot be told, which is a fault then. */
uint32_t machine_access_pc(struct machine *m, uint32_t target, bool write)
{
    uint32_t pc = sole(m, target, write);
    if (!pc) {
        pc = m->config.place(m->core.block, m->core.block_size, m->last_access, target, write);
    }
    if (pc) {
        m->last_access = pc;
    } else {
        core_raise(&m->core, FAULT_PRICE, write, target);
    }
    return pc;
}

void accesses_free(struct machine *m)
{
    for (size_t i = 0; i < m->access_list_count; i++) {
        free(m->access_lists[i].items);
    }
    free(m->access_lists);
}
