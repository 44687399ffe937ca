/* SPDX-License-Identifier: Apache-2.0 */
/* Clocks of the STM32F4 (RM0090, chapters 3 and 7; RM0390, chapters 3 and 6). Registers touched: RCC CR, PLLCFGR, CFGR;
   FLASH ACR. */
#include "stm32f4_clock.h"

#include "board.h"
#include "cortex_m.h"

#define RCC_CR REGISTER(0x40023800u)
#define RCC_PLLCFGR REGISTER(0x40023804u)
#define RCC_CFGR REGISTER(0x40023808u)
#define FLASH_ACR REGISTER(0x40023C00u)

enum {
    HSI_HZ = 16000000,
    HSE_HZ = 8000000,
    PLL_INPUT_HZ = 1000000,
    PLL_N = 336,
    PLL_P = 2,
    PLL_Q = 7,
    PLL_R = 2, /* its place is reserved and holds 2 where there is no R */
    CORE_HZ = PLL_INPUT_HZ * PLL_N / PLL_P,

    CR_HSEON = 1 << 16,
    CR_HSERDY = 1 << 17,
    CR_HSEBYP = 1 << 18,
    CR_PLLON = 1 << 24,
    CR_PLLRDY = 1 << 25,
    PLLCFGR_SOURCE_HSE = 1 << 22,
    CFGR_SOURCE_PLL = 2 << 0,
    CFGR_RUNS_ON_PLL = 2 << 2,
    CFGR_SOURCE_STATUS = 3 << 2,
    CFGR_APB1_BY_4 = 5 << 10,
    CFGR_APB2_BY_2 = 4 << 13,
    ACR_PREFETCH_AND_CACHES = 7 << 8,
};

_Static_assert(CORE_HZ == BOARD_CLOCK_HZ, "board.toml and the PLL settings give different clocks");

static uint32_t clock_hz = HSI_HZ;

struct stm32f4_clocks stm32f4_start_clocks(bool external_oscillator)
{
    struct stm32f4_clocks clocks = {.apb1_hz = HSI_HZ, .apb2_hz = HSI_HZ};
    uint32_t source = PLLCFGR_SOURCE_HSE | HSE_HZ / PLL_INPUT_HZ;
    if (external_oscillator) {
        RCC_CR |= CR_HSEBYP;
    }
    RCC_CR |= CR_HSEON;
    if (!becomes(&RCC_CR, CR_HSERDY, CR_HSERDY)) {
        source = HSI_HZ / PLL_INPUT_HZ;
    }
    RCC_PLLCFGR = source | PLL_N << 6 | (PLL_P / 2 - 1) << 16 | PLL_Q << 24 | PLL_R << 28;
    RCC_CR |= CR_PLLON;
    if (!becomes(&RCC_CR, CR_PLLRDY, CR_PLLRDY)) {
        return clocks;
    }
    FLASH_ACR = ACR_PREFETCH_AND_CACHES | BOARD_FLASH_WAIT_STATES;
    RCC_CFGR = CFGR_APB1_BY_4 | CFGR_APB2_BY_2 | CFGR_SOURCE_PLL;
    if (becomes(&RCC_CFGR, CFGR_SOURCE_STATUS, CFGR_RUNS_ON_PLL)) {
        clock_hz = CORE_HZ;
        clocks = (struct stm32f4_clocks){.apb1_hz = CORE_HZ / 4, .apb2_hz = CORE_HZ / 2};
    }
    return clocks;
}

uint32_t board_clock_hz(void)
{
    return clock_hz;
}
