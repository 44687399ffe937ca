/* SPDX-License-Identifier: Apache-2.0 */
/* Cycles by the core's own counter (ARMv7-M Architecture Reference Manual, C1.8.8): ARMv7-M and later. */
#include "board.h"
#include "cortex_m.h"

#define DEMCR REGISTER(0xE000EDFCu)
#define DWT_CTRL REGISTER(0xE0001000u)
#define DWT_CYCCNT REGISTER(0xE0001004u)
#define DWT_LAR REGISTER(0xE0001FB0u)

enum { DEMCR_TRCENA = 1 << 24, DWT_CYCCNTENA = 1 << 0 };

#define LAR_KEY 0xC5ACCE55u /* a Cortex-M7 has the lock (CoreSight Architecture Specification, B2.3.10) */

void cycle_counter_start(void)
{
    DEMCR |= DEMCR_TRCENA;
    __asm__ volatile("dsb\n\tisb" ::: "memory"); /* DWT is there from here on */
    DWT_LAR = LAR_KEY;
    DWT_CYCCNT = 0;
    DWT_CTRL |= DWT_CYCCNTENA;
}

uint32_t board_cycles(void)
{
    return DWT_CYCCNT;
}
