/* SPDX-License-Identifier: Apache-2.0 */
/* The time that bytes take on the serial line. */
#ifndef LINE_H
#define LINE_H

#include "core.h"

/* Times in cycles since the start, sleep included. */
struct line {
    struct core *core;
    uint32_t byte_cycles; /* 0: the line takes no time */
    uint64_t next_arrival, last_arrival, last_departure;
    uint64_t answered_at; /* when the packet that was written last has left; 0: none */
    uint64_t overruns;
};

void line_begin(struct line *line, bool behind);
bool line_arrived(const struct line *line);
void line_take(struct line *line);
void line_put(struct line *line, uint8_t byte);
bool line_answered(struct line *line);

#endif
