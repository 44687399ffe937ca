/* SPDX-License-Identifier: Apache-2.0 */
/* Crystal and pins of the nRF51 and nRF52 (nRF51 Series Reference Manual v3.0, chapters 12 and 14; nRF52840 Product
   Specification v1.7, sections 5.4 and 6.9). Registers touched: CLOCK TASKS_HFCLKSTART, EVENTS_HFCLKSTARTED; GPIO OUTSET,
   DIRSET, PIN_CNF; UART PSELTXD, PSELRXD. */
#include "nrf_start.h"

#include "cortex_m.h"

#define TASKS_HFCLKSTART REGISTER(0x40000000u)
#define EVENTS_HFCLKSTARTED REGISTER(0x40000100u)
#define GPIO_OUTSET REGISTER(0x50000508u)
#define GPIO_DIRSET REGISTER(0x50000518u)
#define GPIO_PIN_CNF(pin) REGISTER(0x50000700u + 4u * (pin))
#define PSELTXD REGISTER(BOARD_USART_BASE + 0x50Cu)
#define PSELRXD REGISTER(BOARD_USART_BASE + 0x514u)

enum { INPUT_WITH_PULL_UP = 3 << 2 };

void nrf_start_crystal(void)
{
    TASKS_HFCLKSTART = 1;
    becomes(&EVENTS_HFCLKSTARTED, 1, 1);
}

void nrf_start_pins(unsigned tx, unsigned rx)
{
    GPIO_OUTSET = 1u << tx;
    GPIO_DIRSET = 1u << tx;
    GPIO_PIN_CNF(rx) = INPUT_WITH_PULL_UP;
    PSELTXD = tx;
    PSELRXD = rx;
}
