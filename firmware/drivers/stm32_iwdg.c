/* SPDX-License-Identifier: Apache-2.0 */
/* The STM32's independent watchdog (RM0090, chapter 21): its own oscillator, and no way to stop it but a reset.
   Registers touched: KR, PR, RLR, SR. */
#include "board.h"
#include "cortex_m.h"

#define KR REGISTER(BOARD_WATCHDOG_BASE + 0x00u)
#define PR REGISTER(BOARD_WATCHDOG_BASE + 0x04u)
#define RLR REGISTER(BOARD_WATCHDOG_BASE + 0x08u)
#define SR REGISTER(BOARD_WATCHDOG_BASE + 0x0Cu)

enum {
    KEY_RELOAD = 0xAAAA,
    KEY_UNLOCK = 0x5555,
    KEY_START = 0xCCCC,
    DIVIDE_BY_64 = 4,
    MS_PER_COUNT = 2, /* 64 periods of 32 kHz; the oscillator runs at 17 to 47 kHz (DS8626, table 35) */
    LARGEST_COUNT = 0xFFF,
};

bool board_watchdog_start(uint32_t timeout_ms)
{
    const uint32_t count = (timeout_ms + MS_PER_COUNT - 1u) / MS_PER_COUNT;
    KR = KEY_START;
    KR = KEY_UNLOCK;
    PR = DIVIDE_BY_64;
    RLR = count > LARGEST_COUNT ? LARGEST_COUNT : count;
    becomes(&SR, ~0u, 0); /* five periods at most */
    board_watchdog_feed();
    return true;
}

void board_watchdog_feed(void)
{
    KR = KEY_RELOAD;
}
