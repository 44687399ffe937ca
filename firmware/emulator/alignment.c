/* SPDX-License-Identifier: Apache-2.0 */
/* Only loads that can meet such an address are watched, one hook each (alignment.py says which): the core registers
   tell the address before the instruction runs. */
#include "alignment.h"

#include <stdlib.h>

static void on_load(uc_engine *uc, uint64_t address, uint32_t size, void *user)
{
    (void)uc, (void)address, (void)size;
    const struct watched_load *load = user;
    load->core->cycles += load->config.cycles[access_address(load->core, &load->config.access) & 3u];
}

/* Once, before the engine has run. */
bool alignment_watch(struct alignment *alignment, struct core *core, const struct load_config *loads, size_t count)
{
    alignment->loads = calloc(count + 1, sizeof *alignment->loads);
    for (size_t i = 0; alignment->loads && i < count; i++) {
        struct watched_load *load = &alignment->loads[i];
        const uint64_t pc = loads[i].access.pc;
        uc_hook hook;
        *load = (struct watched_load){.core = core, .config = loads[i]};
        if (uc_hook_add(core->uc, &hook, UC_HOOK_CODE, (void *)on_load, load, pc, pc) != UC_ERR_OK) {
            return false;
        }
    }
    return alignment->loads;
}

void alignment_free(struct alignment *alignment)
{
    free(alignment->loads);
}
