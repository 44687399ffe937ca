/* SPDX-License-Identifier: Apache-2.0 */
/* Which interrupts are enabled and pending (ARMv7-M Architecture Reference Manual, B3.4). */
#ifndef NVIC_H
#define NVIC_H

#include <stdbool.h>
#include <stdint.h>

enum { INTERRUPT_WORDS = 8 };

struct nvic {
    uint32_t enabled[INTERRUPT_WORDS], pending[INTERRUPT_WORDS];
};

bool nvic_read(const struct nvic *nvic, uint32_t offset, uint32_t *value);
bool nvic_write(struct nvic *nvic, uint32_t offset, uint32_t value);

static inline bool nvic_enabled(const struct nvic *nvic, uint32_t interrupt)
{
    return nvic->enabled[interrupt / 32] >> interrupt % 32 & 1u;
}

static inline bool nvic_pends(const struct nvic *nvic, uint32_t interrupt)
{
    return nvic->pending[interrupt / 32] >> interrupt % 32 & 1u;
}

/* The interrupt is taken. */
static inline void nvic_take(struct nvic *nvic, uint32_t interrupt)
{
    nvic->pending[interrupt / 32] &= ~(1u << interrupt % 32);
}

#endif
