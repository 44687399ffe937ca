/* SPDX-License-Identifier: Apache-2.0 */
/* The time on the serial line, where the caller asks for it: a byte comes and leaves after so many cycles. A received byte
   waits until it is read, and what would have been overrun is counted; a program that writes while the port is busy waits. */
#include "machine.h"

/* 0: as fast as the program. */
void machine_set_line(struct machine *m, uint32_t byte_cycles)
{
    m->line.byte_cycles = byte_cycles;
}

/* Bytes are sent to the board; `behind` others that have not been read yet. */
void line_begin(struct machine *m, bool behind)
{
    if (!behind) {
        const uint64_t now = core_now(&m->core), free = m->line.last_arrival;
        m->line.next_arrival = (free > now ? free : now) + m->line.byte_cycles;
    }
}

bool line_arrived(const struct machine *m)
{
    return m->line.byte_cycles == 0 || core_now(&m->core) >= m->line.next_arrival;
}

/* The byte that has arrived is read. */
void line_take(struct machine *m)
{
    struct line *line = &m->line;
    if (core_now(&m->core) >= line->next_arrival + line->byte_cycles && line->byte_cycles) {
        line->overruns++;
    }
    line->last_arrival = line->next_arrival;
    line->next_arrival += line->byte_cycles;
}

/* A byte is written: one may be in the shift register and one behind it. Zero ends a packet. */
void line_put(struct machine *m, uint8_t byte)
{
    struct line *line = &m->line;
    const uint64_t now = core_now(&m->core), room = line->last_departure - line->byte_cycles;
    if (line->byte_cycles == 0) {
        return;
    }
    if (line->last_departure > now + line->byte_cycles) {
        m->core.idle_cycles += room - now;
    }
    line->last_departure = (line->last_departure > now ? line->last_departure : now) + line->byte_cycles;
    if (byte == 0) {
        line->answered_at = line->last_departure;
    }
}

/* A whole packet has left the board since the last call. */
bool line_answered(struct machine *m)
{
    if (m->line.answered_at == 0 || core_now(&m->core) < m->line.answered_at) {
        return false;
    }
    m->line.answered_at = 0;
    return true;
}
