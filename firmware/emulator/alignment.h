/* SPDX-License-Identifier: Apache-2.0 */
/* What loads cost at addresses that their width does not divide. */
#ifndef ALIGNMENT_H
#define ALIGNMENT_H

#include "access.h"
#include "core.h"

/* A load that can meet an address that its width does not divide, and what it costs more by the address modulo 4. */
struct load_config {
    struct access access;
    uint32_t cycles[4];
};

struct watched_load {
    struct core *core;
    struct load_config config;
};

struct alignment {
    struct watched_load *loads;
};

bool alignment_watch(struct alignment *alignment, struct core *core, const struct load_config *loads, size_t count);
void alignment_free(struct alignment *alignment);

#endif
