/* SPDX-License-Identifier: Apache-2.0 */
/* The time on the serial line, where the caller asks for it: a byte comes and leaves after so many cycles. A received byte
   waits until it is read, and what would have been overrun is counted; a program that writes while the port is busy waits. */
#include "line.h"

/* Bytes are sent to the board; `behind` others that have not been read yet. */
void line_begin(struct line *line, bool behind)
{
    if (!behind) {
        const uint64_t now = core_now(line->core), free = line->last_arrival;
        line->next_arrival = (free > now ? free : now) + line->byte_cycles;
    }
}

bool line_arrived(const struct line *line)
{
    return line->byte_cycles == 0 || core_now(line->core) >= line->next_arrival;
}

/* The byte that has arrived is read. */
void line_take(struct line *line)
{
    if (core_now(line->core) >= line->next_arrival + line->byte_cycles && line->byte_cycles) {
        line->overruns++;
    }
    line->last_arrival = line->next_arrival;
    line->next_arrival += line->byte_cycles;
}

/* A byte is written: one may be in the shift register and one behind it. Zero ends a packet. */
void line_put(struct line *line, uint8_t byte)
{
    const uint64_t now = core_now(line->core), room = line->last_departure - line->byte_cycles;
    if (line->byte_cycles == 0) {
        return;
    }
    if (line->last_departure > now + line->byte_cycles) {
        line->core->idle_cycles += room - now;
    }
    line->last_departure = (line->last_departure > now ? line->last_departure : now) + line->byte_cycles;
    if (byte == 0) {
        line->answered_at = line->last_departure;
    }
}

/* A whole packet has left the board since the last call. */
bool line_answered(struct line *line)
{
    if (line->answered_at == 0 || core_now(line->core) < line->answered_at) {
        return false;
    }
    line->answered_at = 0;
    return true;
}
