/* SPDX-License-Identifier: Apache-2.0 */
/* Where the line takes no time, it is as fast as the program: a byte waits until the one before it was read, a sent byte
   is gone at once. */
#include "port.h"

#include <stdlib.h>
#include <string.h>

static bool push(struct buffer *buffer, const uint8_t *bytes, size_t count)
{
    if (buffer->end + count > buffer->capacity) {
        const size_t capacity = 2 * (buffer->end + count);
        uint8_t *grown = realloc(buffer->bytes, capacity);
        if (!grown) {
            return false;
        }
        buffer->bytes = grown;
        buffer->capacity = capacity;
    }
    memcpy(buffer->bytes + buffer->end, bytes, count);
    buffer->end += count;
    return true;
}

static size_t pull(struct buffer *buffer, uint8_t *bytes, size_t capacity)
{
    const size_t waiting = buffer->end - buffer->begin;
    const size_t count = waiting < capacity ? waiting : capacity;
    if (count) {
        memcpy(bytes, buffer->bytes + buffer->begin, count);
    }
    buffer->begin += count;
    if (buffer->begin == buffer->end) {
        buffer->begin = buffer->end = 0;
    }
    return count;
}

static bool is_empty(const struct buffer *buffer)
{
    return buffer->begin == buffer->end;
}

void port_start(struct port *port, struct core *core, uint32_t base)
{
    *port = (struct port){.base = base, .line.core = core};
}

/* Before the engine has run; `words` are as many as the port has registers. */
void port_connect(struct port *port, const struct usart *usart, uint32_t *words)
{
    port->usart = *usart;
    port->words = words;
}

void port_reset(struct port *port)
{
    port->received.begin = port->received.end = 0;
}

void port_free(struct port *port)
{
    free(port->received.bytes);
    free(port->sent.bytes);
}

/* From the caller to the board; false without memory. */
bool port_send(struct port *port, const uint8_t *bytes, size_t count)
{
    line_begin(&port->line, !is_empty(&port->received));
    return push(&port->received, bytes, count);
}

/* What the board has sent; returns how many bytes. */
size_t port_receive(struct port *port, uint8_t *bytes, size_t capacity)
{
    return pull(&port->sent, bytes, capacity);
}

static uint32_t *word_at(const struct port *port, uint32_t offset)
{
    return &port->words[offset / 4];
}

static bool holds(const struct port *port, const struct condition *condition)
{
    return (*word_at(port, condition->offset) & condition->mask) == condition->value;
}

static bool all_hold(const struct port *port, const struct condition conditions[2])
{
    return holds(port, &conditions[0]) && holds(port, &conditions[1]);
}

static bool byte_waits(const struct port *port)
{
    return !is_empty(&port->received) && line_arrived(&port->line) && all_hold(port, port->usart.receiver);
}

/* The port's interrupt line. */
bool port_interrupts(const struct port *port)
{
    const struct condition *others = &port->usart.other_interrupts;
    if (port->usart.bytes == 0) {
        return false;
    }
    return (*word_at(port, others->offset) & others->mask) ||
           (byte_waits(port) && holds(port, &port->usart.receive_interrupt));
}

/* When the byte that is on the line arrives; 0 when none is. */
uint64_t port_next(const struct port *port)
{
    const struct line *line = &port->line;
    return line->byte_cycles && !is_empty(&port->received) && !line_arrived(line) ? line->next_arrival : 0;
}

static uint8_t take(struct port *port)
{
    uint8_t byte = 0;
    if (byte_waits(port)) {
        pull(&port->received, &byte, 1);
        line_take(&port->line);
    }
    return byte;
}

static void put(struct port *port, uint8_t byte)
{
    if (all_hold(port, port->usart.transmitter)) {
        push(&port->sent, &byte, 1);
        line_put(&port->line, byte);
    }
}

/* The word at `address`. */
uint32_t port_read(struct port *port, uint32_t address)
{
    const struct usart *usart = &port->usart;
    const uint32_t offset = address - port->base;
    if (offset == usart->receive) {
        return take(port);
    }
    uint32_t value = *word_at(port, offset);
    for (size_t i = 0; i < sizeof usart->statuses / sizeof usart->statuses[0]; i++) {
        const struct status *status = &usart->statuses[i];
        if (offset == status->offset) {
            value = (value & ~(status->waiting | status->empty)) | status->always |
                    (byte_waits(port) ? status->waiting : status->empty);
        }
    }
    return value;
}

void port_write(struct port *port, uint32_t address, uint32_t value)
{
    const struct usart *usart = &port->usart;
    const uint32_t offset = address - port->base;
    if (offset == usart->send) {
        put(port, (uint8_t)value);
    } else if (usart->set != usart->clear && offset == usart->set) {
        *word_at(port, offset) |= value;
    } else if (usart->set != usart->clear && offset == usart->clear) {
        *word_at(port, usart->set) &= ~value;
    } else {
        *word_at(port, offset) = value;
    }
}
