/* SPDX-License-Identifier: Apache-2.0 */
/* Exception entry and return of the M profile, which unicorn leaves to its user. */
#ifndef EXCEPTIONS_H
#define EXCEPTIONS_H

#include "core.h"
#include "port.h"
#include "system.h"

enum { EXCEPTION_EXIT = 8 }; /* QEMU's number for a branch to EXC_RETURN */

/* What entry and return cost; a return that restores the FPU's registers costs `return_float_cycles` more. */
struct exception_config {
    uint32_t entry_cycles, return_cycles, return_float_cycles;
};

struct exceptions {
    struct core *core;
    struct system *system;
    const struct port *port;
    uint32_t interrupt; /* the port's */
    struct exception_config config;
    bool in_handler;
    uint64_t count; /* how many were taken */
};

bool exceptions_pending(const struct exceptions *e);
bool exceptions_ready(const struct exceptions *e);
void exceptions_enter(struct exceptions *e);
void exceptions_return(struct exceptions *e);

#endif
