/* SPDX-License-Identifier: Apache-2.0 */
/* Bits that are set and cleared by writing ones to two registers. */
#include "nvic.h"

enum { ISER = 0xE100, ICER = 0xE180, ISPR = 0xE200, ICPR = 0xE280 };

static bool is_word(uint32_t offset, uint32_t base, uint32_t *index)
{
    *index = (offset - base) / 4;
    return offset >= base && *index < INTERRUPT_WORDS;
}

/* Whether the register is the NVIC's and reads as `value`. */
bool nvic_read(const struct nvic *nvic, uint32_t offset, uint32_t *value)
{
    uint32_t i;
    if (is_word(offset, ISER, &i) || is_word(offset, ICER, &i)) {
        *value = nvic->enabled[i];
    } else if (is_word(offset, ISPR, &i) || is_word(offset, ICPR, &i)) {
        *value = nvic->pending[i];
    } else {
        return false;
    }
    return true;
}

/* Whether the register is the NVIC's. */
bool nvic_write(struct nvic *nvic, uint32_t offset, uint32_t value)
{
    uint32_t i;
    if (is_word(offset, ISER, &i)) {
        nvic->enabled[i] |= value;
    } else if (is_word(offset, ICER, &i)) {
        nvic->enabled[i] &= ~value;
    } else if (is_word(offset, ISPR, &i)) {
        nvic->pending[i] |= value;
    } else if (is_word(offset, ICPR, &i)) {
        nvic->pending[i] &= ~value;
    } else {
        return false;
    }
    return true;
}
