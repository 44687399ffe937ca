/* SPDX-License-Identifier: Apache-2.0 */
/* Milliseconds by the core's own timer (ARMv7-M Architecture Reference Manual, B3.3). Its interrupt only ends a sleep and
   is taken back before it can run, so that an inference is never interrupted by it. */
#include "systick.h"

#include "board.h"
#include "cortex_m.h"

enum {
    ENABLE = 1 << 0,
    TICKINT = 1 << 1,
    CORE_CLOCK = 1 << 2,
    COUNTFLAG = 1 << 16,
    PENDSTCLR = 1 << 25,
    TICKS_PER_SECOND = 1000,
};

static uint32_t passed_ms;
static bool runs;

bool board_tick_start(void)
{
    SYST_RVR = board_clock_hz() / TICKS_PER_SECOND - 1u;
    SYST_CVR = 0;
    SYST_CSR = ENABLE | CORE_CLOCK;
    runs = true;
    return true;
}

uint32_t board_ms(void)
{
    if (runs && (SYST_CSR & COUNTFLAG)) {
        passed_ms++;
    }
    return passed_ms;
}

void tick_arm(void)
{
    if (runs) {
        SYST_CSR = ENABLE | CORE_CLOCK | TICKINT;
    }
}

void tick_disarm(void)
{
    if (runs) {
        SYST_CSR = ENABLE | CORE_CLOCK;
        ICSR = PENDSTCLR;
        __asm__ volatile("dsb\n\tisb" ::: "memory");
    }
}
