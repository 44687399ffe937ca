/* SPDX-License-Identifier: Apache-2.0 */
/* Nucleo-U575ZI-Q: supply, clocks and pins (ST RM0456, chapters 7 FLASH, 10 PWR, 11 RCC, 13 GPIO, 8 ICACHE), with TrustZone off
   as delivered. Registers touched here: PWR VOSR; RCC CR, CFGR1, PLL1CFGR, PLL1DIVR, AHB2ENR1, AHB3ENR, APB2ENR; FLASH ACR;
   ICACHE CR; GPIOA MODER, OSPEEDR, PUPDR, AFRH. */
#include "board.h"

#include "cortex_m.h"
#include "usart.h"

#define PWR_VOSR REGISTER(0x4602080Cu)
#define RCC_CR REGISTER(0x46020C00u)
#define RCC_CFGR1 REGISTER(0x46020C1Cu)
#define RCC_PLL1CFGR REGISTER(0x46020C28u)
#define RCC_PLL1DIVR REGISTER(0x46020C34u)
#define RCC_AHB2ENR1 REGISTER(0x46020C8Cu)
#define RCC_AHB3ENR REGISTER(0x46020C94u)
#define RCC_APB2ENR REGISTER(0x46020CA4u)
#define FLASH_ACR REGISTER(0x40022000u)
#define ICACHE_CR REGISTER(0x40030400u)
#define GPIOA_MODER REGISTER(0x42020000u)
#define GPIOA_OSPEEDR REGISTER(0x42020008u)
#define GPIOA_PUPDR REGISTER(0x4202000Cu)
#define GPIOA_AFRH REGISTER(0x42020024u)

enum {
    MSI_HZ = 4000000,
    HSI_HZ = 16000000,
    PLL_N = 20,
    PLL_R = 2,
    CORE_HZ = HSI_HZ * PLL_N / PLL_R,

    VOSR_RANGE_1 = 3 << 16,
    VOSR_VOSRDY = 1 << 15,
    VOSR_BOOSTEN = 1 << 18,
    VOSR_BOOSTRDY = 1 << 14,
    CR_HSION = 1 << 8,
    CR_HSIRDY = 1 << 10,
    CR_PLL1ON = 1 << 24,
    CR_PLL1RDY = 1 << 25,
    PLL1CFGR_HSI = 2 << 0,
    PLL1CFGR_8_TO_16_MHZ = 3 << 2,
    PLL1CFGR_R_ON = 1 << 18,
    ACR_PREFETCH = 1 << 8,
    CFGR1_SOURCE_HSI = 1 << 0,
    CFGR1_RUNS_ON_HSI = 1 << 2,
    CFGR1_SOURCE_PLL = 3 << 0,
    CFGR1_RUNS_ON_PLL = 3 << 2,
    ICACHE_ON = 1 << 0,
    GPIOA_CLOCK = 1 << 0,
    PWR_CLOCK = 1 << 2,
    USART1_CLOCK = 1 << 14,
};

_Static_assert(CORE_HZ == BOARD_CLOCK_HZ, "board.toml and the PLL settings give different clocks");

const char board_name[] = BOARD_NAME;
static uint32_t clock_hz = MSI_HZ;

/* More than 55 MHz need range 1 and the booster, which the PLL's input feeds. */
static bool start_supply(void)
{
    RCC_AHB3ENR |= PWR_CLOCK;
    PWR_VOSR = VOSR_RANGE_1;
    if (!becomes(&PWR_VOSR, VOSR_VOSRDY, VOSR_VOSRDY)) {
        return false;
    }
    RCC_PLL1CFGR = PLL1CFGR_HSI | PLL1CFGR_8_TO_16_MHZ | PLL1CFGR_R_ON;
    RCC_PLL1DIVR = (PLL_N - 1) | 1 << 9 | 1 << 16 | (PLL_R - 1) << 24;
    PWR_VOSR = VOSR_RANGE_1 | VOSR_BOOSTEN;
    return becomes(&PWR_VOSR, VOSR_BOOSTRDY, VOSR_BOOSTRDY);
}

/* 160 MHz from the internal oscillator of 1 %, or its 16 MHz; 4 MHz when that does not start. */
static void start_clocks(void)
{
    RCC_CR |= CR_HSION;
    if (!becomes(&RCC_CR, CR_HSIRDY, CR_HSIRDY)) {
        return;
    }
    RCC_CFGR1 = CFGR1_SOURCE_HSI;
    if (becomes(&RCC_CFGR1, CFGR1_RUNS_ON_PLL, CFGR1_RUNS_ON_HSI)) {
        clock_hz = HSI_HZ;
    }
    if (!start_supply()) {
        return;
    }
    RCC_CR |= CR_PLL1ON;
    if (!becomes(&RCC_CR, CR_PLL1RDY, CR_PLL1RDY)) {
        return;
    }
    FLASH_ACR = ACR_PREFETCH | BOARD_FLASH_WAIT_STATES;
    if (!becomes(&FLASH_ACR, 0xF, BOARD_FLASH_WAIT_STATES)) {
        return;
    }
    RCC_CFGR1 = CFGR1_SOURCE_PLL;
    if (becomes(&RCC_CFGR1, CFGR1_RUNS_ON_PLL, CFGR1_RUNS_ON_PLL)) {
        clock_hz = CORE_HZ;
    }
}

/* PA9 sends, PA10 receives with a pull-up: alternate function 7. */
static void start_pins(void)
{
    RCC_AHB2ENR1 |= GPIOA_CLOCK;
    RCC_APB2ENR |= USART1_CLOCK;
    GPIOA_OSPEEDR |= 2u << 18;
    GPIOA_PUPDR |= 1u << 20;
    GPIOA_AFRH = (GPIOA_AFRH & ~0xFF0u) | 0x770u;
    GPIOA_MODER = (GPIOA_MODER & ~(0xFu << 18)) | 0xAu << 18;
}

void board_start(void)
{
    ICACHE_CR = ICACHE_ON;
    start_clocks();
    start_pins();
    usart_start(clock_hz);
}

uint32_t board_clock_hz(void)
{
    return clock_hz;
}
