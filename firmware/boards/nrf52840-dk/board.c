/* SPDX-License-Identifier: Apache-2.0 */
/* nRF52840 DK: serial port of its debugger at P0.06 and P0.08; the flash cache on (Product Specification v1.7, section 4.3).
   Register touched here: NVMC ICACHECNF. */
#include "board.h"

#include "cortex_m.h"
#include "nrf_start.h"
#include "usart.h"

#define NVMC_ICACHECNF REGISTER(0x4001E540u)

enum { TX = 6, RX = 8, CACHE_ON = 1 };

const char board_name[] = BOARD_NAME;

void board_start(void)
{
    NVMC_ICACHECNF = CACHE_ON;
    nrf_start_crystal();
    nrf_start_pins(TX, RX);
    usart_start(BOARD_CLOCK_HZ);
}

uint32_t board_clock_hz(void)
{
    return BOARD_CLOCK_HZ;
}
