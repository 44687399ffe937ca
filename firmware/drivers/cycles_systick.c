/* SPDX-License-Identifier: Apache-2.0 */
/* Cycles by SysTick, for cores without DWT (ARMv6-M Architecture Reference Manual, B3.3). It counts 24 bits down:
   right for spans below 2^24 cycles. */
#include "board.h"
#include "cortex_m.h"

#define SYST_CSR REGISTER(0xE000E010u)
#define SYST_RVR REGISTER(0xE000E014u)
#define SYST_CVR REGISTER(0xE000E018u)

enum { CSR_ENABLE = 1 << 0, CSR_CORE_CLOCK = 1 << 2, LARGEST = 0xFFFFFF };

static uint32_t counted, last;

void cycle_counter_start(void)
{
    SYST_RVR = LARGEST;
    SYST_CVR = 0;
    SYST_CSR = CSR_ENABLE | CSR_CORE_CLOCK;
}

uint32_t board_cycles(void)
{
    const uint32_t now = SYST_CVR;
    counted += (last - now) & LARGEST;
    last = now;
    return counted;
}
