/* SPDX-License-Identifier: Apache-2.0 */
/* Which part an access is for; an access to anything that no part models is a fault. */
#include "peripherals.h"

#include <stdlib.h>
#include <string.h>

#define USUAL_BEGIN 0x40000000u
#define USUAL_BYTES 0x80000u

/* The word at `address`; NULL outside of all windows. */
static uint32_t *word_at(const struct peripherals *p, uint32_t address)
{
    for (size_t i = 0; i < p->bus_count; i++) {
        const struct window *window = &p->buses[i].window;
        if (address - window->begin < window->bytes) {
            return window_word(window, address - window->begin);
        }
    }
    return NULL;
}

static bool modelled(const struct peripherals *p, uint32_t address)
{
    return ranges_hold(p->ranges, p->range_count, address) || port_holds(&p->port, address);
}

static uint32_t read_word(struct peripherals *p, uint32_t address)
{
    if (port_holds(&p->port, address)) {
        return port_read(&p->port, address);
    }
    const uint32_t word = *word_at(p, address);
    uint32_t value = word;
    for (size_t i = 0; i < p->follow_count; i++) {
        const struct follow *follow = &p->follows[i];
        if (follow->address == address) {
            const uint32_t field = word & follow->mask;
            const uint32_t status = follow->shift >= 0 ? field << follow->shift : field >> -follow->shift;
            const uint32_t place = follow->shift >= 0 ? follow->mask << follow->shift : follow->mask >> -follow->shift;
            value = (value & ~place) | status;
        }
    }
    return value;
}

static void write_word(struct peripherals *p, uint32_t address, uint32_t *word, uint32_t value)
{
    if (watchdog_write(&p->watchdog, address, &value)) {
        *word = value;
    } else if (port_holds(&p->port, address)) {
        port_write(&p->port, address, value);
    } else {
        *word = value;
    }
}

static uint64_t on_read(uc_engine *uc, uint64_t offset, unsigned size, void *user)
{
    (void)uc;
    const struct bus *bus = user;
    struct peripherals *p = bus->peripherals;
    const uint32_t address = bus->window.begin + (uint32_t)offset;
    core_end_quiet(p->core);
    if (!modelled(p, address)) {
        core_raise(p->core, FAULT_PERIPHERAL, 0, address);
        return 0;
    }
    return word_part(read_word(p, address & ~3u), address, size);
}

static void on_write(uc_engine *uc, uint64_t offset, unsigned size, uint64_t value, void *user)
{
    (void)uc;
    const struct bus *bus = user;
    struct peripherals *p = bus->peripherals;
    const uint32_t address = bus->window.begin + (uint32_t)offset;
    core_end_quiet(p->core);
    if (!modelled(p, address)) {
        core_raise(p->core, FAULT_PERIPHERAL, 1, address);
        return;
    }
    uint32_t *word = word_at(p, address);
    write_word(p, address & ~3u, word, word_merged(*word, address, size, (uint32_t)value));
}

bool peripherals_start(struct peripherals *p, struct core *core, uint32_t usart_base)
{
    p->core = core;
    p->watchdog.core = core;
    port_start(&p->port, core, usart_base);
    return peripherals_add_window(p, USUAL_BEGIN, USUAL_BYTES);
}

/* As the reset line does, or the program's request; what the port's caller has sent is gone. */
void peripherals_reset(struct peripherals *p, bool by_software)
{
    for (size_t i = 0; i < p->bus_count; i++) {
        memset(p->buses[i].window.words, 0, p->buses[i].window.bytes);
    }
    for (size_t i = 0; i < p->reset_value_count; i++) {
        *word_at(p, p->reset_values[i].address) = p->reset_values[i].value;
    }
    if (p->watchdog.config.tick_cycles) {
        *word_at(p, p->watchdog.config.flags_register) |= watchdog_flags(&p->watchdog, by_software);
    }
    watchdog_reset(&p->watchdog);
    port_reset(&p->port);
}

void peripherals_free(struct peripherals *p)
{
    for (size_t i = 0; i < p->bus_count; i++) {
        free(p->buses[i].window.words);
    }
    port_free(&p->port);
}

/* `begin` and `bytes` are multiples of 4 KiB. */
bool peripherals_add_window(struct peripherals *p, uint32_t begin, uint32_t bytes)
{
    if (p->bus_count == MAX_WINDOWS) {
        return false;
    }
    struct bus *bus = &p->buses[p->bus_count];
    *bus = (struct bus){.peripherals = p, .window = {.begin = begin, .bytes = bytes, .words = calloc(bytes, 1)}};
    if (!bus->window.words) {
        return false;
    }
    p->bus_count++;
    return uc_mmio_map(p->core->uc, begin, bytes, on_read, bus, on_write, bus) == UC_ERR_OK;
}

/* The window that holds it is there already. */
bool peripherals_set_usart(struct peripherals *p, const struct usart *usart)
{
    uint32_t *words = word_at(p, p->port.base);
    if (words) {
        port_connect(&p->port, usart, words);
    }
    return words;
}

/* The window that holds the flags is there already. */
bool peripherals_set_watchdog(struct peripherals *p, const struct watchdog_config *config)
{
    p->watchdog.config = *config;
    return word_at(p, config->flags_register);
}

bool peripherals_add_range(struct peripherals *p, uint32_t begin, uint32_t end)
{
    if (p->range_count == MAX_RANGES || !word_at(p, begin) || !word_at(p, end - 1)) {
        return false;
    }
    p->ranges[p->range_count++] = (struct range){begin, end};
    return true;
}

bool peripherals_add_follow(struct peripherals *p, uint32_t address, uint32_t mask, int32_t shift)
{
    if (p->follow_count == MAX_FOLLOWS) {
        return false;
    }
    p->follows[p->follow_count++] = (struct follow){address, mask, shift};
    return true;
}

bool peripherals_add_reset_value(struct peripherals *p, uint32_t address, uint32_t value)
{
    if (p->reset_value_count == MAX_RESET_VALUES || !word_at(p, address)) {
        return false;
    }
    p->reset_values[p->reset_value_count++] = (struct reset_value){address, value};
    return true;
}
