/* SPDX-License-Identifier: Apache-2.0 */
/* Core peripherals of ARMv7-M (Architecture Reference Manual, B3.2 system control, B3.4 NVIC, C1.8 DWT). */
#ifndef CORTEX_M_H
#define CORTEX_M_H

#include <stdint.h>

#define REGISTER(address) (*(volatile uint32_t *)(address))

#define SYST_CSR REGISTER(0xE000E010u)
#define SYST_RVR REGISTER(0xE000E014u)
#define SYST_CVR REGISTER(0xE000E018u)
#define ICSR REGISTER(0xE000ED04u)
#define VTOR REGISTER(0xE000ED08u)
#define AIRCR REGISTER(0xE000ED0Cu)
#define CPACR REGISTER(0xE000ED88u)
#define DEMCR REGISTER(0xE000EDFCu)
#define DWT_CTRL REGISTER(0xE0001000u)
#define DWT_CYCCNT REGISTER(0xE0001004u)
#define NVIC_ISER(n) REGISTER(0xE000E100u + 4u * (n))

typedef void (*interrupt_handler)(void);

extern uint32_t __stack_top[]; /* the linker script's */

/* Entry point: vector table, FPU, .data, .bss, main. */
void reset_handler(void);

/* A fault or an interrupt that nobody asked for: stops, so that no action leaves any more. */
void stop_handler(void);

void enable_interrupt(unsigned number);

#endif
