/* SPDX-License-Identifier: Apache-2.0 */
/* Registers as plain words, and accesses to a part of a word. */
#ifndef WINDOW_H
#define WINDOW_H

#include <stdint.h>

/* The registers of one bus, words from `begin` on. */
struct window {
    uint32_t begin, bytes;
    uint32_t *words;
};

static inline uint32_t *window_word(const struct window *window, uint32_t offset)
{
    return &window->words[offset / 4];
}

static inline uint32_t size_mask(unsigned size)
{
    return size >= 4 ? 0xFFFFFFFFu : (1u << 8 * size) - 1u;
}

/* What a read of `size` bytes at `address` gives of the word there. */
static inline uint32_t word_part(uint32_t word, uint32_t address, unsigned size)
{
    return word >> 8 * (address & 3u) & size_mask(size);
}

/* The word after `size` bytes of `value` were written at `address`. */
static inline uint32_t word_merged(uint32_t word, uint32_t address, unsigned size, uint32_t value)
{
    const uint32_t place = 8 * (address & 3u), mask = size_mask(size) << place;
    return (word & ~mask) | (value << place & mask);
}

#endif
