/* SPDX-License-Identifier: Apache-2.0 */
/* ARM's MPS2 and MPS3: the FPGA image sets clocks and pins, nothing is left to do. */
#include "board.h"
#include "usart.h"

const char board_name[] = BOARD_NAME;

void board_start(void)
{
    usart_start(BOARD_USART_CLOCK_HZ);
}

uint32_t board_clock_hz(void)
{
    return BOARD_CLOCK_HZ;
}
