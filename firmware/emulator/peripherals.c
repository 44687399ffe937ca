/* SPDX-License-Identifier: Apache-2.0 */
/* The vendor's registers: plain words, status fields that follow control fields, and a serial port whose line is as fast as
   the program: a byte waits until the one before it was read, a sent byte is gone at once. */
#include "machine.h"

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

int machine_send(struct machine *m, const uint8_t *bytes, size_t count)
{
    line_begin(m, m->received.begin != m->received.end);
    return push(&m->received, bytes, count) ? 0 : -1;
}

size_t machine_receive(struct machine *m, uint8_t *bytes, size_t capacity)
{
    return pull(&m->sent, bytes, capacity);
}

static uint32_t *word_at(const struct machine *m, uint32_t address)
{
    for (size_t i = 0; i < m->window_count; i++) {
        const struct window *window = &m->windows[i];
        if (address - window->begin < window->bytes) {
            return &window->words[(address - window->begin) / 4];
        }
    }
    return NULL;
}

static uint32_t *usart_word(const struct machine *m, uint32_t offset)
{
    return word_at(m, m->config.usart_base + offset);
}

static bool is_usart(const struct machine *m, uint32_t address)
{
    return address - m->config.usart_base < m->usart.bytes;
}

static bool holds(const struct machine *m, const struct condition *condition)
{
    return (*usart_word(m, condition->offset) & condition->mask) == condition->value;
}

static bool all_hold(const struct machine *m, const struct condition conditions[2])
{
    return holds(m, &conditions[0]) && holds(m, &conditions[1]);
}

static bool byte_waits(const struct machine *m)
{
    return m->received.begin != m->received.end && line_arrived(m) && all_hold(m, m->usart.receiver);
}

/* The port's interrupt line. */
bool usart_interrupts(const struct machine *m)
{
    const struct condition *others = &m->usart.other_interrupts;
    if (m->usart.bytes == 0) {
        return false;
    }
    return (*usart_word(m, others->offset) & others->mask) || (byte_waits(m) && holds(m, &m->usart.receive_interrupt));
}

static uint32_t usart_read(struct machine *m, uint32_t offset)
{
    if (offset == m->usart.receive) {
        uint8_t byte = 0;
        if (byte_waits(m)) {
            pull(&m->received, &byte, 1);
            line_take(m);
        }
        return byte;
    }
    uint32_t value = *usart_word(m, offset);
    for (size_t i = 0; i < sizeof m->usart.statuses / sizeof m->usart.statuses[0]; i++) {
        const struct status *status = &m->usart.statuses[i];
        if (offset == status->offset) {
            value = (value & ~(status->waiting | status->empty)) | status->always |
                    (byte_waits(m) ? status->waiting : status->empty);
        }
    }
    return value;
}

static void usart_write(struct machine *m, uint32_t offset, uint32_t value)
{
    const struct usart *usart = &m->usart;
    if (offset == usart->send) {
        const uint8_t byte = (uint8_t)value;
        if (all_hold(m, usart->transmitter)) {
            push(&m->sent, &byte, 1);
            line_put(m, byte);
        }
    } else if (usart->set != usart->clear && offset == usart->set) {
        *usart_word(m, offset) |= value;
    } else if (usart->set != usart->clear && offset == usart->clear) {
        *usart_word(m, usart->set) &= ~value;
    } else {
        *usart_word(m, offset) = value;
    }
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
    const uint32_t word = *word_at(m, address);
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
    const struct window *window = user;
    struct machine *m = window->machine;
    const uint32_t address = window->begin + (uint32_t)offset;
    core_end_quiet(&m->core);
    if (!modelled(m, address)) {
        core_raise(&m->core, FAULT_PERIPHERAL, 0, address);
        return 0;
    }
    const uint32_t word = read_word(m, address & ~3u) >> 8 * (address & 3u);
    return size >= 4 ? word : word & ((1u << 8 * size) - 1u);
}

static void on_write(uc_engine *uc, uint64_t offset, unsigned size, uint64_t value, void *user)
{
    (void)uc;
    const struct window *window = user;
    struct machine *m = window->machine;
    const uint32_t address = window->begin + (uint32_t)offset;
    core_end_quiet(&m->core);
    if (!modelled(m, address)) {
        core_raise(&m->core, FAULT_PERIPHERAL, 1, address);
        return;
    }
    const uint32_t place = 8 * (address & 3u);
    const uint32_t mask = size >= 4 ? 0xFFFFFFFFu : ((1u << 8 * size) - 1u) << place;
    uint32_t *word = word_at(m, address);
    uint32_t merged = (*word & ~mask) | ((uint32_t)value << place & mask);
    if (watchdog_write(m, address & ~3u, &merged)) {
        *word = merged;
    } else if (is_usart(m, address)) {
        usart_write(m, (address & ~3u) - m->config.usart_base, merged);
    } else {
        *word = merged;
    }
}

/* Before the engine has run. `begin` and `bytes` are multiples of 4 KiB. */
int machine_add_window(struct machine *m, uint32_t begin, uint32_t bytes)
{
    if (m->window_count == MAX_WINDOWS) {
        return -1;
    }
    struct window *window = &m->windows[m->window_count];
    *window = (struct window){.machine = m, .begin = begin, .bytes = bytes, .words = calloc(bytes, 1)};
    if (!window->words) {
        return -1;
    }
    m->window_count++;
    return uc_mmio_map(m->core.uc, begin, bytes, on_read, window, on_write, window) == UC_ERR_OK ? 0 : -1;
}

void machine_set_usart(struct machine *m, const struct usart *usart)
{
    m->usart = *usart;
}

int machine_add_range(struct machine *m, uint32_t begin, uint32_t end)
{
    if (m->range_count == MAX_RANGES || !word_at(m, begin) || !word_at(m, end - 1)) {
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
    if (m->reset_value_count == MAX_RESET_VALUES || !word_at(m, address)) {
        return -1;
    }
    m->reset_values[m->reset_value_count++] = (struct reset_value){address, value};
    return 0;
}

bool peripherals_start(struct machine *m)
{
    m->system = calloc(SYSTEM_BYTES, 1);
    return m->system && machine_add_window(m, PERIPHERALS, PERIPHERALS_BYTES) == 0 &&
           uc_mmio_map(m->core.uc, SYSTEM, SYSTEM_BYTES, system_read, m, system_write, m) == UC_ERR_OK;
}

void peripherals_free(struct machine *m)
{
    for (size_t i = 0; i < m->window_count; i++) {
        free(m->windows[i].words);
    }
    free(m->system);
    free(m->received.bytes);
    free(m->sent.bytes);
}

void peripherals_reset(struct machine *m)
{
    for (size_t i = 0; i < m->window_count; i++) {
        memset(m->windows[i].words, 0, m->windows[i].bytes);
    }
    memset(m->system, 0, SYSTEM_BYTES);
    memset(m->enabled, 0, sizeof m->enabled);
    memset(m->pending, 0, sizeof m->pending);
    m->systick_pending = false;
    m->system[0xED08 / 4] = m->config.vectors;
    m->system[0xED14 / 4] = 0x200; /* CCR.STKALIGN */
    for (size_t i = 0; i < m->reset_value_count; i++) {
        *word_at(m, m->reset_values[i].address) = m->reset_values[i].value;
    }
    if (m->watchdog.config.tick_cycles) {
        *word_at(m, m->watchdog.config.flags_register) |= watchdog_flags(m);
    }
    m->received.begin = m->received.end = 0;
}
