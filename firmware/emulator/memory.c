/* SPDX-License-Identifier: Apache-2.0 */
/* The engine's view of memory: addresses stand for themselves, and RAM cannot be executed until the program jumps there.
   Unicorn looks for translated code on every store to a page that can be executed, which takes ten times as long as
   the store, and on every store to which a hook could apply: so faults are hooked outside of RAM alone. */
#include "memory.h"

#define PAGE_BYTES 0x400u /* the smallest page of unicorn's M profile */

/* Once code in RAM has run, all of RAM can be executed: what is translated must be dropped when it is written. */
static bool on_translate(uc_engine *uc, uint64_t address, uc_mem_type type, uc_tlb_entry *entry, void *user)
{
    (void)uc;
    struct memory *memory = user;
    const bool ram = ranges_hold(memory->ram, memory->ram_count, (uint32_t)address);
    memory->code_in_ram |= ram && type == UC_MEM_FETCH;
    entry->paddr = address & ~(uint64_t)(PAGE_BYTES - 1);
    entry->perms = ram && !memory->code_in_ram ? UC_PROT_READ | UC_PROT_WRITE : UC_PROT_ALL;
    return true;
}

static bool on_fault(uc_engine *uc, uc_mem_type type, uint64_t address, int size, int64_t value, void *user)
{
    (void)uc, (void)size, (void)value;
    core_raise(user, FAULT_MEMORY, (uint32_t)type, (uint32_t)address);
    return false;
}

static bool watch(struct core *core, uint64_t begin, uint64_t end)
{
    uc_hook hook;
    const int faults = UC_HOOK_MEM_UNMAPPED | UC_HOOK_MEM_PROT;
    return begin >= end ||
           uc_hook_add(core->uc, &hook, faults, (void *)on_fault, core, begin, end - 1) == UC_ERR_OK;
}

/* Before the engine has run; the ranges of RAM are in ascending order. */
bool memory_start(struct memory *memory, struct core *core, const struct range *ram, uint32_t ram_count)
{
    uc_hook hook;
    uint64_t begin = 0;
    *memory = (struct memory){.ram_count = ram_count};
    for (uint32_t i = 0; i < ram_count; i++) {
        memory->ram[i] = ram[i];
        if (!watch(core, begin, ram[i].begin)) {
            return false;
        }
        begin = ram[i].end;
    }
    return watch(core, begin, (uint64_t)1 << 32) && uc_ctl_tlb_mode(core->uc, UC_TLB_VIRTUAL) == UC_ERR_OK &&
           uc_hook_add(core->uc, &hook, UC_HOOK_TLB_FILL, (void *)on_translate, memory, 1, 0) == UC_ERR_OK;
}
