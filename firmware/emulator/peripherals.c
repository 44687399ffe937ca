/* SPDX-License-Identifier: Apache-2.0 */
/* The vendor's registers: plain words, status fields that follow control fields, and a USART (RM0090, chapter 30) whose
   line is as fast as the program: a byte waits until the one before it was read, a sent byte is gone at once. */
#include "machine.h"

#include <stdlib.h>
#include <string.h>

enum {
    SR = 0x00,
    DR = 0x04,
    CR1 = 0x0C,
    USART_BYTES = 0x400,
    SR_RXNE = 1 << 5,
    SR_TC = 1 << 6,
    SR_TXE = 1 << 7,
    CR1_RE = 1 << 2,
    CR1_TE = 1 << 3,
    CR1_RXNEIE = 1 << 5,
    CR1_TCIE = 1 << 6,
    CR1_TXEIE = 1 << 7,
    CR1_UE = 1 << 13,
};

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

int machine_send(struct machine *m, const uint8_t *bytes, size_t count)
{
    line_begin(m, m->received.begin != m->received.end);
    return push(&m->received, bytes, count) ? 0 : -1;
}

size_t machine_receive(struct machine *m, uint8_t *bytes, size_t capacity)
{
    return pull(&m->sent, bytes, capacity);
}

static uint32_t usart_word(const struct machine *m, uint32_t offset)
{
    return m->peripherals[(m->config.usart_base - PERIPHERALS + offset) / 4];
}

static bool byte_waits(const struct machine *m)
{
    const uint32_t on = CR1_UE | CR1_RE;
    return m->received.begin != m->received.end && line_arrived(m) && (usart_word(m, CR1) & on) == on;
}

/* The USART's interrupt line. Sending never waits, so TXE and TC are always set. */
bool usart_interrupts(const struct machine *m)
{
    const uint32_t control = usart_word(m, CR1);
    return (control & (CR1_TXEIE | CR1_TCIE)) || ((control & CR1_RXNEIE) && byte_waits(m));
}

static uint32_t usart_read(struct machine *m, uint32_t offset)
{
    if (offset == SR) {
        return SR_TXE | SR_TC | (byte_waits(m) ? SR_RXNE : 0u);
    }
    if (offset == DR) {
        uint8_t byte = 0;
        if (byte_waits(m)) {
            pull(&m->received, &byte, 1);
            line_take(m);
        }
        return byte;
    }
    return usart_word(m, offset);
}

static void usart_write(struct machine *m, uint32_t offset, uint32_t value)
{
    if (offset == DR) {
        const uint32_t on = CR1_UE | CR1_TE;
        const uint8_t byte = (uint8_t)value;
        if ((usart_word(m, CR1) & on) == on) {
            push(&m->sent, &byte, 1);
            line_put(m, byte);
        }
    } else if (offset != SR) {
        m->peripherals[(m->config.usart_base - PERIPHERALS + offset) / 4] = value;
    }
}

static bool is_usart(const struct machine *m, uint32_t address)
{
    return address - m->config.usart_base < USART_BYTES;
}

static bool modelled(const struct machine *m, uint32_t address)
{
    for (size_t i = 0; i < m->range_count; i++) {
        if (m->ranges[i].begin <= address && address < m->ranges[i].end) {
            return true;
        }
    }
    return is_usart(m, address);
}

static uint32_t read_word(struct machine *m, uint32_t address)
{
    if (is_usart(m, address)) {
        return usart_read(m, address - m->config.usart_base);
    }
    const uint32_t word = m->peripherals[(address - PERIPHERALS) / 4];
    uint32_t value = word;
    for (size_t i = 0; i < m->follow_count; i++) {
        const struct follow *follow = &m->follows[i];
        if (follow->address == address) {
            const uint32_t field = word & follow->mask;
            const uint32_t status = follow->shift >= 0 ? field << follow->shift : field >> -follow->shift;
            const uint32_t place = follow->shift >= 0 ? follow->mask << follow->shift : follow->mask >> -follow->shift;
            value = (value & ~place) | status;
        }
    }
    return value;
}

static uint64_t on_read(uc_engine *uc, uint64_t offset, unsigned size, void *user)
{
    (void)uc;
    struct machine *m = user;
    const uint32_t address = PERIPHERALS + (uint32_t)offset;
    if (!modelled(m, address)) {
        machine_raise(m, FAULT_PERIPHERAL, 0, address);
        return 0;
    }
    const uint32_t word = read_word(m, address & ~3u) >> 8 * (address & 3u);
    return size >= 4 ? word : word & ((1u << 8 * size) - 1u);
}

static void on_write(uc_engine *uc, uint64_t offset, unsigned size, uint64_t value, void *user)
{
    (void)uc;
    struct machine *m = user;
    const uint32_t address = PERIPHERALS + (uint32_t)offset;
    if (!modelled(m, address)) {
        machine_raise(m, FAULT_PERIPHERAL, 1, address);
        return;
    }
    const uint32_t place = 8 * (address & 3u);
    const uint32_t mask = size >= 4 ? 0xFFFFFFFFu : ((1u << 8 * size) - 1u) << place;
    uint32_t *word = &m->peripherals[(address - PERIPHERALS) / 4];
    uint32_t merged = (*word & ~mask) | ((uint32_t)value << place & mask);
    if (watchdog_write(m, address & ~3u, &merged)) {
        *word = merged;
    } else if (is_usart(m, address)) {
        usart_write(m, (address & ~3u) - m->config.usart_base, merged);
    } else {
        *word = merged;
    }
}

int machine_add_range(struct machine *m, uint32_t begin, uint32_t end)
{
    if (m->range_count == MAX_RANGES || begin < PERIPHERALS || end > PERIPHERALS + PERIPHERALS_BYTES) {
        return -1;
    }
    m->ranges[m->range_count++] = (struct range){begin, end};
    return 0;
}

int machine_add_follow(struct machine *m, uint32_t address, uint32_t mask, int32_t shift)
{
    if (m->follow_count == MAX_FOLLOWS) {
        return -1;
    }
    m->follows[m->follow_count++] = (struct follow){address, mask, shift};
    return 0;
}

int machine_add_reset_value(struct machine *m, uint32_t address, uint32_t value)
{
    if (m->reset_value_count == MAX_RESET_VALUES || address - PERIPHERALS >= PERIPHERALS_BYTES) {
        return -1;
    }
    m->reset_values[m->reset_value_count++] = (struct reset_value){address, value};
    return 0;
}

bool peripherals_start(struct machine *m)
{
    m->peripherals = calloc(PERIPHERALS_BYTES, 1);
    m->system = calloc(SYSTEM_BYTES, 1);
    return m->peripherals && m->system &&
           uc_mmio_map(m->uc, PERIPHERALS, PERIPHERALS_BYTES, on_read, m, on_write, m) == UC_ERR_OK &&
           uc_mmio_map(m->uc, SYSTEM, SYSTEM_BYTES, system_read, m, system_write, m) == UC_ERR_OK;
}

void peripherals_reset(struct machine *m, bool expired)
{
    memset(m->peripherals, 0, PERIPHERALS_BYTES);
    memset(m->system, 0, SYSTEM_BYTES);
    memset(m->enabled, 0, sizeof m->enabled);
    memset(m->pending, 0, sizeof m->pending);
    m->systick_pending = false;
    m->system[0xED08 / 4] = m->config.vectors;
    m->system[0xED14 / 4] = 0x200; /* CCR.STKALIGN */
    for (size_t i = 0; i < m->reset_value_count; i++) {
        m->peripherals[(m->reset_values[i].address - PERIPHERALS) / 4] = m->reset_values[i].value;
    }
    if (m->watchdog.config.tick_cycles) {
        m->peripherals[(m->watchdog.config.flags_register - PERIPHERALS) / 4] |= watchdog_flags(m, expired);
    }
    m->received.begin = m->received.end = 0;
}
