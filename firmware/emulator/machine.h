/* SPDX-License-Identifier: Apache-2.0 */
/* The board put together: each part has its state in its own file and knows those below it; nothing below knows the machine. */
#ifndef MACHINE_H
#define MACHINE_H

#include "access.h"
#include "alignment.h"
#include "core.h"
#include "edges.h"
#include "exceptions.h"
#include "flash.h"
#include "memory.h"
#include "peripherals.h"
#include "range.h"
#include "spans.h"
#include "system.h"

struct config {
    price_callback price;
    place_callback place;
    accesses_callback accesses;
    starts_callback starts;
    struct flash_config flash;
    struct range ram[MAX_RAM]; /* what the program may write, in ascending order */
    uint32_t ram_count;
    uint32_t vectors;
    uint32_t usart_base;
    uint32_t usart_interrupt;
    uint32_t cpuid;
    struct exception_config exceptions;
};

/* What every block needs is in front. */
struct machine {
    struct core core;
    struct edges edges;
    struct accesses accesses;
    uint64_t limit;    /* instructions up to which the run loop goes on */
    uint64_t awake_at; /* how far the caller lets sleeping time pass */
    struct spans spans;
    struct flash flash;
    struct memory memory;
    struct alignment alignment;
    struct system system;
    struct peripherals peripherals;
    struct exceptions exceptions;
};

struct machine *machine_make(uc_engine *uc, const struct config *config);
void machine_free(struct machine *m);
void machine_reset(struct machine *m);

#endif
