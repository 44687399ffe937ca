/* SPDX-License-Identifier: Apache-2.0 */
/* The vector table: all that nobody asked for stops the board. */
#include "cortex_m.h"
#include "usart.h"

static const union {
    void *stack;
    interrupt_handler handler;
} vectors[16 + BOARD_INTERRUPTS] __attribute__((section(".vectors"), used)) = {
    [0] = {.stack = __stack_top},
    [1] = {.handler = reset_handler},
    [2 ... 15] = {.handler = stop_handler},
#if BOARD_USART_IRQ > 0
    [16 ... 16 + BOARD_USART_IRQ - 1] = {.handler = stop_handler},
#endif
    [16 + BOARD_USART_IRQ] = {.handler = usart_handler},
#if BOARD_USART_IRQ + 1 < BOARD_INTERRUPTS
    [16 + BOARD_USART_IRQ + 1 ... 16 + BOARD_INTERRUPTS - 1] = {.handler = stop_handler},
#endif
};
