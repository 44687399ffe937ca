/* SPDX-License-Identifier: Apache-2.0 */
/* What a board need not have. A driver that has it defines the same functions and replaces these. */
#include "board.h"

#define DEFAULT __attribute__((weak))

DEFAULT uint32_t board_ms(void)
{
    return 0;
}

DEFAULT bool board_tick_start(void)
{
    return false;
}

DEFAULT bool board_watchdog_start(uint32_t timeout_ms)
{
    (void)timeout_ms;
    return false;
}

DEFAULT void board_watchdog_feed(void)
{
}

DEFAULT enum board_reset_cause board_reset_cause(void)
{
    return RESET_UNKNOWN;
}

DEFAULT void board_actuate(const int16_t *codes, size_t count)
{
    (void)codes;
    (void)count;
}
