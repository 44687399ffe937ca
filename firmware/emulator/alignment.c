/* SPDX-License-Identifier: Apache-2.0 */
/* What loads cost at addresses that their width does not divide. Only those that can meet one are watched, one hook
   each (alignment.py says which): the core registers tell the address before the instruction runs. */
#include "machine.h"

#include <stdlib.h>

static void on_load(uc_engine *uc, uint64_t address, uint32_t size, void *user)
{
    (void)uc, (void)address, (void)size;
    const struct watched_load *load = user;
    struct machine *m = load->machine;
    m->core.cycles += load->config.cycles[access_address(m, &load->config.access) & 3u];
}

/* Once, before the engine has run. */
int machine_watch_loads(struct machine *m, const struct load_config *loads, size_t count)
{
    m->loads = calloc(count + 1, sizeof *m->loads);
    if (!m->loads) {
        return -1;
    }
    for (size_t i = 0; i < count; i++) {
        struct watched_load *load = &m->loads[i];
        const uint64_t pc = loads[i].access.pc;
        *load = (struct watched_load){.machine = m, .config = loads[i]};
        if (uc_hook_add(m->core.uc, &load->hook, UC_HOOK_CODE, (void *)on_load, load, pc, pc) != UC_ERR_OK) {
            return -1;
        }
    }
    return 0;
}
