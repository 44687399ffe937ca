/* SPDX-License-Identifier: Apache-2.0 */
/* Cycles by TIMER0, for the nRF51, which has neither DWT nor SysTick: 16 MHz, the core's clock (nRF51 Series Reference
   Manual v3.0, chapter 18). */
#include "board.h"
#include "cortex_m.h"

#define TASKS_START REGISTER(0x40008000u)
#define TASKS_CAPTURE0 REGISTER(0x40008040u)
#define BITMODE REGISTER(0x40008508u)
#define PRESCALER REGISTER(0x40008510u)
#define CC0 REGISTER(0x40008540u)

enum { BITMODE_32 = 3 };

void cycle_counter_start(void)
{
    BITMODE = BITMODE_32;
    PRESCALER = 0;
    TASKS_START = 1;
}

uint32_t board_cycles(void)
{
    TASKS_CAPTURE0 = 1;
    return CC0;
}
