/* SPDX-License-Identifier: Apache-2.0 */
/* STM32F405: pins (RM0090, chapter 8). Registers touched here: RCC AHB1ENR, APB2ENR; GPIOA MODER, OSPEEDR, PUPDR, AFRH. */
#include "board.h"

#include "cortex_m.h"
#include "stm32f4_clock.h"
#include "usart.h"

#define RCC_AHB1ENR REGISTER(0x40023830u)
#define RCC_APB2ENR REGISTER(0x40023844u)
#define GPIOA_MODER REGISTER(0x40020000u)
#define GPIOA_OSPEEDR REGISTER(0x40020008u)
#define GPIOA_PUPDR REGISTER(0x4002000Cu)
#define GPIOA_AFRH REGISTER(0x40020024u)

enum { GPIOA_CLOCK = 1 << 0, USART1_CLOCK = 1 << 4 };

const char board_name[] = BOARD_NAME;

/* PA9 sends, PA10 receives with a pull-up: alternate function 7. */
static void start_pins(void)
{
    RCC_AHB1ENR |= GPIOA_CLOCK;
    RCC_APB2ENR |= USART1_CLOCK;
    GPIOA_OSPEEDR |= 2u << 18;
    GPIOA_PUPDR |= 1u << 20;
    GPIOA_AFRH = (GPIOA_AFRH & ~0xFF0u) | 0x770u;
    GPIOA_MODER = (GPIOA_MODER & ~(0xFu << 18)) | 0xAu << 18;
}

void board_start(void)
{
    const struct stm32f4_clocks clocks = stm32f4_start_clocks(false);
    start_pins();
    usart_start(clocks.apb2_hz);
}
