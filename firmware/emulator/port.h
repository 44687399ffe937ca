/* SPDX-License-Identifier: Apache-2.0 */
/* The serial port, from the board's side by its registers and from the caller's by bytes. */
#ifndef PORT_H
#define PORT_H

#include "core.h"
#include "line.h"

/* Reads of the register at `offset` give these bits beside what was written: `always`, while a byte waits, while none does. */
struct status {
    uint32_t offset, always, waiting, empty;
};

/* The bits of `mask` in the register at `offset` are `value`. */
struct condition {
    uint32_t offset, mask, value;
};

/* A serial port, by the offsets of its registers (peripheral_map.py). All conditions of a line must hold. With set != clear,
   writing a one to `set` or `clear` sets or clears that bit of the register at `set`. */
struct usart {
    uint32_t bytes, receive, send, set, clear;
    struct status statuses[2];
    struct condition receiver[2], transmitter[2];
    struct condition receive_interrupt;
    struct condition other_interrupts; /* of the transmitter, which never waits: one of these bits is enough */
};

struct buffer {
    uint8_t *bytes;
    size_t begin, end, capacity;
};

struct port {
    struct usart usart; /* 0 bytes: there is none */
    uint32_t base;
    uint32_t *words; /* its registers */
    struct buffer received, sent; /* seen from the board */
    struct line line;
};

static inline bool port_holds(const struct port *port, uint32_t address)
{
    return address - port->base < port->usart.bytes;
}

void port_start(struct port *port, struct core *core, uint32_t base);
void port_connect(struct port *port, const struct usart *usart, uint32_t *words);
void port_reset(struct port *port);
void port_free(struct port *port);
uint32_t port_read(struct port *port, uint32_t address);
void port_write(struct port *port, uint32_t address, uint32_t value);
bool port_interrupts(const struct port *port);
uint64_t port_next(const struct port *port);
bool port_send(struct port *port, const uint8_t *bytes, size_t count);
size_t port_receive(struct port *port, uint8_t *bytes, size_t capacity);

#endif
