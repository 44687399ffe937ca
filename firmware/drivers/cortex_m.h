/* SPDX-License-Identifier: Apache-2.0 */
/* Core peripherals of the M profile (ARMv7-M Architecture Reference Manual, B3.2 system control, B3.3 SysTick,
   B3.4 NVIC, C1.8 DWT; ARMv6-M has the first three, B3.2 to B3.4 there). */
#ifndef CORTEX_M_H
#define CORTEX_M_H

#include <stdbool.h>
#include <stdint.h>

#define REGISTER(address) (*(volatile uint32_t *)(address))

#define SYST_CSR REGISTER(0xE000E010u)
#define SYST_RVR REGISTER(0xE000E014u)
#define SYST_CVR REGISTER(0xE000E018u)
#define ICSR REGISTER(0xE000ED04u)
#define VTOR REGISTER(0xE000ED08u)
#define AIRCR REGISTER(0xE000ED0Cu)
#define CPACR REGISTER(0xE000ED88u)
#define NVIC_ISER(n) REGISTER(0xE000E100u + 4u * (n))
#define NVIC_ISPR(n) REGISTER(0xE000E200u + 4u * (n))

typedef void (*interrupt_handler)(void);

enum { READY_POLLS = 20000 }; /* 10 ms at 16 MHz; a crystal takes 2 ms to start */

extern uint32_t __stack_top[]; /* the linker script's */

/* Entry point: vector table, FPU, .data, .bss, cycle counter, main. */
void reset_handler(void);

/* A fault or an interrupt that nobody asked for: stops, so that no action leaves any more. */
void stop_handler(void);

void enable_interrupt(unsigned number);

/* As if the interrupt's line had gone up once. */
void pend_interrupt(unsigned number);

/* Waits, READY_POLLS reads at most, until the bits of `mask` in `*state` are `value`; whether they are. */
bool becomes(const volatile uint32_t *state, uint32_t mask, uint32_t value);

/* Lets board_cycles of board.h count: one file cycles_*.c per kind of counter. */
void cycle_counter_start(void);

#endif
