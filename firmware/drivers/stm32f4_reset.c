/* SPDX-License-Identifier: Apache-2.0 */
/* Why an STM32F4 started (RM0090, 7.3.21). Register touched: RCC CSR. */
#include "board.h"
#include "cortex_m.h"

#define RCC_CSR REGISTER(0x40023874u)
#define CSR_ANY 0xFE000000u

enum {
    CSR_CLEAR_FLAGS = 1 << 24,
    CSR_PIN = 1 << 26,
    CSR_POWER = 1 << 27,
    CSR_SOFTWARE = 1 << 28,
    CSR_INDEPENDENT_WATCHDOG = 1 << 29,
};

/* Every reset pulls the pin, too, so that its flag counts last. */
enum board_reset_cause board_reset_cause(void)
{
    const uint32_t flags = RCC_CSR;
    RCC_CSR = flags | CSR_CLEAR_FLAGS;
    if (flags & CSR_INDEPENDENT_WATCHDOG) {
        return RESET_WATCHDOG;
    }
    if (flags & CSR_SOFTWARE) {
        return RESET_SOFTWARE;
    }
    if (flags & CSR_POWER) {
        return RESET_POWER;
    }
    if (flags & CSR_PIN) {
        return RESET_PIN;
    }
    return flags & CSR_ANY ? RESET_OTHER : RESET_UNKNOWN;
}
