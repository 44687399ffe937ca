/* SPDX-License-Identifier: Apache-2.0 */
#include "cortex_m.h"

#include "board.h"
#include "usart.h"

enum {
    AIRCR_KEY = 0x05FA0000,
    AIRCR_SYSRESETREQ = 1 << 2,
    CPACR_FULL_CP10_CP11 = 0xF << 20,
};

/* Boundaries from the linker script. */
extern uint32_t __vectors[];
extern const uint32_t __data_load[];
extern uint32_t __data_start[], __data_end[];
extern uint32_t __bss_start[], __bss_end[];

int main(void);

/* A core without VTOR has its vectors at 0, or finds them set by its boot code. */
void reset_handler(void)
{
#ifndef __ARM_ARCH_6M__
    VTOR = (uint32_t)__vectors;
#endif
#ifdef __ARM_FP
    CPACR |= CPACR_FULL_CP10_CP11;
    __asm__ volatile("dsb\n\tisb" ::: "memory");
#endif
    const uint32_t *load = __data_load;
    for (uint32_t *word = __data_start; word < __data_end; word++) {
        *word = *load++;
    }
    for (uint32_t *word = __bss_start; word < __bss_end; word++) {
        *word = 0;
    }
    cycle_counter_start();
    main();
    stop_handler();
}

void stop_handler(void)
{
    __asm__ volatile("cpsid i" ::: "memory");
    for (;;) {
        __asm__ volatile("wfi");
    }
}

void enable_interrupt(unsigned number)
{
    NVIC_ISER(number / 32u) = 1u << (number % 32u);
}

void pend_interrupt(unsigned number)
{
    NVIC_ISPR(number / 32u) = 1u << (number % 32u);
}

bool becomes(const volatile uint32_t *state, uint32_t mask, uint32_t value)
{
    for (uint32_t polls = 0; polls < READY_POLLS; polls++) {
        if ((*state & mask) == value) {
            return true;
        }
    }
    return false;
}

void board_reset(void)
{
    usart_flush();
    __asm__ volatile("dsb" ::: "memory");
    AIRCR = AIRCR_KEY | AIRCR_SYSRESETREQ;
    stop_handler();
}
