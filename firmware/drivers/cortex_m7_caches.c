/* SPDX-License-Identifier: Apache-2.0 */
/* Caches of the Cortex-M7 (ARMv7-M Architecture Reference Manual, B2.2 and B4.8; ARM DDI 0489F, section 4.3). */
#include "cortex_m7_caches.h"

#include "cortex_m.h"

#define CCR REGISTER(0xE000ED14u)
#define CCSIDR REGISTER(0xE000ED80u)
#define CSSELR REGISTER(0xE000ED84u)
#define ICIALLU REGISTER(0xE000EF50u)
#define DCISW REGISTER(0xE000EF60u)

enum { CCR_DC = 1 << 16, CCR_IC = 1 << 17, LEVEL_1_DATA = 0 };

/* Way and set lie where a cache of four ways with lines of 32 bytes has them. */
static void invalidate_data(void)
{
    CSSELR = LEVEL_1_DATA;
    __asm__ volatile("dsb" ::: "memory");
    const uint32_t size = CCSIDR, last_set = size >> 13 & 0x7FFFu, last_way = size >> 3 & 0x3FFu;
    for (uint32_t set = 0; set <= last_set; set++) {
        for (uint32_t way = 0; way <= last_way; way++) {
            DCISW = way << 30 | set << 5;
        }
    }
}

void cortex_m7_start_caches(void)
{
    ICIALLU = 0;
    invalidate_data();
    __asm__ volatile("dsb" ::: "memory");
    CCR |= CCR_IC | CCR_DC;
    __asm__ volatile("dsb\n\tisb" ::: "memory");
}
