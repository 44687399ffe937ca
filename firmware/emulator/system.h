/* SPDX-License-Identifier: Apache-2.0 */
/* The core's own registers (ARMv7-M Architecture Reference Manual, B3.2), with SysTick, the NVIC and the cycle counter. */
#ifndef SYSTEM_H
#define SYSTEM_H

#include "access.h"
#include "core.h"
#include "counter.h"
#include "edges.h"
#include "nvic.h"
#include "timer.h"
#include "window.h"

struct system {
    struct core *core;
    struct window window;
    struct timer timer;
    struct nvic nvic;
    struct counter counter;
    uint32_t cpuid, vectors;
    bool reset_requested;
};

bool system_start(struct system *system, struct core *core, struct accesses *accesses, struct edges *edges,
                  uint32_t cpuid, uint32_t vectors);
void system_reset(struct system *system);
void system_free(struct system *system);
uint32_t system_word(const struct system *system, uint32_t address);
uint32_t system_vectors(const struct system *system);

#endif
