/* SPDX-License-Identifier: Apache-2.0 */
/* What every part does with the engine: read registers, go on elsewhere, stop. */
#include "core.h"

uint32_t core_register(const struct core *core, int id)
{
    uint32_t value = 0;
    uc_reg_read(core->uc, id, &value);
    return value;
}

void core_set_register(const struct core *core, int id, uint32_t value)
{
    uc_reg_write(core->uc, id, &value);
}

/* Goes on at `pc`; the block that runs is left without a charge. */
void core_jump(struct core *core, uint32_t pc)
{
    core->pc = pc & ~1u;
    core->block_size = 0;
}

/* Leaves the engine behind the block that runs, for the run loop. */
void core_stop(struct core *core, enum stop reason)
{
    core->stop = reason;
    uc_emu_stop(core->uc);
}

/* The first fault counts; what follows it in the same block is its consequence. */
void core_raise(struct core *core, enum fault fault, uint32_t detail, uint32_t address)
{
    if (core->fault == FAULT_NONE) {
        core->fault = fault;
        core->fault_detail = detail;
        core->fault_address = address;
        core->fault_pc = core_register(core, UC_ARM_REG_PC);
    }
    core_end_quiet(core);
    core_stop(core, STOP_FAULT);
}
