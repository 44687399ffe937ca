/* SPDX-License-Identifier: Apache-2.0 */
/* Every part is told which others it stands on. */
#include "machine.h"

#include <stdlib.h>

static bool start(struct machine *m, uc_engine *uc, const struct config *config)
{
    struct core *core = &m->core;
    core->uc = uc;
    m->spans.core = core;
    m->exceptions = (struct exceptions){
        .core = core, .system = &m->system, .port = &m->peripherals.port,
        .interrupt = config->usart_interrupt, .config = config->exceptions,
    };
    access_start(&m->accesses, core, config->accesses, config->place);
    edges_start(&m->edges, core, &m->flash, config->price);
    return memory_start(&m->memory, core, config->ram, config->ram_count) &&
           flash_start(&m->flash, core, &config->flash, config->starts) &&
           system_start(&m->system, core, &m->accesses, &m->edges, config->cpuid, config->vectors) &&
           peripherals_start(&m->peripherals, core, config->usart_base);
}

/* Before the engine has run: later its hooks and registers would be dead until its cache is flushed. NULL on failure. */
struct machine *machine_make(uc_engine *uc, const struct config *config)
{
    struct machine *m = calloc(1, sizeof *m);
    if (m && !start(m, uc, config)) {
        machine_free(m);
        return NULL;
    }
    return m;
}

void machine_free(struct machine *m)
{
    flash_free(&m->flash);
    edges_free(&m->edges);
    access_free(&m->accesses);
    alignment_free(&m->alignment);
    system_free(&m->system);
    peripherals_free(&m->peripherals);
    free(m);
}

/* As the core does (ARMv7-M ARM, B1.5.5): stack pointer and entry from the vector table. */
void machine_reset(struct machine *m)
{
    struct core *core = &m->core;
    uint32_t entry[2] = {0, 0};
    peripherals_reset(&m->peripherals, m->system.reset_requested);
    system_reset(&m->system);
    flash_reset(&m->flash);
    spans_reset(&m->spans);
    m->exceptions.in_handler = false;
    uc_mem_read(core->uc, system_vectors(&m->system), entry, sizeof entry);
    core_set_register(core, UC_ARM_REG_IPSR, 0);
    core_set_register(core, UC_ARM_REG_PRIMASK, 0);
    core_set_register(core, UC_ARM_REG_CONTROL, 0);
    core_set_register(core, UC_ARM_REG_SP, entry[0]);
    core_set_register(core, UC_ARM_REG_LR, 0xFFFFFFFFu);
    core_jump(core, entry[1]);
}
