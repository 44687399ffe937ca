/* SPDX-License-Identifier: Apache-2.0 */
/* The vendor's registers: plain words, status fields that follow control fields, the serial port and the watchdog. */
#ifndef PERIPHERALS_H
#define PERIPHERALS_H

#include "core.h"
#include "port.h"
#include "range.h"
#include "watchdog.h"
#include "window.h"

enum { MAX_RANGES = 64, MAX_FOLLOWS = 32, MAX_RESET_VALUES = 32, MAX_WINDOWS = 8 };

/* A status field that repeats a control field: reads of `address` give (word & mask) << shift as well. */
struct follow {
    uint32_t address, mask;
    int32_t shift;
};

struct reset_value {
    uint32_t address, value;
};

struct bus {
    struct peripherals *peripherals;
    struct window window;
};

struct peripherals {
    struct core *core;
    struct port port;
    struct watchdog watchdog;
    struct bus buses[MAX_WINDOWS];
    size_t bus_count;
    struct range ranges[MAX_RANGES]; /* what is modelled besides the port */
    size_t range_count;
    struct follow follows[MAX_FOLLOWS];
    size_t follow_count;
    struct reset_value reset_values[MAX_RESET_VALUES];
    size_t reset_value_count;
};

bool peripherals_start(struct peripherals *p, struct core *core, uint32_t usart_base);
void peripherals_reset(struct peripherals *p, bool by_software);
void peripherals_free(struct peripherals *p);

/* Before the engine has run; false when there is no room or an address lies outside of the windows. */
bool peripherals_add_window(struct peripherals *p, uint32_t begin, uint32_t bytes);
bool peripherals_set_usart(struct peripherals *p, const struct usart *usart);
bool peripherals_set_watchdog(struct peripherals *p, const struct watchdog_config *config);
bool peripherals_add_range(struct peripherals *p, uint32_t begin, uint32_t end);
bool peripherals_add_follow(struct peripherals *p, uint32_t address, uint32_t mask, int32_t shift);
bool peripherals_add_reset_value(struct peripherals *p, uint32_t address, uint32_t value);

#endif
