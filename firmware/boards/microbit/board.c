/* SPDX-License-Identifier: Apache-2.0 */
/* BBC micro:bit V1: nRF51822, serial port of its interface chip at P0.24 and P0.25. */
#include "board.h"

#include "nrf_start.h"
#include "usart.h"

enum { TX = 24, RX = 25 };

const char board_name[] = BOARD_NAME;

void board_start(void)
{
    nrf_start_crystal();
    nrf_start_pins(TX, RX);
    usart_start(BOARD_CLOCK_HZ);
}

uint32_t board_clock_hz(void)
{
    return BOARD_CLOCK_HZ;
}
