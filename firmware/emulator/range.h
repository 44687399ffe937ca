/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses from `begin` to before `end`. */
#ifndef RANGE_H
#define RANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct range {
    uint32_t begin, end;
};

/* Whether one of `count` ranges holds `address`. */
static inline bool ranges_hold(const struct range *ranges, size_t count, uint32_t address)
{
    for (size_t i = 0; i < count; i++) {
        if (ranges[i].begin <= address && address < ranges[i].end) {
            return true;
        }
    }
    return false;
}

#endif
