/* SPDX-License-Identifier: Apache-2.0 */
/* Nucleo-F446RE: pins (RM0390, chapter 7). Its debugger feeds 8 MHz into OSC_IN and carries USART2. Registers touched here:
   RCC AHB1ENR, APB1ENR; GPIOA MODER, OSPEEDR, PUPDR, AFRL. */
#include "board.h"

#include "cortex_m.h"
#include "stm32f4_clock.h"
#include "usart.h"

#define RCC_AHB1ENR REGISTER(0x40023830u)
#define RCC_APB1ENR REGISTER(0x40023840u)
#define GPIOA_MODER REGISTER(0x40020000u)
#define GPIOA_OSPEEDR REGISTER(0x40020008u)
#define GPIOA_PUPDR REGISTER(0x4002000Cu)
#define GPIOA_AFRL REGISTER(0x40020020u)

enum { GPIOA_CLOCK = 1 << 0, USART2_CLOCK = 1 << 17 };

const char board_name[] = BOARD_NAME;

/* PA2 sends, PA3 receives with a pull-up: alternate function 7. */
static void start_pins(void)
{
    RCC_AHB1ENR |= GPIOA_CLOCK;
    RCC_APB1ENR |= USART2_CLOCK;
    GPIOA_OSPEEDR |= 2u << 4;
    GPIOA_PUPDR |= 1u << 6;
    GPIOA_AFRL = (GPIOA_AFRL & ~0xFF00u) | 0x7700u;
    GPIOA_MODER = (GPIOA_MODER & ~(0xFu << 4)) | 0xAu << 4;
}

void board_start(void)
{
    const struct stm32f4_clocks clocks = stm32f4_start_clocks(true);
    start_pins();
    usart_start(clocks.apb1_hz);
}
