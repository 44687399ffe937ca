/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STM32F4_CLOCK_H
#define STM32F4_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

/* What the peripherals run on. */
struct stm32f4_clocks {
    uint32_t apb1_hz, apb2_hz;
};

/* 168 MHz from 8 MHz, a crystal or an `external_oscillator`, or from the internal one where those do not start; 16 MHz
   without a PLL when that does not lock either. Implements board_clock_hz of board.h. */
struct stm32f4_clocks stm32f4_start_clocks(bool external_oscillator);

#endif
